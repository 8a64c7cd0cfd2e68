from collections.abc import Iterator
from typing import Any

import pytest

from definitions.binding import EFFECTS, GUARDS, PROJECTIONS


@pytest.fixture
def bindings() -> Iterator[None]:
    """Forget what a test binds."""
    everything: list[dict[str, Any]] = [GUARDS, PROJECTIONS, EFFECTS]
    before = [dict(names) for names in everything]
    yield
    for names, kept in zip(everything, before, strict=True):
        names.clear()
        names.update(kept)

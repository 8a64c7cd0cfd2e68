"""A shop for the lab to try."""

from collections.abc import Iterator

import pytest

from api.settings import KEPT
from tests.acceptance.shop import Shop


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Return a shop that is open."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.open()
    assert (shop.folder / KEPT).exists()
    yield shop
    shop.cut_off()

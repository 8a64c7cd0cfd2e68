"""
Every shipped picture shows what its golden file says.

Files are compared by their structure: states, frames and arrows, their classes and their texts, not where they stand.
`python -m tests.diagrams.golden_pictures` writes them anew.
"""

import msgspec
import pytest

from diagrams import Drawing
from tests.diagrams.golden_pictures import GOLDEN, Shown, drawings, shown

DRAWINGS = dict(drawings())


@pytest.mark.parametrize(("name", "drawing"), DRAWINGS.items(), ids=DRAWINGS)
def test_a_picture_shows_what_it_showed(name: str, drawing: Drawing) -> None:
    golden = msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes(), type=Shown)

    assert shown(drawing) == golden


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == DRAWINGS.keys()

"""What a folder's code declares, read from its text: it is what the code binds when it runs."""

from pathlib import Path

import pytest

from definitions.binding import EFFECTS, GUARDS, PROJECTIONS
from definitions.catalogue import Catalogue
from definitions.declared import Declared, declared
from definitions.messages.compose import message

IMPORTS = [
    ("from definitions.binding import effect, guard, projection", "effect", "guard", "projection"),
    ("from definitions.binding import effect as e, guard as g, projection as p", "e", "g", "p"),
    ("from definitions import binding", "binding.effect", "binding.guard", "binding.projection"),
    ("import definitions.binding as b", "b.effect", "b.guard", "b.projection"),
    (
        "import definitions.binding",
        "definitions.binding.effect",
        "definitions.binding.guard",
        "definitions.binding.projection",
    ),
]

CODE = """\
{imports}
from definitions.messages.compose import message as says
from .beside import nothing

NAME = "tell_rain"


@{effect}("dry", "dry it", done="dried", dead="soaked")
def dry(wish): ...


{effect}(NAME, "tell of the rain")(says)
{effect}(name="wring", meaning="wring it", refused="torn")


@{guard}
def is_wet(instance, event) -> bool: ...


@{projection}("weather")
def weather(timeline): ...
"""
BESIDE = """\
from definitions.binding import guard

nothing = None


@guard
def is_cold(instance, event) -> bool: ...
"""


@pytest.mark.parametrize(("imports", "effect", "guard", "projection"), IMPORTS, ids=[each[0] for each in IMPORTS])
@pytest.mark.usefixtures("bindings")
def test_what_is_read_is_what_is_bound_when_the_code_runs(
    tmp_path: Path, imports: str, effect: str, guard: str, projection: str
) -> None:
    code = CODE.format(imports=imports, effect=effect, guard=guard, projection=projection)
    (tmp_path / "bindings.py").write_text(code)
    (tmp_path / "beside.py").write_text(BESIDE)
    before = {*GUARDS}, {*PROJECTIONS}, {*EFFECTS}

    found = declared(tmp_path)
    Catalogue.load([tmp_path])

    assert found == Declared(
        guards=frozenset(GUARDS.keys() - before[0]),
        projections=frozenset(PROJECTIONS.keys() - before[1]),
        effects=frozenset(EFFECTS.keys() - before[2]),
        said=frozenset(name for name in EFFECTS.keys() - before[2] if EFFECTS[name].composer is message),
        outcomes=frozenset({("dry", "dried"), ("dry", "soaked"), ("wring", "torn")}),
    )
    assert found.guards == {"is_wet", "is_cold"}
    assert found.said == {"tell_rain"}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("def effect(", id="no Python"),
        pytest.param("\0", id="no text"),
        pytest.param("from elsewhere import effect\neffect('dry', 'dry it')", id="another's effect"),
        pytest.param("from definitions.binding import effect\neffect(1, 'x')\neffect(*[])\neffect()", id="no names"),
        pytest.param("from . import bindings\nfrom .nowhere import x\nfrom .. import y", id="in a circle"),
    ],
)
def test_code_that_declares_nothing_declares_nothing(tmp_path: Path, code: str) -> None:
    (tmp_path / "bindings.py").write_text(code)

    assert declared(tmp_path) == declared(tmp_path / "nowhere") == Declared()

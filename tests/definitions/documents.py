"""
Documents for tests: lifecycles and Flows that say only what a test is about, and Hypothesis strategies for odd ones.

All people, keys and tokens are invented.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from definitions.catalogue import SHIPPED
from definitions.lifecycle import compile_lifecycle
from engine.errors import Problem
from engine.model import Definition, Transition

GUARDS = frozenset({"says", "is_heavy"})
EFFECTS = frozenset({"notify", "greet", "charge", "refund"})

LIFECYCLES = {path.stem: path for path in sorted(SHIPPED.glob("lifecycles/*.json"))}
FLOWS = {path.parent.name: path for path in sorted(SHIPPED.glob("flows/*/flow.json"))}

SAMPLES = Path(os.environ.get("WAYSTATE_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")
"""Documents that others published, where they are at hand."""

END: dict[str, Any] = {"type": "final"}
"""A state that nothing leaves."""


def source_of(document: Any) -> bytes:
    """Return the text of a document."""
    return json.dumps(document, ensure_ascii=False).encode()


# Lifecycles


def a_lifecycle(states: Mapping[str, Any], **root: Any) -> dict[str, Any]:
    """Return a lifecycle of these states that begins in the first."""
    return {"id": "parcel", "initial": next(iter(states), ""), "states": dict(states), **root}


def compiled(states: Mapping[str, Any], **root: Any) -> Definition:
    """Return what a lifecycle without a fault compiles to."""
    result = compile_lifecycle(source_of(a_lifecycle(states, **root)), GUARDS, EFFECTS)
    assert result.definition is not None
    assert result.problems == ()
    return result.definition


def lifecycle_problems(document: Any) -> tuple[Problem, ...]:
    """Return everything that is wrong with a lifecycle."""
    return compile_lifecycle(source_of(document), GUARDS, EFFECTS).problems


def arrows(definition: Definition) -> list[tuple[str, str, str]]:
    """Return a definition's arrows as (source, event, target)."""
    return [(arrow.source, arrow.event, arrow.target) for arrow in definition.transitions]


def arrow(definition: Definition, source: str, event: str) -> Transition:
    """Return the first arrow of a source and event."""
    return next(found for found in definition.transitions if (found.source, found.event) == (source, event))


# Flows


WORDS = {
    "Footer": {"label": "Continue"},
    "EmbeddedLink": {"text": "More"},
    "OptIn": {"label": "Agreed", "name": "agreed"},
}
"""What components say beside what they do."""


def does(action: str, following: str = "", kind: str = "Footer", **action_fields: Any) -> dict[str, Any]:
    """Return a component that does *action*, by default a Footer."""
    doing: dict[str, Any] = {"name": action, "payload": {}, **action_fields}
    if following:
        doing["next"] = {"type": "screen", "name": following}
    return {"type": kind, **WORDS.get(kind, {}), "on-click-action": doing}


def a_screen(name: str, *components: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a screen of these components."""
    layout = {"type": "SingleColumnLayout", "children": [dict(component) for component in components]}
    return {"id": name, "title": name.capitalize(), "layout": layout, **fields}


def the_end(name: str = "END", action: str = "complete", **fields: Any) -> dict[str, Any]:
    """Return a terminal screen."""
    return a_screen(name, does(action), terminal=True, **fields)


def a_flow(*screens: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a Flow of these screens, without an endpoint unless *fields* have its routes."""
    endpoint = {"data_api_version": "3.0"} if "routing_model" in fields else {}
    return {"version": "7.3", **endpoint, "screens": [dict(screen) for screen in screens], **fields}


def an_exchange(routes: Mapping[str, Iterable[str]], **screens: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Flow with an endpoint whose screens all ask it; those without a route are terminal."""
    made = []
    for name, targets in routes.items():
        fields = {"terminal": True} if not list(targets) else {}
        made.append({**a_screen(name, does("data_exchange")), **fields, **screens.get(name, {})})
    return a_flow(*made, routing_model={name: list(targets) for name, targets in routes.items()})


# What nobody would write

fractions = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
"""What is no whole number; JSON Schema takes 1.0 for one, and we do not."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | fractions | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
"""Any JSON."""


def places_in(document: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the ways to all values of a document."""
    inside: Iterable[tuple[str | int, Any]] = ()
    if isinstance(document, dict):
        inside = document.items()
    elif isinstance(document, list):
        inside = enumerate(document)
    return [place, *(deeper for name, value in inside for deeper in places_in(value, (*place, name)))]


def leads_somewhere(document: Any, pointer: str) -> bool:
    """Return whether a pointer (RFC 6901) names a place of a document."""
    for segment in pointer.split("/")[1:]:
        name = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return False
    return not pointer or pointer.startswith("/")


def replaced(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """Return *document* with another value at a place."""
    if not place:
        return value
    name, *rest = place
    if isinstance(document, list):
        return [replaced(item, tuple(rest), value) if index == name else item for index, item in enumerate(document)]
    return {key: replaced(item, tuple(rest), value) if key == name else item for key, item in document.items()}


@st.composite
def mutated(draw: st.DrawFn, documents: Iterable[Any]) -> Any:
    """Return one of *documents* with something else in a place or two, often something from elsewhere in it."""
    document = draw(st.sampled_from(list(documents)))
    for _ in range(draw(st.integers(1, 2))):
        places = places_in(document)
        place = draw(st.sampled_from(places))
        other = document
        for name in draw(st.sampled_from(places)):
            other = other[name]
        document = replaced(document, place, draw(st.just(other) | json_values))
    return document


def read(path: Path) -> Any:
    """Return a document's content."""
    return json.loads(path.read_bytes())

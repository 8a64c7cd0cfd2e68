from collections.abc import Iterator
from typing import Any

import pytest

from definitions.catalogue import Catalogue
from definitions.xstate import to_xstate
from engine.model import Definition, Transition
from tests.definitions.documents import END, a_lifecycle, compiled

DEFINITIONS = {interpreter.definition.name: interpreter.definition for interpreter in Catalogue.load()}


def test_a_definition_is_written_as_a_config() -> None:
    definition = compiled(
        {
            "packed": {
                "meta": {"title": "Packed"},
                "tags": "waiting",
                "on": {"gone": {"target": "moving", "guard": "says", "actions": "notify"}},
                "after": {"soon": "moving.lost", "1500": "moving"},
            },
            "moving": {
                "initial": "van",
                "meta": {"title": "On its way", "milestones": ["van", "there"]},
                "states": {
                    "lost": END,
                    "van": {"description": "By road."},
                    "there": {**END, "entry": "greet"},
                },
            },
        },
        description="One parcel.",
        meta={"title": "Parcel", "delays": {"soon": {"since": "born", "ms": 5}}},
    )
    guarded = {"type": "says", "params": {"0": "yes"}}

    config = to_xstate(definition)

    assert config == {
        "id": "parcel",
        "description": "One parcel.",
        "initial": "packed",
        "meta": {
            "title": "Parcel",
            "ordering": "arrival",
            "version": definition.version,
            "delays": {"soon": {"since": "born", "ms": 5}, "1500": 1500},
        },
        "states": {
            "packed": {
                "meta": {"title": "Packed"},
                "tags": ["waiting"],
                "on": {"gone": [{"target": "#parcel.moving.van", "guard": "says", "actions": ["notify"]}]},
                "after": {
                    "soon": [{"target": "#parcel.moving.lost"}],
                    "1500": [{"target": "#parcel.moving.van"}],
                },
            },
            "moving": {
                "meta": {"title": "On its way"},
                "initial": "lost",
                "states": {
                    "lost": {"meta": {"title": ""}, "tags": [], "type": "final"},
                    "van": {
                        "meta": {"title": ""},
                        "tags": [],
                        "description": "By road.",
                        "on": {
                            "moving.van": [{"target": "#parcel.moving.van", "meta": {"implied": True}}],
                            "moving.there": [
                                {"target": "#parcel.moving.there", "actions": ["greet"], "meta": {"implied": True}}
                            ],
                        },
                    },
                    "there": {"meta": {"title": ""}, "tags": [], "type": "final"},
                },
            },
        },
    }
    with_arguments = a_lifecycle({"packed": {"on": {"gone": {"target": "there", "guard": guarded}}}, "there": END})
    written = to_xstate(compiled(with_arguments["states"]))["states"]["packed"]["on"]["gone"]
    assert written == [{"target": "#parcel.there", "guard": guarded}]


def leaves(config: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, node in config.get("states", {}).items():
        if "states" in node:
            yield from leaves(node, (*path, name))
        else:
            yield ".".join((*path, name)), node


def arrows_of(config: Any) -> list[tuple[Any, ...]]:
    """Return the arrows that tools find in a config."""
    return [
        (source, f"{prefix}{event}", way["target"], way.get("guard"), way.get("actions", []), way.get("meta", {}))
        for source, node in leaves(config)
        for kind, prefix in (("on", ""), ("after", "after."))
        for event, ways in node.get(kind, {}).items()
        for way in ways
    ]


def arrow_of(arrow: Transition, definition: Definition) -> tuple[Any, ...]:
    guard: Any = arrow.guard and arrow.guard.name
    if arrow.guard and arrow.guard.args:
        guard = {"type": arrow.guard.name, "params": {str(index): each for index, each in enumerate(arrow.guard.args)}}
    flags = {"implied": arrow.implied, "unseen": arrow.unseen}
    timed = any((timer.state, timer.event) == (arrow.source, arrow.event) for timer in definition.timers)
    event = f"after.{arrow.event.removeprefix('after.')}" if timed else arrow.event
    meta = {name: True for name, is_so in flags.items() if is_so}
    return arrow.source, event, f"#{definition.name}.{arrow.target}", guard, [*arrow.effects], meta


@pytest.mark.parametrize("name", DEFINITIONS)
def test_what_ships_is_written_whole(name: str) -> None:
    definition = DEFINITIONS[name]

    config = to_xstate(definition)

    assert [source for source, _ in leaves(config)] == [state.id for state in definition.states]
    assert {source for source, node in leaves(config) if node.get("type") == "final"} == {
        state.id for state in definition.states if state.final
    }
    assert sorted(arrows_of(config), key=repr) == sorted(
        (arrow_of(arrow, definition) for arrow in definition.transitions), key=repr
    )
    node: Any = config
    path = []
    while "states" in node:
        path.append(node["initial"])
        node = node["states"][node["initial"]]
    assert ".".join(path) == definition.initial

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.binding import EFFECTS as ALL_EFFECTS
from definitions.binding import GUARDS as ALL_GUARDS
from definitions.lifecycle import LifecycleDocument, compile_lifecycle, lifecycle_schema
from engine.errors import Problem
from engine.model import SECOND, Definition, Group, Guard, Raise, State, Timer, Transition
from tests.definitions.documents import (
    END,
    LIFECYCLES,
    a_lifecycle,
    arrow,
    arrows,
    compiled,
    json_values,
    lifecycle_problems,
    mutated,
    places_in,
    read,
    replaced,
    source_of,
)

MINUTE = 60 * SECOND


def found(document: Any) -> list[tuple[str, str]]:
    """Return where something is wrong with a document, and which rule it breaks."""
    return [(problem.pointer, problem.code) for problem in lifecycle_problems(document)]


# The whole


def test_a_lifecycle_compiles_to_a_flat_definition() -> None:
    definition = compiled(
        {
            "packed": {"meta": {"title": "Packed"}, "tags": "waiting", "on": {"picked_up": "moving"}},
            "moving": {
                "description": "On its way.",
                "on": {"arrived": {"target": "there", "guard": "says", "actions": ["notify", "charge"]}},
            },
            "there": END,
        },
        description="One parcel.",
        meta={"title": "Parcel", "ordering": "event_time", "projection": "what_happened"},
    )

    assert definition == Definition(
        name="parcel",
        initial="packed",
        states=(
            State("packed", "Packed", tags=("waiting",)),
            State("moving", description="On its way."),
            State("there", final=True),
        ),
        transitions=(
            Transition("packed", "picked_up", "moving"),
            Transition("moving", "arrived", "there", Guard("says"), ("notify", "charge")),
        ),
        ordering="event_time",
        projection="what_happened",
        title="Parcel",
        description="One parcel.",
        version=definition.version,
    )


def test_a_version_is_that_of_the_content_whatever_its_order_and_spaces() -> None:
    document = a_lifecycle({"packed": {"on": {"gone": "there"}, "tags": ["a"]}, "there": END})
    texts = [
        json.dumps(document).encode(),
        json.dumps(document, indent=2).encode(),
        json.dumps({name: document[name] for name in ("states", "initial", "id")}).encode(),
    ]
    other = json.dumps({**document, "description": "Another."}).encode()

    versions = [found.version for text in (*texts, other) if (found := compile_lifecycle(text).definition)]

    assert len(set(versions[:3])) == 1
    assert versions[3] != versions[0]
    assert len(versions[0]) == 16


def test_what_is_only_the_authors_is_part_of_the_version() -> None:
    document = a_lifecycle({"packed": {"on": {"gone": "there"}}, "there": END})
    authored = {**document, "version": "2", "$schema": "https://example.com/lifecycle.json"}

    one, other = (compile_lifecycle(source_of(text)).definition for text in (document, authored))

    assert one
    assert other
    assert one.version != other.version
    assert one.transitions == other.transitions


# Nesting

NESTED = {
    "packed": {"on": {"picked_up": "moving"}},
    "moving": {
        "initial": "van",
        "meta": {"title": "On its way"},
        "tags": ["moving", "shipped"],
        "on": {"lost": "lost"},
        "states": {
            "van": {"on": {"loaded": "plane"}, "tags": "road"},
            "plane": {
                "initial": "hold",
                "tags": "moving",
                "states": {"hold": {"on": {"landed": "#parcel.moving.van", "thrown": "lost"}}, "lost": END},
            },
        },
    },
    "lost": END,
}


def test_nested_states_are_flattened_to_dotted_paths() -> None:
    definition = compiled(NESTED)

    assert [state.id for state in definition.states] == [
        "packed",
        "moving.van",
        "moving.plane.hold",
        "moving.plane.lost",
        "lost",
    ]
    assert definition.groups == (Group("moving", "On its way"), Group("moving.plane"))


def test_going_to_a_group_leads_to_where_it_begins() -> None:
    definition = compiled(NESTED)

    assert arrow(definition, "packed", "picked_up").target == "moving.van"
    assert arrow(definition, "moving.van", "loaded").target == "moving.plane.hold"


def test_a_lifecycle_can_begin_in_a_group() -> None:
    assert compiled({"moving": NESTED["moving"], "lost": END}).initial == "moving.van"


def test_a_state_has_the_tags_of_the_groups_around_it_each_once() -> None:
    tags = {state.id: state.tags for state in compiled(NESTED).states}

    assert tags["moving.van"] == ("road", "moving", "shipped")
    assert tags["moving.plane.hold"] == ("moving", "shipped")
    assert tags["packed"] == ()


def test_what_a_group_does_on_an_event_all_its_states_do_but_the_final_ones() -> None:
    definition = compiled(NESTED)

    assert [source for source, event, _ in arrows(definition) if event == "lost"] == [
        "moving.van",
        "moving.plane.hold",
    ]


def test_an_event_that_a_state_knows_is_not_its_groups() -> None:
    definition = compiled(
        {
            "moving": {
                "initial": "van",
                "on": {"stopped": "lost", "hit": "lost"},
                "states": {"van": {"on": {"stopped": {}, "boarded": "ship"}}, "ship": {"on": {"hit": "van"}}},
            },
            "lost": END,
        }
    )

    assert [(source, target) for source, event, target in arrows(definition) if event == "stopped"] == [
        ("moving.van", "moving.van"),
        ("moving.ship", "lost"),
    ]
    assert [(source, target) for source, event, target in arrows(definition) if event == "hit"] == [
        ("moving.van", "lost"),
        ("moving.ship", "moving.van"),
    ]


def test_an_event_that_a_states_guard_refuses_is_its_groups() -> None:
    definition = compiled(
        {
            "moving": {
                "initial": "van",
                "on": {"stopped": "lost"},
                "states": {"van": {"on": {"stopped": {"guard": "says", "target": "jam"}}}, "jam": {}},
            },
            "lost": END,
        }
    )

    assert [found for found in definition.transitions if found.source == "moving.van"] == [
        Transition("moving.van", "stopped", "moving.jam", Guard("says")),
        Transition("moving.van", "stopped", "lost"),
    ]


def test_an_event_that_a_states_guard_refuses_is_not_its_groups_by_the_same_guard() -> None:
    definition = compiled(
        {
            "moving": {
                "initial": "van",
                "on": {"stopped": [{"guard": "says", "target": "lost"}, {"target": ".van", "guard": "is_heavy"}]},
                "states": {"van": {"on": {"stopped": {"guard": "says", "target": "jam"}}}, "jam": {}},
            },
            "lost": END,
        }
    )

    assert [found for found in definition.transitions if found.source == "moving.van"] == [
        Transition("moving.van", "stopped", "moving.jam", Guard("says")),
        Transition("moving.van", "stopped", "moving.van", Guard("is_heavy")),
    ]


def test_a_group_without_a_title_is_a_group() -> None:
    definition = compiled({"moving": {"initial": "van", "states": {"van": END}}})

    assert definition.groups == (Group("moving"),)


# Targets


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        pytest.param("#parcel.moving.ship", "moving.ship", id="from the root"),
        pytest.param("#parcel.moving", "moving.van", id="a group from the root"),
        pytest.param("ship", "moving.ship", id="a sibling"),
        pytest.param("plane", "moving.plane.hold", id="a group beside it"),
        pytest.param("plane.tail", "moving.plane.tail", id="inside a group beside it"),
    ],
)
def test_a_target_names_a_state(target: str, reached: str) -> None:
    definition = compiled(
        {
            "moving": {
                "initial": "van",
                "states": {
                    "van": {"on": {"moved": target, "shipped": "ship", "flown": "plane"}},
                    "ship": END,
                    "plane": {
                        "initial": "hold",
                        "states": {"hold": {"on": {"tipped": "tail"}}, "tail": END},
                    },
                },
            },
        }
    )

    assert arrow(definition, "moving.van", "moved").target == reached


def test_a_group_names_its_children_with_a_dot_and_its_siblings_without() -> None:
    definition = compiled(
        {
            "moving": {
                "initial": "van",
                "on": {"sunk": ".lost", "stolen": "lost"},
                "states": {"van": {}, "lost": END},
            },
            "lost": END,
        }
    )

    assert arrows(definition) == [("moving.van", "sunk", "moving.lost"), ("moving.van", "stolen", "lost")]


def test_what_the_whole_lifecycle_does_on_an_event_every_state_does() -> None:
    definition = compiled(
        {"packed": {}, "moving": {"on": {"arrived": "there"}}, "there": END},
        on={"changed": [{"guard": "says", "target": ".moving"}, {"target": ".packed", "guard": "is_heavy"}]},
    )

    assert definition.transitions == (
        Transition("packed", "changed", "moving", Guard("says")),
        Transition("packed", "changed", "packed", Guard("is_heavy")),
        Transition("moving", "arrived", "there"),
        Transition("moving", "changed", "moving", Guard("says")),
        Transition("moving", "changed", "packed", Guard("is_heavy")),
    )


def test_without_a_target_the_event_is_taken_and_the_state_stays() -> None:
    definition = compiled({"packed": {"on": {"weighed": {"actions": "charge"}, "gone": "there"}}, "there": END})

    assert arrow(definition, "packed", "weighed") == Transition("packed", "weighed", "packed", effects=("charge",))


@pytest.mark.parametrize(
    "target", ["moon", "#parcel.moon", ".moon", "#parcel", "#", "", ".", "#letter.there", "there."]
)
def test_a_target_that_is_not_there_is_a_problem_where_it_is_written(target: str) -> None:
    document = a_lifecycle({"packed": {"on": {"gone": "there", "sent": [{"target": target}]}}, "there": END})

    assert found(document) == [("/states/packed/on/sent/0", "UNKNOWN_STATE")]


def test_the_targets_of_a_lifecycle_whose_id_has_a_dot_are_found() -> None:
    states = {"packed": {"on": {"gone": "#acme.parcel.there"}}, "there": END}

    assert arrows(compiled(states, id="acme.parcel")) == [("packed", "gone", "there")]


# Guards


@pytest.mark.parametrize(
    ("written", "guard"),
    [
        pytest.param("says", Guard("says"), id="text"),
        pytest.param({"type": "says"}, Guard("says"), id="without parameters"),
        pytest.param(
            {"type": "says", "params": {"tag": "lost", "or": "found"}}, Guard("says", ("lost", "found")), id="several"
        ),
        pytest.param({"type": "says", "params": {"b": "1", "a": "2"}}, Guard("says", ("1", "2")), id="in their order"),
    ],
)
def test_a_guards_parameters_are_its_arguments(written: Any, guard: Guard) -> None:
    definition = compiled({"packed": {"on": {"gone": {"target": "there", "guard": written}}}, "there": END})

    assert arrow(definition, "packed", "gone").guard == guard


def test_the_order_of_parameters_is_part_of_the_version() -> None:
    versions = {
        compiled(
            {"packed": {"on": {"gone": {"target": "there", "guard": {"type": "says", "params": params}}}}, "there": END}
        ).version
        for params in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    }

    assert len(versions) == 2


# Entering

ENTERED = {
    "packed": {"on": {"picked_up": {"target": "moving.plane", "actions": "charge"}}},
    "moving": {
        "initial": "van",
        "entry": "notify",
        "meta": {"raise": [{"definition": "order", "event": "shipped"}]},
        "states": {
            "van": {"on": {"loaded": "plane", "kept": "van", "returned": "#parcel.packed", "over": "#parcel.there"}},
            "plane": {
                "initial": "hold",
                "entry": ["greet", "notify"],
                "states": {
                    "hold": {
                        "entry": "refund",
                        "meta": {"raise": [{"definition": "case", "event": "held"}]},
                        "on": {"landed": "#parcel.moving.van", "shaken": "hold", "again": "#parcel.moving.plane"},
                    }
                },
            },
        },
    },
    "there": {"type": "final", "entry": "greet"},
}


@pytest.mark.parametrize(
    ("source", "event", "effects"),
    [
        pytest.param("packed", "picked_up", ("charge", "notify", "greet", "notify", "refund"), id="all around it"),
        pytest.param("moving.van", "loaded", ("greet", "notify", "refund"), id="not what it is in already"),
        pytest.param("moving.plane.hold", "landed", (), id="not the group it stays in"),
        pytest.param("moving.van", "kept", (), id="not where it stays"),
        pytest.param("moving.plane.hold", "again", (), id="not where it stays by way of its group"),
        pytest.param("moving.van", "returned", (), id="nothing on entry"),
        pytest.param("moving.van", "over", ("greet",), id="a final state"),
    ],
)
def test_an_arrow_asks_for_its_actions_and_then_what_is_entered_from_the_outside_in(
    source: str, event: str, effects: tuple[str, ...]
) -> None:
    assert arrow(compiled(ENTERED), source, event).effects == effects


# Raising


def test_an_arrow_tells_what_it_says_what_is_entered_and_what_the_whole_lifecycle_says() -> None:
    states = {
        "packed": {
            "on": {
                "picked_up": {
                    "target": "moving.plane",
                    "meta": {
                        "raise": [
                            {
                                "definition": "claim",
                                "event": "opened",
                                "key": "{key}:{second}",
                                "opens": True,
                                "guard": {"type": "says", "params": {"it": "yes"}},
                            }
                        ]
                    },
                }
            }
        },
        "moving": ENTERED["moving"],
        "there": ENTERED["there"],
    }

    definition = compiled(states, meta={"raise": [{"definition": "root", "event": "changed"}]})

    changed = Raise("root", "changed")
    assert arrow(definition, "packed", "picked_up").raises == (
        Raise("claim", "opened", "{key}:{second}", opens=True, guard=Guard("says", ("yes",))),
        Raise("order", "shipped"),
        Raise("case", "held"),
        changed,
    )
    assert arrow(definition, "moving.van", "loaded").raises == (Raise("case", "held"), changed)
    assert arrow(definition, "moving.van", "kept").raises == (changed,)


# Waiting


def test_a_delay_is_milliseconds_or_a_name_of_them_or_from_a_time_in_the_context() -> None:
    definition = compiled(
        {
            "packed": {"after": {"60000": "late", "soon": "late", "window": {"actions": "notify"}}},
            "late": END,
        },
        meta={"delays": {"soon": 1500, "window": {"since": "opened_at", "ms": -60000}}},
    )

    assert definition.timers == (
        Timer("packed", "after.60000", after=MINUTE),
        Timer("packed", "after.soon", after=1_500_000),
        Timer("packed", "after.window", after=-MINUTE, at="opened_at"),
    )
    assert definition.transitions == (
        Transition("packed", "after.60000", "late"),
        Transition("packed", "after.soon", "late"),
        Transition("packed", "after.window", "packed", effects=("notify",)),
    )


def test_a_delay_of_a_group_is_one_of_its_states_unless_they_have_it_themselves() -> None:
    definition = compiled(
        {
            "moving": {
                "initial": "van",
                "after": {"1000": "late"},
                "states": {"van": {"on": {"boarded": "ship"}}, "ship": {"after": {"1000": "van"}}, "sunk": END},
                "on": {"hit": ".sunk"},
            },
            "late": END,
        }
    )

    assert definition.timers == (Timer("moving.van", "after.1000", SECOND), Timer("moving.ship", "after.1000", SECOND))
    assert [found for found in arrows(definition) if found[1] == "after.1000"] == [
        ("moving.van", "after.1000", "late"),
        ("moving.ship", "after.1000", "moving.van"),
    ]


@pytest.mark.parametrize("delay", ["soon", "-5", "1.5", "", "²", "٣", "9" * 30])
def test_a_delay_that_is_neither_a_number_nor_named_is_unknown(delay: str) -> None:
    document = a_lifecycle({"packed": {"on": {"gone": "there"}, "after": {delay: "there"}}, "there": END})

    assert found(document) == [(f"/states/packed/after/{delay}", "UNKNOWN_DELAY")]


@pytest.mark.parametrize("ms", [-1, 10**30, 1.5, "5", {"ms": 5}, {"since": "opened_at", "ms": 10**30}, None])
def test_a_delay_that_is_no_time_is_refused(ms: Any) -> None:
    document = a_lifecycle({"packed": {"after": {"soon": "there"}}, "there": END}, meta={"delays": {"soon": ms}})

    assert {(pointer[:18], code) for pointer, code in found(document)} <= {
        ("/meta/delays/soon", "INVALID_PROPERTY_TYPE"),
        ("/meta/delays/soon", "MISSING_REQUIRED_PROPERTY"),
        ("/meta/delays/soon/", "INVALID_PROPERTY_TYPE"),
    }
    assert found(document) != []


# Milestones

MILESTONES = {
    "awaiting": {"meta": {"then": ["out", "back"]}},
    "out": {
        "initial": "packed",
        "meta": {"milestones": ["packed", "moving", "at_the_door", "there"], "then": ["back"]},
        "states": {
            "packed": {"on": {"cancelled": "cancelled"}},
            "moving": {"entry": "notify", "on": {"out.at_the_door": {"target": "at_the_door", "actions": "charge"}}},
            "at_the_door": {"on": {"out.moving": "moving"}},
            "held": {"on": {"released": "moving"}},
            "there": END,
            "cancelled": END,
        },
        "on": {"held": ".held"},
    },
    "back": {
        "initial": "returning",
        "meta": {"milestones": ["returning", "returned"]},
        "states": {"returning": {}, "returned": END},
    },
}


def implied(definition: Definition, source: str) -> list[str]:
    return [arrow.event for arrow in definition.transitions if arrow.source == source and arrow.implied]


@pytest.mark.parametrize(
    ("source", "ahead"),
    [
        pytest.param(
            "out.packed",
            ["out.packed", "out.moving", "out.at_the_door", "out.there", "back.returning", "back.returned"],
            id="from the first: itself, all later ones, and those of the groups it may go on to",
        ),
        pytest.param(
            "out.moving", ["out.moving", "out.there", "back.returning", "back.returned"], id="not what is written"
        ),
        pytest.param(
            "out.at_the_door",
            ["out.at_the_door", "out.there", "back.returning", "back.returned"],
            id="an earlier one only where it is written",
        ),
        pytest.param(
            "out.held", ["back.returning", "back.returned"], id="beside the milestones: only what its group may"
        ),
        pytest.param(
            "awaiting",
            ["out.packed", "out.moving", "out.at_the_door", "out.there", "back.returning", "back.returned"],
            id="outside: all of the groups it may go on to",
        ),
        pytest.param("back.returning", ["back.returning", "back.returned"], id="in the last group"),
        pytest.param("out.there", [], id="from a final one nothing"),
    ],
)
def test_from_a_milestone_the_same_and_every_later_one_is_legal(source: str, ahead: list[str]) -> None:
    assert implied(compiled(MILESTONES), source) == ahead


def test_an_implied_arrow_does_what_is_done_on_entry() -> None:
    definition = compiled(MILESTONES)

    assert arrow(definition, "out.packed", "out.moving") == Transition(
        "out.packed", "out.moving", "out.moving", effects=("notify",), implied=True
    )
    assert arrow(definition, "out.moving", "out.moving").effects == ()


def test_a_milestone_that_is_written_is_as_it_is_written() -> None:
    assert arrow(compiled(MILESTONES), "out.moving", "out.at_the_door") == Transition(
        "out.moving", "out.at_the_door", "out.at_the_door", effects=("charge",)
    )


def test_a_whole_lifecycle_can_have_milestones() -> None:
    definition = compiled(
        {"sent": {"on": {"failed": "failed"}}, "seen": {}, "read": END, "failed": END},
        meta={"milestones": ["sent", "seen", "read"]},
    )

    assert arrows(definition) == [
        ("sent", "failed", "failed"),
        ("sent", "sent", "sent"),
        ("sent", "seen", "seen"),
        ("sent", "read", "read"),
        ("seen", "seen", "seen"),
        ("seen", "read", "read"),
    ]


def test_a_milestone_can_be_a_group_whose_states_go_on_like_it() -> None:
    definition = compiled(
        {
            "packed": {},
            "moving": {"initial": "van", "states": {"van": {"on": {"boarded": "ship"}}, "ship": {}}},
            "there": END,
        },
        meta={"milestones": ["packed", "moving", "there"]},
    )

    assert [found for found in arrows(definition) if found[0] != "packed"] == [
        ("moving.van", "boarded", "moving.ship"),
        ("moving.van", "moving", "moving.van"),
        ("moving.van", "there", "there"),
        ("moving.ship", "moving", "moving.ship"),
        ("moving.ship", "there", "there"),
    ]
    assert arrow(definition, "packed", "moving").target == "moving.van"


# Final states


def test_a_final_state_takes_nothing_from_what_is_around_it() -> None:
    definition = compiled(
        {
            "moving": {
                "initial": "van",
                "on": {"hit": ".lost"},
                "after": {"1000": ".lost"},
                "states": {"van": {}, "lost": END},
            },
        },
        on={"changed": ".moving"},
        meta={"milestones": ["moving"]},
    )

    assert {source for source, _, _ in arrows(definition)} == {"moving.van"}
    assert {timer.state for timer in definition.timers} == {"moving.van"}


def test_a_final_state_that_says_where_it_leads_is_a_problem() -> None:
    document = a_lifecycle({"packed": {"on": {"gone": "there"}}, "there": {**END, "on": {"back": "packed"}}})

    assert found(document) == [("/states/there", "FINAL_STATE_LEFT")]


# What is wrong

SOUND = a_lifecycle({"packed": {"on": {"gone": "there"}}, "there": END})


def with_state(name: str, state: Any) -> dict[str, Any]:
    """Return the sound lifecycle with one more state, to which something leads."""
    return a_lifecycle({"packed": {"on": {"gone": "there", "moved": name}}, "there": END, name: state})


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        pytest.param(with_state("shelf", {}), ("/states/shelf", "DEAD_END"), id="dead end"),
        pytest.param(
            a_lifecycle({**SOUND["states"], "shelf": END}), ("/states/shelf", "UNREACHABLE_STATE"), id="unreachable"
        ),
        pytest.param({**SOUND, "initial": "shelf"}, ("/initial", "UNKNOWN_STATE"), id="initial"),
        pytest.param({**SOUND, "initial": ""}, ("/initial", "UNKNOWN_STATE"), id="empty initial"),
        pytest.param(
            with_state("shelf", {"initial": "top", "states": {"low": END}}),
            ("/states/shelf/initial", "UNKNOWN_STATE"),
            id="initial of a group",
        ),
        pytest.param(
            with_state("shelf", {"states": {"low": END}}),
            ("/states/shelf", "MISSING_REQUIRED_PROPERTY"),
            id="group without initial",
        ),
        pytest.param(
            with_state("shelf", {"initial": "low", "states": {"low": END}, "type": "final"}),
            ("/states/shelf/type", "INVALID_PROPERTY_VALUE"),
            id="final group",
        ),
        pytest.param(
            with_state("shelf", {"on": {"gone": "there"}, "type": "compound"}),
            ("/states/shelf/type", "INVALID_PROPERTY_VALUE"),
            id="compound without children",
        ),
        pytest.param(
            with_state("shelf", {"on": {"gone": ["there", "packed"]}}),
            ("/states/shelf/on/gone/1", "AMBIGUOUS_TRANSITION"),
            id="ambiguous",
        ),
        pytest.param(
            with_state("shelf", {"on": {"gone": {"target": "there", "guard": "is_blue"}}}),
            ("/states/shelf/on/gone", "UNKNOWN_GUARD"),
            id="guard",
        ),
        pytest.param(
            with_state("shelf", {"on": {"gone": {"target": "there", "actions": "paint"}}}),
            ("/states/shelf/on/gone", "UNKNOWN_EFFECT"),
            id="effect",
        ),
        pytest.param(
            with_state("shelf", {"on": {"gone": "there"}, "after": {"1000": []}}),
            ("/states/shelf", "UNANSWERED_TIMER"),
            id="timer",
        ),
        pytest.param(
            with_state(
                "shelf",
                {
                    "on": {
                        "gone": {
                            "target": "there",
                            "meta": {"raise": [{"definition": "case", "event": "opened", "opens": True}]},
                        }
                    }
                },
            ),
            ("/states/shelf/on/gone", "INVALID_RAISE"),
            id="raise",
        ),
        pytest.param(
            with_state("shelf", {"on": {"gone": "there"}, "meta": {"then": ["packed", "moon"]}}),
            ("/states/shelf/meta/then/1", "UNKNOWN_STATE"),
            id="then",
        ),
        pytest.param(
            with_state("shelf", {"initial": "low", "states": {"low": END}, "type": "atomic"}),
            ("/states/shelf/type", "INVALID_PROPERTY_VALUE"),
            id="atomic group",
        ),
        pytest.param(
            with_state("shelf", {"initial": "", "states": {"low": END}}),
            ("/states/shelf/initial", "UNKNOWN_STATE"),
            id="empty initial of a group",
        ),
        pytest.param(
            {**with_state("shelf", {"initial": "low", "states": {"low": END}}), "initial": "shelf.low"},
            ("/initial", "UNKNOWN_STATE"),
            id="initial deep inside",
        ),
        pytest.param(
            with_state("shelf", {**END, "meta": {"then": ["packed"]}}),
            ("/states/shelf", "FINAL_STATE_LEFT"),
            id="final that goes on",
        ),
        pytest.param(
            with_state("shelf", {"on": {"gone": ["there", "there"]}}),
            ("/states/shelf/on/gone/1", "AMBIGUOUS_TRANSITION"),
            id="the same twice",
        ),
        pytest.param(
            {**SOUND, "meta": {"milestones": ["moon", "packed"]}},
            ("/meta/milestones/0", "UNKNOWN_STATE"),
            id="milestone, though none comes before it",
        ),
        pytest.param(
            with_state(
                "shelf",
                {"initial": "low", "states": {"low": {"on": {"up": "low", "gone": "#parcel.there"}}},
                 "meta": {"milestones": ["low", "high"]}},
            ),
            ("/states/shelf/meta/milestones/1", "UNKNOWN_STATE"),
            id="milestone of a group",
        ),
    ],
)  # fmt: skip
def test_a_problem_says_where_it_is_and_which_rule_it_breaks(document: Any, problem: tuple[str, str]) -> None:
    assert problem in found(document)
    assert lifecycle_problems(document) == tuple(sorted(set(lifecycle_problems(document))))


def test_an_entry_that_asks_for_an_unknown_effect_is_found_where_it_is_entered() -> None:
    document = with_state("shelf", {"entry": "paint", "on": {"gone": "there"}})

    assert found(document) == [("/states/packed/on/moved", "UNKNOWN_EFFECT")]


def test_names_in_pointers_are_escaped() -> None:
    document = a_lifecycle({"a/b~c": {"on": {"x/y": "moon", "gone": "there"}}, "there": END})

    assert found(document) == [("/states/a~1b~0c/on/x~1y", "UNKNOWN_STATE")]


TYPE, KEY, MISSING = "INVALID_PROPERTY_TYPE", "INVALID_PROPERTY_KEY", "MISSING_REQUIRED_PROPERTY"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        pytest.param([], ("", TYPE), id="not an object"),
        pytest.param({**SOUND, "id": 5}, ("/id", TYPE), id="id"),
        pytest.param({**SOUND, "id": "a b"}, ("/id", TYPE), id="an id with a space"),
        pytest.param({"initial": "a", "states": {"a": END}}, ("", MISSING), id="no id"),
        pytest.param({"id": "parcel", "initial": "a"}, ("", MISSING), id="no states"),
        pytest.param({**SOUND, "states": {}}, ("/states", "MIN_ITEMS_REQUIRED"), id="states are empty"),
        pytest.param({**SOUND, "states": []}, ("/states", TYPE), id="states"),
        pytest.param({**SOUND, "states": None}, ("/states", TYPE), id="states are null"),
        pytest.param({**SOUND, "on": []}, ("/on", TYPE), id="on of the whole"),
        pytest.param({**SOUND, "after": {}}, ("/after", KEY), id="after of the whole"),
        pytest.param({**SOUND, "context": {}}, ("/context", KEY), id="unknown key"),
        pytest.param({**SOUND, "meta": {"colour": 1}}, ("/meta/colour", KEY), id="unknown meta"),
        pytest.param({**SOUND, "meta": {"ordering": "chance"}}, ("/meta/ordering", TYPE), id="order"),
        pytest.param(with_state("", END), ("/states/", KEY), id="a state without a name"),
        pytest.param(with_state("a.b", END), ("/states/a.b", KEY), id="a name with a dot"),
        pytest.param(with_state("#a", END), ("/states/#a", KEY), id="a name like a target"),
        pytest.param(with_state("a b", END), ("/states/a b", KEY), id="a name with a space"),
        pytest.param(with_state("a\n", END), ("/states/a\n", KEY), id="a name with a line's end"),
    ],
)
def test_what_has_not_the_shape_is_refused_where_it_stands(document: Any, problem: tuple[str, str]) -> None:
    result = compile_lifecycle(source_of(document))

    assert result.definition is None
    assert [(found.pointer, found.code) for found in result.problems] == [problem]


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        pytest.param(5, ("", TYPE), id="a state"),
        pytest.param({"on": 5}, ("/on", TYPE), id="on"),
        pytest.param({"after": 5}, ("/after", TYPE), id="after"),
        pytest.param({"on": {"x": 5}}, ("/on/x", TYPE), id="a way"),
        pytest.param({"on": {"x": ["there", 5]}}, ("/on/x/1", TYPE), id="ways"),
        pytest.param({"on": {"": "there"}}, ("/on/", KEY), id="an event without a name"),
        pytest.param({"on": {"a\0": "there"}}, ("/on/a\0", KEY), id="an event with NUL"),
        pytest.param({"on": {"x": {"goto": "there"}}}, ("/on/x/goto", KEY), id="unknown key of a way"),
        pytest.param({"on": {"x": {"guard": {"params": {}}}}}, ("/on/x/guard", MISSING), id="guard without type"),
        pytest.param(
            {"on": {"x": {"guard": {"type": "says", "params": {"a": 5}}}}},
            ("/on/x/guard/params/a", TYPE),
            id="a parameter that is no text",
        ),
        pytest.param({"meta": {"raise": [{"definition": "order"}]}}, ("/meta/raise/0", MISSING), id="raise no event"),
        pytest.param(
            {"meta": {"raise": [{"definition": "order", "event": "x", "opens": 1}]}},
            ("/meta/raise/0/opens", TYPE),
            id="yes or no",
        ),
        pytest.param({"type": "parallel"}, ("/type", TYPE), id="parallel"),
        pytest.param({"type": "history"}, ("/type", TYPE), id="history"),
        pytest.param({"exit": "notify"}, ("/exit", KEY), id="exit"),
        pytest.param({"always": "there"}, ("/always", KEY), id="always"),
        pytest.param({"invoke": {}}, ("/invoke", KEY), id="invoke"),
        pytest.param(
            {"initial": "low", "states": {"low": {"states": 5}}}, ("/states/low/states", TYPE), id="deep inside"
        ),
    ],
)
def test_what_a_state_has_that_has_not_the_shape_is_refused_where_it_stands(
    state: Any, problem: tuple[str, str]
) -> None:
    result = compile_lifecycle(source_of(with_state("shelf", state)))

    pointer, code = problem
    assert result.definition is None
    assert [(found.pointer, found.code) for found in result.problems] == [(f"/states/shelf{pointer}", code)]


def test_everything_that_has_not_the_shape_is_told_at_once() -> None:
    document = {
        "id": 5,
        "initial": "packed",
        "colour": "red",
        "states": {
            "packed": {"exit": "a", "always": "b", "on": {"x": 5, "y": [6, {"goto": 7}]}, "after": {"1": None}},
            "a.b": {"meta": {"title": 5, "weight": 6}, "states": []},
        },
        "meta": {"milestones": [1, "packed", 2]},
    }

    assert found(document) == [
        ("/colour", "INVALID_PROPERTY_KEY"),
        ("/id", "INVALID_PROPERTY_TYPE"),
        ("/meta/milestones/0", "INVALID_PROPERTY_TYPE"),
        ("/meta/milestones/2", "INVALID_PROPERTY_TYPE"),
        ("/states/a.b", "INVALID_PROPERTY_KEY"),
        ("/states/a.b/meta/title", "INVALID_PROPERTY_TYPE"),
        ("/states/a.b/meta/weight", "INVALID_PROPERTY_KEY"),
        ("/states/a.b/states", "INVALID_PROPERTY_TYPE"),
        ("/states/packed/after/1", "INVALID_PROPERTY_TYPE"),
        ("/states/packed/always", "INVALID_PROPERTY_KEY"),
        ("/states/packed/exit", "INVALID_PROPERTY_KEY"),
        ("/states/packed/on/x", "INVALID_PROPERTY_TYPE"),
        ("/states/packed/on/y/0", "INVALID_PROPERTY_TYPE"),
        ("/states/packed/on/y/1/goto", "INVALID_PROPERTY_KEY"),
    ]


def test_everything_that_means_nothing_is_told_at_once() -> None:
    document = a_lifecycle(
        {
            "packed": {
                "on": {"gone": "moon", "sent": {"target": "shelf", "guard": "is_blue", "actions": "paint"}},
                "after": {"soon": "shelf"},
            },
            "shelf": {"meta": {"then": ["sun"]}},
            "attic": END,
            "chest": {"states": {"lid": {"on": {"x": "lid"}}}},
        },
        initial="nowhere",
    )

    assert {code for _, code in found(document)} == {
        "UNKNOWN_STATE", "UNKNOWN_GUARD", "UNKNOWN_EFFECT", "UNKNOWN_DELAY", "UNREACHABLE_STATE", "DEAD_END",
        "MISSING_REQUIRED_PROPERTY",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"id"',
        b"\xff",
        b'"\\ud800"',
        b"[" * 100,
        b"9" * 5000,
        b'{"id": "a"} x',
        b"\xef\xbb\xbf{}",
        b"NaN",
    ],
)
def test_what_is_no_json_is_told(text: bytes) -> None:
    result = compile_lifecycle(text)

    assert result.definition is None
    assert [(problem.pointer, problem.code) for problem in result.problems] == [("", "INVALID_JSON")]


# Whatever comes


@settings(max_examples=150, deadline=None)
@given(document=json_values | st.fixed_dictionaries({"id": json_values, "initial": json_values, "states": json_values}))
def test_any_json_is_answered_with_problems(document: Any) -> None:
    result = compile_lifecycle(source_of(document))

    assert result.definition is None or isinstance(result.definition, Definition)
    assert result.definition is not None or result.problems
    assert all(isinstance(problem, Problem) for problem in result.problems)


SCHEMA = jsonschema_rs.validator_for(lifecycle_schema())
SMALL = [a_lifecycle(NESTED), a_lifecycle(ENTERED), a_lifecycle(MILESTONES), *map(read, LIFECYCLES.values())]


@settings(max_examples=150, deadline=None)
@given(document=mutated(SMALL))
def test_a_damaged_document_is_answered_and_the_schema_says_the_same(document: Any) -> None:
    result = compile_lifecycle(source_of(document), frozenset(ALL_GUARDS), frozenset(ALL_EFFECTS))

    well_formed = result.definition is not None
    assert SCHEMA.is_valid(document) == well_formed
    assert well_formed or result.problems
    for problem in result.problems:
        assert exists(document, problem.pointer), problem


def exists(document: Any, pointer: str) -> bool:
    """Return whether there is something at a pointer, or next to where it should be."""
    pointers = {"".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in place)
                for place in places_in(document)}  # fmt: skip
    return pointer in pointers or pointer == "/initial"


# What ships


@pytest.mark.parametrize("path", LIFECYCLES.values(), ids=LIFECYCLES)
def test_what_ships_compiles_without_a_problem(path: Path) -> None:
    result = compile_lifecycle(path.read_bytes(), frozenset(ALL_GUARDS), frozenset(ALL_EFFECTS))

    assert result.definition is not None
    assert result.definition.name == path.stem
    assert result.problems == ()


@pytest.mark.parametrize("path", LIFECYCLES.values(), ids=LIFECYCLES)
def test_what_ships_fits_the_published_schema(path: Path) -> None:
    assert [error.message for error in SCHEMA.iter_errors(read(path))] == []


def test_the_schema_knows_every_key_of_a_document() -> None:
    schema = lifecycle_schema()

    assert schema["$ref"] == "#/$defs/LifecycleDocument"
    assert set(schema["$defs"]["LifecycleDocument"]["properties"]) == {
        "id", "initial", "states", "on", "description", "meta", "version", "$schema",
    }  # fmt: skip
    assert LifecycleDocument.__struct_fields__[-1] == "schema"


@pytest.mark.parametrize(
    "change",
    [
        ("id", 5),
        ("states", {"a.b": END}),
        ("states", {"a": {"exit": "x"}}),
        ("meta", {"delays": {"x": -1}}),
        ("meta", {"raise": [{"definition": "x"}]}),
        ("on", {"x": [5]}),
    ],
)
def test_what_the_compiler_refuses_for_its_shape_the_schema_refuses(change: tuple[str, Any]) -> None:
    name, value = change

    assert SCHEMA.is_valid(SOUND)
    assert not SCHEMA.is_valid(replaced({**SOUND, name: None}, (name,), value))

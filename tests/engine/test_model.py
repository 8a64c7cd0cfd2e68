from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.model import (
    SECOND,
    Definition,
    Effect,
    Event,
    Group,
    Guard,
    Instance,
    Raise,
    State,
    Step,
    Timer,
    Transition,
    born,
    effect_key,
    versioned,
)
from tests.builders import NOON, a_definition, a_step, an_event, an_instance


@pytest.mark.parametrize(
    ("guard", "text"),
    [
        pytest.param(Guard("has_lines"), "has_lines", id="bare"),
        pytest.param(Guard("some", ("delivered",)), "some(delivered)", id="one argument"),
        pytest.param(Guard("every", ("delivered", "lost")), "every(delivered, lost)", id="two arguments"),
    ],
)
def test_a_guard_reads_as_it_would_be_called(guard: Guard, text: str) -> None:
    assert str(guard) == text


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param(Guard("has_lines"), "name", id="guard"),
        pytest.param(Raise("order", "changed"), "event", id="raise"),
        pytest.param(State("packed"), "id", id="state"),
        pytest.param(Group("forward"), "id", id="group"),
        pytest.param(Transition("packed", "picked_up", "moving"), "target", id="transition"),
        pytest.param(Timer("packed", "forgotten", after=SECOND), "after", id="timer"),
        pytest.param(a_definition(), "version", id="definition"),
        pytest.param(an_event(), "id", id="event"),
        pytest.param(an_instance(), "state", id="instance"),
        pytest.param(Effect("k-1", "send_receipt"), "status", id="effect"),
        pytest.param(a_step(), "after", id="step"),
    ],
)
def test_everything_is_a_frozen_value(value: Any, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(value, field, "changed")


def test_a_version_is_sixteen_hex_digits_of_the_content() -> None:
    definition = a_definition(name="parcel")

    assert len(definition.version) == 16
    assert int(definition.version, 16) >= 0
    assert versioned(replace(definition, version="")) == definition


def test_a_version_does_not_depend_on_the_version_before() -> None:
    definition = a_definition()

    assert versioned(versioned(definition)) == versioned(definition)


def test_a_version_survives_being_stored_and_read() -> None:
    definition = a_definition(
        Transition("packed", "picked_up", "moving", Guard("says", ("ready",)), ("notify",), (Raise("order", "moved"),)),
        timers=(Timer("packed", "forgotten", after=SECOND),),
    )

    read = msgspec.json.decode(msgspec.json.encode(definition), type=Definition)

    assert read == definition
    assert versioned(read) == definition


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda parcel: replace(parcel, name="letter"), id="name"),
        pytest.param(lambda parcel: replace(parcel, initial="moving"), id="initial"),
        pytest.param(lambda parcel: replace(parcel, states=parcel.states[::-1]), id="order of states"),
        pytest.param(lambda parcel: replace(parcel, transitions=parcel.transitions[1:]), id="transitions"),
        pytest.param(lambda parcel: replace(parcel, timers=(Timer("packed", "forgotten"),)), id="timers"),
        pytest.param(lambda parcel: replace(parcel, groups=(Group("forward"),)), id="groups"),
        pytest.param(lambda parcel: replace(parcel, ordering="event_time"), id="ordering"),
        pytest.param(lambda parcel: replace(parcel, projection="parcel"), id="projection"),
        pytest.param(lambda parcel: replace(parcel, title="A parcel"), id="title"),
        pytest.param(lambda parcel: replace(parcel, description="It goes."), id="description"),
    ],
)
def test_any_change_of_the_content_is_another_version(change: Callable[[Definition], Definition]) -> None:
    parcel = a_definition()

    assert versioned(change(parcel)).version != parcel.version


def test_another_source_is_another_version() -> None:
    parcel = a_definition()

    assert len({versioned(parcel, source).version for source in (b"", b"{}", b"{ }")}) == 3


def test_an_instance_is_found_by_its_definition_and_key() -> None:
    assert an_instance(key="P-7").id == ("parcel", "P-7")


def test_an_instance_is_born_in_the_initial_state_and_unstored() -> None:
    parcel = a_definition()

    instance = born(parcel, "P-7", NOON, family="O-1", context={"city": "Pune"})

    assert instance == Instance(
        definition="parcel",
        version=parcel.version,
        key="P-7",
        state="packed",
        created_at=NOON,
        updated_at=NOON,
        revision=0,
        entry=0,
        steps=0,
        path=("packed",),
        context={"city": "Pune"},
        family="O-1",
        timers=(),
    )
    assert instance.deadline is None


def test_an_instance_is_born_alone_and_with_nothing_known_unless_said_otherwise() -> None:
    instance = born(a_definition(), "P-7", NOON)

    assert (instance.family, instance.context) == ("", {})


def test_an_effects_key_never_changes_between_releases() -> None:
    # Keys stand in databases and at receivers: another formula would send everything that is pending a second time.
    assert effect_key(an_instance(), "e-1", "send_receipt", 0) == "968c0939421a694c3b39bb7416c454d1"


@pytest.mark.parametrize(
    ("instance", "event_id", "name", "index"),
    [
        pytest.param(an_instance(definition=a_definition(name="letter")), "e-1", "send_receipt", 0, id="definition"),
        pytest.param(an_instance(key="P-8"), "e-1", "send_receipt", 0, id="key"),
        pytest.param(an_instance(), "e-2", "send_receipt", 0, id="event"),
        pytest.param(an_instance(), "e-1", "send_reminder", 0, id="name"),
        pytest.param(an_instance(), "e-1", "send_receipt", 1, id="index"),
        pytest.param(an_instance(), "e-1s", "end_receipt", 0, id="border between parts"),
    ],
)
def test_an_effects_key_tells_what_declared_it(instance: Instance, event_id: str, name: str, index: int) -> None:
    assert effect_key(instance, event_id, name, index) != effect_key(an_instance(), "e-1", "send_receipt", 0)


def test_an_effects_key_does_not_depend_on_anything_that_changes() -> None:
    later = an_instance("moving", revision=9, context={"city": "Pune"}, version="another")

    assert effect_key(later, "e-1", "send_receipt", 0) == effect_key(an_instance(), "e-1", "send_receipt", 0)


def test_an_event_has_neither_data_nor_an_actor_unless_said_otherwise() -> None:
    event = Event("e-1", "picked_up", NOON, NOON)

    assert (event.data, event.assign, event.actor) == ({}, {}, "")


def test_a_step_without_a_transition_is_a_note() -> None:
    step = Step(an_instance(), an_event(), an_instance())

    assert (step.transition, step.effects, step.inferred, step.outcome) == (None, (), False, "")

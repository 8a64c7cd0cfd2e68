import pytest

from engine.errors import (
    Contended,
    DefinitionError,
    GuardRefused,
    NoTransition,
    Problem,
    StepError,
    StorageFull,
    StoreError,
    StoreUnavailable,
    UnknownInstance,
    UnknownState,
    WorkflowError,
)
from tests.builders import an_event, an_instance


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (DefinitionError, WorkflowError),
        (StepError, WorkflowError),
        (NoTransition, StepError),
        (GuardRefused, StepError),
        (UnknownState, StepError),
        (StoreError, WorkflowError),
        (Contended, StoreError),
        (StoreUnavailable, StoreError),
        (StorageFull, StoreUnavailable),
        (UnknownInstance, WorkflowError),
    ],
)
def test_an_error_stands_under_whose_fault_it_is(error: type[WorkflowError], parent: type[WorkflowError]) -> None:
    assert error.__bases__ == (parent,)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NoTransition, "parcel in moving has no way on picked_up"),
        (GuardRefused, "parcel in moving refused picked_up"),
        (UnknownState, "parcel in moving is not a state of its definition, so it cannot take picked_up"),
        (StepError, "parcel in moving cannot take picked_up"),
    ],
)
def test_a_step_error_holds_values_and_says_them(error: type[StepError], message: str) -> None:
    instance, event = an_instance("moving"), an_event("picked_up")

    raised = error(instance, event, ("arrived",))

    assert (raised.instance, raised.event, raised.allowed) == (instance, event, ("arrived",))
    assert str(raised) == message


def test_a_message_never_holds_an_events_data_nor_an_instances_context_and_key() -> None:
    event = an_event(data={"phone": "+910000000001"}, assign={"name": "Asha Rao"})
    instance = an_instance("moving", key="token-of-asha", context={"city": "Pune"})

    message = str(GuardRefused(instance, event))

    assert not any(secret in message for secret in ("+910000000001", "Asha Rao", "token-of-asha", "Pune"))


def test_an_unknown_instance_names_its_definition_only() -> None:
    error = UnknownInstance("parcel")

    assert (error.definition, str(error)) == ("parcel", "no such session of parcel")


@pytest.mark.parametrize(
    ("problems", "message"),
    [
        pytest.param((), "parcel: ", id="none"),
        pytest.param((Problem("/states/a", "DEAD_END", "no way out"),), "parcel: /states/a: no way out", id="one"),
        pytest.param((Problem("", "DEAD_END", "no way out"),), "parcel: /: no way out", id="the whole document"),
        pytest.param(
            (Problem("/a", "DEAD_END", "no way out"), Problem("/b", "DEAD_END", "nor here")),
            "parcel: /a: no way out (and 1 more)",
            id="two",
        ),
        pytest.param(
            (Problem("/a", "DEAD_END", "no way out"), Problem("/b", "DEAD_END", "nor here"), Problem("/c", "X", "y")),
            "parcel: /a: no way out (and 2 more)",
            id="several",
        ),
    ],
)
def test_a_definition_error_keeps_all_problems_and_says_the_first(problems: tuple[Problem, ...], message: str) -> None:
    error = DefinitionError("parcel", problems)

    assert (error.name, error.problems, str(error)) == ("parcel", problems, message)


def test_problems_sort_by_their_places() -> None:
    later, earlier = Problem("/b", "DEAD_END", "x"), Problem("/a", "UNKNOWN_STATE", "x")

    assert sorted([later, earlier]) == [earlier, later]
    assert earlier.severity == "error"


def test_an_error_without_a_message_of_its_own_says_what_it_is() -> None:
    assert str(Contended()) == "Other events kept coming first."

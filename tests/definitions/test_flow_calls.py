"""What a call does to its session and is answered, on a Flow of three screens with logic of the tests' own."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from definitions.binding import GUARDS
from definitions.flow_calls import NOT_UNDERSTOOD, TOKEN_LIFE, Call, DataMisfit, Flow, Reply, new_token
from definitions.flow_compiler import SILENCE, compile_flow
from definitions.screens import About, Refused, Screens, Session, Success, Tell
from engine.interpreter import Interpreter
from engine.model import SECOND, Armed, Event, Instance
from tests.builders import HOUR, MINUTE, NOON
from tests.definitions.documents import a_screen, an_exchange, does, source_of

DATA = {"hint": {"type": "string", "__example__": "x"}}
SURVEY = an_exchange(
    {"WISH": ["SIZE"], "SIZE": ["LAST"], "LAST": []},
    SIZE={
        "data": DATA,
        **a_screen("SIZE", does("data_exchange"), does("navigate", "LAST", kind="EmbeddedLink")),
        "refresh_on_back": True,
    },
    LAST={"data": {"size": {"type": "integer"}, "required": ["size"]}},
)


class SizeForm(Struct):
    """SIZE: how big."""

    size: int
    left_over: list[str] = []


def a_survey(
    wished: Callable[[Session, Any], Any] = lambda _session, _form: "SIZE",
    hint: Callable[[Session], Any] = lambda session: {"hint": session.forms["WISH"].get("wish", "none")},
    **how: Any,
) -> Flow:
    """Return the survey; *wished* decides where WISH leads, *hint* gives SIZE's data."""
    screens = Screens(**how)
    screens.submit("WISH")(wished)
    screens.show("SIZE")(hint)

    @screens.submit("SIZE")
    def sized(_session: Session, form: SizeForm) -> str:
        if form.size > 9:
            raise Refused(f"{form.size} is too much. " + "x" * 100)
        return "LAST"

    @screens.show("LAST")
    async def last(session: Session) -> dict[str, Any]:
        return {"size": session.form("SIZE", SizeForm).size if "SIZE" in session.forms else 0}

    @screens.submit("LAST")
    async def finished(session: Session, form: Any) -> Success:
        return Success({"size": session.form("SIZE", SizeForm).size, "thanks": form["thanks"]})

    compiled = compile_flow("survey", source_of(SURVEY))
    assert compiled.definition is not None
    assert compiled.flow is not None
    return Flow(compiled.flow, Interpreter(compiled.definition, GUARDS), screens)


def a_call(action: str = "data_exchange", screen: str = "", data: Any = None, now: int = NOON, name: str = "") -> Call:
    """Return a call of the phone's; its identity is made from what it says unless it has a *name*."""
    return Call(name or f"{action}-{screen}-{data}-{now}", action, screen, "token-1", {} if data is None else data, now)


OPEN = a_call("INIT")
WISH = a_call(screen="WISH", data={"wish": "tea"})
SIZE = a_call(screen="SIZE", data={"size": 7})
LAST = a_call(screen="LAST", data={"thanks": "a lot"})


async def after(flow: Flow, *calls: Call) -> Instance:
    """Return the session after these calls, all of them taken."""
    instance: Instance | None = None
    for call in calls:
        reply = await flow.answer(call, instance)
        assert reply.code == "ok"
        instance = reply.instance
    assert instance is not None
    return instance


def moves(reply: Reply) -> list[tuple[str, str, str, bool]]:
    """Return the steps of a reply: what happened, from where to where, and whether that is inferred."""
    return [(step.event.name, step.before.state, step.after.state, step.inferred) for step in reply.steps]


def stays(reply: Reply, instance: Instance | None) -> bool:
    """Return whether a reply changes nothing."""
    return reply.steps == () and reply.instance is instance


# The way through


async def test_a_flow_is_walked_from_its_first_screen_to_the_end() -> None:
    flow = a_survey()

    opened = await flow.answer(OPEN, None)
    wished = await flow.answer(WISH, opened.instance)
    sized = await flow.answer(SIZE, wished.instance)
    done = await flow.answer(LAST, sized.instance)

    assert [(reply.status, reply.code, reply.screen, reply.data) for reply in (opened, wished, sized, done)] == [
        (200, "ok", "WISH", {}),
        (200, "ok", "SIZE", {"hint": "tea"}),
        (200, "ok", "LAST", {"size": 7}),
        (
            200,
            "ok",
            "SUCCESS",
            {"extension_message_response": {"params": {"size": 7, "thanks": "a lot", "flow_token": "token-1"}}},
        ),
    ]
    assert [moves(reply) for reply in (opened, wished, sized, done)] == [
        [("INIT", "not_opened", "WISH", False)],
        [("data_exchange", "WISH", "SIZE", False)],
        [("data_exchange", "SIZE", "LAST", False)],
        [("data_exchange", "LAST", "completed", False)],
    ]
    ended = done.instance
    assert ended is not None
    assert ended.context == {
        "expires_at": NOON + TOKEN_LIFE,
        "forms": {"WISH": {"wish": "tea"}, "SIZE": {"size": 7, "left_over": []}, "LAST": {"thanks": "a lot"}},
        "response": {"size": 7, "thanks": "a lot"},
    }


async def test_a_session_can_be_minted_before_a_phone_opens_it() -> None:
    flow = a_survey(lambda session, _: Success({"for": session.recipient, **session.data}), minted_tokens_only=True)
    minted = flow.open("token-1", NOON, {"recipient": "919876500000", "data": {"order": "O-1"}})

    opened = await flow.answer(OPEN, minted)
    done = await flow.answer(WISH, opened.instance)

    assert minted.state == "not_opened"
    assert minted.context["expires_at"] == NOON + TOKEN_LIFE
    assert done.data["extension_message_response"]["params"] == {
        "for": "919876500000",
        "order": "O-1",
        "flow_token": "token-1",
    }


@pytest.mark.parametrize(
    ("call", "how"),
    [
        pytest.param(WISH, {}, id="not opened"),
        pytest.param(a_call("BACK", "SIZE"), {}, id="going back"),
        pytest.param(OPEN, {"minted_tokens_only": True}, id="not minted here"),
    ],
)
async def test_a_token_of_no_session_is_gone(call: Call, how: dict[str, Any]) -> None:
    reply = await a_survey(**how).answer(call, None)

    assert (reply.status, reply.code, [*reply.data]) == (427, "token_unknown", ["error_msg"])
    assert stays(reply, None)


async def test_a_phone_that_opens_the_flow_again_begins_again_and_keeps_what_was_said() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call("INIT", now=NOON + MINUTE), instance)

    assert (reply.screen, moves(reply)) == ("WISH", [("reopened", "SIZE", "WISH", False)])
    assert reply.instance is not None
    assert reply.instance.context["forms"] == {"WISH": {"wish": "tea"}}


# What it is about

PARCEL = About("parcel", "P-7", "moving", ("open",), ("held",), {"courier": "Asha"}, family={"order/O-1": {"total": 3}})
"""A parcel that takes one event."""

HELD = Tell("held", {"until": "2026-01-02"}, {"held": True})


def about(session: Session) -> About:
    """Return what a session is about."""
    assert session.about is not None
    return session.about


async def test_logic_sees_what_its_session_is_about_and_tells_it_what_was_decided() -> None:
    flow = a_survey(
        lambda session, _: Success({"for": about(session).context["courier"]}, HELD),
        lambda session: {"hint": str(session.about)},
    )
    instance = await after(flow, OPEN)

    reply = await flow.answer(replace(WISH, about=PARCEL), instance)

    assert (reply.code, reply.screen, moves(reply)) == (
        "ok",
        "SUCCESS",
        [("data_exchange", "WISH", "completed", False)],
    )
    assert reply.tell == HELD
    assert reply.instance is not None
    assert reply.instance.context["response"] == {"for": "Asha"}


async def test_a_screen_is_shown_with_what_the_session_is_about() -> None:
    flow = a_survey(hint=lambda session: {"hint": f"{about(session).state} {about(session).family['order/O-1']}"})

    reply = await flow.answer(replace(WISH, about=PARCEL), await after(flow, OPEN))

    assert (reply.data, reply.tell) == ({"hint": "moving {'total': 3}"}, None)


async def test_a_flow_does_not_end_that_tells_what_cannot_be_taken() -> None:
    flow = a_survey(lambda _session, _form: Success(tell=HELD))
    instance = await after(flow, OPEN)

    reply = await flow.answer(replace(WISH, about=replace(PARCEL, allowed=("found",))), instance)

    assert (reply.status, reply.code, reply.screen) == (200, "refused", "WISH")
    assert (reply.data, reply.tell) == ({"error_message": "This can no longer be changed."}, None)
    assert stays(reply, instance)


async def test_what_was_refused_in_the_end_leaves_the_phone_on_the_screen_it_submitted() -> None:
    flow = a_survey(hint=lambda _: {"hint": "x"})
    instance = await after(flow, OPEN, WISH)

    reply = await flow.settled(a_call(screen="WISH", data={"wish": "milk"}), instance)

    assert (reply.code, reply.screen, reply.steps) == ("refused", "WISH", ())
    assert reply.data == {"error_message": "This can no longer be changed."}


async def test_logic_that_tells_although_the_session_is_about_nothing_is_our_fault() -> None:
    flow = a_survey(lambda _session, _form: Success(tell=HELD))
    instance = await after(flow, OPEN)

    reply = await flow.answer(WISH, instance)

    assert (reply.code, reply.screen) == ("handler_error", "WISH")
    assert str(reply.fault) == "held is told, but the session was not minted to be about anything"
    assert stays(reply, instance)


# What is over


async def test_a_finished_session_is_over_and_says_under_which_reference() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH, SIZE, LAST)

    for call in (OPEN, LAST, a_call("BACK", "LAST")):
        reply = await flow.answer(call, instance)
        assert (reply.status, reply.code) == (427, "token_done")
        assert reply.data["error_msg"].startswith("You have already sent this form. Reference: ")
        assert "token-1" not in reply.data["error_msg"]
        assert stays(reply, instance)


async def test_a_session_whose_time_is_over_expires_with_the_call_that_finds_it() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN)

    in_time = await flow.answer(a_call(screen="WISH", now=NOON + TOKEN_LIFE - 1), instance)
    late = await flow.answer(a_call(screen="WISH", now=NOON + TOKEN_LIFE + HOUR), instance)

    assert in_time.status == 200
    assert (late.status, late.code, moves(late)) == (427, "token_expired", [("expire", "WISH", "expired", False)])
    assert late.steps[0].event == Event(
        f"timer/expire/1/{NOON + TOKEN_LIFE}", "expire", NOON + TOKEN_LIFE, NOON + TOKEN_LIFE + HOUR, actor="timer"
    )
    again = await flow.answer(OPEN, late.instance)
    assert (again.status, again.code, again.steps) == (427, "token_expired", ())


async def test_a_screen_that_is_silent_for_too_long_is_abandoned_before_the_token_ends() -> None:
    flow = a_survey()
    opened = await flow.answer(OPEN, flow.open("token-1", NOON, {}, life=2 * SILENCE))

    in_time = await flow.answer(a_call(screen="WISH", data={"wish": "tea"}, now=NOON + SILENCE - 1), opened.instance)
    late = await flow.answer(a_call(screen="WISH", now=NOON + SILENCE + HOUR), opened.instance)

    assert in_time.screen == "SIZE"
    assert (late.status, late.code, moves(late)) == (427, "token_expired", [("abandon", "WISH", "abandoned", False)])
    assert late.steps[0].event.at == NOON + SILENCE
    assert in_time.instance is not None
    assert in_time.instance.deadline == NOON + 2 * SILENCE - 1


async def test_whoever_opens_the_form_again_was_not_silent() -> None:
    flow = a_survey()
    opened = await flow.answer(OPEN, flow.open("token-1", NOON, {}, life=3 * SILENCE))

    again = await flow.answer(replace(OPEN, identity="again", now=NOON + SILENCE - 1), opened.instance)
    in_time = await flow.answer(a_call(screen="WISH", data={"wish": "tea"}, now=NOON + SILENCE), again.instance)
    late = await flow.answer(a_call(screen="WISH", now=NOON + 2 * SILENCE), again.instance)

    assert again.instance is not None
    assert (again.instance.path, again.instance.entry) == (("not_opened", "WISH"), 2)
    assert in_time.screen == "SIZE"
    assert moves(late) == [("abandon", "WISH", "abandoned", False)]
    assert late.steps[0].event.at == NOON + 2 * SILENCE - 1


@pytest.mark.parametrize(
    ("deadline", "end"),
    [pytest.param(SILENCE, "abandoned", id="silence"), pytest.param(2 * SILENCE, "expired", id="the token's end")],
)
async def test_a_session_stored_with_nothing_but_a_time_ends_as_it_would_have(deadline: int, end: str) -> None:
    flow = a_survey()
    opened = await flow.answer(OPEN, flow.open("token-1", NOON, {}, life=2 * SILENCE))
    assert opened.instance is not None
    stored = replace(opened.instance, timers=(Armed("", NOON + deadline),))

    late = await flow.answer(a_call(screen="WISH", now=NOON + 9 * SILENCE), stored)

    assert late.instance is not None
    assert (late.status, late.instance.state) == (427, end)


async def test_a_token_of_ours_opens_nothing_but_the_session_it_was_minted_for() -> None:
    flow, token = a_survey(), new_token()
    call = replace(OPEN, token=token)

    assert (await flow.answer(call, None)).code == "token_unknown"
    assert (await flow.answer(call, flow.open(token, NOON, {}))).screen == "WISH"
    assert (await flow.answer(replace(OPEN, token=f"{token}0"), None)).screen == "WISH"


async def test_a_session_in_a_state_that_its_version_does_not_have_is_parked() -> None:
    flow = a_survey()
    instance = Instance("survey", "0", "token-1", "GONE", NOON, NOON, path=("not_opened", "GONE"))

    reply = await flow.answer(WISH, instance)

    assert (reply.status, reply.code) == (427, "parked")
    assert stays(reply, instance)


# Where the phone is


async def test_what_the_phone_did_by_itself_is_inferred() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call(screen="WISH", data={"wish": "milk"}), instance)

    assert (reply.code, reply.screen, reply.data) == ("ok", "SIZE", {"hint": "milk"})
    assert moves(reply) == [("BACK", "SIZE", "WISH", True), ("data_exchange", "WISH", "SIZE", False)]


async def test_a_screen_navigated_to_can_be_submitted() -> None:
    flow = a_survey(hint=lambda _: {})
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call(screen="LAST", data={"thanks": "no"}), instance)

    assert reply.code == "handler_error"
    assert isinstance(reply.fault, KeyError)
    assert stays(reply, reply.instance)


async def test_going_back_shows_the_screen_before() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH, SIZE)

    first = await flow.answer(a_call("BACK", "LAST"), instance)
    second = await flow.answer(a_call("BACK", "SIZE"), first.instance)
    third = await flow.answer(a_call("BACK", "WISH"), second.instance)

    assert (first.screen, moves(first)) == ("SIZE", [("BACK", "LAST", "SIZE", False)])
    assert (second.screen, moves(second)) == ("WISH", [("BACK", "SIZE", "WISH", False)])
    assert (third.code, third.screen) == ("illegal_edge", "WISH")
    assert stays(third, second.instance)


async def test_going_back_from_where_the_phone_went_by_itself_is_inferred_first() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH, SIZE)

    reply = await flow.answer(a_call("BACK", "SIZE"), instance)

    assert (reply.code, reply.screen) == ("ok", "WISH")
    assert moves(reply) == [("BACK", "LAST", "SIZE", True), ("BACK", "SIZE", "WISH", False)]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(a_call(screen="LAST"), "illegal_edge", id="a screen that is further on"),
        pytest.param(a_call(screen="MOON"), "illegal_edge", id="a screen that is not there"),
        pytest.param(a_call(screen=""), "illegal_edge", id="no screen"),
        pytest.param(a_call("BACK", "LAST"), "illegal_edge", id="back from where the phone cannot be"),
        pytest.param(a_call("BACK", "WISH"), "illegal_edge", id="back from the first"),
        pytest.param(a_call("dance", "WISH"), "inner_bad", id="an action that is not Meta's"),
    ],
)
async def test_what_is_not_possible_shows_the_stored_screen_and_changes_nothing(call: Call, code: str) -> None:
    flow = a_survey()
    instance = await after(flow, OPEN)

    reply = await flow.answer(call, instance)

    assert (reply.status, reply.code, reply.screen, [*reply.data]) == (200, code, "WISH", ["error_message"])
    assert stays(reply, instance)


async def test_a_flow_that_nobody_opened_yet_shows_its_first_screen_for_what_is_not_possible() -> None:
    flow = a_survey()
    minted = flow.open("token-1", NOON, {})

    reply = await flow.answer(a_call("BACK", "MOON"), minted)

    assert (reply.code, reply.screen, reply.steps) == ("illegal_edge", "WISH", ())


async def test_a_form_of_a_first_screen_that_opened_unseen_is_taken() -> None:
    flow = a_survey()
    minted = flow.open("token-1", NOON, {})

    reply = await flow.answer(WISH, minted)

    assert moves(reply) == [("navigate", "not_opened", "WISH", True), ("data_exchange", "WISH", "SIZE", False)]


# The form


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param({"size": "big"}, "Please check: size", id="of another type"),
        pytest.param({"size": 1, "left_over": [5]}, "Please check: left over", id="of another type inside"),
        pytest.param({}, "Please check: size", id="missing"),
        pytest.param({"size": 7, "left_over": 5}, "Please check: left over", id="in words"),
        pytest.param({"size": 7, "left_over": ["a", 5]}, "Please check: left over", id="inside a list"),
        pytest.param([], NOT_UNDERSTOOD, id="no object"),
        pytest.param("tea", NOT_UNDERSTOOD, id="a text"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_with_its_field_and_never_repeated(data: Any, message: str) -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call(screen="SIZE", data=data, name="c-1"), instance)

    assert (reply.code, reply.screen) == ("field_bad", "SIZE")
    assert reply.data == {"hint": "tea", "error_message": message}
    assert stays(reply, instance)


async def test_a_number_may_come_as_its_digits() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call(screen="SIZE", data={"size": "7"}), instance)

    assert (reply.screen, reply.data) == ("LAST", {"size": 7})


async def test_what_a_form_does_not_name_is_ignored() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call(screen="SIZE", data={"size": 7, "colour": "red"}), instance)

    assert reply.instance is not None
    assert reply.instance.context["forms"]["SIZE"] == {"size": 7, "left_over": []}


async def test_the_logics_no_is_shown_as_far_as_a_phone_shows_it() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call(screen="SIZE", data={"size": 10}), instance)

    assert (reply.code, reply.screen) == ("refused", "SIZE")
    assert reply.data == {"hint": "tea", "error_message": ("10 is too much. " + "x" * 100)[:80]}
    assert stays(reply, instance)


async def test_a_double_tap_shows_where_the_first_one_led() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await flow.answer(a_call(screen="WISH", data={"wish": "tea"}, name="the second tap"), instance)

    assert (reply.code, reply.screen, reply.data) == ("stale_step", "SIZE", {"hint": "tea"})
    assert stays(reply, instance)


async def test_the_same_form_after_going_back_leads_on_again() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH, a_call("BACK", "SIZE"))

    reply = await flow.answer(a_call(screen="WISH", data={"wish": "tea"}, name="once more"), instance)

    assert (reply.code, moves(reply)) == ("ok", [("data_exchange", "WISH", "SIZE", False)])


async def test_forms_of_screens_that_are_not_on_the_way_any_more_are_forgotten() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH, SIZE, a_call("BACK", "LAST"), a_call("BACK", "SIZE"))
    assert [*instance.context["forms"]] == ["WISH", "SIZE"]

    reply = await flow.answer(a_call(screen="WISH", data={"wish": "milk"}), instance)

    assert reply.instance is not None
    assert reply.instance.context["forms"] == {"WISH": {"wish": "milk"}}


# Our own faults


@pytest.mark.parametrize(
    "wished",
    [
        pytest.param(lambda _session, _form: "LAST", id="a screen that no route leads to"),
        pytest.param(lambda _session, _form: "MOON", id="a screen that is not there"),
        pytest.param(lambda _session, _form: None, id="nothing"),
        pytest.param(lambda _session, _form: ["SIZE"], id="what is no screen"),
        pytest.param(lambda _session, _form: 1 / 0, id="an exception"),
        pytest.param(lambda _session, _form: Success(5), id="an end without values"),  # type: ignore[arg-type]
    ],
)
async def test_logic_that_goes_wrong_leaves_the_customer_where_they_are_with_a_reference(wished: Any) -> None:
    flow = a_survey(wished)
    instance = await after(flow, OPEN)

    reply = await flow.answer(a_call(screen="WISH", name="0123456789abcdef"), instance)

    assert (reply.status, reply.code, reply.screen) == (200, "handler_error", "WISH")
    assert reply.data == {"error_message": "Something went wrong on our side. Reference: 01234567"}
    assert reply.fault is not None
    assert stays(reply, instance)


@pytest.mark.parametrize(
    "hint",
    [
        pytest.param(lambda _: {"colour": "red"}, id="a key that the screen does not have"),
        pytest.param(lambda _: {"hint": None}, id="null"),
        pytest.param(lambda _: {"hint": 5}, id="another type"),
        pytest.param(lambda _: None, id="nothing"),
        pytest.param(lambda _: 1 / 0, id="an exception"),
    ],
)
async def test_data_that_does_not_fit_the_screen_never_reaches_the_phone(hint: Any) -> None:
    flow = a_survey(hint=hint)
    instance = await after(flow, OPEN)

    reply = await flow.answer(WISH, instance)

    assert (reply.code, reply.screen, [*reply.data]) == ("handler_error", "WISH", ["error_message"])
    assert reply.fault is not None
    assert stays(reply, instance)


async def test_data_that_does_not_fit_is_a_fault_that_names_its_screen() -> None:
    flow = a_survey(hint=lambda _: {"hint": 5})

    reply = await flow.answer(WISH, await after(flow, OPEN))

    assert isinstance(reply.fault, DataMisfit)
    assert (reply.fault.screen, str(reply.fault)) == (
        "SIZE",
        "what SIZE is shown with does not fit its data model: Expected `str`, got `int` - at `$.hint`",
    )


async def test_a_screen_that_cannot_be_shown_again_is_shown_with_the_message_alone() -> None:
    flow = a_survey()
    instance = await after(flow, OPEN, WISH)

    reply = await a_survey(hint=lambda _: 1 / 0).answer(a_call("dance", "WISH"), instance)

    assert (reply.code, reply.screen, reply.data) == ("inner_bad", "SIZE", {"error_message": NOT_UNDERSTOOD})
    assert isinstance(reply.fault, ZeroDivisionError)
    assert stays(reply, instance)
    assert flow.excuse(WISH, instance, "deadline").screen == "WISH"


async def test_a_flow_without_an_endpoint_answers_nobody() -> None:
    compiled = compile_flow(
        "note", source_of({"version": "7.3", "screens": [a_screen("A", does("complete"), terminal=True)]})
    )
    assert compiled.definition is not None
    assert compiled.flow is not None
    flow = Flow(compiled.flow, Interpreter(compiled.definition, GUARDS), Screens())

    reply = await flow.answer(OPEN, None)

    assert (reply.status, reply.code) == (427, "flow_unknown")


# Whatever comes

odd_data: st.SearchStrategy[Any] = (
    st.none()
    | st.integers()
    | st.text(max_size=3)
    | st.lists(st.integers(), max_size=2)
    | (st.dictionaries(st.sampled_from(["size", "wish", "thanks", "left_over"]), st.integers() | st.text(max_size=3)))
)
calls = st.lists(
    st.tuples(
        st.sampled_from(["INIT", "BACK", "data_exchange", "data_exchange", "data_exchange", "dance"]),
        st.sampled_from(["WISH", "SIZE", "LAST", "", "MOON", "completed"]),
        odd_data | st.just({"size": 5, "thanks": "so much"}),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(calls=calls)
async def test_whatever_a_phone_says_it_is_shown_where_it_is_and_its_steps_join(
    calls: list[tuple[str, str, Any]],
) -> None:
    flow = a_survey()
    instance: Instance | None = None
    for index, (action, screen, data) in enumerate(calls):
        call = Call(f"call-{index}", action, screen, "token-1", data, NOON + index * SECOND)
        reply = await flow.answer(call, instance)
        assert reply == await flow.answer(call, instance) or reply.fault is not None
        at = instance
        for step in reply.steps:
            assert at is None or step.before == at
            at = step.after
        assert reply.instance == at or reply.steps == ()
        if reply.status == 200 and reply.code not in {"ok", "stale_step"}:
            assert isinstance(reply.data["error_message"], str)
        if (
            reply.status == 200
            and reply.instance is not None
            and reply.instance.state not in {"not_opened", "completed"}
        ):
            assert reply.screen == reply.instance.state
        instance = at


def test_logic_says_whether_it_may_take_a_while() -> None:
    quick, slow = Screens(), Screens()

    @quick.show("A")
    def show(_session: Session) -> Mapping[str, Any]:
        return {}

    @slow.submit("A")
    async def submit(_session: Session, _form: dict[str, Any]) -> str:
        return "B"

    assert (quick.waits, slow.waits) == (False, True)
    assert slow.forms == {"A": dict[str, Any]}


def test_a_form_that_was_not_submitted_is_not_there() -> None:
    with pytest.raises(KeyError):
        Session("token-1", NOON).form("SIZE", SizeForm)

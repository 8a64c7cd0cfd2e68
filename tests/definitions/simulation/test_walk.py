"""What a walk through a Flow finds: everything where nothing is wrong, and each mistake that logic can make."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from definitions.flow_calls import Call, Flow, Reply
from definitions.media import Upload
from definitions.screens import About, Refused, Screens, Session, Success, Tell
from definitions.simulation import Report, World, simulate, walk
from definitions.simulation.report import Accepted, Edge, Fault
from engine.model import Instance
from tests.definitions.documents import FLOWS, SAMPLES, a_flow, a_screen, an_exchange, does, read, the_end
from tests.definitions.simulation.booking import BOOKING, TREATMENTS, a_flow_of, booked, chosen, logic, walked

TEXT = {"type": "string", "__example__": "x"}
README = (Path(__file__).parents[3] / "README.md").read_text()


class WordForm(Struct):
    """ONE: a word."""

    word: str


def kinds(faults: tuple[Fault, ...]) -> set[tuple[str, str, str]]:
    """Return what is wrong, and where."""
    return {(fault.kind, fault.screen, fault.message) for fault in faults}


# Nothing wrong


def test_a_sound_flow_is_walked_whole() -> None:
    report = walked(BOOKING, logic())

    assert (report.faults, report.dead_ends, report.uncovered, report.unseen) == ((), (), (), ())
    assert report.screens == ("TREATMENT", "PRICES", "DAY", "LAST")
    assert report.covered == (
        Edge("DAY", "LAST"),
        Edge("LAST", "SUCCESS"),
        Edge("TREATMENT", "DAY"),
        Edge("TREATMENT", "PRICES"),
    )
    assert {"ok", "refused", "field_bad", "stale_step", "token_expired", "illegal_edge", "completed"} == {
        *report.outcomes
    }
    assert not report.truncated


def test_the_same_walk_finds_the_same() -> None:
    assert walked(BOOKING, logic()) == walked(BOOKING, logic())


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_what_ships_has_no_fault_and_is_walked_as_the_readme_says(name: str) -> None:
    report = simulate(name)

    assert (report.faults, report.dead_ends, report.warnings, report.truncated) == ((), (), (), False)
    assert (report.unseen, report.uncovered) == ((), ())
    screens, edges = len(report.screens), len(report.covered)
    told = f"| `{name}` | {report.paths:,} | {report.calls:,} | {screens} of {screens} | {edges} of {edges} | none | "
    assert (told in README) == (name != "purchase_interest"), told


def test_what_only_happens_to_some_is_found() -> None:
    """Every value of the first screen comes as far as the last."""

    def reserved(session: Session, _form: Any) -> Success:
        if session.form("ONE", WordForm).word == "c":
            raise LookupError("c is gone")
        return Success()

    flow = an_exchange({"ONE": ["TWO"], "TWO": ["THREE"], "THREE": []}, ONE=_choice("ONE", "a", "b", "c"))
    screens = _straight(flow, ONE=_typed(leads_to("TWO"), WordForm), THREE=reserved)

    report = walked(flow, screens)

    (fault,) = report.faults
    assert (fault.kind, fault.screen) == ("raised", "THREE")
    assert fault.message.startswith("LookupError at test_walk.py:")
    assert fault.way == (
        "opens on ONE",
        'ONE: submits word="c" -> TWO',
        "TWO: submits -> THREE",
        "THREE: submits",
    )


def test_two_answers_that_only_together_are_refused_are_tried() -> None:
    def decide(_session: Session, form: dict[str, Any]) -> str:
        if (form.get("one"), form.get("two")) == ("c", "c"):
            return "NOWHERE"
        return "ONE" if "c" in form.values() else "TWO"

    one = a_screen(
        "ONE",
        *(_radio(name, "a", "b", "c") for name in ("one", "two")),
        does("data_exchange", payload={"one": "${form.one}", "two": "${form.two}"}),
    )
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=one)

    report = walked(flow, _straight(flow, ONE=decide))

    assert kinds(report.faults) == {("unknown_screen", "ONE", "submit of ONE leads to 'NOWHERE', which is no screen")}
    assert report.faults[0].way[-1] == 'ONE: submits one="c", two="c"'


def test_every_branch_of_a_flow_without_an_endpoint_is_walked() -> None:
    switch = {
        "type": "Switch",
        "value": "${form.kind}",
        "cases": {
            name: [{**does("navigate", target), "label": "Go on"}]
            for name, target in (("car", "CAR"), ("bike", "BIKE"), ("none", "END"))
        },
    }
    flow = a_flow(
        a_screen("KIND", _radio("kind", "car", "bike", "none"), switch),
        a_screen("CAR", does("navigate", "END")),
        a_screen("BIKE", does("navigate", "END")),
        the_end(),
    )

    report = walked(flow)

    assert (report.faults, report.dead_ends, report.uncovered) == ((), (), ())
    assert (report.paths, report.calls) == (3, 0)


def test_what_is_typed_on_the_way_is_carried_to_the_end() -> None:
    payload = {"name": "${form.name}"}
    flow = a_flow(
        a_screen("NAME", _text("name"), does("navigate", "END", payload=payload)),
        {**the_end(), "data": {"name": TEXT}},
    )

    report = walked(flow)

    assert report.outcomes == {"completed": 4}
    assert (report.paths, report.warnings) == (4, ())


WITHOUT_ENDPOINT = [path for path in sorted((SAMPLES / "flows").glob("*.json")) if "data_api_version" not in read(path)]


@pytest.mark.skipif(not WITHOUT_ENDPOINT, reason="there are no samples: set WAYSTATE_SAMPLES to a folder that has some")
@pytest.mark.parametrize("path", WITHOUT_ENDPOINT, ids=lambda path: path.stem)
def test_what_others_wrote_is_walked_to_the_end(path: Path) -> None:
    report = simulate(path)

    assert (report.faults, report.dead_ends, report.warnings) == ((), (), ())
    assert (report.unseen, report.uncovered, report.truncated) == ((), (), False)


# Mistakes of the logic


def leads_to(target: Any) -> Callable[..., Any]:
    """Return a submit that always answers this."""
    return lambda _session, _form: target


def shows(data: Any) -> Callable[..., Any]:
    """Return a show that always answers this."""
    return lambda _session: data


DAY_DATA = {"is_asked": False, "slots": []}
MISFIT = "what DAY is shown with does not fit its data model"


@pytest.mark.parametrize(
    ("screens", "fault"),
    [
        pytest.param(
            logic(chosen=leads_to("DYA")),
            ("unknown_screen", "TREATMENT", "submit of TREATMENT leads to 'DYA', which is no screen"),
            id="an unknown screen",
        ),
        pytest.param(
            logic(chosen=leads_to(None)),
            (
                "unknown_screen",
                "TREATMENT",
                "submit of TREATMENT returns nothing: `return` the next screen, or Success",
            ),
            id="no screen",
        ),
        pytest.param(
            logic(chosen=leads_to(Success)),
            ("unknown_screen", "TREATMENT", "submit of TREATMENT returns Success itself: write Success()"),
            id="the class of an end",
        ),
        pytest.param(
            logic(chosen=leads_to(Refused("no"))),
            ("unknown_screen", "TREATMENT", "submit of TREATMENT returns Refused: `raise` it"),
            id="a refusal that is not raised",
        ),
        pytest.param(
            logic(chosen=leads_to(("DAY", {}))),
            ("unknown_screen", "TREATMENT", "submit of TREATMENT returns tuple; the next screen is a str, or Success"),
            id="a screen with data",
        ),
        pytest.param(
            logic(chosen=leads_to("LAST")),
            ("illegal_screen", "TREATMENT", "submit of TREATMENT leads to LAST, and no route does"),
            id="a screen without a route",
        ),
        pytest.param(
            logic(days=shows({**DAY_DATA, "is_asked": "no"})),
            ("data_misfit", "TREATMENT", f"{MISFIT}: Expected `bool`, got `str` - at `$.is_asked`"),
            id="data of a wrong type",
        ),
        pytest.param(
            logic(days=shows({**DAY_DATA, "extra": 1})),
            ("data_misfit", "TREATMENT", f"{MISFIT}: Object contains unknown field `extra`"),
            id="data that is not declared",
        ),
        pytest.param(
            logic(days=shows(None)),
            ("data_misfit", "TREATMENT", f"{MISFIT}: show returns nothing"),
            id="no data",
        ),
        pytest.param(
            logic(days=shows({**DAY_DATA, "slots": [{"id": "x" * 1_000_001}]})),
            ("too_large", "TREATMENT", "the data of DAY is more than 1,000,000 bytes"),
            id="too much",
        ),
    ],
)
def test_a_mistake_is_named_with_the_way_to_it(screens: Screens, fault: tuple[str, str, str]) -> None:
    report = walked(BOOKING, screens)

    assert fault in kinds(report.faults)
    found = next(each for each in report.faults if (each.kind, each.screen, each.message) == fault)
    assert found.way[:1] == ("opens on TREATMENT",)
    assert found.way[1].startswith('TREATMENT: submits treatment="cut"')


def test_data_that_must_be_there_is_missed() -> None:
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, TWO={"data": {"name": TEXT, "required": ["name"]}})
    screens = _straight(flow)
    screens.show("TWO")(shows({}))

    message = "what TWO is shown with does not fit its data model: Object missing required field `name`"
    assert kinds(walked(flow, screens).faults) == {("data_misfit", "ONE", message)}


def test_data_that_is_referred_to_and_not_there_is_a_warning() -> None:
    report = walked(BOOKING, logic(treatments=shows({})))

    assert kinds(report.warnings) == {
        ("missing_data", "TREATMENT", "${data.treatments} is not among the data that the screen is shown with"),
        ("unfillable", "TREATMENT", "no value was found that fits treatment"),
    }
    assert [dead.screen for dead in report.dead_ends] == ["TREATMENT"]


def test_logic_that_raises_is_told_with_its_place() -> None:
    def show(_session: Session) -> dict[str, Any]:
        raise LookupError("no such day")

    report = walked(BOOKING, logic(days=show))

    (fault,) = report.faults
    assert (fault.kind, fault.screen) == ("raised", "TREATMENT")
    assert fault.message.startswith("LookupError at test_walk.py:")
    assert fault.message.endswith(": no such day")


def test_a_value_that_no_phone_sends_must_not_raise() -> None:
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=_choice("ONE", "a", "b"))
    prices = {"a": 1, "b": 2}

    def decide(_session: Session, form: Any) -> str:
        return "TWO" if prices[form["word"]] else "ONE"

    report = walked(flow, _straight(flow, ONE=decide))

    assert {fault.way[-1] for fault in report.faults} >= {
        "ONE: somebody sends word: an unknown option",
        "ONE: somebody sends word: null",
        "ONE: somebody sends a payload that is null",
    }
    assert {fault.kind for fault in report.faults} == {"raised"}


def test_what_was_slipped_in_and_breaks_a_later_screen_is_found() -> None:
    flow = an_exchange(
        {"ONE": ["TWO"], "TWO": ["THREE"], "THREE": []}, ONE=_choice("ONE", "a"), THREE={"data": {"word": TEXT}}
    )
    screens = _straight(flow)
    screens.show("THREE")(lambda session: {"word": session.forms["ONE"]["word"]})

    report = walked(flow, screens)

    misfit = "what THREE is shown with does not fit its data model"
    assert ("data_misfit", "TWO", f"{misfit}: Expected `str`, got `int` - at `$.word`") in kinds(report.faults)
    found = next(fault for fault in report.faults if "got `int`" in fault.message)
    assert found.way == (
        "opens on ONE",
        "ONE: somebody sends word: another type -> TWO",
        "TWO: submits",
    )


def test_what_is_taken_and_no_phone_sends_is_told_and_is_no_fault() -> None:
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=_choice("ONE", "a"))

    report = walked(flow, _straight(flow, ONE=_typed(leads_to("TWO"), WordForm)))

    assert report.faults == ()
    assert report.accepted[:1] == (
        Accepted("ONE", "word", ("an unknown option", "an empty text", "10,000 characters")),
    )


def test_a_form_that_does_not_take_what_a_phone_sends_is_a_fault() -> None:
    class Form(Struct):
        treatment: str
        shade: str

    report = walked(BOOKING, logic(chosen=_typed(chosen, Form)))

    assert kinds(report.faults) == {("form_misfit", "TREATMENT", "Object missing required field `shade`")}


def test_a_number_comes_as_a_text_too() -> None:
    number = {**_text("count"), "input-type": "number"}
    one = a_screen("ONE", number, does("data_exchange", payload={"count": "${form.count}"}))
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=one)

    class Form(Struct):
        count: int

    screens = _straight(flow)
    screens.submit("ONE")(_typed(leads_to("TWO"), Form))

    assert walked(flow, screens).faults == ()


def test_none_of_several_again_is_asked_about_too() -> None:
    asking = {"name": "data_exchange", "payload": {"word": "${form.word}"}}
    several = {"type": "CheckboxGroup", "name": "word", "label": "Words", "on-select-action": asking}
    listed = [{"id": "a", "title": "A"}, {"id": "b", "title": "B"}]
    one = a_screen("ONE", {**several, "data-source": listed, "required": True}, does("data_exchange"))
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=one)

    class Form(Struct):
        word: list[str] | None = None

    def decide(_session: Session, form: Form) -> str:
        return "TWO" if form.word is None else "ONE" if form.word[0] else "TWO"

    report = walked(flow, _straight(flow, ONE=_typed(decide, Form)))

    assert [(fault.kind, fault.message.split(" at ")[0], fault.way) for fault in report.faults] == [
        ("raised", "IndexError", ("opens on ONE", 'ONE: chooses word=["a"] -> ONE', "ONE: chooses word=[]"))
    ]


def test_a_screen_without_logic_is_told() -> None:
    screens = logic()
    del screens.submits["DAY"]

    report = walked(BOOKING, screens)

    assert kinds(report.faults) == {
        ("refused_move", "DAY", "data_exchange on DAY is refused: it has no submit"),
    }
    assert report.unseen == ("LAST",)


def test_logic_that_answers_as_it_likes_is_unstable() -> None:
    coin = itertools.cycle(["DAY", "PRICES"])

    report = walked(BOOKING, logic(chosen=lambda _session, _form: next(coin)))

    assert (
        "unstable",
        "TREATMENT",
        "the same data_exchange was answered 200 ok with DAY, and then 200 ok with PRICES",
    ) in kinds(report.faults)


def test_logic_that_never_answers_is_given_up() -> None:
    async def decide(_session: Session, _form: Any) -> str:
        await asyncio.Event().wait()
        return "DAY"

    report = walked(BOOKING, logic(chosen=decide), World(patience=0.001))

    assert ("too_slow", "TREATMENT", "data_exchange on TREATMENT was not answered in time") in kinds(report.faults)
    assert report.outcomes["deadline"] > 0


def test_logic_that_holds_everything_up_is_found_although_it_answers() -> None:
    seconds = [0.6]

    def show(_session: Session) -> dict[str, Any]:
        time.sleep(seconds.pop() if seconds else 0)
        return {"treatments": TREATMENTS}

    report = walked(BOOKING, logic(treatments=show), World(patience=0.01))

    assert kinds(report.faults) == {
        ("too_slow", "", "INIT on opening was not answered in time"),
        ("unstable", "", "the same INIT was answered 427 deadline, and then 200 ok with TREATMENT"),
    }


# Dead ends


def test_a_screen_that_refuses_everything_is_a_dead_end_although_one_can_go_back() -> None:
    def decide(session: Session, form: Any) -> str | Success:
        if session.forms["TREATMENT"]["treatment"] == "colour":
            raise Refused("We have no colours left.")
        return booked(session, form)

    report = walked(BOOKING, logic(booked=_typed(decide, booked.__annotations__["form"])))

    assert report.faults == ()
    assert [(dead.screen, dead.way) for dead in report.dead_ends] == [
        ("DAY", ("opens on TREATMENT", 'TREATMENT: submits treatment="colour", shade="copper" -> DAY')),
    ]


def test_a_page_that_is_only_read_is_no_dead_end() -> None:
    assert "PRICES" in walked(BOOKING, logic()).screens
    assert walked(BOOKING, logic()).dead_ends == ()


def test_a_choice_of_nothing_is_a_dead_end() -> None:
    report = walked(BOOKING, logic(treatments=shows({"treatments": []})))

    assert [(dead.screen, dead.situations) for dead in report.dead_ends] == [("TREATMENT", 1)]
    assert report.paths == 0


def test_a_list_cannot_be_answered_with_itself() -> None:
    item = {"id": "a", "main-content": {"title": "A"}}
    action = {"name": "data_exchange", "payload": {"item": "${form.list}"}}
    listed = {"type": "NavigationList", "name": "list", "list-items": [item], "on-click-action": action}
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=a_screen("ONE", listed))

    def decide(_session: Session, form: Any) -> str:
        raise Refused(f"no {form['item']}")

    assert kinds(walked(flow, _straight(flow, ONE=decide)).faults) >= {
        ("illegal_screen", "ONE", "a phone on ONE does not go to ONE"),
    }


# What a session is about

PARCELS = [About("parcel", "P-7", "packed", allowed=("held",)), About("parcel", "P-7", "gone")]


def _about(decide: Any, **how: Any) -> Report:
    """Return what is found in a flow of two screens and an end for what cannot be held."""
    flow = an_exchange({"ONE": ["TWO", "GONE"], "TWO": ["GONE"], "GONE": []}, TWO={"terminal": True, "success": True})
    world = World(abouts=how.pop("abouts", PARCELS))

    def chosen(session: Session, _form: Any) -> str:
        return "TWO" if session.about and session.about.allowed else "GONE"

    return walked(flow, _straight(flow, ONE=chosen, TWO=decide), world)


def test_every_example_is_walked_and_changes_into_every_other_meanwhile() -> None:
    def decide(session: Session, _form: Any) -> str | Success:
        return Success(tell=Tell("held")) if session.about and session.about.allowed else "GONE"

    report = _about(decide)

    assert (report.faults, report.dead_ends, report.uncovered, report.unseen) == ((), (), (), ())
    assert Edge("TWO", "GONE") in report.covered
    assert _about(decide, abouts=PARCELS[:1]).unseen == ("GONE",)


def test_logic_that_does_not_look_again_is_a_dead_end() -> None:
    report = _about(lambda _session, _form: Success(tell=Tell("held")))

    assert report.faults == ()
    ways = {dead.screen: dead.way for dead in report.dead_ends}
    assert ways["TWO"] == ("opens on ONE", "ONE: submits -> TWO", "what it is about changes")


def test_logic_that_takes_for_granted_what_changes_is_found() -> None:
    def decide(session: Session, _form: Any) -> Success:
        assert session.about is not None
        return Success({"by": session.about.allowed[0]})

    (fault,) = _about(decide).faults

    assert (fault.kind, fault.screen, fault.way[2:]) == ("raised", "TWO", ("what it is about changes", "TWO: submits"))


# What else people bring along


def test_a_code_that_only_the_customer_knows_can_be_given() -> None:
    one = a_screen("ONE", _text("code"), does("data_exchange", payload={"code": "${form.code}"}))
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=one)

    def decide(session: Session, form: Any) -> str:
        if form["code"] != session.data["code"]:
            raise Refused("That is not the code.")
        return "TWO"

    screens = _straight(flow, ONE=_guarded(decide))
    minted = World(data={"code": "4711"})

    assert [dead.screen for dead in walked(flow, screens, minted).dead_ends] == ["ONE"]
    assert walked(flow, screens, replace(minted, values={"ONE.code": ["4711"]})).dead_ends == ()
    assert walked(flow, screens, replace(minted, values={"code": ["4711"]})).uncovered == ()


def test_files_can_be_fetched() -> None:
    picker = {"type": "PhotoPicker", "name": "photos", "label": "Photos", "min-uploaded-photos": 1}
    picker["max-uploaded-photos"] = 2
    one = a_screen("ONE", picker, does("data_exchange", payload={"photos": "${form.photos}"}))
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, ONE=one)

    class Form(Struct):
        photos: list[Upload]

    async def decide(session: Session, form: Form) -> str:
        for photo in form.photos:
            assert (await session.media.fetch(photo)).startswith(b"\x89PNG")
        return "TWO"

    screens = _straight(flow)
    screens.submit("ONE")(_typed(decide, Form))
    report = walked(flow, screens)

    assert (report.faults, report.uncovered) == ((), ())


async def test_it_can_be_walked_where_an_event_loop_runs() -> None:
    async def decide(session: Session, form: Any) -> str:
        await asyncio.sleep(0)
        return chosen(session, form)

    report = walked(BOOKING, logic(chosen=_typed(decide, chosen.__annotations__["form"])))

    assert (report.faults, report.uncovered) == ((), ())


def test_a_walk_that_is_cut_says_so_and_calls_nothing_a_dead_end() -> None:
    report = walked(BOOKING, logic(), World(most=3))

    assert (report.truncated, report.situations, report.dead_ends) == (True, 3, ())


# What is wrong with more than the logic


class Wrong(Flow):
    """A Flow that answers otherwise than it should, by the code of what it should."""

    otherwise: Mapping[str, Callable[[Reply], Reply]] = {}

    async def answer(self, call: Call, instance: Instance | None) -> Reply:
        """Return what it should answer, or otherwise."""
        reply = await super().answer(call, instance)
        return self.otherwise[reply.code](reply) if reply.code in self.otherwise else reply


def broken(_reply: Reply) -> Reply:
    """Answer nothing."""
    raise LookupError("nothing there")


def taken(reply: Reply) -> Reply:
    """Take what must be refused."""
    step: Any = "a step that nobody looks at"
    return replace(reply, code="ok", steps=(step,))


@pytest.mark.parametrize(
    ("code", "otherwise", "fault"),
    [
        pytest.param(
            "token_expired",
            lambda reply: replace(reply, status=200, code="ok", screen="TREATMENT"),
            ("not_closed", "TREATMENT", "a call after the end was answered 200 ok with TREATMENT"),
            id="open after its time",
        ),
        pytest.param(
            "ok",
            lambda reply: replace(reply, status=427, code="parked"),
            ("closed", "", "INIT closed the session: parked"),
            id="closed before its time",
        ),
        pytest.param(
            "ok",
            lambda reply: replace(reply, screen="LAST"),
            ("illegal_screen", "", "a phone on no screen does not go to LAST"),
            id="a screen that a phone does not open",
        ),
        pytest.param(
            "illegal_edge",
            taken,
            ("not_there", "TREATMENT", "a call from DAY moved a session on TREATMENT"),
            id="a call from elsewhere taken",
        ),
        pytest.param(
            "ok",
            lambda reply: replace(reply, code="handler_error"),
            ("raised", "", "INIT on opening is answered handler_error"),
            id="an error without a cause",
        ),
        pytest.param(
            "ok",
            lambda reply: replace(reply, code="deadline"),
            ("too_slow", "", "INIT on opening was not answered in time"),
            id="too late",
        ),
    ],
)
def test_an_endpoint_that_is_wrong_itself_is_found_out(
    code: str, otherwise: Callable[[Reply], Reply], fault: tuple[str, str, str]
) -> None:
    sound = a_flow_of(BOOKING, logic())
    wrong = Wrong(sound.document, sound.interpreter, sound.screens)
    wrong.otherwise = {code: otherwise}

    assert fault in kinds(walk("wrong", wrong).faults)


def test_an_endpoint_that_answers_nothing_is_found_out() -> None:
    sound = a_flow_of(BOOKING, logic())
    wrong = Wrong(sound.document, sound.interpreter, sound.screens)
    wrong.otherwise = {"ok": broken}

    (fault, *_) = walk("wrong", wrong).faults

    assert (fault.kind, fault.way) == ("raised", ("opens",))
    assert fault.message.startswith("nothing was answered: LookupError at test_walk.py:")


def test_data_that_is_no_json_is_no_data() -> None:
    flow = an_exchange({"ONE": ["TWO"], "TWO": []}, TWO={"data": {"it": {"type": "object", "__example__": {}}}})
    screens = _straight(flow)
    screens.show("TWO")(shows({"it": {"is": object()}}))

    assert kinds(walked(flow, screens).faults) == {
        ("data_misfit", "ONE", "the data is no JSON: Encoding objects of type object is unsupported"),
    }


def test_a_machine_that_does_not_know_what_a_phone_can_do_is_found_out() -> None:
    ahead = a_flow_of(a_flow(a_screen("ONE", does("navigate", "TWO")), the_end("TWO")))
    apart = a_screen("TWO", does("navigate", "OTHER")), a_screen("OTHER", does("navigate", "TWO"))
    behind = a_flow_of(a_flow(the_end("ONE"), *apart))

    report = walk("wrong", Flow(ahead.document, behind.interpreter, Screens()))

    assert kinds(report.faults) == {("refused_move", "TWO", "the machine cannot complete from TWO")}
    assert report.uncovered == (Edge("TWO", "SUCCESS"),)


def test_a_link_to_nowhere_is_found_out() -> None:
    report = walked(a_flow(a_screen("ONE", does("navigate", "NOWHERE"), does("navigate", "TWO")), the_end("TWO")))

    assert ("illegal_screen", "ONE", "submits leads to NOWHERE, which is no screen") in kinds(report.faults)


# Builders


def _radio(name: str, *ids: str) -> dict[str, Any]:
    source = [{"id": each, "title": each.upper()} for each in ids]
    return {"type": "RadioButtonsGroup", "name": name, "label": "Which?", "required": True, "data-source": source}


def _text(name: str) -> dict[str, Any]:
    return {"type": "TextInput", "name": name, "label": "What?", "required": True}


def _choice(screen: str, *ids: str) -> dict[str, Any]:
    return a_screen(screen, _radio("word", *ids), does("data_exchange", payload={"word": "${form.word}"}))


def _straight(flow: Mapping[str, Any], **submits: Callable[..., Any]) -> Screens:
    """Return logic that leads to each screen's first route, and from the last one to the end."""
    screens = Screens()
    for name, targets in flow["routing_model"].items():
        screens.submit(name)(submits.get(name, leads_to(targets[0] if targets else Success())))
    return screens


def _guarded(decide: Callable[..., Any]) -> Callable[..., Any]:
    """Return *decide*, asked only of forms that are one of texts."""

    def guarded(session: Session, form: dict[str, str]) -> Any:
        if "code" not in form:
            raise Refused("Please enter the code.")
        return decide(session, form)

    return guarded


def _typed(decide: Callable[..., Any], form: Any) -> Callable[..., Any]:
    """Return *decide* as a submit of this form."""

    def submit(session: Session, form: Any) -> Any:
        return decide(session, form)

    submit.__annotations__["form"] = form
    return submit

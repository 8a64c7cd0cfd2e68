"""Logic that does not fit its Flow is refused when it is loaded, with the place in the document."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, Literal, NoReturn, TypedDict

import pytest
from msgspec import Struct, field

from definitions.catalogue import compile_document
from definitions.flow_json.examples import component, endpoint_flow, example_of, exchange, footer, screen, text_input
from definitions.logic import answered, legal_next, logic_problems
from definitions.media import Upload
from definitions.screens import Next, Screens, Session, Success
from engine.errors import Problem
from engine.model import Definition
from tests.definitions.documents import source_of

PEOPLE = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": {"type": "string"}, "age": {"type": "integer"}}},
    "__example__": [],
}
ASK = screen(
    "ASK",
    text_input("name", required=True),
    component("TextInput", name="count", label="Count", required=True, input_type="number"),
    component("CheckboxGroup", name="colours", label="Colours", data_source=[{"id": "red", "title": "Red"}]),
    footer(exchange(name="${form.name}", count="${form.count}", colours="${form.colours}", kind="new")),
)
SHOWN = screen(
    "SHOWN",
    text_input("note"),
    footer(exchange(note="${form.note}")),
    data={
        "title": example_of("string", "A"),
        "price": example_of("number", 1),
        "people": PEOPLE,
        "required": ["title"],
    },
)
END = screen("END", footer(exchange()), terminal=True)
FLOW = endpoint_flow(ASK, SHOWN, END, routes={"ASK": ["SHOWN", "END"], "SHOWN": ["END"], "END": []})
PAYLOAD = "/screens/0/layout/children/3/on-click-action/payload"


class AskForm(Struct):
    """ASK: all that it sends."""

    name: str
    count: int
    kind: str
    colours: list[str] = []


class Person(TypedDict, total=False):
    """A person, perhaps of an age."""

    id: str
    age: int


class Aged(TypedDict):
    """A person of a wrong age."""

    age: float


class ShownData(TypedDict):
    """SHOWN: all that it is shown with."""

    title: str
    price: float
    people: list[Person]


def logic(**functions: Callable[..., Any]) -> Screens:
    """Return the logic of FLOW; *functions* are others than usual, by `submit_SCREEN` and `show_SCREEN`."""
    screens = Screens()

    def ask(_session: Session, form: AskForm) -> Literal["SHOWN", "END"] | Success:
        return "SHOWN" if form.kind else Success()

    def show(_session: Session) -> ShownData:
        return {"title": "A", "price": 1, "people": []}

    def go_on(_session: Session, _form: Any) -> str:
        return "END"

    usual = {"submit_ASK": ask, "submit_SHOWN": go_on, "submit_END": go_on, "show_SHOWN": show}
    for name, function in {**usual, **functions}.items():
        verb, _, of = name.partition("_")
        bind: Any = screens.submit(of) if verb == "submit" else screens.show(of)
        bind(function)
    return screens


def definition(flow: dict[str, Any] = FLOW) -> Definition:
    """Return what a Flow without errors compiles to."""
    document = compile_document("survey", source_of(flow))
    assert document.errors == ()
    assert document.definition is not None
    return document.definition


def problems(screens: Screens, flow: dict[str, Any] = FLOW) -> list[Problem]:
    """Return what is wrong with the logic of a Flow."""
    document = compile_document("survey", source_of(flow))
    assert document.flow is not None
    return sorted(logic_problems(document.flow, definition(flow), screens))


def asked_with(form: Any, result: Any = str) -> Screens:
    """Return logic of FLOW whose submit of ASK is declared so."""

    def ask(session: Any, form: Any) -> Any: ...

    ask.__annotations__ = {"form": form, "return": result}
    return logic(submit_ASK=ask)


def shown_with(result: Any) -> Screens:
    """Return logic of FLOW whose show of SHOWN is declared so."""

    def show(session: Any) -> Any: ...

    show.__annotations__ = {"return": result}
    return logic(show_SHOWN=show)


def typed_dict(**members: Any) -> Any:
    """Return a TypedDict."""
    return TypedDict("typed_dict", members)  # type: ignore[operator]


def form(**members: Any) -> Any:
    """Return a form's type; a member may come with its default."""
    given = {name: kind for name, kind in members.items() if not isinstance(kind, tuple)}
    defaults = {name: kind for name, kind in members.items() if isinstance(kind, tuple)}
    annotations = {**given, **{name: kind for name, (kind, _) in defaults.items()}}
    values = {name: value for name, (_, value) in defaults.items()}
    return type("Form", (Struct,), {"__annotations__": annotations, **values})


# What fits


def test_logic_that_fits_has_no_problem() -> None:
    assert problems(logic()) == []


@pytest.mark.parametrize("kind", [Any, dict, dict[str, Any], Mapping[str, object], object])
def test_a_form_that_says_nothing_takes_everything(kind: Any) -> None:
    assert problems(asked_with(kind)) == []


@pytest.mark.parametrize(
    "kind",
    [
        AskForm,
        form(name=str),
        form(name=date, count=float),
        form(name=Literal["Ada", "Bo"], count=str),
        form(count=str | int),
        form(colours=(list[str] | str, "")),
        form(colours=(tuple[str, ...], ())),
        form(unsent=(int, 1)),
        typed_dict(name=str, kind=str),
    ],
)
def test_a_form_may_take_less_than_is_sent(kind: Any) -> None:
    assert problems(asked_with(kind)) == []


@pytest.mark.parametrize(
    "result",
    [
        Any,
        str,
        Success,
        Next,
        str | Success,
        Literal["SHOWN"],
        Literal["ASK", "END"] | Success,
        NoReturn,
        Awaitable[str],
    ],
)
def test_where_a_screen_leads_may_be_declared_so(result: Any) -> None:
    assert problems(asked_with(AskForm, result)) == []


@pytest.mark.parametrize(
    "result",
    [
        Any,
        dict[str, Any],
        Mapping[str, object],
        NoReturn,
        ShownData,
        typed_dict(title=str),
        typed_dict(title=str, people=list[Any], error_message=str),
        typed_dict(title=Literal["A", "B"], price=int),
        form(title=str, price=(float, 1.0)),
        ShownData | typed_dict(title=str),
        Awaitable[ShownData],
    ],
)
def test_what_is_shown_may_be_declared_so(result: Any) -> None:
    assert problems(shown_with(result)) == []


def test_functions_that_say_nothing_are_taken_as_they_are() -> None:
    screens = logic(submit_ASK=lambda _session, _form: "SHOWN", show_SHOWN=lambda _session: {"title": "A"})

    assert problems(screens) == []


def test_logic_that_waits_is_checked_like_any_other() -> None:
    async def show(_session: Session) -> Any: ...

    show.__annotations__["return"] = typed_dict(title=int)

    assert [problem.code for problem in problems(logic(show_SHOWN=show))] == ["INVALID_SHOWN_DATA"]


def test_a_form_with_other_names_for_its_fields_is_checked_by_those_of_the_payload() -> None:
    class Named(Struct):
        first: str = field(name="name")
        how_many: int = field(name="many")

    assert [problem.message for problem in problems(asked_with(Named))] == [
        "the form of ASK needs many, which no payload sends; sent is: name, count, colours, kind"
    ]


# Screens


def test_everything_is_told_at_once() -> None:
    screens = Screens()
    screens.submit("MOON")(lambda _session, _form: "END")

    assert [(problem.pointer, problem.code) for problem in problems(screens)] == [
        ("", "UNKNOWN_SCREEN"),
        ("/screens/0", "MISSING_LOGIC"),
        ("/screens/1", "MISSING_LOGIC"),
        ("/screens/1", "MISSING_LOGIC"),
        ("/screens/2", "MISSING_LOGIC"),
    ]


def test_a_screen_is_bound_once() -> None:
    screens = logic()
    screens.show("SHOWN")(lambda _session: {})

    message = "both show and a lambda are bound to SHOWN: the first is never called"
    assert problems(screens) == [Problem("", "DUPLICATE_LOGIC", message)]


def test_logic_of_a_screen_that_is_not_there_is_told_with_those_that_are() -> None:
    screens = logic(show_SHOWM=lambda _session: {})

    message = "a lambda is bound to SHOWM, which is no screen; there are: ASK, SHOWN, END"
    assert problems(screens) == [Problem("", "UNKNOWN_SCREEN", message)]


def test_what_a_screen_lacks_is_told_as_it_is_written() -> None:
    screens = logic()
    del screens.submits["END"], screens.shows["SHOWN"]

    assert [problem.message for problem in problems(screens)] == [
        'SHOWN is shown with data, but nothing is bound with @screens.show("SHOWN")',
        'END asks the endpoint, but nothing is bound with @screens.submit("END")',
    ]


def test_a_form_and_a_session_in_the_wrong_order_are_told_as_that() -> None:
    def ask(form: AskForm, session: Session) -> str:
        return form.name + session.token

    message = "ask of ASK takes its session second; it comes first"
    assert problems(logic(submit_ASK=ask)) == [Problem("/screens/0", "INVALID_LOGIC", message)]


@pytest.mark.parametrize("verb", ["submit", "show"])
def test_a_decorator_without_its_screen_is_refused_at_once(verb: str) -> None:
    bind: Any = getattr(Screens(), verb)

    with pytest.raises(TypeError, match=r'write @screens.submit\("SCREEN"\)'):
        bind(lambda _session: "END")


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("submit_ASK", lambda: "END", "a lambda of ASK takes (); it is given (session, form)"),
        ("submit_ASK", lambda _session: "END", "a lambda of ASK takes (_session); it is given (session, form)"),
        ("submit_ASK", lambda _a, _b, _c: "END", "a lambda of ASK takes (_a, _b, _c); it is given (session, form)"),
        ("show_SHOWN", lambda: None, "a lambda of SHOWN takes (); it is given (session)"),
        ("show_SHOWN", lambda _s, *, extra: extra, "a lambda of SHOWN takes (_s, extra); it is given (session)"),
        ("show_SHOWN", lambda _session: (yield), "a lambda of SHOWN yields; logic returns one answer"),
    ],
)
def test_a_function_that_cannot_be_called_as_logic_is_refused(
    name: str, function: Callable[..., Any], message: str
) -> None:
    assert problems(logic(**{name: function})) == [Problem("", "INVALID_LOGIC", message)]


def test_a_function_may_take_more_than_it_is_given() -> None:
    assert problems(logic(submit_ASK=lambda _session, _form, _spare=1: "END", submit_END=lambda *_given: "END")) == []


# What is submitted


@pytest.mark.parametrize(
    ("kind", "pointer", "code", "message"),
    [
        pytest.param(
            form(nmae=str),
            "/screens/0",
            "UNKNOWN_FIELD",
            "the form of ASK needs nmae, which no payload sends; sent is: name, count, colours, kind",
            id="a field that nobody sends",
        ),
        pytest.param(
            form(name=int),
            f"{PAYLOAD}/name",
            "INVALID_FIELD_TYPE",
            "ASK sends name as str; the form takes int",
            id="type",
        ),
        pytest.param(
            form(count=bool),
            f"{PAYLOAD}/count",
            "INVALID_FIELD_TYPE",
            "ASK sends count as str or int or float; the form takes bool",
            id="none of the types it may be",
        ),
        pytest.param(
            form(colours=(list[Upload], [])),
            f"{PAYLOAD}/colours",
            "INVALID_FIELD_TYPE",
            "ASK sends colours as list; the form takes list",
            id="a type inside",
        ),
        pytest.param(
            form(colours=list[str]),
            f"{PAYLOAD}/colours",
            "MISSING_DEFAULT",
            "colours of ASK may come empty or not at all; the form's field has no default",
            id="no default",
        ),
        pytest.param(
            dict[str, list[str]],
            f"{PAYLOAD}/count",
            "INVALID_FIELD_TYPE",
            "ASK sends count as str or int or float; the form takes list",
            id="a mapping of another type",
        ),
        pytest.param(
            str,
            "/screens/0",
            "INVALID_LOGIC",
            "the form of ASK is str; what a screen submits is an object",
            id="no object",
        ),
    ],
)
def test_a_form_that_does_not_fit_what_is_sent_is_refused(kind: Any, pointer: str, code: str, message: str) -> None:
    assert Problem(pointer, code, message) in problems(asked_with(kind))


def test_a_form_that_takes_nothing_else_must_take_all() -> None:
    class Exact(Struct, forbid_unknown_fields=True):
        name: str
        count: int
        kind: str

    assert [(problem.pointer, problem.code) for problem in problems(asked_with(Exact))] == [
        (f"{PAYLOAD}/colours", "UNKNOWN_FIELD")
    ]


def test_a_form_that_msgspec_cannot_read_is_refused() -> None:
    [problem] = problems(asked_with(form(count=int | date | str)))

    assert (problem.pointer, problem.code) == ("/screens/0", "INVALID_LOGIC")
    assert problem.message.startswith("the form of ASK cannot be read: Type unions")


def test_a_field_that_only_one_of_two_actions_sends_needs_a_default() -> None:
    again = component("EmbeddedLink", text="Again", on_click_action=exchange(name="again"))
    flow = endpoint_flow(
        {**ASK, "layout": {**ASK["layout"], "children": [*ASK["layout"]["children"], again]}}, SHOWN, END
    )

    found = problems(asked_with(form(name=str, kind=str)), flow)

    assert [(problem.pointer, problem.code) for problem in found] == [(f"{PAYLOAD}/kind", "MISSING_DEFAULT")]


# What is answered


@pytest.mark.parametrize(
    ("result", "code", "message"),
    [
        (Literal["MOON"], "UNKNOWN_NEXT_SCREEN", "ask of ASK can lead to MOON; legal are: SHOWN, END, ASK"),
        (
            Literal["END", "SUCCESS"],
            "UNKNOWN_NEXT_SCREEN",
            "ask of ASK can lead to SUCCESS; legal are: SHOWN, END, ASK",
        ),
        (None, "INVALID_LOGIC", "ask of ASK returns None; the next screen is a str, or Success"),
        (str | None, "INVALID_LOGIC", "ask of ASK returns None; the next screen is a str, or Success"),
        (int, "INVALID_LOGIC", "ask of ASK returns int; the next screen is a str, or Success"),
    ],
)
def test_a_next_screen_that_is_not_legal_is_refused(result: Any, code: str, message: str) -> None:
    assert problems(asked_with(AskForm, result)) == [Problem("/screens/0", code, message)]


@pytest.mark.parametrize(
    ("result", "pointer", "reason"),
    [
        (typed_dict(title=str, prise=int), "/screens/1/data", "prise is not declared"),
        (typed_dict(price=int), "/screens/1/data/title", "title is missing"),
        (Person, "/screens/1/data/title", "title is missing"),
        (typed_dict(title=str, price=str), "/screens/1/data/price", "price can be str, which is not int | float"),
        (typed_dict(title=str | None), "/screens/1/data/title", "title can be None, which is not str"),
        (typed_dict(title=str, people=Person), "/screens/1/data/people", "people can be object, which is not list"),
        (
            typed_dict(title=str, people=list[Aged]),
            "/screens/1/data/people",
            "people.age can be float, which is not int",
        ),
        (form(title=(int, 1)), "/screens/1/data/title", "title can be int, which is not str"),
        (ShownData | typed_dict(title=int), "/screens/1/data/title", "title can be int, which is not str"),
    ],
)
def test_data_that_does_not_fit_the_data_model_is_refused(result: Any, pointer: str, reason: str) -> None:
    found = problems(shown_with(result))

    message = f"what show of SHOWN returns does not fit the data model: {reason}"
    assert Problem(pointer, "INVALID_SHOWN_DATA", message) in found


@pytest.mark.parametrize(("result", "said"), [(str, "str"), (None, "None"), (list[str], "list")])
def test_data_that_is_no_object_is_refused(result: Any, said: str) -> None:
    [problem] = problems(shown_with(result))

    assert problem == Problem(
        "/screens/1", "INVALID_LOGIC", f"show of SHOWN returns {said}; data is a mapping or a Struct"
    )


def test_a_screen_without_a_data_model_is_shown_with_nothing() -> None:
    def show(_session: Session) -> Any: ...

    show.__annotations__["return"] = typed_dict(title=str)

    assert [(problem.pointer, problem.message) for problem in problems(logic(show_END=show))] == [
        ("/screens/2", "what show of END returns does not fit the data model: title is not declared")
    ]


# The table


def test_the_legal_next_screens_are_those_of_the_table_the_ones_ahead_first() -> None:
    compiled = definition()

    assert {name: legal_next(compiled, name) for name in ("ASK", "SHOWN", "END")} == {
        "ASK": ("SHOWN", "END", "ASK"),
        "SHOWN": ("END", "SHOWN", "ASK"),
        "END": ("END", "ASK", "SHOWN"),
    }


@pytest.mark.parametrize(("refreshes", "names"), [(False, ["FIRST", "LAST"]), (True, ["FIRST", "MIDDLE", "LAST"])])
def test_the_screens_answered_are_entries_targets_and_those_that_back_leads_to(
    refreshes: bool, names: list[str]
) -> None:
    flow = endpoint_flow(
        screen(
            "FIRST", component("Footer", label="Go", on_click_action={"name": "navigate", "next": {"name": "MIDDLE"}})
        ),
        screen(
            "MIDDLE", component("Footer", label="Go", on_click_action={"name": "navigate", "next": {"name": "ASKS"}})
        ),
        screen("ASKS", footer(exchange()), refresh_on_back=refreshes),
        screen("LAST", footer(exchange()), terminal=True),
    )
    document = compile_document("survey", source_of(flow))
    assert document.flow is not None
    assert document.definition is not None

    assert [each.id for each in answered(document.flow, document.definition)] == names

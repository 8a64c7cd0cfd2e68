"""What `waystate new flow` writes works at once, and is Python as ruff and mypy want it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from definitions.catalogue import SHIPPED, Catalogue
from definitions.flow_compiler import compile_flow
from definitions.flow_json.examples import (
    component,
    endpoint_flow,
    example_of,
    exchange,
    flow,
    footer,
    go_to,
    last,
    screen,
    text_input,
)
from definitions.json_text import decode_document
from definitions.screens import Session, Success
from definitions.stubs import SMALL_FLOW, write_logic, write_test
from tests.definitions.documents import json_values, read, source_of

ROOT = Path(__file__).parents[2]
SESSION = Session("token-1", 0)

PICTURE = "iVBORw0KGgo" + "A" * 300
LONG = "A text that is too long for a line, " * 5
TEXT = {"type": "string"}
SIZES = [{"id": "s", "title": "Small"}, {"id": "l", "title": "Large"}]
RICH = endpoint_flow(
    screen(
        "Order_form",
        component("TextInput", name="howMany", label="How many", input_type="number", required=True),
        component("CheckboxGroup", name="extras", label="Extras", data_source="${data.extras}"),
        component("CalendarPicker", name="stay", label={"start-date": "From", "end-date": "To"}, mode="range"),
        component("OptIn", name="news", label="News"),
        component("PhotoPicker", name="photos", label="Photos", min_uploaded_photos=1, max_uploaded_photos=3),
        component("If", condition="${data.is_open}", then=[component("TextInput", name="class", label="Class")]),
        component(
            "Dropdown", name="size", label="Size", data_source=SIZES, on_select_action=exchange(size="${form.size}")
        ),
        footer(
            exchange(
                howMany="${form.howMany}",
                extras="${form.extras}",
                stay="${form.stay}",
                news="${form.news}",
                photos="${form.photos}",
                size="${form.size}",
                total="`${data.place.floor} + 1`",
                **{"class": "${form.class}", "str": "x", "first-name": "Ada"},
            )
        ),
        data={
            "extras": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in ("id", "title", "description", "image")},
                },
                "__example__": [
                    {"id": "tea", "title": "Tea", "description": LONG},
                    {"id": "milk", "title": 'With "milk"', "image": PICTURE},
                ],
            },
            "is_open": example_of("boolean", True),
            "place": {
                "type": "object",
                "properties": {"floor": {"type": "integer"}, "class": {"type": "string"}},
                "__example__": {"floor": 3, "class": "A"},
            },
            "anything": {"type": "object", "__example__": {"a": [1, None]}},
            "list": {"type": "array", "items": {"type": "number"}, "__example__": [1, 2.5]},
        },
    ),
    screen("AN_END_THAT_MOST_WILL_NEVER_COME_TO", footer(exchange(note="`'x'`")), terminal=True),
    screen(
        "THE_OTHER_END_THAT_MOST_WILL_COME_TO", footer(exchange()), terminal=True, data={"x": example_of("string", "'")}
    ),
    routes={
        "Order_form": ["AN_END_THAT_MOST_WILL_NEVER_COME_TO", "THE_OTHER_END_THAT_MOST_WILL_COME_TO"],
        "AN_END_THAT_MOST_WILL_NEVER_COME_TO": [],
        "THE_OTHER_END_THAT_MOST_WILL_COME_TO": [],
    },
)
BY_PHONE = flow(screen("ASK", text_input(), go_to("LAST")), last())
MIXED = endpoint_flow(
    screen("HELLO", go_to("ASK")), screen("ASK", text_input(), footer(exchange(name="${form.first_name}"))), last()
)
FLOWS: dict[str, Any] = {
    "small": SMALL_FLOW,
    "rich": RICH,
    "by_phone": BY_PHONE,
    "mixed": MIXED,
    "offer": read(SHIPPED / "flows/personalised_offer/flow.json"),
    "interest": read(SHIPPED / "flows/purchase_interest/flow.json"),
}


def stubs(name: str, document: Any) -> tuple[str, str]:
    """Return the logic and the test of a Flow."""
    compiled = compile_flow(name, source_of(document))
    assert compiled.flow is not None
    assert compiled.definition is not None
    return write_logic(name, compiled.flow, compiled.definition), write_test(name)


def names_of(code: str) -> dict[str, Any]:
    """Return what is there after *code* was run."""
    names: dict[str, Any] = {"__name__": "stub", "__file__": str(ROOT / "stub" / "test")}
    exec(compile(code, "stub", "exec"), names)  # noqa: S102 - our own code
    return names


def class_of(code: str, name: str) -> str:
    """Return the text of a type in *code*."""
    [text] = [block for block in code.split("\n\n\n") if block.startswith((f"class {name}(", f"{name} = "))]
    return text.strip()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what is written for each of FLOWS, each in a folder of definitions of its own."""
    folder = tmp_path_factory.mktemp("stubs")
    for name, document in FLOWS.items():
        logic, test = stubs(name, document)
        home = folder / name / "flows" / name
        home.mkdir(parents=True)
        (home / "flow.json").write_bytes(source_of(document))
        (folder / name / "tests").mkdir()
        (folder / name / "tests" / f"test_{name}.py").write_text(test)
        if logic:
            (home / "screens.py").write_text(logic)
    return folder


def said_by(*command: str, folder: Path = ROOT) -> tuple[int, str]:
    """Return the exit code of a tool in a folder, and what it says."""
    ended = subprocess.run(  # noqa: S603 - the tools that check our own code
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


# What is written


def test_the_first_flow_has_typed_logic() -> None:
    logic, _ = stubs("booking", SMALL_FLOW)

    assert (
        logic
        == '''\
"""The logic of booking: where each screen leads, and what it is shown with."""
# ruff: noqa: ARG001 - logic is called in one way, whether it needs all of it or not

from typing import Literal, TypedDict

from msgspec import Struct

from definitions.screens import Screens, Session, Success

screens = Screens()


class Option(TypedDict):
    """Something to choose."""

    id: str
    title: str


class ChoiceData(TypedDict):
    """What CHOICE is shown with."""

    times: list[Option]


class ChoiceForm(Struct):
    """What CHOICE submits."""

    time: str


class DetailsData(TypedDict):
    """What DETAILS is shown with."""

    summary: str


class DetailsForm(Struct):
    """What DETAILS submits."""

    name: str
    note: str = ""


@screens.show("CHOICE")
def show_choice(session: Session) -> ChoiceData:
    """Give what CHOICE is shown with."""
    # These are the examples of flow.json: give what is true for this session instead.
    return {"times": [{"id": "mon-10", "title": "Monday, 10:00"}, {"id": "tue-15", "title": "Tuesday, 15:00"}]}


@screens.submit("CHOICE")
def submit_choice(session: Session, form: ChoiceForm) -> Literal["DETAILS"] | Success:
    """Decide where CHOICE leads."""
    # Look at the form here: return a screen or Success, or raise definitions.screens.Refused to stay.
    return "DETAILS"


@screens.show("DETAILS")
def show_details(session: Session) -> DetailsData:
    """Give what DETAILS is shown with."""
    # These are the examples of flow.json: give what is true for this session instead.
    return {"summary": "Monday, 10:00"}


@screens.submit("DETAILS")
def submit_details(session: Session, form: DetailsForm) -> Success:
    """Decide where DETAILS leads."""
    # Look at the form here: return a screen or Success, or raise definitions.screens.Refused to stay.
    return Success()
'''
    )


def test_a_form_has_what_is_sent_under_names_that_python_takes() -> None:
    logic, _ = stubs("rich", RICH)

    assert (
        class_of(logic, "OrderFormForm")
        == '''\
class OrderFormForm(Struct):
    """What Order_form submits."""

    size: str = ""
    how_many: str | int | float = field(name="howMany", default="")
    extras: list[str] | Literal[""] = ""
    stay: DateRange | Literal[""] = ""
    news: bool = False
    photos: list[Upload] | Literal[""] = ""
    total: int | float | None = None
    class_: str = field(name="class", default="")
    str_: str = field(name="str", default="")
    first_name: str = field(name="first-name", default="")'''
    )


def test_data_has_the_types_of_its_model() -> None:
    logic, _ = stubs("rich", RICH)

    assert (
        class_of(logic, "Option")
        == '''\
class Option(TypedDict):
    """Something to choose."""

    id: str
    title: str
    description: NotRequired[str]
    image: NotRequired[str]'''
    )
    assert (
        class_of(logic, "OrderFormPlace")
        == """\
OrderFormPlace = TypedDict(
    "OrderFormPlace",
    {
        "floor": int,
        "class": str,
    },
)"""
    )
    assert (
        class_of(logic, "OrderFormData")
        == """\
OrderFormData = TypedDict(  # noqa: UP013 - a key would hide a type from the class
    "OrderFormData",
    {
        "extras": list[Option],
        "is_open": bool,
        "place": OrderFormPlace,
        "anything": dict[str, Any],
        "list": list[float],
    },
)"""
    )


def test_the_examples_are_shown_and_large_pictures_made_small() -> None:
    names = names_of(stubs("rich", RICH)[0])
    data = RICH["screens"][0]["data"]

    shown = names["screens"].shows["Order_form"](SESSION)

    examples = {name: node["__example__"] for name, node in data.items()}
    examples["extras"][1]["image"] = names["PICTURE"]
    assert shown == examples
    assert names["PICTURE"].startswith("iVBORw0KGgo")
    assert len(names["PICTURE"]) < 120


def test_where_the_example_has_nothing_to_choose_from_there_is_something() -> None:
    node = {"type": "array", "items": {"type": "object", "properties": {"id": TEXT, "title": TEXT, "metadata": TEXT}}}
    plain = {"type": "array", "items": TEXT, "__example__": []}
    document = endpoint_flow(
        screen("A", footer(exchange()), terminal=True, data={"sizes": {**node, "__example__": []}, "words": plain})
    )

    assert names_of(stubs("way", document)[0])["screens"].shows["A"](SESSION) == {
        "sizes": [{"id": "first", "title": "First"}, {"id": "second", "title": "Second"}],
        "words": [],
    }


@pytest.mark.parametrize(
    ("routes", "following"),
    [
        pytest.param({"A": ["B", "END"], "B": ["END"], "END": []}, {"A": "B", "B": "END"}, id="the first"),
        pytest.param(
            {"GO": ["A"], "A": ["B"], "B": ["C"], "C": ["A", "END"], "END": []}, {"B": "C", "C": "END"}, id="no circle"
        ),
        pytest.param({"A": ["DEAD", "END"], "DEAD": [], "END": []}, {"A": "END"}, id="no dead end"),
    ],
)
def test_a_screen_leads_to_the_first_from_which_there_is_an_end(
    routes: dict[str, list[str]], following: dict[str, str]
) -> None:
    screens = [screen(name, footer(exchange()), terminal=name == "END") for name in routes]
    logic = names_of(stubs("way", endpoint_flow(*screens, routes=routes))[0])["screens"]

    assert {name: logic.submits[name](SESSION, {}) for name in following} == following


def test_a_terminal_screen_ends_the_flow_though_a_route_leads_on() -> None:
    document = endpoint_flow(
        screen("FORM", footer(exchange()), terminal=True), screen("TERMS", footer(exchange()), terminal=True)
    )

    submit = names_of(stubs("way", document)[0])["screens"].submits["FORM"]

    assert submit(SESSION, {}) == Success()


def test_a_flow_without_an_endpoint_has_no_logic() -> None:
    assert stubs("by_phone", BY_PHONE)[0] == ""


# Whatever the document says

words = st.text(max_size=12)
READABLE = re.compile(r'[^"\\\x00-\x1f]*')
"""The keys that msgspec can give a struct."""


@settings(max_examples=150, deadline=None)
@given(example=st.dictionaries(words, json_values, max_size=4), text=st.text(max_size=200))
def test_any_example_is_shown_as_it_is(example: dict[str, Any], text: str) -> None:
    data = {"it": {"type": "object", "__example__": example}, "text": example_of("string", text)}
    document = decode_document(source_of(endpoint_flow(screen("A", footer(exchange()), terminal=True, data=data))))

    screens = names_of(stubs("any", document)[0])["screens"]

    assert screens.shows["A"](SESSION) == {
        name: node["__example__"] for name, node in document["screens"][0]["data"].items()
    }


@settings(max_examples=150, deadline=None)
@given(
    keys=st.lists(
        words | st.sampled_from(["class", "str", "list", "fieldName", "field_name", "__a", "Any"]), unique=True
    )
)
def test_any_keys_are_fields_and_data(keys: list[str]) -> None:
    model = {f"{key}x": example_of("string", key) for key in keys if READABLE.fullmatch(key)}
    document = endpoint_flow(
        screen(
            "A",
            footer(exchange(**dict.fromkeys(keys, "x"))),
            terminal=True,
            data=model | {"x": example_of("integer", 1)},
        )
    )

    screens = names_of(stubs("any", document)[0])["screens"]

    if keys and all(READABLE.fullmatch(key) for key in keys):
        form: type[Struct] = screens.forms["A"]
        assert {each.encode_name for each in msgspec.structs.fields(form)} == {*keys}
    else:
        assert screens.forms["A"] == dict[str, Any]
    assert screens.shows["A"](SESSION) == {name: node["__example__"] for name, node in model.items()} | {"x": 1}


# That it works


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_written_is_loaded_and_its_test_passes(written: Path, name: str) -> None:
    test = written / name / "tests" / f"test_{name}.py"
    names: dict[str, Any] = {"__name__": test.stem, "__file__": str(test)}
    exec(compile(test.read_text(), str(test), "exec"), names)  # noqa: S102 - our own code

    names[f"test_{name}_is_walked_to_its_end"]()

    assert name in Catalogue.load([written / name]).flows


def test_what_is_written_is_as_ruff_writes_it(written: Path) -> None:
    ours = ("--config", str(ROOT / "pyproject.toml"))

    assert said_by("ruff", "format", "--diff", *ours, str(written))[0] == 0
    # Where there are definitions, there need be no package; a test asserts.
    assert said_by("ruff", "check", *ours, "--ignore", "INP001,S101", str(written)) == (0, "All checks passed!\n")


def test_what_is_written_has_types_that_fit(written: Path) -> None:
    names = ("--namespace-packages", "--explicit-package-bases")

    code, said = said_by("mypy", "--strict", *names, ".", folder=written)

    assert (code, said) == (0, f"Success: no issues found in {len([*written.rglob('*.py')])} source files\n")

from typing import Any

import pytest

from definitions.flow_json.document import read_document
from definitions.flow_json.examples import component, example_of, flow, last, screen, text_input
from definitions.flow_json.expressions import parse_binding
from definitions.flow_json.references import Meaning, Meanings, taken_by
from definitions.flow_json.schema_types import kinds
from definitions.flow_json.table import SHAPES

TEXT = {"type": "string"}
BUYERS = {"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}, "__example__": []}
FIRST = screen(
    "FIRST", text_input("name"), data={"title": example_of("string", "Hello"), "anything": example_of("object", {})}
)
SECOND = last(text_input("email"), id="SECOND", data={"buyers": BUYERS})


def meaning(reference: str, *screens: Any) -> Meaning:
    """Return what a reference on the last of *screens* means."""
    read = read_document(flow(*screens))
    return Meanings(read).of(parse_binding(reference), read.listed[-1])


@pytest.mark.parametrize(
    ("reference", "schema"),
    [
        pytest.param("${form.email}", TEXT, id="an input"),
        pytest.param("${data.buyers}", BUYERS, id="data"),
        pytest.param("${screen.FIRST.form.name}", TEXT, id="an input of another screen"),
        pytest.param("${screen.FIRST.data.title}", example_of("string", "Hello"), id="data of another screen"),
    ],
)
def test_a_reference_means_what_stands_on_its_screen(reference: str, schema: Any) -> None:
    assert meaning(reference, FIRST, SECOND) == Meaning(schema)


@pytest.mark.parametrize(
    ("reference", "reason", "message"),
    [
        pytest.param("${form.name}", "no input", "${form.name} names no input of this screen", id="no input"),
        pytest.param(
            "${form.email.x}", "no input", "${form.email.x} names no input of this screen", id="into an input"
        ),
        pytest.param(
            "${data.title}", "undeclared", "${data.title} is not in the data model of this screen", id="no data"
        ),
        pytest.param(
            "${screen.FIRST.data.x}",
            "undeclared",
            "${screen.FIRST.data.x} is not in the data model of FIRST",
            id="there",
        ),
        pytest.param(
            "${screen.THIRD.data.x}", "no screen", "${screen.THIRD.data.x}: there is no screen THIRD", id="no screen"
        ),
        pytest.param(
            "${screen.SECOND.form.email}",
            "own screen",
            "SECOND is this screen: write ${form.email}",
            id="its own screen",
        ),
        pytest.param(
            "${data.buyers.items.properties.name}",
            "in an array",
            "${data.buyers.items.properties.name} leads into an array, where no expression can",
            id="in an array",
        ),
        pytest.param(
            "${screen.FIRST.data.anything.x}",
            "without a schema",
            "${screen.FIRST.data.anything.x} leads into an object whose properties are not declared",
            id="without a schema",
        ),
    ],
)
def test_a_reference_that_means_nothing_says_why(reference: str, reason: str, message: str) -> None:
    lost = meaning(reference, FIRST, SECOND).lost

    assert lost is not None
    assert (lost.reason, lost.message) == (reason, message)


def test_what_a_broken_data_model_has_is_not_known() -> None:
    assert meaning("${data.x}", last(data=["x"])) == Meaning()
    assert meaning("${data.x}", last(data={"x": "string"})) == Meaning("string")
    assert meaning("${data.x.y}", last(data={"x": "string"})) == Meaning()


def test_what_may_be_empty_yet_can_be_referred_to() -> None:
    assert meaning("${screen.SECOND.form.email}", SECOND, FIRST) == Meaning(TEXT)


@pytest.mark.parametrize(
    ("inputs", "schema"),
    [
        pytest.param([component("TextArea", name="x")], TEXT, id="a text"),
        pytest.param([text_input("x", input_type="email")], TEXT, id="an address"),
        pytest.param([text_input("x", input_type="number")], {"type": ["string", "number"]}, id="a number"),
        pytest.param([text_input("x", input_type="${data.kind}")], {"type": ["string", "number"]}, id="either"),
        pytest.param([component("CheckboxGroup", name="x")], {"type": "array", "items": TEXT}, id="boxes"),
        pytest.param([component("OptIn", name="x")], {"type": "boolean"}, id="a consent"),
        pytest.param([component("DatePicker", name="x")], TEXT, id="a date"),
        pytest.param([component("CalendarPicker", name="x")], TEXT, id="a day"),
        pytest.param(
            [component("CalendarPicker", name="x", mode="range")],
            {"type": "object", "properties": {"start-date": TEXT, "end-date": TEXT}},
            id="days",
        ),
        pytest.param([component("CalendarPicker", name="x", mode="${data.mode}")], None, id="a day or days"),
        pytest.param([component("PhotoPicker", name="x")], None, id="files"),
        pytest.param([component("Map", name="x")], None, id="of a later version"),
        pytest.param([component("TextArea", name="x"), component("DatePicker", name="x")], TEXT, id="two alike"),
        pytest.param(
            [component("TextArea", name="x"), component("OptIn", name="x")],
            {"type": ["boolean", "string"]},
            id="one of two",
        ),
        pytest.param([component("TextArea", name="x"), component("PhotoPicker", name="x")], None, id="one not known"),
    ],
)
def test_an_input_yields_what_it_is_for(inputs: list[Any], schema: Any) -> None:
    assert meaning("${form.x}", last(*inputs)) == Meaning(schema)


def test_a_number_begins_with_a_number_and_may_come_as_a_text() -> None:
    read = read_document(flow(last(text_input("x", input_type="number"), text_input("y"))))
    meanings = Meanings(read)

    assert meanings.inputs(read.listed[0]) == {"x": {"type": ["string", "number"]}, "y": TEXT}
    assert meanings.initial(read.listed[0]) == {"x": {"type": "number"}, "y": TEXT}


def test_a_component_that_takes_no_input_yields_nothing() -> None:
    assert meaning("${form.x}", last(component("Form", name="x", children=[]))).lost is not None


def test_the_table_says_what_properties_take_in_every_place() -> None:
    unsaid = {"name", "condition", "components", "cases", "data", "screens", "routes", "version"}
    places = [each for shape in SHAPES.values() for each in shape.properties]

    assert {each.kind for each in places if not kinds(taken_by(each))} == unsaid


def test_an_option_is_taken_with_what_it_must_have() -> None:
    source = SHAPES["Dropdown"].property("data-source")

    assert source is not None
    assert taken_by(source)["items"]["required"] == ["id", "title"]


def test_large_schemas_are_compared_once() -> None:
    meanings = Meanings(read_document(flow(FIRST, SECOND)))
    given, wanted = {"type": "string"}, {"type": "number"}

    assert meanings.mismatch(given, wanted) is meanings.mismatch(given, wanted)
    assert meanings.mismatch(given, dict(given)) is None

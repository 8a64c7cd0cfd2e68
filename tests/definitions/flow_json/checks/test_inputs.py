from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.flow_json.checks import inputs
from definitions.flow_json.checks.inputs import MIME_TYPES, initial_values
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import component, flow, screen, text_input
from definitions.flow_json.rule import RULES
from tests.definitions.documents import json_values, leads_somewhere, mutated

TOP = "/screens/0/layout/children"
NAMES, BOUNDS, VALUE = "DUPLICATE_FORM_COMPONENT_NAMES", "MIN_VALUE_GREATER_THAN_MAX", "INVALID_PROPERTY_VALUE"
ELSE = "else"
OPTIONS = [{"id": "s", "title": "Small"}, {"id": "l", "title": "Large"}]


def found(document: Any) -> list[tuple[str, str, str]]:
    """Return what the check finds in a document: places, codes and how grave they are."""
    return sorted((each.pointer, each.code, each.severity) for each in inputs.problems(read_document(document)))


def errors(*places: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((TOP + pointer, code, "error") for pointer, code in places)


def warnings(*places: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((TOP + pointer, code, "warning") for pointer, code in places)


def shown(*children: Any, version: str = "7.3") -> Any:
    return flow(screen("LAST", *children), version=version)


def form(*children: Any, **more: Any) -> Any:
    return component("Form", name="form", children=list(children), **more)


def either(then: list[Any], otherwise: list[Any]) -> Any:
    return component("If", condition="${data.is_open}", then=then, **{ELSE: otherwise})


# Names


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        pytest.param([text_input("a"), text_input("b")], [], id="two"),
        pytest.param([text_input("a"), text_input("a"), text_input("a")], ["/1/name", "/2/name"], id="one thrice"),
        pytest.param([form(text_input("a")), form(text_input("a"))], ["/1/children/0/name"], id="in two Forms"),
        pytest.param([either([text_input("a")], [text_input("a")])], [], id="in two branches"),
        pytest.param([either([text_input("a")], []), text_input("a")], ["/1/name"], id="behind a branch"),
        pytest.param(
            [
                either([component("OptIn", name="a")], [text_input("b")]),
                component(
                    "Switch",
                    value="${data.size}",
                    cases={"s": [component("DatePicker", name="a")], "l": [component("TextArea", name="b")]},
                ),
            ],
            ["/1/cases/l/0/name", "/1/cases/s/0/name"],
            id="in an If and in a Switch",
        ),
        pytest.param([form(), form()], [], id="Forms are no inputs"),
        pytest.param([component("TextInput"), component("TextInput", name=["a"])], [], id="no names, another fault"),
    ],
)
def test_inputs_together_on_the_screen_have_different_names(children: list[Any], expected: list[str]) -> None:
    assert found(shown(*children)) == errors(*((pointer, NAMES) for pointer in expected))


def test_inputs_of_different_screens_may_share_a_name() -> None:
    assert found(flow(screen("ASK", text_input()), screen("LAST", text_input()))) == []


# Bounds


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(text_input(min_chars="9", max_chars="10"), [], id="as numbers, not as texts"),
        pytest.param(text_input(min_chars="10", max_chars=9), errors(("/0/min-chars", BOUNDS)), id="either form"),
        pytest.param(text_input(min_chars=5, max_chars=5), [], id="the same"),
        pytest.param(text_input(min_chars=5, max_chars="${data.most}"), [], id="only the phone knows"),
        pytest.param(text_input(min_chars=81), warnings(("/0/min-chars", "UNREACHABLE_MINIMUM")), id="beyond 80"),
        pytest.param(text_input(min_chars=81, max_chars=100), [], id="beyond 80, as told"),
        pytest.param(text_input(min_chars=10**400, max_chars=True), [], id="out of all bounds, another fault"),
        pytest.param(
            component("ChipsSelector", name="a", data_source=OPTIONS, min_selected_items=2, max_selected_items=1),
            errors(("/0/min-selected-items", BOUNDS)),
            id="choices",
        ),
        pytest.param(
            component("CheckboxGroup", name="a", data_source=OPTIONS, min_selected_items=3),
            warnings(("/0/min-selected-items", "UNREACHABLE_MINIMUM")),
            id="more choices than options",
        ),
        pytest.param(
            component("CheckboxGroup", name="a", data_source="${data.sizes}", min_selected_items=3),
            [],
            id="options that come as data",
        ),
        pytest.param(
            component("PhotoPicker", name="a", min_uploaded_photos=2, max_uploaded_photos=1),
            errors(("/0/min-uploaded-photos", BOUNDS)),
            id="photos",
        ),
        pytest.param(
            component("DocumentPicker", name="a", min_uploaded_documents=2, max_uploaded_documents=1),
            errors(("/0/min-uploaded-documents", BOUNDS)),
            id="documents",
        ),
    ],
)
def test_what_an_input_takes_at_least_can_be_given(child: Any, expected: Any) -> None:
    assert found(shown(child)) == expected


# Patterns


def test_a_pattern_is_explained() -> None:
    assert found(shown(text_input(pattern="[a-z]+"))) == errors(("/0/pattern", "MISSING_REQUIRED_PROPERTY"))


@pytest.mark.parametrize(
    ("kind", "count"),
    [("text", 0), ("number", 0), ("password", 0), ("passcode", 0), ("email", 1), ("phone", 1), ("${data.kind}", 0)],
)
def test_only_some_text_inputs_have_patterns(kind: str, count: int) -> None:
    document = shown(text_input(pattern="a", helper_text="An a", input_type=kind))

    assert found(document) == warnings(("/0/pattern", "PATTERN_IGNORED")) * count


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(19|20)\d\d-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])$",
        "007",
        "",
        r"[\]\[(]+\(",
        "(?:a|b)?(?=c)(?!d)(?<=e)(?<!f)(?<name>g)",
        "(?i)hello",
        r"\p{L}+ \/ \u00e4",
        "a{2}{3}b*?c+?d{1,}?",
        "{a}",
        "a]",
        "/",
        "${data.pattern}",
    ],
)
def test_regular_expressions_of_any_dialect_are_patterns(pattern: str) -> None:
    assert found(shown(text_input(pattern=pattern, helper_text="Like this"))) == []


@pytest.mark.parametrize("pattern", ["/abc/", "(a", "a)", "(()", "[a", "[a\\]", "a\\", "*a", "a|+", "(?)", "a**"])
def test_what_is_no_regular_expression_is_no_pattern(pattern: str) -> None:
    document = shown(text_input(pattern=pattern, helper_text="Like this"))

    assert found(document) == warnings(("/0/pattern", "INVALID_PATTERN"))


@settings(deadline=None)
@given(literal=st.text(alphabet="abc (){}[]*+?|^$.\\", max_size=12))
def test_any_text_with_its_signs_escaped_is_a_pattern(literal: str) -> None:
    escaped = "".join(f"\\{sign}" if sign in "(){}[]*+?|^$.\\" else sign for sign in literal)

    assert found(shown(text_input(pattern=escaped, helper_text="Like this"))) == []


# Media


def test_a_document_picker_takes_known_types_only() -> None:
    picker = component(
        "DocumentPicker", name="a", allowed_mime_types=["image/jpg", *sorted(MIME_TYPES), 1, "${data.a}"]
    )

    assert found(shown(picker)) == errors(("/0/allowed-mime-types/0", "INVALID_ENUM_VALUE"))


# Forms


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(form(text_input(init_value="a")), ["/0/children/0/init-value"], id="a value"),
        pytest.param(form(text_input(error_message="a")), ["/0/children/0/error-message"], id="a message"),
        pytest.param(form(either([text_input(init_value="a")], [])), ["/0/children/0/then/0/init-value"], id="deeper"),
        pytest.param(text_input(init_value="a", error_message="b"), [], id="outside"),
        pytest.param(form(component("PhotoPicker", name="a", error_message="b")), [], id="a picker's message"),
    ],
)
def test_in_a_form_the_form_fills_its_inputs(child: Any, expected: list[str]) -> None:
    assert found(shown(child)) == errors(*((pointer, "INVALID_PROPERTY_KEY") for pointer in expected))


NUMBER = text_input("a", input_type="number")
BOXES = component("CheckboxGroup", name="a", data_source=OPTIONS)
RADIO = component("RadioButtonsGroup", name="a", data_source=OPTIONS)
OPT_IN = component("OptIn", name="a", label="Yes")
DATE = component("DatePicker", name="a", label="Day")
DATES = component("CalendarPicker", name="a", label="Days")


@pytest.mark.parametrize(
    ("child", "value", "refused"),
    [
        pytest.param(text_input("a"), "x", False, id="a text"),
        pytest.param(text_input("a"), 1, True, id="a number as a text"),
        pytest.param(text_input("a"), "${data.a}", False, id="what the phone knows"),
        pytest.param(BOXES, "`'a' 'b'`", False, id="an expression"),
        pytest.param(NUMBER, 8553906697, False, id="a number"),
        pytest.param(NUMBER, 1.5, False, id="a number with a point"),
        pytest.param(NUMBER, "1", True, id="a number written as a text"),
        pytest.param(NUMBER, True, True, id="no number"),
        pytest.param(BOXES, ["s"], False, id="choices"),
        pytest.param(BOXES, "s", True, id="one choice for several"),
        pytest.param(BOXES, [1], True, id="choices that are no ids"),
        pytest.param(RADIO, "s", False, id="one choice"),
        pytest.param(RADIO, ["s"], False, id="one choice in a list, as one page says"),
        pytest.param(RADIO, {}, True, id="no choice"),
        pytest.param(OPT_IN, True, False, id="an agreement"),
        pytest.param(OPT_IN, "true", True, id="an agreement as a text"),
        pytest.param(DATE, "2026-03-01", False, id="a date"),
        pytest.param(DATE, {"start-date": "2026-03-01"}, True, id="a range for a date"),
        pytest.param(DATES, {"start-date": "2026-03-01"}, False, id="a range"),
        pytest.param(DATES, 20260301, True, id="a date as a number"),
    ],
)
def test_from_7_0_on_a_form_fills_its_inputs_with_what_they_give(child: Any, value: Any, refused: bool) -> None:
    document = shown(form(child, init_values={"a": value}))

    assert found(document) == errors(("/0/init-values/a", VALUE)) * refused


@pytest.mark.parametrize(("value", "count"), [("40", 0), (40, 0), ("-4.5", 0), ("forty", 1), ([], 1)])
def test_before_7_0_numbers_were_texts_and_nothing_was_refused(value: Any, count: int) -> None:
    document = shown(form(NUMBER, init_values={"a": value}), version="6.3")

    assert found(document) == warnings(("/0/init-values/a", VALUE)) * count


def test_a_form_fills_its_own_inputs() -> None:
    others = {"b/c": "x", "a": "y"}
    document = [text_input("b/c"), form(text_input("a"), init_values=others, error_messages=others)]

    assert found(shown(*document)) == [
        (f"{TOP}/1/error-messages/b~1c", "UNKNOWN_INPUT", "warning"),
        (f"{TOP}/1/init-values/b~1c", VALUE, "error"),
    ]
    assert found(shown(*document, version="6.3")) == [
        (f"{TOP}/1/error-messages/b~1c", "UNKNOWN_INPUT", "warning"),
        (f"{TOP}/1/init-values/b~1c", "UNKNOWN_INPUT", "warning"),
    ]


def test_the_messages_of_a_form_are_texts() -> None:
    children = [text_input("a"), component("PhotoPicker", name="b", label="Photo"), text_input("c")]
    messages = {"a": ["No"], "b": {"media_1": "Too dark"}, "c": "${data.error}"}

    assert found(shown(form(*children, error_messages=messages))) == errors(("/0/error-messages/a", VALUE))


def test_a_form_fills_no_media_picker() -> None:
    pickers = [component("PhotoPicker", name="a", label="A"), component("DocumentPicker", name="b", label="B")]

    assert found(shown(form(*pickers, init_values={"a": "x", "b": "${data.b}"}))) == errors(
        ("/0/init-values/a", "NATIVE_COMPONENT_IN_FORM_INIT_VALUES"),
        ("/0/init-values/b", "NATIVE_COMPONENT_IN_FORM_INIT_VALUES"),
    )


@pytest.mark.parametrize("values", ["${data.values}", [], None, "x"])
def test_values_that_are_no_object_are_another_fault(values: Any) -> None:
    assert found(shown(form(text_input("a"), init_values=values, error_messages=values))) == []


def test_the_values_that_inputs_begin_with_stand_in_them_or_in_their_form() -> None:
    document = shown(text_input("a", init_value="x"), form(text_input("a"), text_input("b"), init_values={"b": "y"}))
    [only] = read_document(document).listed

    assert [(each.pointer, pointer, value) for each, pointer, value in initial_values(only)] == [
        (f"{TOP}/0", f"{TOP}/0/init-value", "x"),
        (f"{TOP}/1/children/1", f"{TOP}/1/init-values/b", "y"),
    ]


# Lengths


@pytest.mark.parametrize(
    ("child", "count"),
    [
        pytest.param(text_input(init_value="abcde", max_chars="5"), 0, id="as long as it may be"),
        pytest.param(text_input(init_value="abcdef", max_chars=5), 1, id="too long"),
        pytest.param(text_input(init_value="a" * 80), 0, id="as long as it may be without a bound"),
        pytest.param(text_input(init_value="a" * 81), 1, id="too long without a bound"),
        pytest.param(component("TextArea", name="a", init_value="a" * 600), 0, id="a long text"),
        pytest.param(component("TextArea", name="a", init_value="abc", max_length="2"), 1, id="too long a text"),
        pytest.param(text_input(init_value="${data.name}", max_chars=5), 0, id="what the phone knows"),
        pytest.param(text_input(init_value="abcdef", max_chars="${data.most}"), 0, id="a bound that the phone knows"),
    ],
)
def test_an_input_begins_with_no_more_than_it_takes(child: Any, count: int) -> None:
    assert found(shown(child)) == warnings(("/0/init-value", "INIT_VALUE_TOO_LONG")) * count


# Footers

PAIR, CENTER = "INVALID_DEPENDENCIES", "NOT_KEYWORD_SCHEMA_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("captions", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["left", "right"], [], id="both sides"),
        pytest.param(["center"], [], id="the middle"),
        pytest.param(["left"], [("/0/left-caption", PAIR)], id="left only"),
        pytest.param(["right"], [("/0/right-caption", PAIR)], id="right only"),
        pytest.param(["left", "center"], [("/0/center-caption", CENTER)], id="left and middle"),
        pytest.param(["right", "center"], [("/0/center-caption", CENTER)], id="right and middle"),
        pytest.param(["left", "center", "right"], [("/0/center-caption", CENTER)], id="all"),
    ],
)
def test_a_footer_has_captions_at_its_sides_or_in_the_middle(
    captions: list[str], expected: list[tuple[str, str]]
) -> None:
    footer = component("Footer", label="Go", **{f"{each}_caption": "2" for each in captions})

    assert found(shown(footer)) == errors(*expected)


# Whatever comes

OWN = [rule.breaks for rule in RULES.values() if isinstance(rule.breaks, dict)]


@settings(max_examples=150, deadline=None)
@given(document=mutated(OWN) | json_values)
def test_any_document_is_judged_and_every_place_is_in_it(document: Any) -> None:
    if isinstance(document, dict):
        for each in inputs.problems(read_document(document)):
            assert leads_somewhere(document, each.pointer)
            assert RULES[each.rule].code == each.code


@settings(deadline=None)
@given(value=st.text(min_size=50, max_size=500))
def test_no_message_repeats_a_long_value(value: str) -> None:
    picker = component("DocumentPicker", name=value, allowed_mime_types=[value])
    document = shown(
        picker, text_input(value, pattern=value), form(text_input(value), init_values={value + "a": value})
    )

    assert all(value not in each.message for each in inputs.problems(read_document(document)))

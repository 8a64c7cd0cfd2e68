import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.flow_json.expressions import (
    MAX_NESTING,
    MAX_OPERATORS,
    Concatenation,
    Constant,
    ExpressionError,
    ExpressionFault,
    Kind,
    Node,
    Operation,
    Reference,
    condition_faults,
    evaluate,
    infer,
    is_binding,
    is_dynamic,
    is_nested,
    parse_binding,
    parse_condition,
    parse_nested,
    references,
    type_faults,
    unclear_order,
)
from tests.definitions.documents import json_values

KINDS: dict[str, Kind] = {
    "age": "number",
    "size": "number",
    "city": "string",
    "opted_in": "boolean",
    "tags": "array",
    "address": "object",
}


SIGNS = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
"""The operators between two operands, with how strongly they bind."""


def kind_of(reference: Reference) -> Kind | None:
    """Return the kind of a field of the tests' own screen; the others are unknown."""
    return KINDS.get(reference.path[0])


def fault_of(parse: Callable[[str], Node], value: str) -> ExpressionFault:
    with pytest.raises(ExpressionError) as refused:
        parse(value)
    return refused.value.fault


def attempt(parse: Callable[[str], Node], value: str) -> Node | ExpressionFault:
    """Return what a value is read as, or why it cannot be."""
    try:
        return parse(value)
    except ExpressionError as error:
        return error.fault


# References


@pytest.mark.parametrize(
    ("value", "screen", "scope", "path"),
    [
        ("${data.city}", "", "data", ("city",)),
        ("${data.address.street}", "", "data", ("address", "street")),
        ("${form.first-name}", "", "form", ("first-name",)),
        ("${form.First name}", "", "form", ("First name",)),
        ("${data.0}", "", "data", ("0",)),
        ("${data.größe}", "", "data", ("größe",)),
        ("${data.data.form}", "", "data", ("data", "form")),
        ("${screen.ADDRESS.form.city}", "ADDRESS", "form", ("city",)),
        ("${screen.ADDRESS.data.home.city}", "ADDRESS", "data", ("home", "city")),
    ],
)
def test_a_binding_is_a_reference_to_data_or_to_a_form(
    value: str, screen: str, scope: Any, path: tuple[str, ...]
) -> None:
    assert parse_binding(value) == Reference(screen, scope, path, value, 0)


FORMS = "A reference is ${data.name}, ${form.name}, ${screen.ID.data.name} or ${screen.ID.form.name}"
UNCLOSED = "The reference has no closing brace"
ARRAY = "A reference cannot lead into an array"
ONE_NAME = "A reference must hold one name alone; backticks stand around the whole expression"
SEVERAL = "The value must be one reference; several, or one with text, must stand in backticks"


@pytest.mark.parametrize(
    ("value", "message", "offset"),
    [
        ("", FORMS, 0),
        ("city", FORMS, 0),
        ("data.city}", FORMS, 0),
        ("${}", FORMS, 0),
        ("${data}", FORMS, 0),
        ("${data.}", FORMS, 0),
        ("${data..city}", FORMS, 0),
        ("${city}", FORMS, 0),
        ("${Data.city}", FORMS, 0),
        ("${address_form.city}", FORMS, 0),
        ("${screen.ADDRESS}", FORMS, 0),
        ("${screen.ADDRESS.city}", FORMS, 0),
        ("${screen.form.city}", FORMS, 0),
        ("${ data.city }", FORMS, 0),
        ("${data.city", UNCLOSED, 0),
        ("${data.lines[0].price}", ARRAY, 0),
        ("${data.lines.length > 0}", ONE_NAME, 0),
        ("${`form.city`}", ONE_NAME, 0),
        ("${data.a} at ${data.b}", SEVERAL, 13),
        ("${`${data.a}`}", SEVERAL, 3),
    ],
)
def test_what_is_not_one_reference_is_no_binding(value: str, message: str, offset: int) -> None:
    assert fault_of(parse_binding, value) == ExpressionFault(message, offset)


@pytest.mark.parametrize(
    ("value", "binding", "nested"),
    [
        ("${data.city}", True, False),
        ("${data.a}, ${data.b}", True, False),
        ("`${data.city}`", False, True),
        ("``", False, True),
        ("`", False, False),
        ("", False, False),
        ("To ${data.city}", False, False),
        (" ${data.city}", False, False),
        ("`${data.city}` is it", False, False),
    ],
)
def test_a_value_shows_by_its_ends_what_it_is_meant_as(value: str, binding: bool, nested: bool) -> None:
    assert (is_binding(value), is_nested(value), is_dynamic(value)) == (binding, nested, binding or nested)


@pytest.mark.parametrize("value", [None, True, 5, ["${data.city}"], {"text": "${data.city}"}])
def test_only_a_text_is_dynamic(value: object) -> None:
    assert not is_dynamic(value)


def test_an_error_says_what_is_wrong_and_at_which_column() -> None:
    with pytest.raises(ExpressionError, match=r"^'=' is no operator, at column 14$"):
        parse_condition("${data.city} = 'Lima'")


# Reading


def test_a_tree_says_where_its_nodes_stand() -> None:
    assert parse_nested("`'At ' (${form.age} + 1)`") == Concatenation(
        (
            Constant("At ", 1),
            Operation(
                "+",
                (Reference("", "form", ("age",), "${form.age}", 8), Constant(1, 22)),
                20,
                grouped=True,
            ),
        ),
        1,
    )


@pytest.mark.parametrize(
    ("value", "grouped"),
    [
        ("`${data.a} || ${data.b} && ${data.c}`", "`${data.a} || (${data.b} && ${data.c})`"),
        ("`${data.a} && ${data.b} == ${data.c}`", "`${data.a} && (${data.b} == ${data.c})`"),
        ("`${data.a} == ${data.b} < ${data.c}`", "`${data.a} == (${data.b} < ${data.c})`"),
        ("`${data.a} < ${data.b} + ${data.c}`", "`${data.a} < (${data.b} + ${data.c})`"),
        ("`${data.a} + ${data.b} / ${data.c}`", "`${data.a} + (${data.b} / ${data.c})`"),
        ("`${data.a} - ${data.b} - ${data.c}`", "`(${data.a} - ${data.b}) - ${data.c}`"),
        ("`${data.a} / ${data.b} % ${data.c} * 2`", "`((${data.a} / ${data.b}) % ${data.c}) * 2`"),
        ("`!${data.a} == ${data.b}`", "`(!${data.a}) == ${data.b}`"),
        ("`'Each: ' ${data.a} / ${data.b}`", "`'Each: ' (${data.a} / ${data.b})`"),
        ("`'Each: ' ${data.a} ' and ' !${data.b}`", "`'Each: ' (${data.a}) ' and ' (!${data.b})`"),
    ],
)
def test_operators_bind_as_in_most_languages_and_joining_comes_last(value: str, grouped: str) -> None:
    assert shape(parse_nested(value)) == shape(parse_nested(grouped))


@pytest.mark.parametrize("first", SIGNS)
@pytest.mark.parametrize("second", SIGNS)
def test_of_two_operators_the_stronger_or_else_the_left_one_comes_first(first: str, second: str) -> None:
    a, b, c = ["${data.a}"], ["${data.b}"], ["${data.c}"]

    tree = shape(parse_nested(f"`${{data.a}} {first} ${{data.b}} {second} ${{data.c}}`"))

    assert tree == ((second, (first, a, b), c) if SIGNS[first] >= SIGNS[second] else (first, a, (second, b, c)))


@pytest.mark.parametrize(
    ("value", "spaced"),
    [
        ("`'Hello '${form.name}'!'`", "`'Hello ' ${form.name} '!'`"),
        ("` 'Hello ' ${form.name} `", "`'Hello ' ${form.name}`"),
        ("`${form.age}==-5`", "`${form.age} == -5`"),
        ("`${form.age}- -5`", "`${form.age} - -5`"),
        ("`${form.a}!=!${form.b}`", "`${form.a} != !${form.b}`"),
        ("`!!${form.a}`", "`! ! ${form.a}`"),
        ("`\n\t${form.a}\n&&${form.b}`", "`${form.a} && ${form.b}`"),
    ],
)
def test_spaces_do_not_matter(value: str, spaced: str) -> None:
    assert shape(parse_nested(value)) == shape(parse_nested(spaced))


@pytest.mark.parametrize(
    ("value", "constant"),
    [
        ("`'It''s'`", ("join", ("It", "s"))),
        (r"`'Ana\`s house'`", "Ana`s house"),
        (r"`'Ana\'s house'`", "Ana's house"),
        (r"`'back\\slash'`", "back\\slash"),
        (r"`'C:\new'`", r"C:\new"),
        ("`''`", ""),
        ("`' (1 + ${data.a} '`", " (1 + ${data.a} "),
        ("`true`", True),
        ("`false`", False),
        ("`0`", 0),
        ("`-7`", -7),
        ("`10.50`", 10.5),
        ("`(5)`", 5),
        ("`999999999999999999`", 999999999999999999),
    ],
)
def test_a_literal_is_read_as_its_value(value: str, constant: Any) -> None:
    assert shape(parse_nested(value)) == constant


def test_a_backtick_in_a_text_needs_no_backslash_outside_backticks() -> None:
    assert shape(parse_condition("${data.a} == 'Ana`s house'")) == ("==", ["${data.a}"], "Ana`s house")


def test_a_condition_in_backticks_is_a_nested_expression() -> None:
    assert parse_condition("`${form.age} + 1 > 18`") == parse_nested("`${form.age} + 1 > 18`")


FAULTS = {
    "nothing": ("", "The expression is empty", 0),
    "blanks": ("  ", "The expression is empty", 2),
    "empty parentheses": ("${data.a} == ( )", "The parentheses are empty", 13),
    "literals on both sides": ("573 == 376", "'==' has a literal on both sides", 4),
    "literals on both sides, in parentheses": ("${data.a} || ('a') != ('b')", "'!=' has a literal on both sides", 19),
    "no opening parenthesis": ("${data.a} )", "The closing parenthesis has no opening one", 10),
    "nothing but a closing parenthesis": (")", "The closing parenthesis has no opening one", 0),
    "no closing parenthesis": ("${data.a} && (${data.b}", "The parenthesis is not closed", 13),
    "an opening parenthesis at the end": ("${data.a} && (", "The parenthesis is not closed", 13),
    "no closing quote": ("${data.a} == 'Lima", "The text has no closing quote", 13),
    "an escaped closing quote": (r"${data.a} == 'Lima\'", "The text has no closing quote", 13),
    "no operator": ("${data.a} ${data.b}", "An operator is missing between two values", 10),
    "no operator before a parenthesis": ("${data.a} (${data.b})", "An operator is missing between two values", 10),
    "no operator before a negation": ("${data.a} !${data.b}", "An operator is missing between two values", 10),
    "three equal signs": ("${data.a} === 5", "'===' is no operator", 10),
    "one equal sign": ("${data.a} = 5", "'=' is no operator", 10),
    "one ampersand": ("${data.a} & ${data.b}", "'&' is no operator", 10),
    "an operator of another language": ("${data.a} <> 5", "'<>' is no operator", 10),
    "an unknown word": ("${data.a} == Lima", "'Lima' is no value; a text must stand in single quotes", 13),
    "a capital letter": ("${data.a} == True", "'True' is no value; a text must stand in single quotes", 13),
    "double quotes": ('${data.a} == "Lima"', "A text must stand in single quotes, not in double ones", 13),
    "an unexpected character": ("${data.a} # 5", "'#' is not expected here", 10),
    "a dollar sign": ("$data.a == 5", "'$' is not expected here", 0),
    "no closing brace": ("${data.a == 5", "The reference has no closing brace", 0),
    "an array entered": ("${data.lines[0]} == 5", "A reference cannot lead into an array", 0),
    "no operand before": ("|| ${data.a}", "'||' has no operand before it", 0),
    "no operand before, in parentheses": ("(== ${data.a})", "'==' has no operand before it", 1),
    "no operand behind": ("${data.a} ||", "'||' has no operand behind it", 10),
    "no operand behind a negation": ("!", "'!' has no operand behind it", 0),
    "no operand between": ("${data.a} == && ${data.b}", "'==' has no operand behind it", 10),
    "no operand before a closing parenthesis": ("(${data.a} ==)", "'==' has no operand behind it", 11),
    "a leading zero": ("${data.a} == 007", "The number '007' begins with a zero", 13),
    "a negative leading zero": ("${data.a} == -01", "The number '01' begins with a zero", 14),
    "nothing behind the fraction's point": ("${data.a} == 5.", "'5.' is neither a number nor another value", 13),
    "letters behind digits": ("${data.a} == 5km", "'5km' is neither a number nor another value", 13),
    "too many digits": ("${data.a} == 1234567890123456789", "A number fits 64 bits", 13),
    "a negative word": ("-a == ${data.a}", "'a' is no value; a text must stand in single quotes", 1),
    "a negative reference": ("-${data.a} < 5", "Behind a negative sign a number must stand", 0),
    "a negative truth": ("${data.a} == -true", "Behind a negative sign a number must stand", 13),
    "arithmetic": ("${data.a} - 5 > 3", "A condition without backticks has no '-'", 10),
}


@pytest.mark.parametrize(("value", "message", "offset"), FAULTS.values(), ids=FAULTS)
def test_a_condition_that_is_not_well_formed_is_refused_with_its_place(value: str, message: str, offset: int) -> None:
    assert fault_of(parse_condition, value) == ExpressionFault(message, offset)


@pytest.mark.parametrize(
    ("value", "message", "offset"),
    [
        ("${data.a}", "A nested expression begins and ends with a backtick", 0),
        ("``", "The expression is empty", 1),
        ("` `", "The expression is empty", 2),
        ("`'Ana`s house'`", "A backtick in a text needs a backslash before it", 5),
        ("`${data.a}` == `${data.b}`", "'`' is not expected here", 10),
        ("`Hello ${data.a}`", "'Hello' is no value; a text must stand in single quotes", 1),
        ("`${data.a} + 5 5 - 6`", "'-' has a literal on both sides", 17),
        ("`${data.a} -`", "'-' has no operand behind it", 11),
    ],
)
def test_a_nested_expression_that_is_not_well_formed_is_refused(value: str, message: str, offset: int) -> None:
    assert fault_of(parse_nested, value) == ExpressionFault(message, offset)


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("!", ""), ("!(", ")")], ids=["parentheses", "negations", "both"]
)
def test_what_nests_too_deep_is_refused_where_it_becomes_so(opening: str, closing: str) -> None:
    deepest = MAX_NESTING // len(opening)
    well = f"{opening * deepest}${{data.a}}{closing * deepest}"

    assert [*references(parse_condition(well))] == [Reference("", "data", ("a",), "${data.a}", MAX_NESTING)]
    assert fault_of(parse_condition, f"{opening * 1000}${{data.a}}{closing * 1000}") == ExpressionFault(
        f"The expression nests deeper than {MAX_NESTING}", MAX_NESTING
    )


@pytest.mark.parametrize("part", ["(${data.a})", "!${data.a}"])
def test_what_stands_side_by_side_does_not_nest(part: str) -> None:
    chain = " && ".join([part] * (MAX_NESTING + 1))

    assert len([*references(parse_condition(chain))]) == MAX_NESTING + 1


def test_every_operator_at_every_depth_is_read() -> None:
    inner = "${data.a}"
    for _ in range(MAX_NESTING):
        inner = f"(${{data.b}} || ${{data.b}} && ${{data.b}} == ${{data.b}} < ${{data.b}} + ${{data.b}} * {inner})"

    assert len([*references(parse_nested(f"`{inner}`"))]) == 1 + 6 * MAX_NESTING


def test_more_operators_than_a_tree_should_have_are_refused() -> None:
    chain = " && ".join(["${data.a}"] * (MAX_OPERATORS + 1))

    assert evaluate(parse_condition(chain), lambda _: True) is True
    assert fault_of(parse_condition, f"{chain} && ${{data.a}}") == ExpressionFault(
        f"The expression has more than {MAX_OPERATORS} operators", len(chain) + 1
    )


def test_a_text_may_be_joined_of_any_number_of_values() -> None:
    value = f"`{'${form.city} ' * 1000}`"

    assert evaluate(parse_nested(value), lambda _: "x") == "x" * 1000


def test_a_message_repeats_no_more_than_a_part_of_a_long_text() -> None:
    assert fault_of(parse_condition, "a" * 10_000) == ExpressionFault(
        f"'{'a' * 39}…' is no value; a text must stand in single quotes", 0
    )


def test_references_come_in_the_order_in_which_they_are_written() -> None:
    node = parse_nested("`${data.a} ' ' (${form.b} + ${screen.X.data.c.d}) !${data.e}`")

    assert [reference.text for reference in references(node)] == [
        "${data.a}",
        "${form.b}",
        "${screen.X.data.c.d}",
        "${data.e}",
    ]


# Kinds


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("`${data.city}`", "string"),
        ("`${data.tags}`", "array"),
        ("`${data.unknown}`", None),
        ("`'Lima'`", "string"),
        ("`5`", "number"),
        ("`0.5`", "number"),
        ("`true`", "boolean"),
        ("`${data.unknown} + 1`", "number"),
        ("`${data.unknown} == 1`", "boolean"),
        ("`${data.unknown} >= 1`", "boolean"),
        ("`${data.unknown} || ${data.unknown}`", "boolean"),
        ("`!${data.unknown}`", "boolean"),
        ("`${data.age} ${data.age}`", "string"),
    ],
)
def test_an_expression_is_of_the_kind_that_its_operator_gives(value: str, kind: Kind | None) -> None:
    assert infer(parse_nested(value), kind_of) == kind


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ("`${data.age} == 18`", []),
        ("`${data.city} != ''`", []),
        ("`${data.opted_in} == (${data.age} > 5)`", []),
        ("`${data.city} ' ' ${data.age} ' ' ${data.opted_in}`", []),
        (
            "`${data.age} == '18'`",
            [("'==' compares a number with a string; both sides are of one kind", 13)],
        ),
        (
            "`${data.opted_in} != 'true'`",
            [("'!=' compares a boolean with a string; both sides are of one kind", 18)],
        ),
        (
            "`${data.tags} == ''`",
            [("'==' takes a string, number or boolean; ${data.tags} is of kind array", 1)],
        ),
        (
            "`${data.address} == ${data.unknown}`",
            [("'==' takes a string, number or boolean; ${data.address} is of kind object", 1)],
        ),
        ("`${data.age} < 'b'`", [("'<' takes a number; this is of kind string", 15)]),
        ("`${data.age} - 'x'`", [("'-' takes a number; this is of kind string", 15)]),
        (
            "`'City: ' + ${data.unknown}`",
            [("'+' takes a number; this is of kind string, and texts are joined by a space alone", 1)],
        ),
        ("`!${data.age}`", [("'!' takes a boolean; ${data.age} is of kind number", 2)]),
        (
            "`${data.city} || ${data.age}`",
            [
                ("'||' takes a boolean; ${data.city} is of kind string", 1),
                ("'||' takes a boolean; ${data.age} is of kind number", 17),
            ],
        ),
        (
            "`!(${data.city} - 1) && ${data.opted_in}`",
            [
                ("'-' takes a number; ${data.city} is of kind string", 3),
                ("'!' takes a boolean; this is of kind number", 16),
            ],
        ),
        ("`'Tags: ' ${data.tags}`", [("${data.tags} is of kind array, which no text is made of", 10)]),
    ],
)
def test_an_operator_takes_only_values_of_its_kind(value: str, faults: list[tuple[str, int]]) -> None:
    assert [*type_faults(parse_nested(value), kind_of)] == [ExpressionFault(*fault) for fault in faults]


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ("${data.opted_in}", []),
        ("${data.unknown}", []),
        ("!(${data.opted_in} || (${data.age} > 5))", []),
        ("`${data.age} + 1 > 18`", []),
        ("true", [("The only operand is a literal, so the condition decides nothing", 0)]),
        ("'Lima'", [("The only operand is a literal, so the condition decides nothing", 0)]),
        ("!true", [("The condition has no reference, so it decides nothing", 0)]),
        ("((${data.city}))", [("A condition is true or false; ${data.city} is of kind string", 2)]),
        ("`${data.unknown} + 1`", [("A condition is true or false; this is of kind number", 17)]),
        ("`'So ' ${data.opted_in}`", [("A condition is true or false; this is of kind string", 1)]),
        ("${data.city} && ${data.opted_in}", [("'&&' takes a boolean; ${data.city} is of kind string", 0)]),
    ],
)
def test_a_condition_decides_by_a_reference_and_is_true_or_false(value: str, faults: list[tuple[str, int]]) -> None:
    assert [*condition_faults(parse_condition(value), kind_of)] == [ExpressionFault(*fault) for fault in faults]


@pytest.mark.parametrize(
    ("value", "offsets"),
    [
        ("${data.a} && ${data.b} && !${data.c}", []),
        ("${data.a} || ${data.b} && ${data.c}", []),
        ("(${data.a} == 'x') && (${data.b} > 5)", []),
        ("((${data.a} == 'x')) && ${data.b}", []),
        ("${data.a} == 'x' && ${data.b}", [10]),
        ("${data.a} == 'x' && ${data.b} > 5", [10, 30]),
        ("${data.a} || (${data.b} && ${data.c} != 5)", [37]),
    ],
)
def test_a_comparison_beside_an_and_is_unclear_without_parentheses(value: str, offsets: list[int]) -> None:
    assert [fault.offset for fault in unclear_order(parse_condition(value))] == offsets


# Values

MISSING = None


@pytest.mark.parametrize(
    ("value", "a", "b", "expected"),
    [
        ("`'You are ' ${data.a} ', ' ${data.b}`", 42, True, "You are 42, true"),
        ("`${data.a} ${data.b}`", 10.0, 0.25, "100.25"),
        ("`'So ' ${data.a} ${data.b} '.'`", MISSING, ["x"], "So ."),
        ("`${data.a} / ${data.b}`", 10, 4, 2.5),
        ("`${data.a} / ${data.b}`", 10, 0, 0),
        ("`${data.a} % ${data.b}`", 10, MISSING, 0),
        ("`${data.a} % ${data.b}`", -7, 3, -1),
        ("`${data.a} / ${data.b}`", MISSING, 4, 0),
        ("`${data.a} + ${data.b}`", "2", 3, 3),
        ("`${data.a} * ${data.b}`", 1e200, 1e200, 0),
        ("`${data.a} - ${data.b}`", math.inf, 1, -1),
        ("`${data.a} + ${data.b}`", 10**400, 1, 1),
        ("`'#' ${data.a}`", 123456789012345678, MISSING, "#123456789012345678"),
        ("`'#' ${data.a}`", 10**400, MISSING, "#0"),
        ("`'#' ${data.a}`", 10**30, MISSING, "#1e+30"),
        ("`'#' (${data.a} * ${data.b})`", 1e20, 1e20, "#1e+40"),
        ("`${data.a} * ${data.b}`", 2**52, 2.0, 2.0**53),
        ("`${data.a} == ${data.b}`", 1, True, False),
        ("`${data.a} == ${data.b}`", 1, 1.0, True),
        ("`${data.a} == ''`", MISSING, MISSING, True),
        ("`${data.a} != ''`", MISSING, MISSING, False),
        ("`${data.a} != ''`", "Lima", MISSING, True),
        ("`${data.a} == 0`", MISSING, MISSING, True),
        ("`${data.a} == 18`", MISSING, MISSING, False),
        ("`${data.a} == ${data.b}`", MISSING, MISSING, True),
        ("`${data.a} <= ${data.b}`", 5, 5, True),
        ("`${data.a} < ${data.b}`", 5, 5, False),
        ("`${data.a} >= ${data.b}`", MISSING, 1, False),
        ("`${data.a} && ${data.b}`", True, "yes", False),
        ("`${data.a} || ${data.b}`", MISSING, True, True),
        ("`!${data.a}`", MISSING, MISSING, True),
        ("`${data.a}`", {"street": "x"}, MISSING, {"street": "x"}),
    ],
)
def test_an_expression_has_the_value_that_a_phone_shows(value: str, a: Any, b: Any, expected: Any) -> None:
    result = evaluate(parse_nested(value), lambda reference: {"a": a, "b": b}[reference.path[0]])

    assert (type(result), result) == (type(expected), expected)


# What always holds


def shape(node: Node) -> Any:
    """Return a tree as plain values: a literal as itself, a reference as a list, the others as tuples."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Reference):
        return [node.text]
    if isinstance(node, Operation):
        return (node.operator, *map(shape, node.operands))
    return ("join", tuple(map(shape, node.members)))


def written(tree: Any, floor: int = 0) -> str:
    """Return a tree as text, with no more parentheses than needed inside what binds like *floor*."""
    match tree:
        case bool():
            return str(tree).lower()
        case str():
            return "'" + tree.replace("\\", "\\\\").replace("'", "\\'").replace("`", "\\`") + "'"
        case int() | float():
            return f"({tree})" if tree < 0 else str(tree)
        case [reference] if isinstance(tree, list):
            return str(reference)
        case ("join", members):
            joined = " ".join(written(member, 1) for member in members)
            return f"({joined})" if floor else joined
        case ("!", operand):
            return f"!{written(operand, 7)}"
    sign, left, right = tree
    strength = SIGNS[sign]
    text = f"{written(left, strength)} {sign} {written(right, strength + 1)}"
    return f"({text})" if strength < floor else text


def as_number(value: Any) -> float:
    return float(value) if type(value) in (int, float) else 0.0


def as_shown(number: float) -> float:
    if not math.isfinite(number):
        return 0
    return int(number) if number == int(number) and abs(number) < 2**53 else number


def as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if type(value) is bool else str(value)


def as_remainder(left: float, right: float) -> float:
    return as_shown(math.copysign(abs(left) % abs(right), left)) if right else 0


def same(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left in (None, "", 0) and right in (None, "", 0)
    numbers = type(left) in (int, float) and type(right) in (int, float)
    return (numbers or type(left) is type(right)) and bool(left == right)


ANSWERS: dict[str, Callable[[Any, Any], Any]] = {
    "||": lambda left, right: True in [side for side in (left, right) if type(side) is bool],
    "&&": lambda left, right: type(left) is type(right) is bool and left and right,
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": lambda left, right: as_number(left) - as_number(right) < 0,
    "<=": lambda left, right: as_number(left) - as_number(right) <= 0,
    ">": lambda left, right: as_number(left) - as_number(right) > 0,
    ">=": lambda left, right: as_number(left) - as_number(right) >= 0,
    "+": lambda left, right: as_shown(as_number(left) + as_number(right)),
    "-": lambda left, right: as_shown(as_number(left) - as_number(right)),
    "*": lambda left, right: as_shown(as_number(left) * as_number(right)),
    "/": lambda left, right: as_shown(as_number(left) / as_number(right)) if as_number(right) else 0,
    "%": lambda left, right: as_remainder(as_number(left), as_number(right)),
}


def calculated(tree: Any, values: dict[str, Any]) -> Any:
    """Return a tree's value, worked out case by case."""
    if isinstance(tree, list):
        return values[tree[0]]
    if not isinstance(tree, tuple):
        return tree
    sign, *sides = tree
    if sign == "join":
        return "".join(map(as_text, (calculated(member, values) for member in sides[0])))
    if sign == "!":
        return calculated(sides[0], values) is not True
    return ANSWERS[sign](*(calculated(side, values) for side in sides))


def is_literal(tree: Any) -> bool:
    return not isinstance(tree, (list, tuple))


TYPES: dict[Kind, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}
NAMES = ["${data.a}", "${form.b}", "${screen.OTHER.data.c.d}"]
LITERALS = (
    st.booleans()
    | st.integers(-99, 99)
    | st.sampled_from([0.5, 2.25, -1.125])
    | st.text(max_size=4)
    | st.sampled_from(["\\", "'", "`", "\\`", "\\'", "${data.a}", " && "])
)
LEAVES = LITERALS | st.sampled_from(NAMES).map(lambda name: [name])


def trees(depth: int) -> st.SearchStrategy[Any]:
    if not depth:
        return LEAVES
    inner = trees(depth - 1)
    operations = st.tuples(st.sampled_from([*SIGNS]), inner, inner)
    return (
        LEAVES
        | st.tuples(st.just("!"), inner)
        | operations.map(lambda tree: (*tree[:2], [NAMES[0]]) if all(map(is_literal, tree[1:])) else tree)
        | st.tuples(st.just("join"), st.lists(inner, min_size=2, max_size=4).map(tuple))
    )


VALUES = st.fixed_dictionaries(
    dict.fromkeys(NAMES, st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from([0.5, -2.5]) | st.text())
)
PIECES = st.sampled_from(
    [*NAMES, *SIGNS, "!", "-", "(", ")", "'", "`", "\\", " ", "'x'", "0", "07", "5.", "true", "x", "$", "${", "}", "="]
)
TEXTS = st.text() | st.lists(PIECES).map("".join) | st.lists(PIECES).map(lambda pieces: f"`{''.join(pieces)}`")


@given(trees(4))
def test_a_written_tree_is_read_back(tree: Any) -> None:
    assert shape(parse_nested(f"`{written(tree)}`")) == tree


@given(trees(4), VALUES)
def test_an_expression_has_the_value_worked_out_case_by_case(tree: Any, values: dict[str, Any]) -> None:
    result = evaluate(parse_nested(f"`{written(tree)}`"), lambda reference: values[reference.text])
    expected = calculated(tree, values)

    assert (type(result), result) == (type(expected), expected)


@given(trees(3), json_values)
def test_an_expression_has_a_value_of_its_kind_whatever_it_refers_to(tree: Any, value: Any) -> None:
    node = parse_nested(f"`{written(tree)}`")
    kind = infer(node, lambda _: None)

    result = evaluate(node, lambda _: value)

    assert result is value if kind is None else type(result) in TYPES[kind]


@given(trees(4))
def test_a_reference_of_unknown_kind_is_never_at_fault(tree: Any) -> None:
    node = parse_nested(f"`{written(tree)}`")

    assert not [fault for fault in type_faults(node, lambda _: None) if "${" in fault.message]


@pytest.mark.parametrize("parse", [parse_binding, parse_nested, parse_condition])
@given(value=TEXTS)
def test_any_text_is_read_or_refused_with_a_place_in_it(parse: Callable[[str], Node], value: str) -> None:
    read = attempt(parse, value)

    if isinstance(read, ExpressionFault):
        assert 0 <= read.offset <= len(value)
    else:
        assert all(value.startswith(reference.text, reference.offset) for reference in references(read))

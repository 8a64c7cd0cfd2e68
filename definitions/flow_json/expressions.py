"""
The expressions of Flow JSON: read, judged by their kinds, and evaluated.

    binding    the value is one reference:    ${data.name}, ${form.name}, ${screen.ID.data.name}, ${screen.ID.form.name}
    nested     the value stands in backticks: `'Hello ' ${form.name}`, `${form.age} >= 18`
    condition  of an If, without backticks:   ${form.city} == 'London' || ${data.is_abroad}

    sequence   = expression { expression }         two without an operator are joined as text; not outside backticks
    expression = operand { operator operand }
    operand    = reference | text in single quotes | [ "-" ] number | "true" | "false" | "!" operand | "(" sequence ")"

Source: Meta, "Flow JSON", nested expressions; "Components", If; "Error codes", errors of the If component.

Rule 1: operators bind as in most languages: `!`, then `* / %`, `+ -`, `< <= > >=`, `== !=`, `&&`, `||`. Joining comes
        last, as in Meta's example that divides behind a text. Meta's page about If says that `&&` comes before all
        others; `unclear_order` tells where that would make a difference.
Rule 2: outside backticks there is no arithmetic: Meta's list of the operators of a condition has none.
Rule 3: `*` is on no list of Meta's, but is written; it is read as multiplication.
Rule 4: what is not known is no fault: a reference of unknown kind fits everywhere.
"""

import math
import re
from collections.abc import Callable, Iterator
from operator import add, ge, gt, le, lt, mul, sub, truediv
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from definitions.flow_json.rule import brief

MAX_NESTING = 32
"""How deep parentheses and `!` may nest, so that reading cannot exhaust the stack."""

MAX_OPERATORS = 250
"""How many operators an expression may have, so that no tree is deeper than what walks it can bear."""

Kind = Literal["string", "number", "boolean", "array", "object"]


_TOKEN = re.compile(
    r"""
      (?P<reference> \$\{ [^{}]* \}? )
    | (?P<text>      ' (?: [^'\\] | \\. )*+ ' )
    | (?P<open_text> ' )
    | (?P<number>    [0-9][\w.]* )
    | (?P<word>      \w+ )
    | (?P<bracket>   [()] )
    | (?P<operator>  !?[=<>&|]+ | [!+\-*/%] )
    | (?P<stray>     \S )
    """,
    re.VERBOSE | re.DOTALL,
)

_NAME = r"[^\s.{}\[\]()'\"`$=<>!&|+*/%,;\\]+"
_NAMES = rf"{_NAME}(?:[ ]+{_NAME})*"
_REFERENCE = re.compile(rf"\$\{{(?:screen\.({_NAMES})\.)?(data|form)((?:\.{_NAMES})+)\}}")
_DIGITS = 18
"""How many digits of a number surely fit 64 bits."""
_NUMBER = re.compile(rf"(?:0|[1-9][0-9]{{0,{_DIGITS - 1}}})(?:\.[0-9]+)?")
_LEADING_ZERO = re.compile(r"0[0-9]")
_OPERATOR_OR_TEXT = re.compile(r"[=<>!&|+*/%'`()]")
_ESCAPED = re.compile(r"\\([\\'`])")
_BARE_BACKTICK = re.compile(r"(?<!\\)`")

_LOGIC: Final = {"||": 1, "&&": 2}
_EQUALITY: Final = {"==": 3, "!=": 3}
_ORDER: Final = {"<": 4, "<=": 4, ">": 4, ">=": 4}
_ARITHMETIC: Final = {"+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_OUTSIDE_BACKTICKS: Final = {**_LOGIC, **_EQUALITY, **_ORDER}
_IN_BACKTICKS: Final = {**_OUTSIDE_BACKTICKS, **_ARITHMETIC}
"""The operators between two operands, and how strongly they bind."""

_OPERATORS = {*_IN_BACKTICKS, "!"}

_TAKES: Final[dict[str, Kind]] = {
    **dict.fromkeys(("!", *_LOGIC), "boolean"),
    **dict.fromkeys((*_ORDER, *_ARITHMETIC), "number"),
}
"""What the operands of an operator are. Those of an equality are of one kind, whichever."""

_COMPOUND: Final[tuple[Kind | None, ...]] = ("array", "object")

_FORMS_OF_REFERENCE = "A reference is ${data.name}, ${form.name}, ${screen.ID.data.name} or ${screen.ID.form.name}"


class ExpressionFault(Struct, frozen=True):
    """Something wrong with an expression. *offset* is that of a character of the value, from 0, or its length."""

    message: str
    offset: int


class ExpressionError(Exception):
    """A value is no expression of the form asked for."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message}, at column {offset + 1}")
        self.fault = ExpressionFault(message, offset)


class Reference(Struct, frozen=True):
    """
    A value of a screen by its name: data that the screen is shown with, or what was put into its form.

    *screen* is empty for the screen that the reference stands on; *text* is the reference as written.
    """

    screen: str
    scope: Literal["data", "form"]
    path: tuple[str, ...]
    text: str
    offset: int


class Constant(Struct, frozen=True):
    """A value that stands in the expression itself."""

    value: str | float | bool
    offset: int


class Operation(Struct, frozen=True):
    """
    An operator with its two operands; `!` has one.

    *offset* is the operator's. *grouped* is whether parentheses stand around it.
    """

    operator: str
    operands: tuple["Node", ...]
    offset: int
    grouped: bool = False


class Concatenation(Struct, frozen=True):
    """Values joined to a text by standing one after the other."""

    members: tuple["Node", ...]
    offset: int


Node: TypeAlias = Reference | Constant | Operation | Concatenation


def is_binding(value: str) -> bool:
    """Return whether *value* is meant as one reference."""
    return value.startswith("${") and value.endswith("}")


def is_nested(value: str) -> bool:
    """Return whether *value* stands in backticks."""
    return len(value) > 1 and value[0] == value[-1] == "`"


def is_dynamic(value: object) -> TypeGuard[str]:
    """Return whether a property's value is found out on the phone, not written in the document."""
    return isinstance(value, str) and (is_binding(value) or is_nested(value))


def parse_binding(value: str) -> Reference:
    """
    Return the reference that *value* is.

    Raises:
        ExpressionError: it is none, or more than one.
    """
    if "${" in value[2:]:
        raise ExpressionError(
            "The value must be one reference; several, or one with text, must stand in backticks", value.index("${", 2)
        )
    return _reference(value, 0)


def parse_nested(value: str) -> Node:
    """
    Return the expression in the backticks of *value*.

    Raises:
        ExpressionError: it is not well formed.
    """
    if not is_nested(value):
        raise ExpressionError("A nested expression begins and ends with a backtick", 0)
    return _Parser(_tokens(value, 1, len(value) - 1), in_backticks=True).whole()


def parse_condition(value: str) -> Node:
    """
    Return the condition of an If, in backticks or without.

    Raises:
        ExpressionError: it is not well formed.
    """
    if is_nested(value):
        return parse_nested(value)
    return _Parser(_tokens(value, 0, len(value)), in_backticks=False).whole()


def references(node: Node) -> Iterator[Reference]:
    """Return the references in an expression, in the order in which they are written."""
    return (part for part in _parts(node) if isinstance(part, Reference))


def infer(node: Node, kind_of: Callable[[Reference], Kind | None]) -> Kind | None:
    """Return of what kind an expression's value is, None if that is not known."""
    if isinstance(node, Reference):
        return kind_of(node)
    if isinstance(node, Constant):
        return kind_of_value(node.value)
    if isinstance(node, Concatenation):
        return "string"
    return "number" if node.operator in _ARITHMETIC else "boolean"


def type_faults(node: Node, kind_of: Callable[[Reference], Kind | None]) -> Iterator[ExpressionFault]:
    """Return where an expression has values of a kind that its operators do not take."""
    for part in _parts(node):
        if isinstance(part, Operation):
            yield from _operand_faults(part, kind_of)
        elif isinstance(part, Concatenation):
            for member in part.members:
                kind = infer(member, kind_of)
                if kind in _COMPOUND:
                    yield ExpressionFault(f"{_said(member)} is of kind {kind}, which no text is made of", member.offset)


def condition_faults(node: Node, kind_of: Callable[[Reference], Kind | None]) -> Iterator[ExpressionFault]:
    """Return why an expression cannot decide an If: its type faults, and whether it decides anything."""
    yield from type_faults(node, kind_of)
    if isinstance(node, Constant):
        yield ExpressionFault("The only operand is a literal, so the condition decides nothing", node.offset)
        return
    if not any(references(node)):
        yield ExpressionFault("The condition has no reference, so it decides nothing", node.offset)
    kind = infer(node, kind_of)
    if kind not in (None, "boolean"):
        yield ExpressionFault(f"A condition is true or false; {_said(node)} is of kind {kind}", node.offset)


def unclear_order(node: Node) -> Iterator[ExpressionFault]:
    """Return the operators of a condition that would be read after an `&&` beside them if rule 1 were not so."""
    for part in _parts(node):
        for side in part.operands if isinstance(part, Operation) and part.operator == "&&" else ():
            if isinstance(side, Operation) and side.operator not in ("&&", "!") and not side.grouped:
                message = f"'{side.operator}' beside '&&' needs parentheses: Meta's documentation has '&&' come first"
                yield ExpressionFault(message, side.offset)


def evaluate(node: Node, value_of: Callable[[Reference], Any]) -> Any:
    """
    Return the value of an expression, whatever the values that it refers to; None stands for one that is missing.

    Meta says that dividing by zero or by what is missing gives zero, and compares a field that was not filled with the
    empty text. The rest is our reading of it: a missing value is the empty one of the kind wanted (an empty text, zero,
    false), and so is one of another kind; what would be no finite number is zero; `%` has the sign of its left operand.
    """
    values: list[Any] = []
    for part in _parts(node):
        if isinstance(part, Reference):
            values.append(value_of(part))
        elif isinstance(part, Constant):
            values.append(part.value)
        elif isinstance(part, Concatenation):
            members = values[-len(part.members) :]
            del values[-len(part.members) :]
            values.append("".join(map(_text, members)))
        elif part.operator == "!":
            values.append(values.pop() is not True)
        else:
            right, left = values.pop(), values.pop()
            values.append(_applied(part.operator, left, right))
    return values[0]


# Reading


class _Token(NamedTuple):
    """*kind* is `operand`, `operator`, a bracket, or empty at the end; an operand comes read."""

    kind: str
    text: str
    offset: int
    node: Reference | Constant | None = None


def _tokens(value: str, start: int, end: int) -> Iterator[_Token]:
    """Return the tokens of *value* from *start* to *end*, one by one, so that the first fault is the one reported."""
    for match in _TOKEN.finditer(value, start, end):
        text, offset = match.group(), match.start()
        match match.lastgroup:
            case "reference":
                yield _Token("operand", text, offset, _reference(text, offset))
            case "text":
                yield _Token("operand", text, offset, Constant(_read_text(text, offset, enclosed=start > 0), offset))
            case "number":
                yield _Token("operand", text, offset, Constant(_read_number(text, offset), offset))
            case "bracket":
                yield _Token(text, text, offset)
            case "operator" if text in _OPERATORS:
                yield _Token("operator", text, offset)
            case "word" if text in ("true", "false"):
                yield _Token("operand", text, offset, Constant(text == "true", offset))
            case lexeme:
                raise ExpressionError(_unreadable(lexeme, text), offset)
    yield _Token("", "", end)


def _unreadable(lexeme: str | None, text: str) -> str:
    if lexeme == "open_text":
        return "The text has no closing quote"
    if lexeme == "operator":
        return f"'{brief(text)}' is no operator"
    if lexeme == "word":
        return f"'{brief(text)}' is no value; a text must stand in single quotes"
    if text == '"':
        return "A text must stand in single quotes, not in double ones"
    return f"'{text}' is not expected here"


def _reference(text: str, offset: int) -> Reference:
    match = _REFERENCE.fullmatch(text)
    if match is not None:
        screen, scope, path = match.groups()
        return Reference(screen or "", "form" if scope == "form" else "data", tuple(path[1:].split(".")), text, offset)
    if text.startswith("${") and not text.endswith("}"):
        raise ExpressionError("The reference has no closing brace", offset)
    if "[" in text:
        raise ExpressionError("A reference cannot lead into an array", offset)
    if _OPERATOR_OR_TEXT.search(text):
        raise ExpressionError(
            "A reference must hold one name alone; backticks stand around the whole expression", offset
        )
    raise ExpressionError(_FORMS_OF_REFERENCE, offset)


def _read_text(text: str, offset: int, *, enclosed: bool) -> str:
    """Return the text that a literal means; one *enclosed* in backticks has them only behind a backslash."""
    if enclosed and (bare := _BARE_BACKTICK.search(text)):
        raise ExpressionError("A backtick in a text needs a backslash before it", offset + bare.start())
    inner = text[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def _read_number(text: str, offset: int) -> float:
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if _LEADING_ZERO.match(text):
        raise ExpressionError(f"The number '{brief(text)}' begins with a zero", offset)
    if len(text) > _DIGITS and text.replace(".", "", 1).isdecimal():
        raise ExpressionError("A number fits 64 bits", offset)
    raise ExpressionError(f"'{brief(text)}' is neither a number nor another value", offset)


class _Parser:
    """Reads tokens by recursive descent, operators by how strongly they bind (Pratt's way)."""

    def __init__(self, tokens: Iterator[_Token], *, in_backticks: bool) -> None:
        self._tokens = tokens
        self._strengths = _IN_BACKTICKS if in_backticks else _OUTSIDE_BACKTICKS
        self._joins = in_backticks
        self._before = _Token("", "", 0)
        self._ahead = next(tokens)
        self._depth = 0
        self._operators = 0

    def whole(self) -> Node:
        if not self._ahead.kind:
            raise ExpressionError("The expression is empty", self._ahead.offset)
        node = self._sequence()
        if self._ahead.kind == ")":
            raise ExpressionError("The closing parenthesis has no opening one", self._ahead.offset)
        return node

    def _take(self) -> _Token:
        self._before = self._ahead
        if self._before.kind:
            self._ahead = next(self._tokens)
        return self._before

    def _sequence(self) -> Node:
        members = [self._expression(0)]
        while self._ahead.kind not in ("", ")"):
            if not self._joins:
                raise ExpressionError("An operator is missing between two values", self._ahead.offset)
            members.append(self._expression(0))
        return members[0] if len(members) == 1 else Concatenation(tuple(members), members[0].offset)

    def _expression(self, floor: int) -> Node:
        """Return an operand with all operators behind it that bind more strongly than *floor*."""
        left = self._operand()
        while self._ahead.kind == "operator" and self._ahead.text != "!":
            operator, offset = self._ahead.text, self._ahead.offset
            strength = self._strengths.get(operator)
            if strength is None:
                raise ExpressionError(f"A condition without backticks has no '{operator}'", offset)
            if strength <= floor:
                break
            self._take()
            right = self._expression(strength)
            if isinstance(left, Constant) and isinstance(right, Constant):
                raise ExpressionError(f"'{operator}' has a literal on both sides", offset)
            left = self._operation(operator, (left, right), offset)
        return left

    def _operand(self) -> Node:
        before, token = self._before, self._take()
        if token.node is not None:
            return token.node
        if token.kind == "(":
            return self._group(token)
        if token.text == "!":
            self._deeper(token)
            negated = self._operand()
            self._depth -= 1
            return self._operation("!", (negated,), token.offset)
        if token.text == "-":
            return self._negative(token)
        raise _operand_missing(before, token)

    def _group(self, opening: _Token) -> Node:
        self._deeper(opening)
        node = self._sequence()
        self._depth -= 1
        if self._take().kind != ")":
            raise ExpressionError("The parenthesis is not closed", opening.offset)
        return replace(node, grouped=True) if isinstance(node, Operation) else node

    def _negative(self, sign: _Token) -> Constant:
        node = self._take().node
        value = node.value if isinstance(node, Constant) else None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ExpressionError("Behind a negative sign a number must stand", sign.offset)
        return Constant(-value, sign.offset)

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise ExpressionError(f"The expression nests deeper than {MAX_NESTING}", token.offset)

    def _operation(self, operator: str, operands: tuple[Node, ...], offset: int) -> Operation:
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            raise ExpressionError(f"The expression has more than {MAX_OPERATORS} operators", offset)
        return Operation(operator, operands, offset)


def _operand_missing(before: _Token, token: _Token) -> ExpressionError:
    """Return what is wrong where *token* stands and an operand should."""
    if before.kind == "(" and token.kind == ")":
        return ExpressionError("The parentheses are empty", before.offset)
    if before.kind == "(" and not token.kind:
        return ExpressionError("The parenthesis is not closed", before.offset)
    if before.kind == "operator":
        return ExpressionError(f"'{before.text}' has no operand behind it", before.offset)
    if token.kind == ")":
        return ExpressionError("The closing parenthesis has no opening one", token.offset)
    return ExpressionError(f"'{token.text}' has no operand before it", token.offset)


# Judging


def _parts(node: Node) -> Iterator[Node]:
    """Return an expression's nodes, each behind its own operands. Without recursion: it may be a long chain."""
    found, waiting = [], [node]
    while waiting:
        part = waiting.pop()
        found.append(part)
        if isinstance(part, Operation):
            waiting.extend(part.operands)
        elif isinstance(part, Concatenation):
            waiting.extend(part.members)
    return reversed(found)


def _operand_faults(operation: Operation, kind_of: Callable[[Reference], Kind | None]) -> Iterator[ExpressionFault]:
    kinds = [infer(operand, kind_of) for operand in operation.operands]
    takes = _TAKES.get(operation.operator)
    for operand, kind in zip(operation.operands, kinds, strict=True):
        if kind in _COMPOUND or (None not in (kind, takes) and kind != takes):
            wanted = takes or "string, number or boolean"
            message = f"'{operation.operator}' takes a {wanted}; {_said(operand)} is of kind {kind}"
            if operation.operator == "+" and kind == "string":
                message += ", and texts are joined by a space alone"
            yield ExpressionFault(message, operand.offset)
    if takes is None and None not in kinds and not any(kind in _COMPOUND for kind in kinds) and kinds[0] != kinds[1]:
        message = f"'{operation.operator}' compares a {kinds[0]} with a {kinds[1]}; both sides are of one kind"
        yield ExpressionFault(message, operation.offset)


def _said(node: Node) -> str:
    """Return how a message speaks of a part of an expression."""
    return brief(node.text) if isinstance(node, Reference) else "this"


# Evaluating

_ORDERED: Final[dict[str, Callable[[float, float], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_CALCULATED: Final[dict[str, Callable[[float, float], float]]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": truediv,
    "%": math.fmod,
}


def _applied(operator: str, left: Any, right: Any) -> bool | float:
    if operator in _LOGIC:
        return (left is True and right is True) if operator == "&&" else (left is True or right is True)
    if operator in _EQUALITY:
        return _equal(left, right) is (operator == "==")
    one, other = _number(left), _number(right)
    if operator in _ORDER:
        return _ORDERED[operator](one, other)
    if not other and operator in ("/", "%"):
        return 0
    return _finite(_CALCULATED[operator](one, other))


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return not (left or right)
    return kind_of_value(left) == kind_of_value(right) and bool(left == right)


def kind_of_value(value: Any) -> Kind | None:
    """Return of which kind a JSON value is; null is of none."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else None


def _number(value: Any) -> float:
    """Return *value* as the phone calculates with it; zero if it is no number."""
    if kind_of_value(value) != "number":
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _finite(number: float) -> float:
    """Return a number as it is shown: zero if it is none, and without a fraction if it has none."""
    if not math.isfinite(number):
        return 0
    exact = number.is_integer() and abs(number) < 2**53
    return int(number) if exact else number


def _text(value: Any) -> str:
    """Return what *value* adds to a text; nothing if it is missing, or a list or an object."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return str(value)
    if kind_of_value(value) == "number":
        return str(_finite(_number(value)))
    return value if isinstance(value, str) else ""

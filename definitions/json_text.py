"""JSON as text: how deep it nests, and where its values stand (RFC 6901 pointers to lines and columns)."""

import bisect
import json
import re
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

import msgspec
from msgspec import Struct

from engine.errors import Problem

MAX_DEPTH = 64
"""How deep JSON from outside may nest."""

_INT64 = 2**63
_NUL = rb"\u0000"
_LONG_NUMBER = re.compile(rb"\d{19}")
"""What can become an integer beyond 64 bits when JSON is decoded."""

_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_DEEPER = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NO_BRACKETS = bytes(set(range(256)) - _DEEPER.keys())
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class Position(Struct, frozen=True):
    """A place in a text; both count from 1, the column in characters."""

    line: int
    column: int


class Positions:
    """
    The positions of all values of a JSON text.

    The text must be valid JSON; a member's position is that of its key, an element's that of its value.
    """

    def __init__(self, text: str) -> None:
        self._offsets: dict[str, int] = {}
        self.repeated: dict[str, None] = {}
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._index(text)

    def of(self, pointer: str) -> Position:
        """Return the position of *pointer*, or of the nearest value around it that exists."""
        while pointer and pointer not in self._offsets:
            pointer = pointer.rpartition("/")[0]
        offset = self._offsets.get(pointer, 0)
        line = bisect.bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def _index(self, text: str) -> None:
        tokens = ((match.group(), match.start()) for match in _TOKEN.finditer(text))
        # A frame for each open container: its pointer, and the index of its next element or None in an object.
        frames: list[tuple[str, int | None]] = []
        for first, offset in tokens:
            if first == ",":
                continue
            if first in "}]":
                frames.pop()
                continue
            opening, pointer = first, ""
            if frames:
                parent, index = frames[-1]
                if index is None:
                    pointer = f"{parent}/{escape(json.loads(first))}"
                    next(tokens)  # the colon
                    opening, _ = next(tokens)
                else:
                    pointer = f"{parent}/{index}"
                    frames[-1] = parent, index + 1
            if pointer in self._offsets:
                self._forget(pointer)
            self._offsets[pointer] = offset
            if opening in "{[":
                frames.append((pointer, None if opening == "{" else 0))

    def _forget(self, pointer: str) -> None:
        """Let what stood at a key not count, since the same key comes again."""
        self.repeated[pointer] = None
        for inside in [each for each in self._offsets if each.startswith(f"{pointer}/")]:
            del self._offsets[inside]


def repeated_keys(text: bytes) -> list[str]:
    """Return the pointers of the keys that an object of a JSON text has more than once; the last is the one read."""
    repeats = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeats
        repeats = repeats or len(pairs) != len({name for name, _ in pairs})

    json.loads(text, object_pairs_hook=look, parse_int=str)
    return [*Positions(text.decode()).repeated] if repeats else []  # most texts are spared the search


def places(text: bytes) -> Callable[[str], Position]:
    """Return what tells where a pointer leads in a text; in one that is no JSON, to where it ceases to be."""
    try:
        json.loads(text.decode(), parse_int=str)  # a number of thousands of digits is none to convert
    except json.JSONDecodeError as error:
        wrong = Position(error.lineno, error.colno)
    except (UnicodeDecodeError, RecursionError):
        wrong = Position(1, 1)
    else:
        return Positions(text.decode()).of
    return lambda _: wrong


def decode_document(text: bytes) -> Any:
    """
    Return the value of a JSON text that somebody wrote.

    Raises:
        msgspec.DecodeError: it is not JSON in UTF-8, or nests too deep.
    """
    if too_deep(text):
        raise msgspec.DecodeError(f"nests deeper than {MAX_DEPTH}")
    try:
        return msgspec.json.decode(text)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None


def too_deep(text: bytes) -> bool:
    """
    Return whether objects and lists nest deeper in a JSON text, valid or not, than we read.

    A decoder recurses: at a depth of some hundreds it can overrun a small stack and end the process, so look first.
    """
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_DEEPER.__getitem__, brackets)), default=0) > MAX_DEPTH


def unstorable(text: bytes) -> list[Problem]:
    """
    Return the texts and integers in a JSON text that not every database takes: NUL, and more than 64 bits.

    Raises:
        msgspec.DecodeError: it looked as if there were some, and it is no JSON in UTF-8, or nests too deep.
    """
    suspicious = _NUL in text
    if len(text.translate(None, _NO_DIGITS)) >= 19:  # noqa: PLR2004 - as above; most texts are spared the search
        suspicious |= bool(_LONG_NUMBER.search(text))
    return [*_unstorable(decode_document(text), "")] if suspicious else []


def _unstorable(value: Any, pointer: str) -> Iterator[Problem]:
    if isinstance(value, str) and "\0" in value:
        yield Problem(pointer, "text", "A text has no NUL")
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        yield Problem(pointer, "number", "A number fits 64 bits")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _unstorable(name, pointer)
            yield from _unstorable(member, f"{pointer}/{escape(name)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unstorable(item, f"{pointer}/{index}")


def escape(name: str) -> str:
    """Return *name* as a segment of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")

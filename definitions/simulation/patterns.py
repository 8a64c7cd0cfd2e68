"""
Texts that a regular expression matches, for the patterns that people write into forms.

Reads literals, classes, groups, alternatives and counts; what it cannot read it gives no text for, and every text given
was matched against the pattern by `re`.
"""

import re
import string
import warnings
from collections.abc import Iterator
from functools import lru_cache

_MOST_REPEATS = 64
_CLASSES = {"d": string.digits, "w": string.ascii_lowercase + string.digits + "_", "s": " "}
_PRINTED = string.ascii_letters + string.digits + " -_.,"
_COUNTS = re.compile(r"\{(\d{1,4})(,?)(\d{0,4})\}")


@lru_cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """Return a pattern of an author's ready to match, None if `re` does not read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what may mean something else in a later Python
            return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def matching(pattern: str, least: int = 0, most: int | None = None) -> Iterator[str]:
    """Yield texts of *least* to *most* characters that *pattern* matches as a whole, the shortest and a longer one."""
    read = compiled(pattern)
    if read is None:
        return
    for extra in range(_MOST_REPEATS):
        try:
            text = _Reader(pattern, extra).whole()
        except (_Unreadable, RecursionError):
            return
        fits = read.fullmatch(text) is not None
        if most is not None and len(text) > most:
            return
        if fits and len(text) >= least:
            yield text
            if extra > 1:
                return


class _Unreadable(Exception):
    """The pattern has something that is not read here."""


class _Reader:
    """Writes a text while it reads a pattern: of alternatives the first, each repeat *extra* times more than needed."""

    def __init__(self, pattern: str, extra: int) -> None:
        self._pattern = pattern
        self._extra = extra
        self._at = 0

    def whole(self) -> str:
        text = self._alternatives()
        if self._at < len(self._pattern):
            raise _Unreadable
        return text

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        taken = self._peek()
        if not taken:
            raise _Unreadable
        self._at += 1
        return taken

    def _alternatives(self) -> str:
        text = self._sequence()
        while self._peek() == "|":
            self._at += 1
            self._sequence()
        return text

    def _sequence(self) -> str:
        parts = []
        while self._peek() not in ("", "|", ")"):
            if self._peek() in "^$":
                self._at += 1
                continue
            part = self._one()
            least, most = self._counts()
            repeats = min(least + self._extra, most)
            if repeats > _MOST_REPEATS:
                raise _Unreadable
            parts.append("".join(part[index % len(part)] for index in range(repeats)))
        return "".join(parts)

    def _one(self) -> list[str]:
        """Return what one part of the pattern may be: several texts to take in turn."""
        taken = self._take()
        if taken == "(":
            return [self._group()]
        if taken == "[":
            return list(self._set())
        if taken == "\\":
            return list(self._escaped())
        if taken == ".":
            return ["a"]
        if taken in "*+?{":
            raise _Unreadable
        return [taken]

    def _group(self) -> str:
        if self._peek() == "?":
            if self._pattern[self._at : self._at + 2] != "?:":
                raise _Unreadable
            self._at += 2
        text = self._alternatives()
        if self._take() != ")":
            raise _Unreadable
        return text

    def _escaped(self) -> str:
        taken = self._take()
        if taken in _CLASSES:
            return _CLASSES[taken]
        if taken.isalnum():
            raise _Unreadable
        return taken

    def _set(self) -> str:
        """Return the characters of a class in brackets."""
        excluding = self._peek() == "^"
        self._at += excluding
        found = ""
        while self._peek() != "]" or not found:
            taken = self._take()
            listed = self._escaped() if taken == "\\" else taken
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                last = self._take()
                listed = "".join(map(chr, range(ord(listed[-1]), min(ord(last), ord(listed[-1]) + 255) + 1)))
            found += listed
        self._at += 1
        left = "".join(each for each in _PRINTED if each not in found) if excluding else found
        if not left:
            raise _Unreadable
        return left

    def _counts(self) -> tuple[int, int]:
        sign = self._peek()
        if sign and sign in "*+?":
            self._at += 1
            found = {"*": (0, _MOST_REPEATS), "+": (1, _MOST_REPEATS), "?": (0, 1)}[sign]
        elif counted := _COUNTS.match(self._pattern, self._at):
            self._at = counted.end()
            least = int(counted[1])
            found = least, int(counted[3] or _MOST_REPEATS) if counted[2] else least
        else:
            return 1, 1
        self._at += self._peek() in ("?", "+")
        return found

"""
Flows that are almost right, to the linter and the compiler: nothing raises, and what is broken is told.

    python -m tests.fuzz_check --mutants 20000
    python -m tests.fuzz_check --mutants 0 --breaks 500

A mutant is a sound Flow with up to five changes of any kind; of it nothing is known but that everything said about it
must hold. A break is one change that a Flow surely suffers from; of that a rule that it breaks must tell.

Rule 1: the same seed makes the same mutants and breaks.
Rule 2: no time is measured but to find what never ends.
"""

import argparse
import copy
import json
import secrets
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from definitions.binding import GUARDS
from definitions.catalogue import compile_document
from definitions.flow_compiler import ANNOUNCE, UNREACHABLE
from definitions.flow_json.examples import navigate
from definitions.flow_json.linter import lint
from definitions.flow_json.rule import RULES
from definitions.json_text import decode_document, places
from engine.errors import Problem
from engine.interpreter import Interpreter
from engine.validate import validate
from tests.definitions.documents import FLOWS, SAMPLES, leads_somewhere, read
from tests.definitions.flow_json.breaks import BREAKS, Broken
from tests.definitions.flow_json.strategies import a_sound_flow

GENERATED = 100
"""How many of the Flows that mutants are made of are made up."""

TIRED_SECONDS = 5.0
TIRED_SECONDS_PER_MB = 10.0
"""After how long a document counts as one that is never done with: ten times what it may take."""

ENOUGH = 0.98
"""Which share of the breaks must be found."""

ODD: list[Any] = [
    None, True, False, 0, -1, 7.5, 1e308, 2**63, -(2**63) - 1, 10**400, "", " ", "7.3", "TextInput", "SUCCESS", "\0",
    "a\0b", "é" * 40, "\ud800", "\udc00\ud800", "\u202e", "x" * 5000, "~0/~1", "${data}", "${data.x", "`", "``", "`'",
    "!", "(" * 40, "${screen.}", [], [[]], [None], {}, {"": ""}, {"~/": 1}, {"type": "If"}, {"type": []},
    {"name": "navigate"}, {"type": "array"}, {"type": "object", "properties": []}, float("nan"), float("inf"),
]  # fmt: skip

FRAGMENTS = [
    b"\0", b"\xff", b"\xc3", b"\\u0000", b"\\ud800", b'"', b"\\", b"{", b"}", b"[" * 70, b"]", b",", b":", b"null",
    b"1e999", b"9" * 30, b"9" * 5000, b"\r\n", b"\n", b"\xef\xbb\xbf", b"//", b"\xe2\x80\xa8", b'"version":7,',
]  # fmt: skip

VERSIONS = ["2.1", "3.0", "4.0", "5.0", "5.1", "6.0", "6.2", "7.0", "7.3", "7.10", "1.0", "9.9", "0.0", "7", 7.3, ""]
EXPRESSION_PARTS = [*"${}()'`!=<>&|+-*/%. \\0a", "data.", "form.", "screen.", " && ", " == 'x'", "${data.x}"]


# Mutants


class Mutator:
    """Makes mutants of sound Flows."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - mutants that can be made again
        sound = [*sound_documents(self._random)]
        self._flows = [msgspec.json.encode(flow) for flow in sound]
        self._said = _properties_by_type((*sound, *(rule.breaks for rule in RULES.values())))
        self._changes: list[Callable[[Any], None]] = [
            self._delete, self._rename, self._retype, self._swap, self._duplicate, self._lead_round, self._nest,
            self._borrow, self._borrow, self._swell, self._scramble, self._break_expression, self._change_version,
        ]  # fmt: skip

    def mutant(self) -> bytes:
        """Return the text of a mutant."""
        random = self._random
        document = {"": msgspec.json.decode(random.choice(self._flows))}
        for _ in range(random.choice([1, 1, 1, 2, 3, 4, 5])):
            random.choice(self._changes)(document)
        text = json.dumps(document[""]).encode()
        if random.random() < 0.5:
            text = text.replace(b', "', b',\n "')  # inside a text, a quotation mark is escaped
        return self._garbled(text) if random.random() < 0.1 else text

    def _place(self, document: Any, wanted: Callable[[Any], bool] = lambda _: True) -> tuple[Any, Any]:
        """Return a place in *document* that has what is wanted, as what holds it and the key; the whole if none has."""
        found = [place for place in _held(document) if wanted(place[0][place[1]])]
        return self._random.choice(found or [(document, "")])

    def _delete(self, document: Any) -> None:
        holder, key = self._place(document)
        if key != "":
            del holder[key]

    def _rename(self, document: Any) -> None:
        holder, key = self._place(document, lambda value: isinstance(value, dict) and bool(value))
        if not isinstance(holder[key], dict) or not holder[key]:
            return
        renamed: dict[str, Any] = holder[key]
        old = self._random.choice([*renamed])
        others = [*renamed, "name", "type", "label", "text", "data", "required", "__example__", "then", "cases", ""]
        misspelt = [old[:-1], old + "s", old.upper(), old.capitalize(), old.replace("-", "_"), old + "\0", "~" + old]
        renamed[self._random.choice([*misspelt, self._random.choice(others)])] = renamed.pop(old)

    def _retype(self, document: Any) -> None:
        holder, key = self._place(document)
        holder[key] = copy.deepcopy(self._random.choice(ODD))

    def _swap(self, document: Any) -> None:
        (one, name), (other, key) = self._place(document), self._place(document)
        one[name], other[key] = copy.deepcopy(other[key]), copy.deepcopy(one[name])

    def _duplicate(self, document: Any) -> None:
        holder, key = self._place(document)
        if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            there, name = self._place(document)
            there[name] = copy.deepcopy(holder[key])

    def _borrow(self, document: Any) -> None:
        """Let an object have what another of its type has, in this Flow or in any other."""
        holder, key = self._place(document, lambda value: isinstance(value, dict) and _type_of(value) in self._said)
        said = self._said.get(_type_of(holder[key])) if isinstance(holder[key], dict) else None
        if said:
            name, value = self._random.choice(said)
            holder[key][name] = copy.deepcopy(value)

    def _lead_round(self, document: Any) -> None:
        """Let a route or a navigate lead to any screen, the same or an earlier one too."""
        flow = document[""]
        if not isinstance(flow, dict):
            return
        names = [*_screen_ids(flow), "NOWHERE"]
        routes = flow.get("routing_model")
        if isinstance(routes, dict) and routes and self._random.random() < 0.5:
            routes[self._random.choice([*routes])] = self._random.sample(names, self._random.randint(1, len(names)))
        else:
            holder, key = self._place(document, lambda value: isinstance(value, dict) and "next" in value)
            holder[key] = navigate(self._random.choice(names))

    def _nest(self, document: Any) -> None:
        holder, key = self._place(document)
        for _ in range(self._random.choice([1, 2, 4, 20, 70])):
            inside = holder[key]
            holder[key] = self._random.choice(
                [
                    [inside],
                    {"type": "If", "condition": "${data.x}", "then": [inside]},
                    {"type": "Form", "children": [inside]},
                    {"type": "object", "properties": {"x": inside}},
                    {"type": "array", "items": inside},
                ]
            )

    def _swell(self, document: Any) -> None:
        """Make something huge."""
        holder, key = self._place(document)
        value, times = holder[key], self._random.choice([21, 101, 300])
        if isinstance(value, list):
            holder[key] = value * (times // max(1, len(value))) or [None] * times
        elif isinstance(value, str):
            holder[key] = value * (1 + times * 100 // max(1, len(value)))
        elif isinstance(value, dict):
            value |= {f"more {number}": None for number in range(times)}
        else:
            holder[key] = 10**times

    def _scramble(self, document: Any) -> None:
        """Put a character into a text that few would expect there."""
        holder, key = self._place(document, lambda value: isinstance(value, str))
        if isinstance(holder[key], str):
            where = self._random.randrange(len(holder[key]) + 1)
            odd = self._random.choice(["\0", "\ud800", "\udfff", "\u202e", "\u2028", "é", "😀", "\n", "/", "~", '"'])
            holder[key] = holder[key][:where] + odd + holder[key][where:]

    def _break_expression(self, document: Any) -> None:
        """Change an expression in a character or two."""

        def is_expression(value: Any) -> bool:
            return isinstance(value, str) and ("${" in value or "`" in value)

        holder, key = self._place(document, is_expression)
        if not is_expression(holder[key]):
            return
        for _ in range(self._random.randint(1, 2)):
            where = self._random.randrange(len(holder[key]) + 1)
            gone = self._random.choice([0, 0, 1, 1, 3])
            put = self._random.choice(["", "", *EXPRESSION_PARTS])
            holder[key] = holder[key][:where] + put + holder[key][where + gone :]

    def _change_version(self, document: Any) -> None:
        flow = document[""]
        if isinstance(flow, dict):
            flow[self._random.choice(["version", "version", "version", "data_api_version"])] = self._random.choice(
                VERSIONS
            )

    def _garbled(self, text: bytes) -> bytes:
        """Return a text with octets put in, taken away or changed."""
        random = self._random
        changed = bytearray(text)
        for _ in range(random.randint(1, 3)):
            where, length = random.randrange(len(changed) + 1), random.choice([1, 1, 4, 40])
            match random.randrange(5):
                case 0:
                    changed[where:where] = random.choice(FRAGMENTS)
                case 1:
                    del changed[where : where + length]
                case 2:
                    changed[where:where] = changed[where : where + length]
                case 3:
                    changed[where : where + length] = random.randbytes(length)
                case _:
                    del changed[where:]
        return bytes(changed)


def sound_documents(random: Random) -> Iterator[Any]:
    """Yield Flows that somebody wrote, those that keep the rules, and some that are made up."""
    published = sorted(SAMPLES.glob("flows/*.json"))
    yield from (read(path) for path in (*FLOWS.values(), *published))
    yield from (rule.keeps for rule in RULES.values())
    yield from (a_sound_flow(random) for _ in range(GENERATED))


def _properties_by_type(documents: Iterable[Any]) -> dict[str, list[tuple[str, Any]]]:
    """Return what objects have, by their types, those without one too."""
    said: dict[str, list[tuple[str, Any]]] = {}
    for document in documents:
        for holder, key in _held([document]):
            if isinstance(holder[key], dict):
                said.setdefault(_type_of(holder[key]), []).extend(holder[key].items())
    return said


def _type_of(value: dict[str, Any]) -> str:
    said = value.get("type")
    return said if isinstance(said, str) else ""


def _held(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the places of all values inside of *document*, as what holds them and the key."""
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        keys: Iterable[Any] = holder if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])


def _screen_ids(flow: dict[str, Any]) -> list[str]:
    screens = flow.get("screens")
    listed = screens if isinstance(screens, list) else []
    ids = [each.get("id") for each in listed if isinstance(each, dict)]
    return [each for each in ids if isinstance(each, str)]


class Findings(Struct):
    """What was found in many documents: how often each rule fired, and what should not have been, each once."""

    rules: Counter[str]
    faults: dict[str, str]
    documents: int = 0
    without_error: int = 0


def findings_of(sources: Iterable[bytes]) -> Findings:
    """Return what the linter and the compiler say of documents, each looked at in all ways."""
    found = Findings(Counter(), {})
    for source in sources:
        found.documents += 1
        began = time.process_time()  # what other programs do meanwhile is no fault of the document
        try:
            for fault in _look_at(source, found):
                found.faults.setdefault(fault, _shown(source))
        except Exception as error:  # noqa: BLE001 - whatever is raised is what is looked for
            where = "".join(traceback.format_exception(error)[-3:])
            found.faults.setdefault(f"raised {type(error).__name__}", f"{where}\n{_shown(source)}")
        if time.process_time() - began > TIRED_SECONDS + TIRED_SECONDS_PER_MB * len(source) / 1e6:
            found.faults.setdefault("never done with", _shown(source))
    return found


def _look_at(source: bytes, found: Findings) -> Iterator[str]:
    """Yield what is wrong with what is said of a document."""
    linted, compiled = lint(source), compile_document("mutant", source)
    found.rules.update({problem.rule for problem in linted.problems})
    if compile_document("mutant", source) != compiled:
        yield "something else, said of the same document"
    yield from _misplaced(source, (*linted.problems, *compiled.problems))
    for problem in linted.problems:
        rule = RULES.get(problem.rule)
        if rule is None or (rule.code, rule.severity) != (problem.code, problem.severity):
            yield f"a finding of no rule: {problem.rule} {problem.code}"
    if linted.flow is None or any(problem.severity == "error" for problem in linted.problems):
        return
    found.without_error += 1
    yield from (f"an error of the compiler's: {error.code}" for error in compiled.errors)
    if compiled.definition is None:
        yield "no error, and no definition"
    elif {problem.code for problem in validate(compiled.definition, GUARDS, {ANNOUNCE})} - {UNREACHABLE}:
        yield "an unsound definition"
    else:
        Interpreter(compiled.definition, GUARDS)


def _misplaced(source: bytes, problems: Iterable[Problem]) -> Iterator[str]:
    """Yield what is said of a place that is not there."""
    place_of = places(source)
    lines = source.decode(errors="replace").split("\n")
    try:
        document = decode_document(source)
    except msgspec.DecodeError:
        document = None
    for problem in problems:
        if not leads_somewhere(document, problem.pointer):
            yield f"{problem.rule or problem.code} points nowhere"
        place = place_of(problem.pointer)
        if not (1 <= place.line <= len(lines) and 1 <= place.column <= len(lines[place.line - 1]) + 1):
            yield f"{problem.rule or problem.code} stands beyond the text"


def _shown(source: bytes) -> str:
    return repr(source[:3000])


# Breaks


class Rate(Struct):
    """How many breaks of one kind were made and found, and the text of one that was not."""

    made: int = 0
    found: int = 0
    missed: bytes = b""


def rates_of_breaks(seed: int, times: int) -> dict[str, Rate]:
    """Break Flows so many times in each way; return how often one of the rules they break said so."""
    rates: dict[str, Rate] = {}
    for name, wanted in BREAKS.items():
        random = Random(f"{seed} {name}")  # noqa: S311 - breaks that can be made again
        rate = rates[name] = Rate()
        tried = 0
        while rate.made < times and tried < 100 * times:
            tried += 1
            broken = Broken(random)
            try:
                wanted.make(broken)
            except LookupError:
                continue
            rate.made += 1
            source = msgspec.json.encode(broken.document)
            if any(rule in wanted.rules for rule, _ in _said(source) - _said(broken.sound)):
                rate.found += 1
            else:
                rate.missed = rate.missed or source
    return rates


def _said(source: bytes) -> set[tuple[str, str]]:
    return {(problem.rule, problem.pointer) for problem in lint(source).problems}


# The program


def mutants(seed: int, number: int) -> Iterator[bytes]:
    """Yield so many mutants."""
    mutator = Mutator(seed)
    return (mutator.mutant() for _ in range(number))


def main() -> int:
    """Make mutants and breaks; return 1 if something raised, pointed nowhere, or was broken and not told."""
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz_check")
    arguments.add_argument("--mutants", type=int, default=20_000)
    arguments.add_argument("--breaks", type=int, default=100, help="how many of each kind")
    arguments.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    arguments.add_argument("--keep", type=Path, help="a folder for the breaks that were not found")
    given = arguments.parse_args()
    _say(f"seed {given.seed}")
    began = time.monotonic()
    found = findings_of(mutants(given.seed, given.mutants))
    _say(
        f"{found.documents} mutants, {found.without_error} without an error, in {time.monotonic() - began:.0f} s; "
        f"{len(found.rules)} of {len(RULES)} rules said something"
    )
    for rule, times in found.rules.most_common():
        _say(f"  {rule}: {times}")
    _say(f"never: {', '.join(rule for rule in RULES if rule not in found.rules)}")
    rates = rates_of_breaks(given.seed, given.breaks)
    made, told = (sum(getattr(rate, what) for rate in rates.values()) for what in ("made", "found"))
    _say(f"{told} of {made} breaks found, {len(rates)} kinds")
    for name, rate in rates.items():
        if rate.found < rate.made or not rate.made:
            _say(f"  {name}: {rate.found} of {rate.made}")
        if rate.missed and given.keep:
            (given.keep / f"{name.replace(' ', '_')}.json").write_bytes(msgspec.json.format(rate.missed))
    for fault, said in found.faults.items():
        _say(f"\nFAULT {fault}\n{said}")
    return 1 if found.faults or told < ENOUGH * made else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program for people


if __name__ == "__main__":
    sys.exit(main())

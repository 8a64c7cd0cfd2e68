"""
Forms filled as people fill them: from the top, what appears on the way included.

Rule 1: each value of each input comes at least once, beside usual values, and beside nothing that need not be filled;
        not every value beside every other.
Rule 2: an input that asks the endpoint at once is not filled here: choosing its value is a move of its own.
"""

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct

from definitions.flow_json.document import FlowDocument
from definitions.simulation.inputs import Input, is_empty
from definitions.simulation.phone import Phone, reacts
from definitions.simulation.values import sound, written

_MOST_REMEMBERED = 10_000

_MOST_INPUTS = 200
"""How many inputs are filled before it is given up that the last has appeared."""


class Filled(Struct, frozen=True):
    """
    A phone with its form filled; *complete* says that it can be sent.

    *wanted* is what was put in on purpose; what else need not be filled is filled as usual or, if *sparse*, is not.
    """

    phone: Phone
    wanted: Mapping[str, Any]
    sparse: bool
    complete: bool


class Filler:
    """Fills the forms of a Flow. *values* are further values of inputs, by `SCREEN.name` or by name."""

    def __init__(self, flow: FlowDocument, values: Mapping[str, Sequence[Any]]) -> None:
        self._values = values
        self._sound: dict[int, tuple[Input, tuple[Any, ...]]] = {}
        self._choices: dict[tuple[str, int, str | bytes], tuple[Input, tuple[Any, ...]]] = {}
        self._reacting = {name for name, screen in flow.screens.items() if reacts(screen)}

    def choices(self, phone: Phone, given: Input) -> tuple[Any, ...]:
        """Return what people put into an input: what is there already, then what is usual."""
        there = phone.form.get(given.name)
        key = phone.screen, id(given), _told_apart(there)
        known = self._choices.get(key)
        if known is None:
            if len(self._choices) > _MOST_REMEMBERED:
                self._choices.clear()
            known = self._choices[key] = given, self._chosen(phone.screen, given, there)
        return known[1]  # it was kept with the input, whose id stays its own

    def _chosen(self, screen: str, given: Input, there: Any) -> tuple[Any, ...]:
        named = [
            *([] if is_empty(there) else [there]),
            *self._values.get(f"{screen}.{given.name}", ()),
            *self._values.get(given.name, ()),
        ]
        chosen: dict[str | bytes, Any] = {}
        for value in (*(value for value in named if given.takes(value)), *self._sound_values(given)):
            chosen.setdefault(_told_apart(value), value)
        return tuple(chosen.values())

    def _sound_values(self, given: Input) -> tuple[Any, ...]:
        known = self._sound.get(id(given))
        if known is None:
            if len(self._sound) > _MOST_REMEMBERED:
                self._sound.clear()
            known = self._sound[id(given)] = given, sound(given)
        return known[1]

    def filled(self, phone: Phone, wanted: Mapping[str, Any], *, sparse: bool = False) -> Filled:
        """Return the phone with its form filled with what is *wanted*, and else as usual or sparsely."""

        def value(given: Input) -> Any:
            if given.name in wanted:
                return wanted[given.name]
            return UNSET if sparse and not given.required else next(iter(self.choices(phone, given)), UNSET)

        if phone.screen not in self._reacting:
            inputs = phone.inputs
            form = {**phone.form, **{given.name: value(given) for given in inputs if _open(given)}}
            form = {name: chosen for name, chosen in form.items() if chosen is not UNSET}
            complete = all(given.takes(form.get(given.name, UNSET)) for given in inputs if given.enabled)
            return Filled(phone.holding(form), wanted, sparse, complete)
        done: set[str] = set()
        while len(done) < _MOST_INPUTS:
            given = next((seen for seen in phone.inputs if _open(seen) and seen.name not in done), None)
            if given is None:
                break
            done.add(given.name)
            phone = phone.typed(given.name, value(given))
        return Filled(phone, wanted, sparse, phone.is_filled())

    def ways(self, phone: Phone, only: Collection[str] | None = None) -> Iterator[Filled]:
        """
        Yield the form filled as usual, and then with each value of each input; and the same again, sparsely.

        With *only*, these inputs' values are tried, and those of no other.
        """
        usual = self.filled(phone, {})
        yield from self._around(usual, only)
        sparse = self.filled(phone, {}, sparse=True)
        if sparse.phone.form != usual.phone.form:
            yield from self._around(sparse, only)

    def _around(self, start: Filled, only: Collection[str] | None) -> Iterator[Filled]:
        known: set[tuple[str, str | bytes]] = set()
        waiting = deque([start])
        while waiting:
            way = waiting.popleft()
            yield way
            for given in way.phone.inputs:
                tried = _open(given) and (only is None or given.name in only)
                for value in self.choices(way.phone, given) if tried else ():
                    key = given.name, _told_apart(value)
                    if key in known:
                        continue
                    known.add(key)
                    if _told_apart(way.phone.form.get(given.name, UNSET)) != key[1]:
                        wanted = {**way.wanted, given.name: value}
                        waiting.append(self.filled(start.phone, wanted, sparse=start.sparse))


def said(values: Mapping[str, Any], length: int = 30, most: int = 160) -> str:
    """Return values as a step of a way tells them."""
    parts = []
    for name, value in values.items():
        text = "nothing" if value is UNSET else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}={text if len(text) <= length else text[: length - 1] + '…'}")
    text = ", ".join(parts)
    return text if len(text) <= most else text[: most - 1] + "…"


def _open(given: Input) -> bool:
    return given.enabled and not given.asks


def _told_apart(value: Any) -> str | bytes:
    """Return what tells a value from others; most are texts, which need not be written."""
    return value if isinstance(value, str) else written(value)

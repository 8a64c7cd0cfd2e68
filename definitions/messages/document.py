"""
The file that says what customers are told and how: `messages.json`, shipped, and in folders of definitions.

Source: Meta, "Cloud API, Messages" and "Templates", for the lengths and numbers that are checked here.

A later folder's file is merged into what the earlier ones say, as JSON Merge Patch does (RFC 7396): an object joins an
object, everything else replaces, `null` takes away. What `accounts` has for an account, by its id or its slug, is
merged into what is for everybody.

Rule 1: everything that is wrong is said at once, when the file is read, with its place; nothing is found out by a
        customer.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from definitions.json_text import decode_document, escape, places, repeated_keys
from definitions.messages.compose import MAX_EDGE, MAX_INTERACTIVE, MAX_PARAMETER
from definitions.messages.texts import TextInvalid, read_text, written
from definitions.messages.wording import Button, FreeText, QuietHours, Template, Wording
from definitions.orders import ndr
from definitions.orders.rows import Account
from definitions.replies import TEXT_LENGTH
from engine.errors import DefinitionError, Problem

NAME = "messages.json"

SHIPPED = Path(__file__).parent / NAME

MAX_TEMPLATE_BUTTONS, MAX_REPLIES = 10, 3
MAX_TITLE, MAX_PAYLOAD, MAX_CTA = 20, 256, 30
MAX_HOURS = 30 * 24

_TEMPLATE_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")

_MEMBERS = frozenset({"$schema", "description", "quiet_hours", "events", "accounts"})
_ACCOUNT_MEMBERS = frozenset({"quiet_hours", "events"})

_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]`]+)")


class Around(Struct, frozen=True):
    """
    What the definitions have that a file may name.

    *events* are the effects that can be said by message, *about_cases* those that a failed delivery's case asks for;
    *flows* are the Flows with an endpoint, *tags* those of all states.
    """

    events: frozenset[str] = frozenset()
    about_cases: frozenset[str] = frozenset()
    flows: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


class Messages(Struct, frozen=True):
    """How every event is said: for everybody, and for accounts that say some of them otherwise."""

    events: Mapping[str, Wording] = {}
    accounts: Mapping[str, Mapping[str, Wording]] = {}

    def wording(self, event: str, account: Account | None) -> Wording | None:
        """Return how *account* says an event, None if it is not said by message at all."""
        names = (account.account_id, account.slug) if account else ()
        own = next((self.accounts[name] for name in names if name in self.accounts), self.events)
        return own.get(event)


class Reading(Struct, frozen=True):
    """What a file says, merged into what was said before it: the *document*, what it means, and what is wrong."""

    document: Mapping[str, Any]
    messages: Messages
    problems: tuple[Problem, ...]


def load(folders: Iterable[Path], around: Around) -> Messages:
    """
    Return what the shipped file says, with those of *folders* merged into it.

    Raises:
        DefinitionError: one of them is wrong.
    """
    document: Mapping[str, Any] = {}
    messages = Messages()
    for path in (SHIPPED, *(folder / NAME for folder in folders)):
        if not path.exists():
            continue
        source = path.read_bytes()
        reading = read(source, document, around)
        errors = [problem for problem in reading.problems if problem.severity == "error"]
        if errors:
            at = places(source)(errors[0].pointer)
            raise DefinitionError(f"{path}:{at.line}:{at.column}", tuple(errors))
        document, messages = reading.document, reading.messages
    return messages


def check(source: bytes, path: Path, around: Around) -> tuple[Problem, ...]:
    """Return what is wrong with a file's text, merged into what ships unless it is that."""
    is_shipped = path.resolve() == SHIPPED
    beneath = {} if is_shipped else read(SHIPPED.read_bytes(), {}, around).document
    return read(source, beneath, around).problems


def read(source: bytes, beneath: Mapping[str, Any], around: Around) -> Reading:
    """Return what the text of a file says when it is merged into what is *beneath* it."""
    try:
        content = decode_document(source)
    except msgspec.DecodeError as error:
        return Reading(beneath, Messages(), (Problem("", "INVALID_JSON", str(error)),))
    twice = [
        Problem(pointer, "DUPLICATE_KEY", "this key is here twice, and only the last is read", "warning")
        for pointer in repeated_keys(source)
    ]
    shape = [*_shape(content)]
    if shape:
        return Reading(beneath, Messages(), (*shape, *twice))
    # What an account takes away is taken from what everybody has, which is not known before all files are.
    accounts = _combined(beneath.get("accounts", {}), content.get("accounts") or {})
    document = {**merged(beneath, content), "accounts": accounts}
    messages, problems = _read(document, around)
    return Reading(document, messages, (*problems, *twice))


def merged(beneath: Any, patch: Any) -> Any:
    """Return *beneath* with *patch* merged into it (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(beneath) if isinstance(beneath, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _combined(first: Any, second: Any) -> Any:
    """Return the patch that two patches are, one after the other."""
    if not (isinstance(first, Mapping) and isinstance(second, Mapping)):
        return second
    return {**first, **{name: _combined(first.get(name), value) for name, value in second.items()}}


def _shape(content: Any) -> Iterator[Problem]:
    """Yield what keeps a file from being one: what is not an object, or has a name that nothing reads."""
    if not isinstance(content, dict):
        yield Problem("", "INVALID_PROPERTY_TYPE", "expected an object")
        return
    yield from _named(content, "", _MEMBERS)
    yield from _objects(content.get("events"), "/events")
    yield from _objects(content.get("accounts"), "/accounts")
    accounts = content.get("accounts")
    for name, own in accounts.items() if isinstance(accounts, dict) else ():
        if isinstance(own, dict):
            pointer = f"/accounts/{escape(name)}"
            yield from _named(own, pointer, _ACCOUNT_MEMBERS)
            yield from _objects(own.get("events"), f"{pointer}/events")


def _named(content: Mapping[str, Any], pointer: str, names: Collection[str]) -> Iterator[Problem]:
    for name in content:
        if name not in names:
            message = f"there is no {name!r} here, but {', '.join(sorted(names))}"
            yield Problem(f"{pointer}/{escape(name)}", "INVALID_PROPERTY_KEY", message)


def _objects(value: Any, pointer: str) -> Iterator[Problem]:
    """Yield what is no object, of a value and its members, where both are to be some; `null` takes away."""
    if value is not None and not isinstance(value, dict):
        yield Problem(pointer, "INVALID_PROPERTY_TYPE", "expected an object")
        return
    for name, member in (value or {}).items():
        if member is not None and not isinstance(member, dict):
            yield Problem(f"{pointer}/{escape(name)}", "INVALID_PROPERTY_TYPE", "expected an object or null")


def _read(document: Mapping[str, Any], around: Around) -> tuple[Messages, list[Problem]]:
    """Return what a merged document means, and all that is wrong with it."""
    problems: list[Problem] = []
    general = {"events": document.get("events", {}), "quiet_hours": document.get("quiet_hours")}
    events = _wordings(general, general["events"], "", around, problems)
    accounts: dict[str, Mapping[str, Wording]] = {}
    for name, patch in document["accounts"].items():
        own = merged(general, patch or {})
        said = (patch or {}).get("events") or {}
        accounts[name] = _wordings(own, said, f"/accounts/{escape(name)}", around, problems)
    return Messages(events, accounts), sorted(set(problems))


def _wordings(
    content: Mapping[str, Any], said: Collection[str], pointer: str, around: Around, problems: list[Problem]
) -> dict[str, Wording]:
    """Return the wordings of all events, and let *problems* have what is wrong with those that are *said* here."""
    quiet = content.get("quiet_hours")
    problems += _quiet_problems(quiet, f"{pointer}/quiet_hours")
    wordings: dict[str, Wording] = {}
    for event, entry in content.get("events", {}).items():
        place = f"{pointer}/events/{escape(event)}"
        found: list[Problem] = []
        if event not in around.events:
            known = ", ".join(sorted(around.events))
            found.append(Problem(place, "UNKNOWN_EFFECT", f"no message says {event!r}; there is {known}"))
        try:
            wording = msgspec.convert({"quiet_hours": quiet, **entry}, Wording)
        except msgspec.ValidationError as error:
            found.append(_misfit(error, place))
        else:
            wordings[event] = wording
            found += _Checks(around, about_case=event in around.about_cases).wording(wording, place)
        if event in said:
            problems += found
    return wordings


def _misfit(error: msgspec.ValidationError, place: str) -> Problem:
    """Return a value of a wrong type as a problem: msgspec says its place as `$.templates[0].name`."""
    message, _, path = str(error).partition(" - at `$")
    steps = "".join(f"/{index or escape(name)}" for index, name in _STEP.findall(path))
    return Problem(place + steps, "INVALID_PROPERTY_TYPE", message[:1].lower() + message[1:])


def _quiet_problems(quiet: Any, pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with quiet hours."""
    if quiet is None:
        return
    try:
        hours = msgspec.convert(quiet, QuietHours)
    except msgspec.ValidationError as error:
        yield _misfit(error, pointer)
        return
    for name, text in (("from", hours.start), ("to", hours.end)):
        if not _is_clock(text):
            yield Problem(f"{pointer}/{name}", "INVALID_PROPERTY_VALUE", "a time is HH:MM, from 00:00 to 23:59")
    if hours.start == hours.end:
        yield Problem(pointer, "INVALID_PROPERTY_VALUE", "they end when they begin; without any, leave them out")


def _is_clock(text: str) -> bool:
    try:
        return time.fromisoformat(text).isoformat("minutes") == text
    except ValueError:
        return False


class _Checks(Struct, frozen=True):
    """What is wrong with how an event is said; *about_case* says whether it is one that a case asks for."""

    around: Around
    about_case: bool

    def wording(self, wording: Wording, place: str) -> Iterator[Problem]:
        """Yield what is wrong with a wording."""
        if not _WORD.fullmatch(wording.category):
            yield _value(f"{place}/category", "a category is a word like order_updates")
        if not 1 <= wording.valid_hours <= MAX_HOURS:
            yield _value(f"{place}/valid_hours", f"from 1 to {MAX_HOURS} hours")
        for name, tags in (("when", wording.when), ("unless", wording.unless)):
            unknown = sorted(tags - self.around.tags)
            if unknown:
                yield _value(f"{place}/{name}", f"no state has the tag {', '.join(unknown)}")
        if wording.on and not (wording.templates or wording.free_text):
            yield Problem(place, "MISSING_REQUIRED_PROPERTY", "it is on and says nothing: templates, free_text or both")
        for index, template in enumerate(wording.templates):
            yield from self._template(template, f"{place}/templates/{index}")
        if wording.free_text is not None:
            yield from self._free(wording.free_text, f"{place}/free_text")
        yield from _quiet_problems(
            None if wording.quiet_hours is None else msgspec.to_builtins(wording.quiet_hours), f"{place}/quiet_hours"
        )

    def _template(self, template: Template, place: str) -> Iterator[Problem]:
        if not _TEMPLATE_NAME.fullmatch(template.name):
            yield _value(f"{place}/name", "a template's name has small letters, digits and _")
        if not _LANGUAGE.fullmatch(template.language):
            yield _value(f"{place}/language", "a language is a code like en or en_US")
        yield from _text(template.header, f"{place}/header", MAX_EDGE)
        for index, text in enumerate(template.body):
            yield from _text(text, f"{place}/body/{index}", MAX_PARAMETER, needed=True)
        if len(template.buttons) > MAX_TEMPLATE_BUTTONS:
            yield _value(f"{place}/buttons", f"a template has at most {MAX_TEMPLATE_BUTTONS} buttons")
        if sum(button.type == "flow" for button in template.buttons) > 1:
            yield _value(f"{place}/buttons", "a template opens at most one Flow")
        for index, button in enumerate(template.buttons):
            yield from self._button(button, f"{place}/buttons/{index}")

    def _button(self, button: Button, place: str) -> Iterator[Problem]:
        member = {"quick_reply": "payload", "url": "text", "flow": "flow"}[button.type]
        for name in ("payload", "text", "flow"):
            if bool(getattr(button, name)) != (name == member):
                yield _value(f"{place}/{name}", f"a button of type {button.type} has {member}, and nothing else")
        if button.type == "quick_reply":
            yield from self._payload(button.payload, f"{place}/payload")
        elif button.type == "url":
            yield from _text(button.text, f"{place}/text", MAX_PARAMETER)
        else:
            yield from self._flow(button.flow, f"{place}/flow")

    def _free(self, free: FreeText, place: str) -> Iterator[Problem]:
        has_buttons = bool(free.replies or free.flow)
        yield from _text(free.body, f"{place}/body", MAX_INTERACTIVE if has_buttons else TEXT_LENGTH, needed=True)
        for name, text in (("header", free.header), ("footer", free.footer)):
            yield from _text(text, f"{place}/{name}", MAX_EDGE)
            if text and not has_buttons:
                yield _value(f"{place}/{name}", "a text without buttons has neither header nor footer")
        if free.replies and free.flow:
            yield _value(f"{place}/flow", "a message has replies or opens a Flow, not both")
        if len(free.replies) > MAX_REPLIES:
            yield _value(f"{place}/replies", f"a message has at most {MAX_REPLIES} replies")
        for index, reply in enumerate(free.replies):
            yield from _length(reply.title, f"{place}/replies/{index}/title", MAX_TITLE)
            yield from self._payload(reply.payload, f"{place}/replies/{index}/payload")
        titles = [reply.title for reply in free.replies]
        if len(titles) != len(set(titles)):
            yield _value(f"{place}/replies", "two replies have one title")
        if free.flow is not None:
            yield from _length(free.flow.button, f"{place}/flow/button", MAX_CTA)
            if any(unicodedata.category(letter) == "So" for letter in free.flow.button):
                yield _value(f"{place}/flow/button", "a Flow's button has no emoji")
            yield from self._flow(free.flow.name, f"{place}/flow/name")

    def _payload(self, payload: str, place: str) -> Iterator[Problem]:
        """Yield why nobody would understand a tapped button."""
        resolution = ndr.RESOLUTIONS.get(payload)
        if not self.about_case:
            yield _value(place, "only what a failed delivery's case asks can be answered by a tap")
        elif resolution is None:
            yield _value(place, f"one of {', '.join(_tappable())}")
        elif resolution.needs_date:
            yield _value(place, f"a tap says no date: open a Flow for {payload}")

    def _flow(self, name: str, place: str) -> Iterator[Problem]:
        if name and name not in self.around.flows:
            known = ", ".join(sorted(self.around.flows)) or "none"
            yield _value(place, f"no Flow with an endpoint has the name {name}; there is {known}")


def _tappable() -> list[str]:
    return [code for code, resolution in ndr.RESOLUTIONS.items() if not resolution.needs_date]


def _value(pointer: str, message: str) -> Problem:
    return Problem(pointer, "INVALID_PROPERTY_VALUE", message)


def _length(text: str, pointer: str, limit: int) -> Iterator[Problem]:
    if not 0 < len(text) <= limit:
        yield _value(pointer, f"from 1 to {limit} characters")


def _text(text: str, pointer: str, limit: int, *, needed: bool = False) -> Iterator[Problem]:
    """Yield why a text cannot be said."""
    try:
        parts = read_text(text)
    except TextInvalid as error:
        yield _value(pointer, str(error))
        return
    if needed and not parts:
        yield _value(pointer, "it says nothing")
    if written(parts) > limit:
        yield _value(pointer, f"at most {limit} characters, and these are {written(parts)}")

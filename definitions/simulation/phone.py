"""
What a phone shows of a Flow and lets people do: the naive model of Meta's client.

It knows the document and what arrived, and nothing of the machine that the document compiles to, so that each can be
held against the other. Source: Meta, "Flow JSON", "Components" and "Error codes".

Rule 1: a phone is a value; whatever is done to it makes another.
Rule 2: a phone takes any data: what it lacks is missing, as on a real one, where nobody is told.
Rule 3: what was typed into a field that is hidden now is not sent.
Rule 4: what arrives as data is never an expression, though it looks like one; what a list's items do is read when it
        is done, wherever they came from.
Rule 5: what was chosen and is no longer offered is no longer chosen.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final, Literal, cast

from msgspec import UNSET, Struct, field
from msgspec.json import encode
from msgspec.structs import replace

from definitions.flow_json import table
from definitions.flow_json.document import SUCCESS, Branch, Component, FlowDocument, Screen, Version
from definitions.flow_json.expressions import (
    ExpressionError,
    Node,
    Reference,
    evaluate,
    is_binding,
    is_nested,
    parse_binding,
    parse_condition,
    parse_nested,
    references,
)
from definitions.simulation.inputs import (
    ANY_DAYS,
    AREA_LENGTH,
    MOST_FILES,
    TEXT_LENGTH,
    WEEKDAYS,
    Calendar,
    Input,
    has_stamps,
    is_empty,
    read_day,
)

ActionName = Literal["navigate", "data_exchange", "complete", "open_url"]

_CLICKED = "on-click-action"
_SELECTED, _UNSELECTED = "on-select-action", "on-unselect-action"
_FELT_WHEN_SHOWN: Final[tuple[Version, Version]] = (6, 0), (7, 0)
"""From which version on, and before which, a screen does what is chosen there when it is shown (Meta, "Changelog")."""

_LEAVING: Final[tuple[ActionName, ...]] = ("navigate", "data_exchange", "complete", "open_url")
_MOST_COUNTED = 1_000_000
"""A limit beyond this is none."""

_MOST_REMEMBERED = 20_000

_LIMITS = frozenset({
    "required", "input-type", "pattern", "min-chars", "max-chars", "max-length", "min-selected-items",
    "max-selected-items", "min-date", "max-date", "unavailable-dates", "include-days", "mode", "min-days", "max-days",
    "min-uploaded-photos", "max-uploaded-photos", "min-uploaded-documents", "max-uploaded-documents",
})  # fmt: skip
"""The properties that limit what an input takes."""

_ONLY_SAID = frozenset({
    "text", "label", "helper-text", "title", "description", "error-message", "error-messages", "left-caption",
    "center-caption", "right-caption", "src", "images", "alt-text", _CLICKED, _SELECTED, _UNSELECTED,
})  # fmt: skip
"""The properties that decide nothing about what can be done."""

_DYNAMIC = ("$", "`")
"""What an expression begins with. Images are texts, too: they are not to be looked at twice."""

_INITIAL = "init-values"

_TELLING = ("id", "enabled")
"""What tells the items of a list apart: by name, and which of them can be chosen."""

_CHOICES = ("CheckboxGroup", "RadioButtonsGroup", "Dropdown", "ChipsSelector")

_INSIDE = ("children", "then", "else", "cases")
"""The properties that hold other components."""


class Shown(Struct, frozen=True):
    """A screen as a phone holds it: with which data, and what was put into its form."""

    screen: str
    data: Mapping[str, Any]
    form: Mapping[str, Any] = {}


class Move(Struct, frozen=True):
    """
    Something that can be done on a screen: *by* what, with which *payload*, and for `navigate` where it leads.

    *submits* is a Footer's, which a phone disables until every input is as it should be. *fields* are the keys of the
    payload that have an input's own value, and the inputs' names.
    """

    name: ActionName
    by: str
    payload: dict[str, Any]
    next: str = ""
    submits: bool = False
    fields: Mapping[str, str] = {}


class _Seen(Struct, frozen=True):
    """
    What can be seen on a screen with *data*, whose id stays its own as long as it is kept here.

    *hidden* are the names of what cannot, *feeling* the inputs that may do something when their value changes,
    *offered* is what inputs list that list anything.
    """

    components: tuple[Component, ...]
    inputs: tuple[Input, ...]
    hidden: frozenset[str]
    feeling: Mapping[str, Component]
    offered: Mapping[str, frozenset[str]]
    data: Mapping[str, Any]


class Phone(Struct, frozen=True, dict=True):
    """
    A phone with a Flow: the screens one behind the other, the last of which is seen.

    *left* are the screens that were left, which others may still refer to. *done* says that the Flow has ended. *memo*
    is no part of the value: phones that come of one another remember in it what was found out about a screen.
    """

    flow: FlowDocument
    stack: tuple[Shown, ...] = ()
    left: Mapping[str, Shown] = {}
    done: bool = False
    memo: dict[Any, Any] = field(default_factory=dict)

    # What is seen

    @property
    def screen(self) -> str:
        """Return the screen that is seen, empty while there is none."""
        return self.stack[-1].screen if self.stack else ""

    @property
    def data(self) -> Mapping[str, Any]:
        """Return what the screen is shown with."""
        return self.stack[-1].data

    @property
    def form(self) -> Mapping[str, Any]:
        """Return what was put into the screen's inputs, hidden ones too."""
        return self.stack[-1].form

    @property
    def components(self) -> tuple[Component, ...]:
        """Return what can be seen on the screen."""
        return self._seen.components

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the inputs that can be seen."""
        return self._seen.inputs

    @property
    def offered(self) -> Mapping[str, frozenset[str]]:
        """Return what the inputs that can be seen list, by their names, if they list anything."""
        return self._seen.offered

    def missing(self) -> tuple[str, ...]:
        """Return the references of what is seen to data that the screen was not shown with."""
        found: dict[str, None] = {}
        for component in self.components:
            own = {name: value for name, value in component.properties.items() if name not in _INSIDE}
            for reference in _references(own):
                if reference.scope == "data" and not reference.screen and reference.path[0] not in self.data:
                    found[reference.text] = None
        return tuple(found)

    # What can be done

    def moves(self) -> tuple[Move, ...]:
        """Return what can be pressed on the screen. A Footer works only while `is_filled`."""
        return tuple(move for component in self.components for move in self._moves(component))

    def submissions(self) -> tuple[Move, ...]:
        """Return what the Footers of the screen do."""
        return tuple(move for part in self.components if part.type == "Footer" for move in self._moves(part))

    def is_filled(self) -> bool:
        """Return whether every input holds what it should, so that the Footer can be pressed."""
        return all(each.takes(self.form.get(each.name, UNSET)) for each in self.inputs if each.enabled)

    def typed(self, name: str, value: Any) -> "Phone":
        """Return the phone with *value* in an input, UNSET for none, and with what that changes on the screen."""
        before = self.form.get(name, UNSET)
        phone = _filled(self, name, value)
        component = self._seen.feeling.get(name)
        if component is None:
            return phone
        return _done(phone, [*_felt_by_items(phone, component, before, value), *_felt(component, before, value)])

    def asks(self, name: str, before: Any = UNSET) -> Move | None:
        """Return the call that an input makes at once whose value was *before* and is another now, if it makes one."""
        component = self._seen.feeling.get(name)
        felt = [] if component is None else _felt(component, before, self.form.get(name, UNSET))
        calls = (move for action in felt if _does(action, "data_exchange") for move in _move(self, action, name))
        return next(calls, None)

    def holding(self, form: Mapping[str, Any]) -> "Phone":
        """Return the phone with this in its form, and nothing else changed by it."""
        return _with(self, form=form)

    def refreshes(self) -> bool:
        """Return whether going back from here asks the endpoint."""
        return self.flow.has_endpoint and self._of().refresh_on_back

    def takes(self, screen: str) -> bool:
        """
        Return whether an answer may show *screen* now.

        Source: observed behaviour of Meta's client; it lets an answer go back along an edge, and refresh the screen.
        """
        if screen == SUCCESS:
            return bool(self.stack)
        if screen not in self.flow.screens:
            return False
        if not self.stack:
            return screen in self.flow.entries
        if screen == self.screen:
            return not self._of().of_type("NavigationList")
        return screen in self.flow.routing[self.screen] or self.screen in self.flow.routing[screen]

    # What becomes of it

    def arrived(self, screen: str, data: Mapping[str, Any]) -> "Phone":
        """Return the phone with a screen shown: over the others, or by going back to it if it lies behind."""
        left = {**self.left, **{shown.screen: shown for shown in self.stack}}
        if screen == SUCCESS:
            return replace(self, stack=(), left=left, done=True)
        for depth, shown in enumerate(self.stack):
            if shown.screen == screen:
                return _shown(replace(self, stack=(*self.stack[:depth], replace(shown, data=data)), left=left))
        return _shown(_begun(replace(self, stack=(*self.stack, Shown(screen, data)), left=left)))

    def back(self) -> "Phone":
        """Return the phone a screen further back; from the first screen that closes the Flow."""
        left = {**self.left, **{shown.screen: shown for shown in self.stack}}
        phone = replace(self, stack=self.stack[:-1], left=left)
        return _shown(phone) if phone.stack else phone

    def reopened(self) -> "Phone":
        """Return the phone with the Flow closed, to be opened again; what it held is lost."""
        return Phone(self.flow, memo=self.memo)

    # Values

    def read(self, value: Any) -> Any:
        """Return a property's value on this screen now; None for what is missing or no expression."""
        if isinstance(value, str):
            node = _parsed(value) if value[:1] in _DYNAMIC else None
            return value if node is None else evaluate(node, self._value)
        if isinstance(value, list):
            return [self.read(item) for item in value]
        if isinstance(value, dict):
            return {key: self.read(item) for key, item in value.items()}
        return value

    def payload(self, action: Any) -> dict[str, Any]:
        """Return what goes with an action; a value that is missing leaves its key out."""
        given = action.get("payload") if isinstance(action, dict) else None
        hidden = self._seen.hidden
        form = {name: value for name, value in self.form.items() if name not in hidden}
        seen = _with(self, form=form) if len(form) < len(self.form) else self
        read = seen.read(given if isinstance(given, dict) else {})
        return cast("dict[str, Any]", _without_missing(read))

    def _value(self, reference: Reference) -> Any:
        shown: Shown | None = self.stack[-1]
        if reference.screen not in ("", self.screen):
            behind = {earlier.screen: earlier for earlier in self.stack}
            shown = behind.get(reference.screen) or self.left.get(reference.screen)
        if shown is None:
            return None
        value: Any = shown.form if reference.scope == "form" else shown.data
        for name in reference.path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    @cached_property
    def _seen(self) -> "_Seen":
        """Return what can be seen, found out once for the same data and the same values of what else decides."""
        values = (self._value(each) for each in self._deciding())
        key = self.screen, id(self.data), *(each if isinstance(each, str) else encode(each) for each in values)
        known: _Seen | None = self.memo.get(key)
        if known is None:
            if len(self.memo) > _MOST_REMEMBERED:
                self.memo.clear()
            components = tuple(each for each in self._of().components if self._is_seen(each))
            inputs = tuple(self._input(each) for each in components if each.type in table.INPUTS and each.name)
            offered = {
                each.name: frozenset({*each.options, *each.shut}) for each in inputs if each.options or each.shut
            }
            hidden = {each.name for each in self._of().components} - {each.name for each in components}
            feeling = {each.name: each for each in reversed(components) if each.name and _feels(each)}
            known = self.memo[key] = _Seen(components, inputs, frozenset(hidden), feeling, offered, self.data)
        return known

    def _deciding(self) -> tuple[Reference, ...]:
        """Return the references, other than to the screen's data, that decide what can be seen and what inputs take."""
        known: tuple[Reference, ...] | None = self.memo.get(self.screen)
        if known is None:
            found = (each for part in self._of().components for each in (*_showing(part), *_limiting(part)))
            others = {each.text: each for each in found if each.scope == "form" or each.screen}
            known = self.memo[self.screen] = tuple(others.values())
        return known

    def _is_seen(self, component: Component) -> bool:
        visible = component.properties.get("visible", True)
        return all(self._holds(branch) for branch in component.branches) and (
            visible is True or self.read(visible) is True
        )

    def _holds(self, branch: Branch) -> bool:
        if branch.kind == "If":
            node = _parsed_condition(branch.expression) if isinstance(branch.expression, str) else None
            said = node is not None and evaluate(node, self._value) is True
            return (branch.case == "then") == said
        value = self.read(branch.expression)
        case = str(value).lower() if isinstance(value, bool) else str(value)
        return value is not None and branch.case == case

    def _of(self) -> Screen:
        return self.flow.screens[self.screen]

    # Components

    def _moves(self, component: Component) -> Iterator[Move]:
        said = component.properties
        if component.type == "NavigationList":
            yield from self._list_moves(component)
        elif component.type == "Footer" and self._is_enabled(said):
            yield from _move(self, said.get(_CLICKED), component.type, submits=True)
        elif component.type in ("EmbeddedLink", "OptIn"):
            yield from _move(self, said.get(_CLICKED), component.name or component.type)

    def _list_moves(self, component: Component) -> Iterator[Move]:
        for item in _items(self, component, "list-items"):
            name = _text(item.get("id"))
            touched = _with(self, form={**self.form, component.name: name})
            action = item.get(_CLICKED) or component.properties.get(_CLICKED)
            yield from _move(touched, action, f"{component.name}={name}")

    def _is_enabled(self, said: Mapping[str, Any]) -> bool:
        enabled = said.get("enabled", True)
        return enabled is True or self.read(enabled) is True

    def _input(self, component: Component) -> Input:
        said = {name: self.read(value) for name, value in component.properties.items() if name in _LIMITS}
        ids = [
            (name, item.get("enabled", True) is True)
            for item in _items(self, component, "data-source")
            if isinstance(name := item.get("id"), str)
        ]
        least, most = _bounds(component.type, said)
        asked = said.get("required")
        required = any(flag is True for flag in asked.values()) if isinstance(asked, dict) else asked is True
        return Input(
            name=component.name,
            type=component.type,
            required=required or (component.type in table.MEDIA_PICKERS and least > 0),
            enabled=self._is_enabled(component.properties),
            options=tuple(name for name, enabled in ids if enabled),
            shut=tuple(name for name, enabled in ids if not enabled),
            least=least,
            most=most,
            kind=_text(said.get("input-type")) or "text",
            pattern=_text(said.get("pattern")),
            calendar=self._calendar(component.type, said),
            asks=_does(component.properties.get(_SELECTED), "data_exchange"),
        )

    def _calendar(self, kind: str, said: Mapping[str, Any]) -> Calendar | None:
        if kind not in ("DatePicker", "CalendarPicker"):
            return None
        stamps = has_stamps(self.flow.version)
        days = _days(said.get("unavailable-dates"), stamps=stamps)
        included = said.get("include-days")
        return Calendar(
            first=read_day(said.get("min-date"), stamps=stamps) or ANY_DAYS[0],
            last=read_day(said.get("max-date"), stamps=stamps) or ANY_DAYS[1],
            unavailable=frozenset(days),
            weekdays=frozenset(map(str, included)) if isinstance(included, list) and included else frozenset(WEEKDAYS),
            stamps=stamps,
            ranged=said.get("mode") == "range",
            least=_count(said.get("min-days")) or 0,
            most=_count(said.get("max-days")),
        )


def reacts(screen: Screen) -> bool:
    """Return whether a screen looks otherwise when its form is filled otherwise."""
    if screen.does("update_data"):
        return True
    return any(reference.scope == "form" and not reference.screen for reference in _deciding(screen))


def decided_by(screen: Screen) -> frozenset[str]:
    """Return the data that says what can be seen and done on a screen; other data is only read there or sent on."""
    return frozenset(
        reference.path[0] for reference in _deciding(screen) if reference.scope == "data" and not reference.screen
    )


def _deciding(screen: Screen) -> Iterator[Reference]:
    """Yield the references in what shows, offers and limits, not in what is read or sent."""
    for component in screen.components:
        for name, value in component.properties.items():
            if name not in _ONLY_SAID and name not in _INSIDE:
                yield from _references(value)
    for action in screen.actions:
        if action.name == "update_data":
            yield from _references(action.payload)


def referred_to(flow: FlowDocument) -> frozenset[str]:
    """Return the screens whose values other screens refer to."""
    found = (reference for screen in flow.screens.values() for reference in _references(screen.properties))
    return frozenset(reference.screen for reference in found if reference.screen)


def _move(phone: Phone, action: Any, by: str, *, submits: bool = False) -> Iterator[Move]:
    name = next((name for name in _LEAVING if _does(action, name)), None)
    if name is not None:
        following = action.get("next")
        to = following.get("name") if isinstance(following, dict) else ""
        payload = phone.payload(action)
        yield Move(name, by, payload, to if isinstance(to, str) else "", submits, _fields(action.get("payload")))


def _fields(payload: Any) -> dict[str, str]:
    fields: dict[str, str] = {}
    for key, value in payload.items() if isinstance(payload, dict) else ():
        node = _parsed(value) if isinstance(value, str) and is_binding(value) else None
        if isinstance(node, Reference) and node.scope == "form" and not node.screen:
            fields[key] = node.path[0]
    return fields


def _begun(phone: Phone) -> Phone:
    """Return *phone* with the initial values of its screen's inputs, and with what the items do that these choose."""
    screen = phone.flow.screens[phone.screen]
    forms = {form.pointer: form.properties[_INITIAL] for form in screen.of_type("Form") if _INITIAL in form.properties}
    for component in screen.components:
        if component.type not in table.INPUTS or not component.name:
            continue
        if "init-value" not in component.properties and component.form not in forms:
            continue
        value = _initial(phone, component, forms.get(component.form))
        if value is None:
            continue
        phone = _filled(phone, component.name, value)
        if _feels(component) and any(each is component for each in phone.components):
            phone = _done(phone, _felt_by_items(phone, component, UNSET, value))
    return phone


def _initial(phone: Phone, component: Component, of_form: Any) -> Any:
    """Return what an input holds at first, None for nothing; *of_form* are the initial values of its Form."""
    value = phone.read(component.properties.get("init-value"))
    if value is None:
        given = phone.read(of_form) if isinstance(of_form, str) else of_form
        value = given.get(component.name) if isinstance(given, dict) else None
        value = value if isinstance(of_form, str) else phone.read(value)
    if component.type == "RadioButtonsGroup" and isinstance(value, list):
        return next(iter(value), None)  # Meta's pages show both
    return value


def _shown(phone: Phone) -> Phone:
    """
    Return *phone* now that its screen is shown, or shown again, with what the chosen values change by that.

    What they ask the endpoint is nothing new: whoever chooses them asks it too.
    """
    phone = _settled(phone)
    since, until = _FELT_WHEN_SHOWN
    if not since <= phone.flow.version < until:
        return phone
    chosen = [(each, phone.form.get(each.name, UNSET)) for each in phone.components if each.type in table.INPUTS]
    return _done(phone, [action for each, value in chosen for action in _felt(each, UNSET, value)])


def _filled(phone: Phone, name: str, value: Any) -> Phone:
    """Return *phone* with *value* in an input, UNSET for none, and nothing done about it yet."""
    form = {key: kept for key, kept in phone.form.items() if key != name}
    return _settled(_with(phone, form=form if value is UNSET else {**form, name: value}))


def _done(phone: Phone, actions: Iterable[Mapping[str, Any]]) -> Phone:
    """Return *phone* with the data that the actions of what was chosen update."""
    for action in actions:
        if _does(action, "update_data"):
            phone = _settled(_with(phone, data={**phone.data, **phone.payload(action)}))
    return phone


def _settled(phone: Phone) -> Phone:
    """Return *phone* without what was chosen and is no longer offered; what is offered nowhere stays."""
    while phone.form:
        form = phone.form
        kept: dict[str, Any] = {}
        for name, offered in phone.offered.items():
            held = form.get(name)
            if isinstance(held, str) and held not in offered:
                kept[name] = UNSET
            elif isinstance(held, list) and not all(isinstance(one, str) and one in offered for one in held):
                kept[name] = [one for one in held if isinstance(one, str) and one in offered]
        if not kept:
            break
        form = {name: kept.get(name, value) for name, value in form.items()}
        # What is forgotten may have decided what is seen, and that offers other things.
        phone = _with(phone, form={name: value for name, value in form.items() if value is not UNSET})
    return phone


def _with(phone: Phone, **changes: Any) -> Phone:
    """Return *phone* with its screen changed."""
    return replace(phone, stack=(*phone.stack[:-1], replace(phone.stack[-1], **changes)))


def _items(phone: Phone, component: Component, name: str) -> list[dict[str, Any]]:
    """Return the items of a list: as they are in the data, or as they stand there, with what tells them apart read."""
    listed = component.properties.get(name)
    if not isinstance(listed, list):
        return _dicts(phone.read(listed))
    return [{**item, **{key: phone.read(item[key]) for key in _TELLING if key in item}} for item in _dicts(listed)]


def _felt_by_items(phone: Phone, component: Component, before: Any, after: Any) -> list[dict[str, Any]]:
    """Return the actions of the items that a change of an input's value chooses, or no longer does."""
    acting = [item for item in _items(phone, component, "data-source") if _SELECTED in item or _UNSELECTED in item]
    if not acting:
        return []
    had, has = _chosen(before), _chosen(after)
    items = [(_text(item.get("id")), item) for item in acting]
    left = [item.get(_UNSELECTED) for name, item in items if name in had and name not in has]
    return _dicts([*left, *(item.get(_SELECTED) for name, item in items if name in has and name not in had)])


def _felt(component: Component, before: Any, after: Any) -> list[dict[str, Any]]:
    """
    Return the action of an input's own that a change of its value sets off, if one does.

    Where choices have none for what is no longer chosen, the other one is for both (Meta, "Components").
    """
    said = component.properties
    if _SELECTED not in said and _UNSELECTED not in said:
        return []
    had, has = _chosen(before), _chosen(after)
    if has - had:
        return _dicts([said.get(_SELECTED)])
    if not had - has:
        return []
    return _dicts([said.get(_UNSELECTED, said.get(_SELECTED) if component.type in _CHOICES else None)])


def _showing(component: Component) -> Iterator[Reference]:
    """Yield the references that decide whether a component is seen."""
    yield from _references(component.properties.get("visible"))
    for branch in component.branches:
        yield from _references(branch.expression)


def _limiting(component: Component) -> Iterator[Reference]:
    """Yield the references that decide what an input takes."""
    for name, value in component.properties.items():
        if name in _LIMITS or name == "enabled":
            yield from _references(value)
    items = component.properties.get("data-source")
    for item in items if isinstance(items, list) else [items]:
        yield from _references([item.get("id"), item.get("enabled")] if isinstance(item, dict) else item)


def _bounds(kind: str, said: Mapping[str, Any]) -> tuple[int, int | None]:
    """Return how much an input holds, of what it holds: characters, choices or files."""
    match kind:
        case "TextInput":
            return _count(said.get("min-chars")) or 0, _count(said.get("max-chars")) or TEXT_LENGTH
        case "TextArea":
            return 0, _count(said.get("max-length")) or AREA_LENGTH
        case "PhotoPicker" | "DocumentPicker":
            files = "photos" if kind == "PhotoPicker" else "documents"
            most = _count(said.get(f"max-uploaded-{files}"))
            return _count(said.get(f"min-uploaded-{files}")) or 0, most or MOST_FILES
    return _count(said.get("min-selected-items")) or 0, _count(said.get("max-selected-items"))


def _count(value: Any) -> int | None:
    """Return a number of things; documents write them as texts, too."""
    if isinstance(value, str) and value.isdecimal() and len(value) < len(str(_MOST_COUNTED)):
        return int(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < _MOST_COUNTED else None


def _days(values: Any, *, stamps: bool) -> Iterator[date]:
    for value in values if isinstance(values, list) else []:
        day = read_day(value, stamps=stamps)
        if day is not None:
            yield day


def _chosen(value: Any) -> frozenset[Any]:
    """Return what is chosen in an input's value."""
    if is_empty(value):
        return frozenset()
    return (
        frozenset(one for one in value if isinstance(one, str)) if isinstance(value, list) else frozenset([str(value)])
    )


def _feels(component: Component) -> bool:
    """Return whether a change of an input's value may set off actions: its own, or those of what can be chosen."""
    items = component.properties.get("data-source")
    acting = (component.properties, *_dicts(items))
    return isinstance(items, str) or any(_SELECTED in each or _UNSELECTED in each for each in acting)


def _does(action: Any, name: str) -> bool:
    return isinstance(action, dict) and action.get("name") == name


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _without_missing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_missing(item) for key, item in value.items() if item is not None}
    return [_without_missing(item) for item in value] if isinstance(value, list) else value


def _references(value: Any) -> Iterator[Reference]:
    """Yield the references in a property, however deep."""
    if isinstance(value, str):
        node = _parsed(value) if value[:1] in _DYNAMIC else None
        if node is None and "${" in value:
            node = _parsed_condition(value)
        if node is not None:
            yield from references(node)
        return
    inside: Iterable[Any] = ()
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, list):
        inside = value
    for item in inside:
        yield from _references(item)


@lru_cache(maxsize=4096)
def _parsed(value: str) -> Node | None:
    """Return the expression that *value* is as a whole, None for a plain text."""
    try:
        if is_binding(value):
            return parse_binding(value)
        return parse_nested(value) if is_nested(value) else None
    except ExpressionError:
        return None


@lru_cache(maxsize=4096)
def _parsed_condition(value: str) -> Node | None:
    try:
        return parse_condition(value)
    except ExpressionError:
        return None

"""
Sound Flow JSON documents at random: every version, with an endpoint and without, every component, expressions.

What a component may say comes from the table of the language; what must fit together across places is seen to here. The
linter has nothing to say about these documents, but that old versions cannot be published any more.

Rule 1: one writer for all: Hypothesis gives it a `Random` of its own, which it can shrink, a fuzz program a seeded one.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

from definitions.flow_json.document import read_document
from definitions.flow_json.table import ACTIONS, COMPONENTS, DATA_API_VERSIONS, VERSIONS, Property, Version

NAMES = ("WISH", "SIZE", "COLOUR_OF_IT", "ADDRESS", "Card", "thanks")
WORDS = ("Hello", "Your size", "Naïve café", "नमस्ते", "Tea 🍵", "10 %", "Yes/No", "~ or /")
PNG = "iVBORw0KGgo="
URL = "https://shop.example/terms"
MOST_ROUTES = 3
"""How many screens one leads to: a Footer and two links can navigate there."""

_NESTED: Version = 6, 0
_FORMS_OPTIONAL: Version = 4, 0
_DATES: Version = 5, 0
_TEXT_LISTS: Version = 5, 1
_RICH_TEXT_WITH_FOOTER: Version = 6, 3
_LISTS: Version = 6, 2
_IMAGES_IN_OPTIONS: Version = 5, 0
_ENDPOINT_ELSEWHERE: Version = 3, 0
_SENSITIVE: Version = 5, 1

_TEXT_SCHEMA: dict[str, Any] = {"type": "string", "__example__": "Tea"}
_FLAG_SCHEMA: dict[str, Any] = {"type": "boolean", "__example__": True}
_NUMBER_SCHEMA: dict[str, Any] = {"type": "number", "__example__": 3}
_LIST_SCHEMA: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "__example__": ["red"]}
_OPTIONS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}},
    "__example__": [{"id": "1", "title": "One"}, {"id": "2", "title": "Two"}],
}
_OBJECT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"street": {"type": "string"}},
    "__example__": {"street": "Mill Lane"},
}
_SCHEMAS = {
    "text": _TEXT_SCHEMA,
    "flag": _FLAG_SCHEMA,
    "number": _NUMBER_SCHEMA,
    "list": _LIST_SCHEMA,
    "options": _OPTIONS_SCHEMA,
    "object": _OBJECT_SCHEMA,
}

_SIMPLE = (
    "TextHeading", "TextSubheading", "TextBody", "TextCaption", "TextInput", "TextArea", "CheckboxGroup",
    "RadioButtonsGroup", "Dropdown", "ChipsSelector", "OptIn", "DatePicker", "CalendarPicker", "Image",
    "ImageCarousel", "EmbeddedLink", "PhotoPicker", "DocumentPicker",
)  # fmt: skip
_MEDIA = ("PhotoPicker", "DocumentPicker")
_OF_FORM = ("init-value", "error-message")
"""What an input in a Form leaves to it."""


def a_sound_flow(random: Random, version: Version | None = None) -> Any:
    """Return a document that breaks no rule."""
    return _Writer(random, version or random.choice(VERSIONS)).document()


def sound_flows(version: Version | None = None) -> st.SearchStrategy[Any]:
    """Return documents that break no rule, of one version or of all."""
    return st.randoms(use_true_random=False).map(lambda random: a_sound_flow(random, version))


class _Page:
    """A screen that is being written."""

    def __init__(self, name: str, following: list[str]) -> None:
        self.name = name
        self.following = following
        self.data: dict[str, Any] = {}
        self.inputs: dict[str, str] = {}
        self.used: dict[str, int] = {}
        self.navigates: list[dict[str, Any]] = []
        self.sends: list[dict[str, Any]] = []
        self.unvisited = [*following]
        self.in_form = False
        self.asks = False

    @property
    def terminal(self) -> bool:
        return not self.following


class _Writer:
    """Writes one document."""

    def __init__(self, random: Random, version: Version) -> None:
        self._random = random
        self._version = version
        self._has_endpoint = random.random() < 0.6
        self._count = 0
        self._carousels = 0
        self._pages: dict[str, _Page] = {}

    def document(self) -> dict[str, Any]:
        """Return the whole."""
        routes = self._routes()
        self._pages = {name: _Page(name, following) for name, following in routes.items()}
        pages = [*self._pages.values()]
        for page in pages:
            page.asks = self._has_endpoint and (page is pages[0] or self._maybe())
        screens = [self._screen(page) for page in pages]
        self._pass_on(pages)
        for page, screen in zip(pages, screens, strict=True):
            if page.data:
                required = {"required": self._random.sample([*page.data], 1)} if self._maybe(0.2) else {}
                screen["data"] = {**page.data, **required}
        version = ".".join(map(str, self._version))
        document: dict[str, Any] = {"version": version}
        if self._has_endpoint:
            known = [api for api, since in DATA_API_VERSIONS.items() if since <= self._version]
            document |= {"data_api_version": self._random.choice(known), "routing_model": routes}
        elif _navigates_by_condition(screens):
            document["routing_model"] = routes
        if self._has_endpoint and self._version < _ENDPOINT_ELSEWHERE:
            document["data_channel_uri"] = "https://shop.example/flow"
        return {**document, "screens": screens}

    def chosen(self, *values: Any) -> Any:
        """Return one of *values*."""
        return self._random.choice(values)

    def known(self, since: Version) -> bool:
        """Return whether the document's version knows what came with *since*."""
        return self._version >= since

    def _maybe(self, chance: float = 0.5) -> bool:
        return self._random.random() < chance

    def _word(self, cut: int | None = None) -> str:
        return self._random.choice([word for word in WORDS if len(word) <= (cut or 99)])

    def _new(self, stem: str) -> str:
        self._count += 1
        letters = "abcdefghijklmnopqrstuvwxyz"
        return f"{stem}_{letters[self._count // 26 % 26]}{letters[self._count % 26]}"

    # Screens

    def _routes(self) -> dict[str, list[str]]:
        """Return forward routes: every screen but the first has one before it, or is a second entry."""
        names = self._random.sample(NAMES, self._random.randint(1, len(NAMES)))
        routes: dict[str, list[str]] = {name: [] for name in names}
        for index, name in enumerate(names[1:], 1):
            free = [before for before in names[:index] if len(routes[before]) < MOST_ROUTES]
            for before in self._random.sample(free, min(len(free), self._random.choice([1, 1, 2]))):
                routes[before].append(name)
        return routes

    def _screen(self, page: _Page) -> dict[str, Any]:
        lists = self._version >= _LISTS and not page.terminal and self._maybe(0.2)
        rich = self._version >= _RICH_TEXT_WITH_FOOTER and len(page.following) < 2 and self._maybe(0.1)
        screen: dict[str, Any] = {"id": page.name, "title": self._text(page, self._maybe(0.2), 30)}
        if lists:
            children = [self._navigation_list(page)]
        elif rich:
            text = self._random.choice(["# Terms\n* one", ["# Terms", "**bold**"]])
            children = [{"type": "RichText", "text": text}, self._footer(page)]
        else:
            children = self._children(page)
        screen["layout"] = {"type": "SingleColumnLayout", "children": children}
        if page.terminal:
            screen["terminal"] = True
            if self._maybe(0.2):
                screen["success"] = True
        if self._has_endpoint and self._maybe(0.2):
            screen["refresh_on_back"] = True
        if self._version >= _SENSITIVE and page.inputs and self._maybe(0.3):
            screen["sensitive"] = [self._random.choice([*page.inputs])]
        for _ in range(self._random.choice([0, 0, 1, 2])):
            self._declared(page, self._random.choice([*_SCHEMAS]))
        return screen

    def _children(self, page: _Page) -> list[dict[str, Any]]:
        page.in_form = self._version < _FORMS_OPTIONAL or self._maybe(0.3)
        within = ("Form",) if page.in_form else ()
        made = [self._component(page, within) for _ in range(self._random.randint(0, 5))]
        if self._version >= _FORMS_OPTIONAL and self._maybe():
            made.append(self._branch(page, within))
        held = [component for component in made if component is not None]
        footer = self._footer(page)
        held += [self._link(page) for _ in page.unvisited[:]] if not page.asks else []
        if self._version >= _FORMS_OPTIONAL and self._maybe(0.1):
            footer = {"type": "If", "condition": self._condition(page), "then": [footer], "else": [self._footer(page)]}
        held.append(footer)
        if not page.in_form:
            return held
        form: dict[str, Any] = {"type": "Form", "name": self._new("form"), "children": held}
        texts = [name for name, kind in page.inputs.items() if kind == "TextArea"]
        if texts and self._maybe():
            form["init-values"] = {self._random.choice(texts): "12"}
        if texts and self._maybe():
            form["error-messages"] = {self._random.choice(texts): "Please look again"}
        return [{"type": "TextHeading", "text": self._word()}, form] if self._maybe() else [form]

    def _branch(self, page: _Page, within: tuple[str, ...], depth: int = 1) -> dict[str, Any] | None:
        """Return an If or a Switch with something in each of its branches."""
        if self._maybe():
            inside = [
                component
                for component in (self._component(page, (*within, "Switch")) for _ in range(2))
                if component is not None
            ]
            if not inside:
                return None
            cases = {case: [component] for case, component in zip(("tea", "coffee-2"), inside, strict=False)}
            return {"type": "Switch", "value": self._declared(page, "text"), "cases": cases}
        deeper = self._branch(page, (*within, "If"), depth + 1) if depth < 3 and self._maybe(0.3) else None
        then = deeper or self._component(page, (*within, "If"))
        if then is None:
            return None
        branch: dict[str, Any] = {"type": "If", "condition": self._condition(page), "then": [then]}
        other = self._component(page, (*within, "If")) if self._maybe() else None
        return {**branch, "else": [other]} if other is not None else branch

    # Components

    def _component(self, page: _Page, within: tuple[str, ...]) -> dict[str, Any] | None:
        """Return a component that may stand there, if there is still room for it."""
        kind = self._random.choice(_SIMPLE)
        shape = COMPONENTS[kind]
        since = [dict(shape.within).get(place, (99, 0)) for place in within]
        if max([shape.since, *since]) > self._version or not self._has_room(page, kind):
            return None
        page.used[kind] = page.used.get(kind, 0) + 1
        component: dict[str, Any] = {"type": kind}
        for known in shape.properties:
            required = known.required is not None and known.required <= self._version
            wanted = known.since <= self._version and self._maybe(0.35)
            if required or (wanted and not (page.in_form and known.name in _OF_FORM)):
                value = self._value(page, known)
                if value is not None:
                    component[known.name] = value
        mend = _MENDS.get(kind)
        if mend is not None:
            mend(self, page, component)
        if shape.value is not None:
            page.inputs[component["name"]] = kind
        return component

    def _has_room(self, page: _Page, kind: str) -> bool:
        shape = COMPONENTS[kind]
        if kind in _MEDIA:
            return (page.asks or page.terminal) and not any(page.used.get(each) for each in _MEDIA)
        if kind == "ImageCarousel":
            self._carousels += 1
            return self._carousels <= 3 and page.used.get(kind, 0) < 2
        if kind == "EmbeddedLink":
            # What the routes need comes after.
            needed = 0 if page.asks else MOST_ROUTES - 1
            clicked = shape.property("on-click-action")
            return page.used.get(kind, 0) + needed < 2 and clicked is not None and bool(self._possible(page, clicked))
        return shape.per_screen is None or page.used.get(kind, 0) < shape.per_screen

    def _value(self, page: _Page, known: Property) -> Any:
        """Return a value of a property, None if there is none to be had here."""
        random = self._random
        dynamic = known.dynamic and self._maybe(0.3)
        made: dict[str, Callable[[], Any]] = {
            "text": lambda: self._text(page, dynamic, known.cut),
            "texts": lambda: (
                [self._word(), self._word()]
                if self._version >= _TEXT_LISTS and self._maybe(0.2)
                else self._text(page, dynamic, known.cut)
            ),
            "name": lambda: self._new("field"),
            "string": lambda: "12",
            "choice": lambda: "12",
            "boolean": lambda: self._flag(page) if dynamic else True,
            "integer": lambda: max(known.least or 0, 3),
            "number": lambda: self._declared(page, "number") if dynamic else random.choice([1, 1.5]),
            "count": lambda: random.choice([20, "20"]),
            "enum": lambda: random.choice(known.values),
            "enums": lambda: random.sample(known.values, random.randint(1, len(known.values))),
            "date": lambda: self.date(5),
            "dates": lambda: [self.date(6)],
            "image": lambda: self._declared(page, "text") if dynamic else PNG,
            "options": lambda: self._declared(page, "options") if dynamic else self._options(known),
            "pictures": lambda: [{"src": PNG, "alt-text": self._word()} for _ in range(random.randint(1, 3))],
            "action": lambda: self._action(page, known),
            "message": lambda: random.choice(["Not this one", {"media-1": "Too dark"}]),
            "strings": lambda: ["1"],
        }
        return made[known.kind]()

    def _text(self, page: _Page, dynamic: bool, cut: int | None = None) -> str:
        if not dynamic:
            return self._word(cut)
        if self._version >= _NESTED and self._maybe():
            return self._random.choice(
                [
                    f"`'Hello ' {self._declared(page, 'text')}`",
                    f"`{self._declared(page, 'text')} ' of ' {self._declared(page, 'text')}`",
                    f"`'In all ' ({self._declared(page, 'number')} + 1)`",
                ]
            )
        texts = [name for name, kind in page.inputs.items() if kind in ("TextInput", "Dropdown")]
        if texts and self._version >= _FORMS_OPTIONAL and self._maybe():
            return f"${{form.{self._random.choice(texts)}}}"
        elsewhere = [
            other for other in self._pages.values() if other is not page and _TEXT_SCHEMA in other.data.values()
        ]
        if elsewhere and self._version >= _FORMS_OPTIONAL and self._maybe():
            other = self._random.choice(elsewhere)
            name = self._random.choice([name for name, node in other.data.items() if node is _TEXT_SCHEMA])
            return f"${{screen.{other.name}.data.{name}}}"
        if self._maybe(0.2):
            return self._declared(page, "object")[:-1] + ".street}"
        return self._declared(page, "text")

    def _flag(self, page: _Page) -> str:
        if self._version >= _NESTED and self._maybe():
            return f"`{self._declared(page, 'number')} {self._random.choice(['>=', '<', '==', '!='])} 2`"
        opted = [name for name, kind in page.inputs.items() if kind == "OptIn"]
        if opted and self._version >= _FORMS_OPTIONAL and self._maybe():
            return f"${{form.{opted[0]}}}"
        return self._declared(page, "flag")

    def _condition(self, page: _Page) -> str:
        flag, number, text = (self._declared(page, kind) for kind in ("flag", "number", "text"))
        conditions = [flag, f"!{flag}", f"{number} > 2", f"({text} == 'tea') && {flag}", f"({number} <= 1) || {flag}"]
        return self._random.choice(conditions)

    def _declared(self, page: _Page, kind: str) -> str:
        """Return a reference to an entry of the screen's data model, often a new one."""
        same = [name for name, node in page.data.items() if node is _SCHEMAS[kind]]
        name = self._random.choice(same) if same and self._maybe() else self._new(kind)
        page.data[name] = _SCHEMAS[kind]
        return f"${{data.{name}}}"

    def date(self, day: int) -> str:
        """Return a day of March as the version writes it."""
        return f"2026-03-{day:02}" if self._version >= _DATES else str(1772323200000 + day * 86_400_000)

    def _options(self, known: Property) -> list[dict[str, Any]]:
        count = self._random.randint(max(known.least or 0, 2), 5)
        options: list[dict[str, Any]] = [
            {"id": str(number), "title": f"{self._word(20)} {number}"} for number in range(count)
        ]
        if known.shape == "chip":
            return options
        pictured = self._random.choice(["", "image", "color"]) if self._version >= _IMAGES_IN_OPTIONS else ""
        for option in options:
            if pictured == "image":
                option |= {"image": PNG, "alt-text": self._word()}
            elif pictured:
                option["color"] = "#3366CC"
            if self._maybe(0.2):
                option |= {"description": self._word(), "metadata": self._word(), "enabled": self._maybe()}
        return options

    def _footer(self, page: _Page) -> dict[str, Any]:
        footer: dict[str, Any] = {"type": "Footer", "label": self._word()}
        if self._maybe(0.2):
            footer["center-caption"] = self._word()
        elif self._maybe(0.2):
            footer |= {"left-caption": self._word(), "right-caption": self._word()}
        if self._maybe(0.2):
            footer["enabled"] = True if self._maybe() else self._flag(page)
        if page.asks:
            action: dict[str, Any] = {"name": "data_exchange", "payload": {}}
            page.sends.append(action)
        elif page.terminal:
            action = {"name": "complete", "payload": {}}
            page.sends.append(action)
        else:
            action = self._navigate(page)
        footer["on-click-action"] = action
        return footer

    def _link(self, page: _Page) -> dict[str, Any]:
        """Return what navigates to a screen that nothing on this one leads to yet."""
        page.used["EmbeddedLink"] = page.used.get("EmbeddedLink", 0) + 1
        return {"type": "EmbeddedLink", "text": self._word(25), "on-click-action": self._navigate(page)}

    def _navigate(self, page: _Page) -> dict[str, Any]:
        action: dict[str, Any] = {"name": "navigate", "payload": {}}
        to = page.unvisited.pop() if page.unvisited else self._random.choice(page.following)
        action["next"] = {"type": "screen", "name": to}
        page.navigates.append(action)
        return action

    def _possible(self, page: _Page, known: Property) -> list[str]:
        """Return what the property may do on this screen."""
        names = [name for name, since in known.actions if max(since, ACTIONS[name].since) <= self._version]
        without = {"data_exchange"} if not self._has_endpoint else set[str]()
        without |= {"navigate"} if page.terminal else set[str]()
        return [name for name in names if name not in without]

    def _action(self, page: _Page, known: Property) -> dict[str, Any] | None:
        """Return something that the property may do, None if there is nothing."""
        names = self._possible(page, known)
        if not names:
            return None
        name = self._random.choice(names)
        if name == "navigate":
            return self._navigate(page)
        if name == "open_url":
            return {"name": name, "url": URL}
        if name == "update_data":
            return self.update(page)
        return {"name": name, "payload": {"asked": self._declared(page, "text") if self._maybe() else "now"}}

    def update(self, page: _Page) -> dict[str, Any]:
        """Return what changes the screen's data."""
        declared = self._declared(page, "text")[len("${data.") : -1]
        return {"name": "update_data", "payload": {declared: self._word()}}

    def _navigation_list(self, page: _Page) -> dict[str, Any]:
        count = self._random.randint(MOST_ROUTES, 5)
        items: list[dict[str, Any]] = [
            {"id": str(number), "main-content": {"title": self._word(), "metadata": self._word()}}
            for number in range(count)
        ]
        listed: dict[str, Any] = {"type": "NavigationList", "name": self._new("list"), "list-items": items}
        if self._maybe():
            listed["label"] = self._word()
        large = self._maybe(0.3)
        if large:
            listed["media-size"] = "large"
        for item in items:
            if self._maybe(0.3):
                item["start"] = {"image": PNG, "alt-text": self._word()}
            if not large and self._maybe(0.3):
                item["end"] = {"title": "10 %"}
            if self._maybe(0.2):
                item["tags"] = ["new", "blue"]
        if self._maybe(0.3):
            items[0]["badge"] = "New"
        owners = [listed] if self._maybe() and len(page.following) == 1 else items
        for index, owner in enumerate(owners):
            asks = page.asks and (index == 0 or self._maybe())
            owner["on-click-action"] = {"name": "data_exchange", "payload": {}} if asks else self._navigate(page)
        return listed

    # What goes from screen to screen

    def _pass_on(self, pages: list[_Page]) -> None:
        """Write the payloads, now that all screens say what they are shown with."""
        for page in pages:
            for action in page.navigates if not page.sends and self._version < _FORMS_OPTIONAL else ():
                there = self._pages[action["next"]["name"]]
                schemas = [_yielded(kind) for kind in page.inputs.values()]
                there.data |= {self._new("passed"): schema for schema in schemas if schema is not None}
        for page in pages:
            for action in page.sends:
                action["payload"] = {"done": True, **{name: f"${{form.{name}}}" for name in page.inputs}}
        if self._version >= _FORMS_OPTIONAL:
            self._send_the_rest(pages)
        for page in pages:
            for action in page.navigates:
                action["payload"] = self._payload(page, self._pages[action["next"]["name"]])

    def _send_the_rest(self, pages: list[_Page]) -> None:
        for page in pages:
            rest = {
                f"{other.name}_{name}": f"${{screen.{other.name}.form.{name}}}"
                for other in pages
                if other is not page and not other.sends
                for name in other.inputs
            }
            for action in page.sends:
                action["payload"] |= rest
                if self._version >= _NESTED and self._maybe(0.3):
                    action["payload"]["total"] = f"`{self._declared(page, 'number')} + 1`"

    def _payload(self, here: _Page, there: _Page) -> dict[str, Any]:
        payload: dict[str, Any] = {}
        unsent = [] if here.sends else [*here.inputs]
        for name, schema in there.data.items():
            fitting = [each for each in unsent if _yielded(here.inputs[each]) == schema]
            same = [each for each, node in here.data.items() if node == schema]
            if fitting and (name.startswith("passed") or self._maybe(0.3)):
                payload[name] = f"${{form.{fitting[0]}}}"
                unsent.remove(fitting[0])
            elif same and self._maybe():
                payload[name] = f"${{data.{self._random.choice(same)}}}"
            else:
                payload[name] = schema["__example__"]
        return payload


def _yielded(kind: str) -> dict[str, Any] | None:
    """Return the entry of a data model that takes what an input yields, None if that may be one of several."""
    known: dict[str | None, dict[str, Any]] = {
        "string": _TEXT_SCHEMA,
        "date": _TEXT_SCHEMA,
        "strings": _LIST_SCHEMA,
        "boolean": _FLAG_SCHEMA,
    }
    return known.get(COMPONENTS[kind].value)


# What has to fit together in a component


def _text_input(writer: _Writer, _page: _Page, component: dict[str, Any]) -> None:
    typed = writer.chosen("text", "number", "password", "passcode", "email")
    component.pop("pattern", None)
    if writer.known((6, 2)) and typed != "email" and writer.chosen(True, False):
        component |= {"pattern": "[a-z0-9]+", "helper-text": "Small letters and digits"}
    component["input-type"] = typed
    if "min-chars" in component:
        component["min-chars"] = 1


def _navigates_by_condition(screens: list[dict[str, Any]]) -> bool:
    """Return whether a screen navigates from inside an If or a Switch, which a model that Meta makes does not know."""
    actions = [action for each in read_document({"screens": screens}).listed for action in each.actions]
    return any(action.name == "navigate" and action.component.branches for action in actions)


def _choice(writer: _Writer, page: _Page, component: dict[str, Any]) -> None:
    """Let as many be chosen as there are, and begin with one of them."""
    options = component["data-source"]
    if "min-selected-items" in component:
        component["min-selected-items"] = 1
    if "max-selected-items" in component:
        component["max-selected-items"] = 2
    if "init-value" in component and isinstance(options, list):
        component["init-value"] = ["1"] if component["type"] in ("CheckboxGroup", "ChipsSelector") else "1"
    else:
        component.pop("init-value", None)
    selects = "on-select-action" in component or "on-unselect-action" in component
    if isinstance(options, list) and not selects and writer.known((7, 1)) and component["type"] != "ChipsSelector":
        options[0]["on-select-action"] = writer.update(page)


def _opt_in(_writer: _Writer, _page: _Page, component: dict[str, Any]) -> None:
    component.pop("init-value", None)


def _date_picker(writer: _Writer, _page: _Page, component: dict[str, Any]) -> None:
    days = {"min-date": 1, "max-date": 28, "init-value": 9}
    component |= {name: writer.date(day) for name, day in days.items() if name in component}


def _calendar_picker(writer: _Writer, page: _Page, component: dict[str, Any]) -> None:
    _date_picker(writer, page, component)
    for name in ("min-days", "max-days", "title", "description", "error-message", "init-value"):
        component.pop(name, None)
    if "include-days" in component:
        component["include-days"] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    component["mode"] = writer.chosen("single", "range")
    if component["mode"] == "single" and not page.in_form and writer.chosen(True, False):
        component["init-value"] = writer.date(9)
    if component["mode"] == "range":
        both = {"start-date": "From", "end-date": "To"}
        component["label"] = both
        component |= {"title": "Your stay"}
        if "helper-text" in component:
            component["helper-text"] = both
        if "required" in component:
            component["required"] = {"start-date": True, "end-date": False}
        if writer.chosen(True, False):
            component |= {"min-days": 1, "max-days": 9}


def _media_picker(_writer: _Writer, _page: _Page, component: dict[str, Any]) -> None:
    of = "photos" if component["type"] == "PhotoPicker" else "documents"
    component |= {f"max-uploaded-{of}": 1, "max-file-size-kb": 1024}
    if f"min-uploaded-{of}" in component:
        component[f"min-uploaded-{of}"] = 1
    if "allowed-mime-types" in component:
        component["allowed-mime-types"] = ["application/pdf", "image/jpeg"]


_MENDS: dict[str, Callable[[_Writer, _Page, dict[str, Any]], None]] = {
    "TextInput": _text_input,
    **dict.fromkeys(("CheckboxGroup", "RadioButtonsGroup", "Dropdown", "ChipsSelector"), _choice),
    "OptIn": _opt_in,
    "DatePicker": _date_picker,
    "CalendarPicker": _calendar_picker,
    **dict.fromkeys(_MEDIA, _media_picker),
}

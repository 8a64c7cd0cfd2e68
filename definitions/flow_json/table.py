"""
The Flow JSON language as a table: every property of documents, screens, components, items and actions, by version.

This is the one description of the language. The linter checks documents against it, the documentation prints it, what
renders a Flow reads it. Sources: Meta, "Flow JSON", "Components", "Media upload" and "Changelog" (WhatsApp Business
Platform documentation); where they contradict each other or Meta's own client, what is more lenient stands here.

Rule 1: a limit is hard, and Meta refuses what is beyond, or it is soft and the phone cuts the rest off (`cut`).
Rule 2: what is not in the table is not in the language, up to the newest version that we know.
"""

import re
from typing import Literal

from msgspec import Struct

Version = tuple[int, int]

OLDEST: Version = 2, 1
NEWEST: Version = 7, 3

VERSIONS: tuple[Version, ...] = (
    (2, 1), (3, 0), (3, 1), (4, 0), (5, 0), (5, 1), (6, 0), (6, 1), (6, 2), (6, 3), (7, 0), (7, 1), (7, 2), (7, 3),
)  # fmt: skip
"""Every public version."""

PUBLISHABLE = frozenset(version for version in VERSIONS if version >= (5, 1))
"""The versions that a Flow can be published with today; older ones are frozen or expired."""

DATA_API_VERSIONS: dict[str, Version] = {"3.0": OLDEST, "4.0": (7, 3)}
"""The versions of the data API, and the Flow JSON version from which each may be asked for."""

Kind = Literal[
    "text",  # a string that people read
    "texts",  # a string, or a list of them
    "name",  # a string that no expression may make
    "string",  # any string
    "strings",  # a list of strings
    "choice",  # a string, or a list of them, though one is meant
    "boolean",
    "integer",
    "number",
    "count",  # a number, also as a string
    "enum",
    "enums",  # a list of such
    "date",  # YYYY-MM-DD, before 5.0 milliseconds; both as strings
    "dates",
    "image",  # base64
    "url",
    "options",  # what an input offers, see OPTION
    "items",  # of a NavigationList, see LIST_ITEM
    "pictures",  # of an ImageCarousel, see PICTURE
    "shape",  # an object, see `shape`
    "action",
    "components",
    "cases",  # lists of components by name
    "condition",
    "switch",  # what a Switch decides by
    "object",  # any object
    "payload",  # an object whose values expressions may make
    "message",  # a string, or strings by media id
    "data",  # a data model
    "screens",
    "routes",
    "version",
]
"""What a property holds."""

Value = Literal["string", "strings", "boolean", "date", "dates", "media"]
"""What an input yields as `${form.NAME}`: *dates* is a string or `{start-date, end-date}`."""


class Property(Struct, frozen=True):
    """
    A property, from version *since* on, and required from version *required* on.

    *dynamic*: an expression may stand for the whole of it. *least* and *most* bound a number, or how many a list holds;
    *cut* is after how many characters the phone cuts a text off. *actions* are those it may do, each from a version on.
    *ranged*: a CalendarPicker in range mode takes `{start-date, end-date}` of them instead. *filled*: the version from
    which a text may not be blank, None where another rule says what it must be.
    """

    name: str
    kind: Kind
    since: Version = OLDEST
    required: Version | None = None
    dynamic: bool = True
    values: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    cut: int | None = None
    actions: tuple[tuple[str, Version], ...] = ()
    shape: str = ""
    ranged: bool = False
    filled: Version | None = (6, 0)


class Shape(Struct, frozen=True):
    """What an object of the language may have. *since* is the version that brought it."""

    name: str
    properties: tuple[Property, ...]
    since: Version = OLDEST

    def property(self, name: str) -> Property | None:
        """Return the property of that name, if there is one."""
        return _PROPERTIES[self.name].get(name)


class Component(Shape, frozen=True):
    """
    A component. *value* is what it yields if it takes input; *per_screen* how many a screen may have, at once.

    *within* says in which containers it may stand, beside the screen itself, each from a version on.
    """

    value: Value | None = None
    per_screen: int | None = None
    within: tuple[tuple[str, Version], ...] = ()


def effective(version: Version) -> Version:
    """Return the version whose rules a document is held to: one that names none we know is held to the newest."""
    return version if OLDEST <= version <= NEWEST else NEWEST


# Words for what recurs

_V4, _V5, _V5_1, _V6, _V6_1, _V6_2, _V6_3, _V7, _V7_1 = (
    (4, 0), (5, 0), (5, 1), (6, 0), (6, 1), (6, 2), (6, 3), (7, 0), (7, 1),
)  # fmt: skip

_VISIBLE = Property("visible", "boolean")
_ENABLED = Property("enabled", "boolean")
_REQUIRED = Property("required", "boolean")
_NAME = Property("name", "name", required=OLDEST, dynamic=False, filled=_V4)
_ERROR = Property("error-message", "text", since=_V4)
_FONT_WEIGHTS = ("bold", "italic", "bold_italic", "normal")
_SELECT = (("data_exchange", OLDEST), ("update_data", _V6))
_UPDATE = (("update_data", _V6),)
_LINK = (("data_exchange", OLDEST), ("navigate", OLDEST), ("open_url", _V6))
_EVERYWHERE = (("Form", OLDEST), ("If", _V4), ("Switch", _V4))
_IN_FORM = (("Form", OLDEST),)

MAX_SCREENS = 100
MAX_EDGES = 10
"""How many screens one screen may lead to."""
MAX_COMPONENTS, ADVISED_COMPONENTS = 100, 50
"""How many components a screen may have: the most that Meta's client takes, and that its page speaks of."""
MAX_IF_NESTING = 3
MAX_CAROUSELS = 3
"""How many ImageCarousels a Flow may have."""
MAX_MEDIA_FILES = 10
"""How many files a `complete` may carry."""
MAX_BYTES = 10 * 1024 * 1024
"""How large a document may be."""
LIST_IMAGE_BYTES = ((_V6, 100 * 1024), (OLDEST, 300 * 1024))
"""How large an image in a list may be, newest version first."""
IMAGE_BYTES = 300 * 1024
"""How large any other image should be."""
DROPDOWN_WITH_IMAGES = 100
"""How many options a Dropdown may have when one has an image."""
DATES_SINCE: Version = 5, 0
DATE, MILLISECONDS = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"), re.compile(r"-?[0-9]{1,16}")
"""How a date is written from that version on, and how before."""
COUNT = re.compile(r"[0-9]{1,9}")
"""How a number of characters is written as a text."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _action(name: str, *actions: tuple[str, Version], since: Version = OLDEST, required: bool = False) -> Property:
    return Property(name, "action", since, since if required else None, dynamic=False, actions=actions)


def _text(name: str, cut: int | None = None, *, required: bool = True) -> Property:
    return Property(name, "text", required=OLDEST if required else None, cut=cut)


def _shown(cut: int) -> Property:
    return Property("text", "text", required=OLDEST, cut=cut, filled=OLDEST)


def _options(least: int, most: int, shape: str = "option") -> Property:
    return Property("data-source", "options", required=OLDEST, least=least, most=most, shape=shape)


def _media(kind: str) -> tuple[Property, ...]:
    return (
        _NAME,
        _text("label", 80),
        _text("description", 300, required=False),
        Property("max-file-size-kb", "integer", least=1, most=25600),
        Property(f"min-uploaded-{kind}", "integer", least=0, most=30),
        Property(f"max-uploaded-{kind}", "integer", least=1, most=30),
        _ENABLED,
        _VISIBLE,
        Property("error-message", "message"),
    )


# Documents and screens

FLOW = Shape(
    "flow",
    (
        Property("version", "version", required=OLDEST, dynamic=False),
        Property("screens", "screens", required=OLDEST, dynamic=False, least=1, most=MAX_SCREENS),
        Property("routing_model", "routes", dynamic=False),
        Property("data_api_version", "version", dynamic=False),
        Property("data_channel_uri", "url", dynamic=False),
        Property("meta", "object", since=_V5_1, dynamic=False),
    ),
)
"""The document. `data_channel_uri` ended with 3.0; `meta` is undocumented, and Meta's client takes it."""

DATA_CHANNEL_URI_UNTIL: Version = 3, 0
"""The version from which a document may not name its endpoint any more."""

SCREEN = Shape(
    "screen",
    (
        Property("id", "name", required=OLDEST, dynamic=False, filled=None),
        Property("title", "text"),
        Property("layout", "shape", required=OLDEST, dynamic=False, shape="layout"),
        Property("terminal", "boolean", dynamic=False),
        Property("success", "boolean", dynamic=False),
        Property("refresh_on_back", "boolean", dynamic=False),
        Property("sensitive", "strings", since=_V5_1, dynamic=False),
        Property("data", "data", dynamic=False),
    ),
)

LAYOUT = Shape(
    "layout",
    (
        Property("type", "enum", required=OLDEST, dynamic=False, values=("SingleColumnLayout",)),
        Property("children", "components", required=OLDEST, dynamic=False),
    ),
)

# Items of lists

OPTION = Shape(
    "option",
    (
        Property("id", "string", required=OLDEST),
        _text("title", 30),
        _text("description", 300, required=False),
        _text("metadata", 20, required=False),
        _ENABLED,
        Property("image", "image", since=_V5),
        Property("alt-text", "text", since=_V5),
        Property("color", "string", since=_V5, filled=None),
        _action("on-select-action", *_UPDATE, since=_V6),
        _action("on-unselect-action", *_UPDATE, since=_V6),
    ),
)
"""One of what an input offers; images, colours and actions came later than the inputs."""

CHIP = Shape(
    "chip",
    tuple(
        each
        for each in OPTION.properties
        if each.name in ("id", "title", "enabled", "on-select-action", "on-unselect-action")
    ),
    since=_V6_3,
)
"""One of what a ChipsSelector offers."""

LIST_ITEM = Shape(
    "list item",
    (
        Property("id", "string", required=_V6_2),
        Property("main-content", "shape", required=_V6_2, shape="main content"),
        Property("start", "shape", shape="start"),
        Property("end", "shape", shape="end"),
        _text("badge", 15, required=False),
        Property("tags", "strings", most=3, cut=15),
        _action("on-click-action", ("navigate", _V6_2), ("data_exchange", _V6_2)),
    ),
    since=_V6_2,
)

MAIN_CONTENT = Shape(
    "main content",
    (_text("title", 30), _text("description", 20, required=False), _text("metadata", 80, required=False)),
)
START = Shape("start", (Property("image", "image", required=OLDEST), Property("alt-text", "text")))
END = Shape(
    "end",
    tuple(_text(name, 10, required=False) for name in ("title", "description", "metadata")),
)
PICTURE = Shape(
    "picture",
    (Property("src", "image", required=OLDEST), Property("alt-text", "text", required=OLDEST)),
    since=_V7_1,
)

# Actions

ACTIONS: dict[str, Shape] = {
    "navigate": Shape(
        "navigate",
        (
            Property("name", "name", required=OLDEST, dynamic=False),
            Property("next", "shape", required=OLDEST, dynamic=False, shape="next"),
            Property("payload", "payload", dynamic=False),
        ),
    ),
    "data_exchange": Shape(
        "data_exchange",
        (
            Property("name", "name", required=OLDEST, dynamic=False),
            Property("payload", "payload", dynamic=False),
        ),
    ),
    "complete": Shape(
        "complete",
        (
            Property("name", "name", required=OLDEST, dynamic=False),
            Property("payload", "payload", dynamic=False),
        ),
    ),
    "update_data": Shape(
        "update_data",
        (
            Property("name", "name", required=OLDEST, dynamic=False),
            Property("payload", "payload", required=OLDEST, dynamic=False),
        ),
        since=_V6,
    ),
    "open_url": Shape(
        "open_url",
        (
            Property("name", "name", required=OLDEST, dynamic=False),
            Property("url", "url", required=OLDEST, filled=None),
        ),
        since=_V6,
    ),
}
"""What a component can do, by name."""

NEXT = Shape(
    "next",
    (
        Property("type", "enum", dynamic=False, values=("screen",)),
        Property("name", "name", required=OLDEST, dynamic=False, filled=None),
    ),
)

# Components

_INPUT = (_REQUIRED, _VISIBLE, _ENABLED)
_GROUP = (
    _NAME,
    Property("label", "text", required=_V4, cut=30),
    Property("description", "text", since=_V4, cut=300),
    *_INPUT,
    _action("on-select-action", *_SELECT),
    _action("on-unselect-action", *_UPDATE, since=_V6),
    _ERROR,
    Property("media-size", "enum", since=_V5, values=("regular", "large")),
)

COMPONENTS: dict[str, Component] = {
    each.name: each
    for each in (
        Component("TextHeading", (_shown(80), _VISIBLE), within=_EVERYWHERE),
        Component("TextSubheading", (_shown(80), _VISIBLE), within=_EVERYWHERE),
        *(
            Component(
                name,
                (
                    Property("text", "texts", required=OLDEST, cut=4096, filled=OLDEST),
                    Property("font-weight", "enum", values=_FONT_WEIGHTS),
                    Property("strikethrough", "boolean"),
                    _VISIBLE,
                    Property("markdown", "boolean", since=_V5_1, dynamic=False),
                ),
                within=_EVERYWHERE,
            )
            for name in ("TextBody", "TextCaption")
        ),
        Component("RichText", (Property("text", "texts", required=_V5_1), _VISIBLE), since=_V5_1),
        Component(
            "TextInput",
            (
                _NAME,
                _text("label", 20),
                Property("input-type", "enum", values=("text", "number", "email", "password", "passcode", "phone")),
                Property("pattern", "string", since=_V6_2),
                Property("min-chars", "count"),
                Property("max-chars", "count"),
                _text("helper-text", 80, required=False),
                *_INPUT,
                Property("init-value", "string", since=_V4),
                Property("error-message", "text", since=_V4, cut=30),
                Property("label-variant", "enum", since=_V7, values=("large",)),
            ),
            value="string",
            within=_EVERYWHERE,
        ),
        Component(
            "TextArea",
            (
                _NAME,
                _text("label", 20),
                Property("max-length", "count"),
                _text("helper-text", 80, required=False),
                *_INPUT,
                Property("init-value", "string", since=_V4),
                _ERROR,
                Property("label-variant", "enum", since=_V7, values=("large",)),
            ),
            value="string",
            within=_EVERYWHERE,
        ),
        Component(
            "CheckboxGroup",
            (
                *_GROUP,
                _options(1, 20),
                Property("min-selected-items", "integer", least=0),
                Property("max-selected-items", "integer", least=1),
                Property("init-value", "strings", since=_V4),
            ),
            value="strings",
            within=_EVERYWHERE,
        ),
        Component(
            "RadioButtonsGroup",
            (*_GROUP, _options(1, 20), Property("init-value", "choice", since=_V4)),
            value="string",
            within=_EVERYWHERE,
        ),
        Component(
            "Dropdown",
            (
                _NAME,
                _text("label", 20),
                _options(1, 200),
                *_INPUT,
                _action("on-select-action", *_SELECT),
                _action("on-unselect-action", *_UPDATE, since=_V6),
                Property("init-value", "string", since=_V4),
                _ERROR,
            ),
            value="string",
            within=_EVERYWHERE,
        ),
        Component(
            "ChipsSelector",
            (
                _NAME,
                _text("label", 80),
                _text("description", 300, required=False),
                _options(2, 20, "chip"),
                Property("min-selected-items", "integer", least=0),
                Property("max-selected-items", "integer", least=1),
                *_INPUT,
                _action("on-select-action", ("data_exchange", _V6_3), ("update_data", _V7_1)),
                _action("on-unselect-action", ("update_data", _V7_1), since=_V7_1),
                Property("init-value", "strings"),
                Property("error-message", "text"),
            ),
            since=_V6_3,
            value="strings",
            within=(("Form", _V6_3), ("If", _V7_1), ("Switch", _V7_1)),
        ),
        Component(
            "OptIn",
            (
                _NAME,
                _text("label", 120),
                _REQUIRED,
                _VISIBLE,
                _action("on-click-action", *_LINK),
                _action("on-select-action", *_UPDATE, since=_V6),
                _action("on-unselect-action", *_UPDATE, since=_V6),
                Property("init-value", "boolean", since=_V4),
            ),
            value="boolean",
            per_screen=5,
            within=_EVERYWHERE,
        ),
        Component(
            "DatePicker",
            (
                _NAME,
                _text("label", 40),
                Property("min-date", "date"),
                Property("max-date", "date"),
                Property("unavailable-dates", "dates"),
                _text("helper-text", 80, required=False),
                *_INPUT,
                _action("on-select-action", ("data_exchange", OLDEST)),
                Property("init-value", "date", since=_V4),
                Property("error-message", "text", since=_V4, cut=80),
            ),
            value="date",
            within=_EVERYWHERE,
        ),
        Component(
            "CalendarPicker",
            (
                _NAME,
                Property("mode", "enum", values=("single", "range")),
                _text("title", 80, required=False),
                _text("description", 300, required=False),
                Property("label", "text", required=_V6_1, cut=40, ranged=True),
                Property("helper-text", "text", cut=80, ranged=True),
                Property("required", "boolean", ranged=True),
                _VISIBLE,
                _ENABLED,
                Property("min-date", "date"),
                Property("max-date", "date"),
                Property("unavailable-dates", "dates"),
                Property("include-days", "enums", values=WEEKDAYS),
                Property("min-days", "integer", least=0),
                Property("max-days", "integer", least=1),
                _action("on-select-action", ("data_exchange", _V6_1)),
                Property("init-value", "date", ranged=True),
                Property("error-message", "text", cut=80, ranged=True),
            ),
            since=_V6_1,
            value="dates",
            within=_IN_FORM,
        ),
        Component(
            "Image",
            (
                Property("src", "image", required=OLDEST),
                Property("width", "integer", least=0),
                Property("height", "integer", least=0),
                Property("scale-type", "enum", values=("cover", "contain")),
                Property("aspect-ratio", "number"),
                Property("alt-text", "text"),
                _VISIBLE,
            ),
            per_screen=3,
            within=_EVERYWHERE,
        ),
        Component(
            "ImageCarousel",
            (
                Property("images", "pictures", required=_V7_1, least=1, most=3, shape="picture"),
                Property("aspect-ratio", "enum", values=("4:3", "16:9")),
                Property("scale-type", "enum", values=("cover", "contain")),
                _VISIBLE,
            ),
            since=_V7_1,
            per_screen=2,
            within=_IN_FORM,
        ),
        Component(
            "EmbeddedLink",
            (_shown(25), _action("on-click-action", *_LINK, required=True), _VISIBLE),
            per_screen=2,
            within=_EVERYWHERE,
        ),
        Component(
            "NavigationList",
            (
                _NAME,
                Property("list-items", "items", required=_V6_2, least=1, most=20, shape="list item"),
                _text("label", 80, required=False),
                _text("description", 300, required=False),
                Property("media-size", "enum", values=("regular", "large")),
                _action("on-click-action", ("navigate", _V6_2), ("data_exchange", _V6_2)),
                _VISIBLE,
            ),
            since=_V6_2,
            per_screen=2,
        ),
        Component(
            "Footer",
            (
                _text("label", 35),
                _text("left-caption", 15, required=False),
                _text("center-caption", 15, required=False),
                _text("right-caption", 15, required=False),
                _ENABLED,
                _action(
                    "on-click-action",
                    ("navigate", OLDEST),
                    ("complete", OLDEST),
                    ("data_exchange", OLDEST),
                    required=True,
                ),
            ),
            per_screen=1,
            within=_EVERYWHERE,
        ),
        Component(
            "PhotoPicker",
            (
                *_media("photos"),
                Property("photo-source", "enum", values=("camera_gallery", "camera", "gallery")),
            ),
            since=_V4,
            value="media",
            per_screen=1,
            within=_IN_FORM,
        ),
        Component(
            "DocumentPicker",
            (*_media("documents"), Property("allowed-mime-types", "strings")),
            since=_V4,
            value="media",
            per_screen=1,
            within=_IN_FORM,
        ),
        Component(
            "If",
            (
                Property("condition", "condition", required=_V4, dynamic=False, filled=None),
                Property("then", "components", required=_V4, dynamic=False),
                Property("else", "components", dynamic=False),
            ),
            since=_V4,
            within=(("Form", _V4), ("If", _V4)),
        ),
        Component(
            "Switch",
            (
                Property("value", "switch", required=_V4, dynamic=False, filled=None),
                Property("cases", "cases", required=_V4, dynamic=False),
            ),
            since=_V4,
            within=(("Form", _V4), ("If", _V4)),
        ),
        Component(
            "Form",
            (
                Property("name", "name", required=OLDEST, dynamic=False),
                Property("children", "components", required=OLDEST, dynamic=False),
                Property("init-values", "object"),
                Property("error-messages", "object"),
            ),
            per_screen=1,
        ),
    )
}
"""Every component, by its type."""

FORM_VALUES_SINCE: Version = _V7
"""The version from which a Form's init-values are checked against its inputs."""

FORM_LIMIT_SINCE: Version = _V7
"""The version from which a screen has one Form at most."""

SHAPES: dict[str, Shape] = {
    each.name: each
    for each in (
        FLOW, SCREEN, LAYOUT, OPTION, CHIP, LIST_ITEM, MAIN_CONTENT, START, END, PICTURE, NEXT,
        *ACTIONS.values(), *COMPONENTS.values(),
    )
}  # fmt: skip
"""Everything that has properties, by name."""

INPUTS = frozenset(name for name, component in COMPONENTS.items() if component.value is not None)
"""The components that take input."""

MEDIA_PICKERS = frozenset(name for name, component in COMPONENTS.items() if component.value == "media")

_PROPERTIES = {name: {each.name: each for each in shape.properties} for name, shape in SHAPES.items()}

"""
How one event is said by message: what stands for it in `messages.json`, once everything was merged.

Rule 1: a text in it is a text of definitions/messages/texts.py, with what is known of the order in braces.
"""

from typing import Literal

from msgspec import Struct, field

ButtonType = Literal["quick_reply", "url", "flow"]


class Button(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    A button of a template, in the place in which the template has it.

    A `quick_reply` says its *payload* when it is tapped, a `url` ends with *text*, a `flow` opens *flow*.
    """

    type: ButtonType
    payload: str = ""
    text: str = ""
    flow: str = ""


class Template(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    A template that Meta has approved: its *name* and *language*, and what its header, body and buttons are filled with.

    *body* are the parameters in their order. *header* is a text, or the address of a picture with `header_image`.
    """

    name: str
    language: str = "en"
    header: str = ""
    header_image: str = ""
    body: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """A button under a free text: its *title*, and the *payload* that comes back when it is tapped."""

    title: str
    payload: str


class OpenedFlow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    A Flow that a free text's button opens: our *name* of it, and the button's words.

    *id* is Meta's id of it; without one Meta finds it by its name.
    """

    name: str
    button: str
    id: str = ""


class FreeText(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is said without a template to who wrote to us within the last 24 hours, with replies or a Flow under it."""

    body: str
    header: str = ""
    footer: str = ""
    replies: tuple[Reply, ...] = ()
    flow: OpenedFlow | None = None


class QuietHours(Struct, frozen=True, forbid_unknown_fields=True):
    """From when to when, `HH:MM` where the merchant is, nothing is said that can wait."""

    start: str = field(name="from")
    end: str = field(name="to")


class Wording(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    How an event is said.

    The first of *templates* is taken whose quick replies the case still offers. What it says must still be so: the
    instance's state has one of the tags *when*, if any are named, and none of the tags *unless*; and the event is no
    older than *valid_hours*. What is *urgent* is said in the quiet hours too.
    """

    on: bool = True
    category: str = "order_updates"
    urgent: bool = False
    valid_hours: int = 24
    when: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    templates: tuple[Template, ...] = ()
    free_text: FreeText | None = None
    quiet_hours: QuietHours | None = None

"""
The logic of a Flow's screens: Python functions, bound to screens by a decorator.

`submit(session, form)` decides where a submitted screen leads; `show(session)` gives the data a screen is shown with.
Every answer is `show` of the screen landed on, so any screen can be shown again: after a refusal, a double tap, BACK.
Either may be `async` and call out. They change nothing: what they return is committed with the step. So is the event
that a `Success` tells what the session is about, if it is about something: an NDR case, say.

    screens = Screens()

    @screens.submit("SIZE")
    def size_chosen(session: Session, form: SizeForm) -> str:
        return "COLOUR"

    @screens.show("COLOUR")
    def colours(session: Session) -> ColourData:
        return {"colours": colours_of(session.form("SIZE", SizeForm).size)}

What the annotations say is held against the Flow's document when it is loaded (see `definitions.logic`): a form against
what its screen submits, shown data (a TypedDict or a Struct) against the screen's data model, a Literal of screens
against the routes. Data declared as no more than a mapping is only checked each time that a screen is shown.
"""

import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from definitions.media import Media, NoMedia

Form = TypeVar("Form")


class About(Struct, frozen=True):
    """
    What a session is about, as it stands now: another instance, on which the session acts by what its `Success` tells.

    *tags* are those of its state, *allowed* the events that have an arrow out of it. *family* has the contexts of the
    other members of its family, by `definition/key`.
    """

    definition: str
    key: str
    state: str
    tags: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    context: Mapping[str, Any] = {}
    deadline: int | None = None
    family: Mapping[str, Mapping[str, Any]] = {}


class Session(Struct, frozen=True):
    """
    A Flow session as its logic sees it.

    *forms* has what was submitted on each screen of the way here, *data* what the session was minted with, *now* the
    time of the call in microseconds; *media* fetches the files that forms name. *about* is what it was minted to act
    on, if anything.
    """

    token: str
    now: int
    forms: Mapping[str, Any] = {}
    data: Mapping[str, Any] = {}
    recipient: str = ""
    media: Media = NoMedia()
    about: About | None = None

    def form(self, screen: str, kind: type[Form]) -> Form:
        """
        Return what was submitted on *screen*, as a *kind*.

        Raises:
            KeyError: nothing was.
        """
        return msgspec.convert(self.forms[screen], kind)


class DateRange(Struct, frozen=True):
    """What a CalendarPicker for a range yields: two dates, as texts."""

    start_date: str = field(name="start-date")
    end_date: str = field(name="end-date")


class Tell(Struct, frozen=True):
    """An event for what the session is about; *assign* joins its context, *data* is what its guards read."""

    event: str
    data: Mapping[str, Any] = {}
    assign: Mapping[str, Any] = {}


class Success(Struct, frozen=True):
    """
    The answer that ends the Flow; *params* come back in the completion message.

    What the session is about takes the event that it is told in the same commit. If it cannot, the Flow does not end.
    """

    params: Mapping[str, Any] = {}
    tell: Tell | None = None


class Refused(Exception):
    """The logic's no, in words for the customer: the screen stays, with the message (80 characters are shown)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


Next = str | Success
Submit = Callable[[Session, Any], Next | Awaitable[Next]]
Shown = Mapping[str, Any] | Struct
Show = Callable[[Session], Shown | Awaitable[Shown]]
AnySubmit = TypeVar("AnySubmit", bound=Submit)
AnyShow = TypeVar("AnyShow", bound=Show)


class Screens:
    """
    The logic of one Flow, as its screens.py binds it.

    With *minted_tokens_only* a session opens only with a token that was minted here, else with any token. *examples*
    are what its sessions may be about; a simulation walks them all, and from each to each.
    """

    def __init__(self, *, minted_tokens_only: bool = False, examples: Sequence[About] = ()) -> None:
        self.minted_tokens_only = minted_tokens_only
        self.examples = tuple(examples)
        self.submits: dict[str, Submit] = {}
        self.shows: dict[str, Show] = {}
        self.forms: dict[str, Any] = {}
        self.bound_twice: list[tuple[str, Submit | Show, Submit | Show]] = []

    def submit(self, screen: str) -> Callable[[AnySubmit], AnySubmit]:
        """Bind what decides where *screen* leads. The type of its second parameter is what is read from the payload."""
        _named(screen)

        def bind(function: AnySubmit) -> AnySubmit:
            form = [*inspect.signature(function).parameters][1:2]
            hints = typing.get_type_hints(function)
            self._note(self.submits, screen, function)
            self.submits[screen] = function
            self.forms[screen] = hints.get(form[0], dict[str, Any]) if form else dict[str, Any]
            return function

        return bind

    def show(self, screen: str) -> Callable[[AnyShow], AnyShow]:
        """Bind what gives the data that *screen* is shown with."""
        _named(screen)

        def bind(function: AnyShow) -> AnyShow:
            self._note(self.shows, screen, function)
            self.shows[screen] = function
            return function

        return bind

    def read(self, screen: str, payload: Any) -> Any:
        """
        Return what *screen* submits, as the form that its logic takes.

        Phones of different makes send a number as one or as its digits: either fits a form's number.

        Raises:
            msgspec.ValidationError: it does not fit.
        """
        return msgspec.convert(payload, self.forms[screen], strict=False)

    @property
    def waits(self) -> bool:
        """Return whether any of the logic is asynchronous, so that a call may take a while."""
        return any(inspect.iscoroutinefunction(function) for function in (*self.submits.values(), *self.shows.values()))

    def _note(self, bound: Mapping[str, Submit | Show], screen: str, function: Submit | Show) -> None:
        """Note that a second function is bound where one is."""
        if screen in bound:
            self.bound_twice.append((screen, bound[screen], function))


def _named(screen: Any) -> None:
    """
    Refuse to bind to what is no screen's name.

    Raises:
        TypeError: it is none, as where a decorator has no brackets and is given the function itself.
    """
    if not isinstance(screen, str):
        message = 'logic is bound to the id of its screen: write @screens.submit("SCREEN") or @screens.show("SCREEN")'
        raise TypeError(message)

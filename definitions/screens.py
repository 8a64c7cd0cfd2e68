"""
The logic of a Flow's screens: Python functions, bound to screens by a decorator.

`submit(session, form)` decides where a submitted screen leads; `show(session)` gives the data a screen is shown with.
Every answer is `show` of the screen landed on, so any screen can be shown again: after a refusal, a double tap, BACK.
Either may be `async` and call out. They change nothing: what they return is committed with the step.

    screens = Screens()

    @screens.submit("SIZE")
    def size_chosen(session: Session, form: SizeForm) -> str:
        return "COLOUR"

    @screens.show("COLOUR")
    def colours(session: Session) -> dict[str, Any]:
        return {"colours": colours_of(session.form("SIZE", SizeForm).size)}
"""

import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

Form = TypeVar("Form")


class Session(Struct, frozen=True):
    """
    A Flow session as its logic sees it.

    *forms* has what was submitted on each screen of the way here, *data* what the session was minted with, *now* the
    time of the call in microseconds.
    """

    token: str
    now: int
    forms: Mapping[str, Any] = {}
    data: Mapping[str, Any] = {}
    recipient: str = ""

    def form(self, screen: str, kind: type[Form]) -> Form:
        """
        Return what was submitted on *screen*, as a *kind*.

        Raises:
            KeyError: nothing was.
        """
        return msgspec.convert(self.forms[screen], kind)


class Success(Struct, frozen=True):
    """The answer that ends the Flow; *params* come back in the completion message."""

    params: Mapping[str, Any] = {}


class Refused(Exception):
    """The logic's no, in words for the customer: the screen stays, with the message (80 characters are shown)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


Next = str | Success
Submit = Callable[[Session, Any], Next | Awaitable[Next]]
Show = Callable[[Session], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]
AnySubmit = TypeVar("AnySubmit", bound=Submit)
AnyShow = TypeVar("AnyShow", bound=Show)


class Screens:
    """
    The logic of one Flow, as its screens.py binds it.

    With *minted_tokens_only* a session opens only with a token that was minted here, else with any token.
    """

    def __init__(self, *, minted_tokens_only: bool = False) -> None:
        self.minted_tokens_only = minted_tokens_only
        self.submits: dict[str, Submit] = {}
        self.shows: dict[str, Show] = {}
        self.forms: dict[str, Any] = {}

    def submit(self, screen: str) -> Callable[[AnySubmit], AnySubmit]:
        """Bind what decides where *screen* leads. The type of its second parameter is what is read from the payload."""

        def bind(function: AnySubmit) -> AnySubmit:
            hints = typing.get_type_hints(function)
            _, form = inspect.signature(function).parameters
            self.submits[screen] = function
            self.forms[screen] = hints.get(form, dict[str, Any])
            return function

        return bind

    def show(self, screen: str) -> Callable[[AnyShow], AnyShow]:
        """Bind what gives the data that *screen* is shown with."""

        def bind(function: AnyShow) -> AnyShow:
            self.shows[screen] = function
            return function

        return bind

    @property
    def waits(self) -> bool:
        """Return whether any of the logic is asynchronous, so that a call may take a while."""
        return any(inspect.iscoroutinefunction(function) for function in (*self.submits.values(), *self.shows.values()))

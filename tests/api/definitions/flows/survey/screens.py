"""A survey whose logic does what the form wishes for, right or wrong."""

import time
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from definitions.flow_calls import MAX_ANSWER_BYTES
from definitions.screens import Refused, Screens, Session, Success

screens = Screens()


class WishForm(Struct):
    """FIRST: what the logic shall do."""

    wish: str
    count: int = 0


class SizeForm(Struct):
    """SECOND: any size."""

    size: int


@screens.show("FIRST")
def greet(session: Session) -> dict[str, Any]:
    """Greet by the hour, so that the same screen looks different later."""
    hour = datetime.fromtimestamp(session.now / 1e6, UTC).hour
    return {"greeting": f"It is {hour}", "choices": [{"id": "more", "title": "More"}]}


@screens.submit("FIRST")
def wished(session: Session, form: WishForm) -> Any:
    """Do what is wished for."""
    match form.wish:
        case "raise":
            raise RuntimeError(f"a fault with {session.token} and {form} in its text")
        case "refuse":
            raise Refused(f"{form.count} is too much to wish for. " * 5)
        case "nowhere":
            return "NOWHERE"
        case "illegal":
            return "LAST"
        case "nothing":
            return None
        case "again":
            return "FIRST"
        case "end":
            return Success({"count": form.count})
        case "unspeakable":
            return Success({"wish": object()})
        case "dawdle":
            time.sleep(0.1)
            return "SECOND"
        case _:
            return "SECOND"


@screens.show("SECOND")
def repeat(session: Session) -> dict[str, Any]:
    """Show the wish again, as what it is or as it must not be."""
    form = session.form("FIRST", WishForm)
    match form.wish:
        case "hide":
            raise LookupError(f"{form} cannot be shown to {session.token}")
        case "lie":
            return {"wish": 7}
        case "babble":
            return {"wish": "babble", "more": "than the model has"}
        case "mumble":
            return {"wish": "mumble", "note": {"of": object()}}
        case "shout":
            return {"wish": "shout", "note": {"of": "!" * MAX_ANSWER_BYTES}}
        case _:
            return {"wish": form.wish, "note": {}}


@screens.submit("SECOND")
def sized(session: Session, form: SizeForm) -> str:  # noqa: ARG001 - every screen is submitted the same way
    """Go on to the end."""
    return "LAST"


@screens.show("LAST")
def summarise(session: Session) -> dict[str, Any]:
    """Say it all; a large wish makes a large answer, as pictures do."""
    wish, size = session.form("FIRST", WishForm).wish, session.form("SECOND", SizeForm).size
    return {"summary": f"{wish}, {size}" * max(size, 1)}


@screens.submit("LAST")
def remarked(session: Session, form: dict[str, Any]) -> Success:  # noqa: ARG001
    """End the survey."""
    return Success({"wish": session.form("FIRST", WishForm).wish})

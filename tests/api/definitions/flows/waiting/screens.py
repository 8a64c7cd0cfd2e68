"""A flow whose logic asks somebody else, and waits for as long as its form says."""

import asyncio
from typing import Any

from msgspec import Struct

from definitions.screens import Screens, Session, Success

screens = Screens()


class SecondsForm(Struct):
    """FIRST: how long to wait, and whether showing the next screen shall take as long too."""

    seconds: float
    show: bool = False


@screens.submit("FIRST")
async def wait(session: Session, form: SecondsForm) -> str:  # noqa: ARG001 - every screen is submitted the same way
    """Go on, after a while."""
    if not form.show:
        await asyncio.sleep(form.seconds)
    if form.seconds < 0:
        raise RuntimeError("nobody can wait so short")
    return "LAST"


@screens.show("LAST")
async def waited(session: Session) -> dict[str, Any]:
    """Say how long it was."""
    form = session.form("FIRST", SecondsForm)
    if form.show:
        await asyncio.sleep(form.seconds)
    return {"waited": form.seconds}


@screens.submit("LAST")
async def remarked(session: Session, form: dict[str, Any]) -> Success:  # noqa: ARG001
    """End the flow."""
    return Success()

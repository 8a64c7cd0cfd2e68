"""A flow that only those open who were sent it."""

from typing import Any

from definitions.screens import Screens, Session, Success

screens = Screens(minted_tokens_only=True)


@screens.submit("ONLY")
def answered(session: Session, form: dict[str, Any]) -> Success:  # noqa: ARG001 - every screen is submitted the same way
    """End the flow."""
    return Success()

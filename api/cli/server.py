"""The HTTP server that serves us, and the lab where that is on its own: it ends in order when it is told to stop."""

from collections.abc import Callable
from types import FrameType

import uvicorn

DRAIN_SECONDS = 10
"""How long calls under way may take to end when the server is told to stop."""


class Server(uvicorn.Server):
    """A server that lets go by *ending* whoever waits for news, and ends well when it was told to stop."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: uvicorn calls it for each signal that says so."""
        super().handle_exit(sig, frame)
        self._ending()  # whoever waits for news would be waited for
        self._captured_signals.clear()  # uvicorn would raise them again in the end: whoever obeys is no failure

"""The outbox of a server, as a worker apart asks for it: api/outbox_door.py is on the other side."""

from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec

from api.outbox import Attempt, Result, Wait
from api.outbox_door import BeginBody, Begun, ClaimBody, Claimed, FinishBody, Finished, read, written
from api.settings import LOOPBACK, PREFIX, ConfigurationError, Settings
from engine.errors import StoreUnavailable
from engine.ports import Head

SECONDS = 10.0

View = TypeVar("View")


class RemoteOutbox:
    """The outbox of the server that the settings name; for one event loop, and closed with `aclose`."""

    def __init__(self, settings: Settings) -> None:
        self._client = httpx2.AsyncClient(
            base_url=f"{settings.base_url}/admin/api/v1/outbox/",
            headers={"Authorization": f"Bearer {settings.admin_token}", "Content-Type": "application/json"},
            timeout=SECONDS,
            limits=httpx2.Limits(max_connections=None),
            # What the environment says of proxies is for servers elsewhere.
            trust_env=urlsplit(settings.base_url).hostname not in LOOPBACK,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def address(self) -> int:
        """Return 0: the server does so itself, before it says what may be called."""
        return 0

    async def heads(self, limit: int) -> list[Head]:
        """
        Return the effects that may be called now, the first of their lanes.

        Raises:
            StoreUnavailable: the server does not answer.
            ConfigurationError: it refuses to.
        """
        return (await self._ask(Claimed, "claim", ClaimBody(limit))).heads

    async def begin(self, effect_id: str) -> Attempt | Wait | None:
        """
        Let the server record that an effect is about to be called, and return the call.

        Raises:
            StoreUnavailable: whether it has is not known.
            ConfigurationError: it refuses to.
        """
        begun = await self._ask(Begun, "begin", BeginBody(effect_id))
        if begun.wait is not None:
            return Wait(begun.wait)
        return None if begun.attempt is None else read(begun.attempt)

    async def finish(self, attempt: Attempt, result: Result) -> float | None:
        """
        Let the server record how an attempt ended: twice is as once.

        Raises:
            StoreUnavailable: whether it has is not known, or it refuses to.
        """
        try:
            return (await self._ask(Finished, "finish", FinishBody(written(attempt), result))).again
        except ConfigurationError:  # how it ended is known here alone: it is told until the server hears it
            raise StoreUnavailable from None

    async def sweep(self) -> None:
        """
        Let the server take up what a crash left.

        Raises:
            StoreUnavailable: it does not answer.
            ConfigurationError: it refuses to.
        """
        await self._ask(Claimed, "claim", ClaimBody(limit=1, sweep=True))

    async def _ask(self, kind: type[View], name: str, content: Any) -> View:
        try:
            response = await self._client.post(name, content=msgspec.json.encode(content))
        except httpx2.HTTPError:
            raise StoreUnavailable from None
        if httpx2.codes.is_server_error(response.status_code):
            raise StoreUnavailable
        if not response.is_success:
            what = f"the server refuses a worker ({response.status_code})"
            fix = "set its admin token, and start it with `waystate serve --no-worker`"
            raise ConfigurationError(what, f"{PREFIX}ADMIN_TOKEN", fix)
        return msgspec.json.decode(response.content, type=kind)

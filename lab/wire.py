"""How the lab speaks to its server while it serves others: HTTP, as everybody does, and without waiting in line."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from lab.world import SECONDS, Unable, World


class Wire:
    """The connections to the server of *world*; closed with `aclose`."""

    def __init__(self, world: World) -> None:
        self.world = world
        # What the environment says of proxies is for servers elsewhere.
        self._client = httpx2.AsyncClient(base_url=world.url, timeout=SECONDS + 5, trust_env=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """
        Send a request as it is, and return whatever is answered.

        Raises:
            Unable: nothing answers.
        """
        try:
            return await self._client.request(method, path, content=body, headers=dict(headers or {}))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unable(f"the server does not answer at {self.world.url} ({type(error).__name__})") from None

    async def ask(self, method: str, path: str, content: Any = None, *, token: str = "", key: str = "") -> Any:
        """
        Speak to an address as JSON, with a bearer *token* or a courier's *key*; return what it answers, decoded.

        Raises:
            Unable: nothing answers there, or it refuses.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"x-api-key": key} if key else {}
        headers |= {} if content is None else {"Content-Type": "application/json"}
        body = b"" if content is None else json.dumps(content).encode()
        answer = await self.send(method, path, body, headers)
        try:
            decoded = answer.json()
        except ValueError:
            raise Unable(f"{method} {path}: what answers there is no Waystate") from None
        if not answer.is_success:
            code = decoded.get("code", "") if isinstance(decoded, dict) else ""
            raise Unable(f"{method} {path}: {answer.status_code} {code}".strip())
        return decoded

    async def deliver(self, update: Any) -> int:
        """
        Let Meta's webhook bring *update*; return the status it is answered.

        Raises:
            Unable: nothing answers.
        """
        body = json.dumps(update).encode()
        return (await self.send("POST", "/webhooks/whatsapp", body, self.world.signed(body))).status_code

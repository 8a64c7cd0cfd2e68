"""
All that stands in the lab for one server: its Graph API, its couriers, the people with their chats and files.

Rule 1: everything lives in memory, within bounds, and is gone with the lab.
Rule 2: what it does to the server it does over HTTP, as everybody else.
"""

import asyncio
import json
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from lab import couriers, webhooks
from lab.chat import Chat, Line, Status, now
from lab.couriers import Scan, Troubles
from lab.faults import FLAW, FaultPlan, Faults
from lab.graph import GraphStandIn, Sent
from lab.graph_messages import TITLES, Wrong, fault_of, free_form
from lab.letters import Letterbox
from lab.media import seal_file
from lab.postman import OK, Postman
from lab.wire import Wire
from lab.world import World

TEMPLATES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "templates.json").read_text())
"""The templates that the account has at Meta: those of the messages that ship."""

KEPT, MAX_FILES = 2000, 100
"""How many requests, messages and files the Graph API remembers, and how many files of pickers are kept."""

MAX_OCTETS = 100 * 1024 * 1024
"""How large those of each are together."""

CALLS_KEPT = 200
"""How many calls to and from couriers are kept."""

RESOLVED = "resolution_submitted"
"""The event that a session takes for as long as it can be answered."""

HOUR = 3600
WINDOW = 24 * HOUR
SENT_SECONDS, DELIVERED_SECONDS = 0.2, 0.8
"""When a message is sent and delivered, after it was accepted."""

COURIER_STATUSES = {"refuse": 422, "down": 503}
"""The HTTP status that a courier answers which does not do what it is asked."""


class Reported(Struct, frozen=True):
    """A scan that a courier brought to the server, and what was answered."""

    at: str
    courier: str
    shipment: str
    status: str
    occurred_at: str
    answer: str


class AskedFor(Struct, frozen=True):
    """
    What a courier was asked for by the server, and how it answered; *repeat* if it knew the key already.

    *number* counts what all couriers were asked for, from 1.
    """

    number: int
    at: str
    courier: str
    path: str
    body: Any
    key: str
    status: int
    repeat: bool = False


class Workbench:
    """The lab of *world*; what asks it reaches it at *address*."""

    def __init__(self, world: World, address: str) -> None:
        self.world = world
        self.address = address
        self.wire = Wire(world)
        self.chat = Chat()
        self.plan = FaultPlan()
        self.postman = Postman(self.wire.deliver)
        self.letterbox = Letterbox()
        self.reported: deque[Reported] = deque(maxlen=CALLS_KEPT)
        self.asked_for: deque[AskedFor] = deque(maxlen=CALLS_KEPT)
        self.uploads: OrderedDict[str, bytes] = OrderedDict()
        self.graph = GraphStandIn(kept=KEPT, octets=MAX_OCTETS, prefix=f"wamid.{secrets.token_hex(8)}.")
        self.graph.url = f"{address}/graph"
        self.graph.templates = TEMPLATES
        self.graph.judge = self._judged
        self.graph.took = self._took
        self.graph.goes_wrong_when(self.plan.choose)
        self._numbers = count(1)
        self._heard: dict[str, float] = {}

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Bring webhooks and take letters for as long as the context lasts."""
        working = asyncio.create_task(self.postman.work())
        try:
            async with self.letterbox.open():
                yield
        finally:
            self.hush()
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            await self.wire.aclose()

    def hush(self) -> None:
        """Let whoever waits for news go: the lab is about to end."""
        self.chat.closing = True

    @property
    def faults(self) -> Faults:
        """Return what goes wrong now."""
        return self.plan.now

    def let_go_wrong(self, faults: Faults) -> None:
        """Let these things go wrong from now on, and no others."""
        self.plan.now = faults
        self.graph.flaws = [FLAW] if faults.flow_flaws else []

    # What we send to people

    def _judged(self, message: dict[str, Any]) -> Wrong | None:
        wrong = fault_of(message)
        if wrong is not None:
            return wrong
        to = str(message.get("to") or message["recipient"]).lstrip("+")
        if to in self.faults.not_on_whatsapp:
            return Wrong(131026, "The recipient is not on WhatsApp.")
        if free_form(message) and not self._window_is_open(to):
            return Wrong(131047, "More than 24 hours have passed since the customer last replied to this number.")
        return None

    def _window_is_open(self, person: str) -> bool:
        """Return whether a person wrote within 24 hours; who never did in the lab's life has, until its clock moves."""
        heard = self._heard.get(person)
        return not self.faults.hours_passed if heard is None else self._clock() - heard < WINDOW

    def _clock(self) -> float:
        return time.time() + self.faults.hours_passed * HOUR

    def _took(self, sent: Sent) -> None:
        """Show a message in its chat, and let its statuses come back."""
        kind = str(sent.message.get("type", "text"))
        self.chat.add(sent.to, Line(sent.wamid, "us", now(), kind, sent.message, "accepted"))
        statuses = self.faults.statuses
        if statuses.by_hand:
            return
        if statuses.fail_with:
            self.tell_status(sent.wamid, "failed", SENT_SECONDS, code=statuses.fail_with)
            return
        first, second = ("delivered", "sent") if statuses.shuffled else ("sent", "delivered")
        self.tell_status(sent.wamid, first, SENT_SECONDS)
        self.tell_status(sent.wamid, second, DELIVERED_SECONDS)

    def tell_status(self, wamid: str, word: str, after: float = 0.0, *, code: int = 131026) -> bool:
        """Let the webhook say what became of a message of ours; return whether there is such a message."""
        found = self.chat.find(wamid)
        if found is None or found[1].sender != "us":
            return False
        person, line = found
        failure = Wrong(code, TITLES.get(code, "Something went wrong")) if word == "failed" else None
        opaque = str(line.content.get("biz_opaque_callback_data", ""))
        said = webhooks.status(wamid, person, word, opaque=opaque, failure=failure)
        update = webhooks.statuses_update(self.world, [said])
        status: Status = word if word in {"sent", "delivered", "read", "failed"} else "sent"  # type: ignore[assignment]
        for _ in range(2 if self.faults.statuses.doubled else 1):
            self.postman.post(update, after, lambda: self.chat.change(wamid, status))
        return True

    def read(self, person: str) -> int:
        """Let a person have read all that came to them; return how many messages that was."""
        unread = [line for line in self.chat.messages(person) if line.sender == "us"]
        unread = [line for line in unread if line.status in {"accepted", "sent", "delivered"}]
        for line in unread:
            self.chat.change(line.id, "read")
            self.tell_status(line.id, "read", DELIVERED_SECONDS if line.status != "delivered" else 0.0)
        return len(unread)

    # What people send to us

    async def say(self, person: str, name: str, content: dict[str, Any]) -> tuple[int, str]:
        """
        Let a person send a message; return what the webhook is answered, and the message's id.

        Raises:
            Unable: the server does not answer.
        """
        wamid = webhooks.new_wamid()
        said = webhooks.message(person, content, wamid)
        self._heard[person] = self._clock()
        self.chat.add(person, Line(wamid, "person", now(), str(content.get("type", "text")), said, "sent"))
        status = await self.wire.deliver(webhooks.messages_update(self.world, name, [said]))
        self.chat.change(wamid, "delivered" if status == OK else "failed")
        return status, wamid

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Encrypt a file as a phone does, keep it, and return what the phone sends of it."""
        sealed, media_id = seal_file(content), secrets.token_hex(16)
        self.uploads[media_id] = sealed.blob
        self.graph.files[media_id] = content  # what a completed Flow brought is fetched there
        while len(self.uploads) > MAX_FILES or sum(map(len, self.uploads.values())) > MAX_OCTETS:
            self.graph.files.pop(self.uploads.popitem(last=False)[0], None)
        return {
            "file_name": name,
            "media_id": media_id,
            "cdn_url": f"{self.address}/media/{media_id}",
            "encryption_metadata": sealed.metadata,
        }

    # Couriers

    async def report(self, courier: str, shipment: str, scans: list[Scan]) -> list[Reported]:
        """
        Let a courier report scans of a *shipment*, `{order id}:{tracking id}`; return what was answered to each.

        Raises:
            Unable: the server does not answer, or refuses.
        """
        order_id, _, tracking_id = shipment.partition(":")
        key = self.world.courier_keys.get(courier, "")
        answers = []
        for scan, call in zip(scans, couriers.calls(courier, order_id, tracking_id, scans), strict=True):
            said = await self.wire.ask("POST", f"/webhooks/couriers/{courier}", call, key=key)
            answer = said["results"][0]["status"]
            answers.append(Reported(now(), courier, shipment, scan.status, scan.at.isoformat(), answer))
        self.reported.extend(answers)
        return answers

    async def play(self, courier: str, shipment: str, story: str, troubles: Troubles, seed: int) -> list[Reported]:
        """
        Let a courier tell a whole story of a shipment; return what was answered to each report.

        Raises:
            Unable: the server does not answer, refuses, or does not know the shipment.
        """
        begin, end = couriers.between(await self._last(shipment), datetime.now(UTC))
        scans = couriers.told(couriers.STORIES[story], begin, end)
        return await self.report(courier, shipment, couriers.troubled(scans, troubles, seed))

    def take_request(self, courier: str, path: str, body: Any, key: str) -> AskedFor:
        """Let a courier be asked for something; return its answer, which does not come if it is to be `reset`."""
        repeat = bool(key) and any(asked.key == key for asked in self.asked_for)
        status = COURIER_STATUSES.get(self.faults.couriers.answer, OK)
        asked = AskedFor(next(self._numbers), now(), courier, path, body, key, status, repeat)
        self.asked_for.append(asked)
        return asked

    # What the server has

    async def shipments(self) -> list[str]:
        """
        Return the newest shipments that the server knows.

        Raises:
            Unable: it does not answer, or refuses.
        """
        path = "/admin/api/v1/sessions?definition=shipment&limit=50"
        found = await self.wire.ask("GET", path, token=self.world.admin_token)
        return [item["key"] for item in found["items"]]

    async def _last(self, shipment: str) -> datetime | None:
        """
        Return when the last thing happened that the server knows of a shipment, whoever told it; None if it knows none.

        Raises:
            Unable: it does not answer, or does not know the shipment.
        """
        path = f"/admin/api/v1/sessions/shipment/{quote(shipment, safe='')}/history"
        history = await self.wire.ask("GET", path, token=self.world.admin_token)
        return max((datetime.fromisoformat(step["occurred_at"]) for step in history), default=None)

    async def asked_about(self, person: str, definition: str) -> str | None:
        """
        Return the key of the newest session of *definition* that still takes an answer and wrote to a *person*.

        Raises:
            Unable: the server does not answer, or refuses.
        """
        written = {str(line.content.get("biz_opaque_callback_data", "")) for line in self.chat.messages(person)}
        path = f"/admin/api/v1/sessions?definition={definition}&limit=50"
        for item in (await self.wire.ask("GET", path, token=self.world.admin_token))["items"]:
            path = f"/admin/api/v1/sessions/{definition}/{quote(item['key'], safe='')}"
            found = await self.wire.ask("GET", path, token=self.world.admin_token)
            if RESOLVED in found["allowed_events"] and any(effect["id"] in written for effect in found["effects"]):
                return str(item["key"])
        return None

    async def flows(self) -> list[dict[str, Any]]:
        """
        Return the Flows that the server runs: name, title, and whether each has an endpoint.

        Raises:
            Unable: it does not answer, or refuses.
        """
        found = await self.wire.ask("GET", "/admin/api/v1/definitions", token=self.world.admin_token)
        names = [(each["name"], each["title"] or each["name"]) for each in found if each["kind"] == "flow"]
        return [
            {"name": name, "title": title, "endpoint": has_endpoint(await self.source(name))} for name, title in names
        ]

    async def source(self, name: str) -> dict[str, Any]:
        """
        Return a Flow's JSON, as it is served now.

        Raises:
            Unable: the server does not answer, or has no such Flow.
        """
        path = f"/admin/api/v1/definitions/{quote(name, safe='')}/source"
        document: dict[str, Any] = await self.wire.ask("GET", path, token=self.world.admin_token)
        return document


def has_endpoint(document: dict[str, Any]) -> bool:
    """Return whether a Flow calls an endpoint (Meta, "Flow JSON": what has a data API version does)."""
    return bool(document.get("data_api_version"))

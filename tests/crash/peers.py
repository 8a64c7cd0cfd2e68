"""
Those who speak to a server that is killed now and then: customers, Meta's webhook, merchants with their couriers.

Each makes its calls in order and goes on when the last was answered; one that was not is made again, the same bytes.
Every call says what it leaves in the database, so that there is one right content for whatever was answered.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from bench.load import WALK
from engine.model import SECOND
from lab.phone import DATA_API_VERSION, Envelope, Sealer
from lab.world import World

SAMPLE_ORDER = json.loads((Path(__file__).parents[2] / "lab/sample_order.json").read_text())
FLOW = "personalised_offer"
MORNING = datetime(2026, 1, 1, 8, tzinfo=UTC)

SUBMIT = {"action": "data_exchange", "screen": "PRODUCT_DETAIL", "data": {"selected_device": "0_TechWave_TW14_Pro"}}

SCANS = (
    ("packed", "preparing", ()),
    ("out_for_delivery", "shipped", ()),
    ("failed_delivery", "delivery_failed", ("attempt_failed", "unsettled.late")),
    ("out_for_delivery", "shipped", ()),
    ("delivered", "delivered", ("delivered", "closed.resolved_delivered")),
)
"""What a courier reports each hour, the state that the order comes to, and the step of the failed delivery's case."""

Session = tuple[str, str]
"""The definition and key of an instance."""

Mark = tuple[str, str]
"""What tells that a call was recorded: the source and id of an event, or a table and the key of its row."""


class Step(Struct, frozen=True):
    """A step, as it has to stand in the journal."""

    session: Session
    event: str
    event_id: str
    source: str
    target: str


class Fact(Struct, frozen=True):
    """What a courier saw, as it has to stand in the database."""

    session: Session
    name: str
    at: int


class Call(Struct, frozen=True, kw_only=True):
    """
    A call and what it leaves: all of *marks*, *opened* sessions, *steps* and *facts*, or nothing at all.

    The first of the marks is there as soon as the call is recorded.
    """

    path: str
    body: bytes
    headers: dict[str, str]
    marks: tuple[Mark, ...]
    method: str = "POST"
    opened: tuple[Session, ...] = ()
    steps: tuple[Step, ...] = ()
    facts: tuple[Fact, ...] = ()

    def request(self, host: str) -> bytes:
        """Return the call as it goes over the wire."""
        headers = {"Host": host, "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def is_right(self, body: bytes, kept: bytes | None) -> bool:
        """
        Return whether the *body* of an answer is right.

        *kept* is what was recorded of the call before it was made (again): the hash of its answer, or nothing but that
        it was, or None.
        """
        raise NotImplementedError


class FlowCall(Call, frozen=True, kw_only=True):
    """A phone's call, answered the same bytes however often it is made."""

    envelope: Envelope
    screen: str

    def is_right(self, body: bytes, kept: bytes | None) -> bool:
        """Return whether it shows the screen and, the second time, whether these are the bytes of the first."""
        same = not kept or hashlib.sha256(body).digest() == kept
        return same and self.envelope.read(body)["screen"] == self.screen


class WebhookCall(Call, frozen=True, kw_only=True):
    """A call of Meta's."""

    def is_right(self, body: bytes, _: bytes | None) -> bool:
        """Return whether it was taken: a repeat is, too."""
        return body == b"ok"


class ScanCall(Call, frozen=True, kw_only=True):
    """A courier's call with one event."""

    def is_right(self, body: bytes, kept: bytes | None) -> bool:
        """Return whether the event is told to be new when it was, and only then."""
        status = "accepted" if kept is None else "duplicate"
        return bool(json.loads(body) == {"results": [{"id": self.marks[0][1], "status": status}]})


class OrderCall(Call, frozen=True, kw_only=True):
    """A merchant's order."""

    def is_right(self, body: bytes, _: bytes | None) -> bool:
        """Return whether the order was taken."""
        return bool(json.loads(body)["orderId"] == self.marks[0][1])


class Peer:
    """One of them, with all of its calls and the bodies of the answers so far."""

    def __init__(self, calls: Iterator[Call]) -> None:
        self.calls = tuple(calls)
        self.answers: list[bytes] = []
        self.wrong: list[str] = []
        """What was wrong with answers."""
        self.kept: bytes | None = None
        """What was recorded of the next call when it was made before."""

    @property
    def next(self) -> Call | None:
        """Return the call that is to be made, if there are any left."""
        return self.calls[len(self.answers)] if len(self.answers) < len(self.calls) else None

    def hear(self, status: int, body: bytes) -> None:
        """Take the answer to the next call."""
        call = self.calls[len(self.answers)]
        self.judge(call, status, body, self.kept)
        self.answers.append(body)
        self.kept = None

    def judge(self, call: Call, status: int, body: bytes, kept: bytes | None) -> None:
        """Note what is wrong with an answer."""
        if status not in {200, 201} or not call.is_right(body, kept):
            seen = "new" if kept is None else "repeated"
            self.wrong.append(
                f"{call.method} {call.path} {call.marks[0]}, {seen}, was answered {status}: {body[:200]!r}"
            )


class Town:
    """Everybody who may call: *random* says who comes next."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._sealer = Sealer(world.public_key)
        self._random = random
        self._count = 0

    def newcomer(self) -> Peer:
        """Return somebody who has not called yet."""
        self._count += 1
        kinds = (self._customer, self._asker, self._parcel)
        (kind,) = self._random.choices(kinds, weights=(6, 2, 3))
        return Peer(kind(f"{self._count:05}"))

    def _customer(self, number: str) -> Iterator[Call]:
        """Walk the offer; every other customer's phone ends it without the endpoint: the webhook tells."""
        session, before = (FLOW, f"token-{number}"), "not_opened"
        for content, screen in WALK:
            yield self._flow_call(session, content, before, screen, screen)
            before = screen
        if self._random.random() < 0.5:
            yield self._flow_call(session, SUBMIT, before, "SUCCESS", "completed")
            return
        response = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent"}}
        response["nfm_reply"]["response_json"] = json.dumps({"flow_token": session[1]})  # type: ignore[index]
        wamid = f"wamid.done-{number}"
        step = Step(session, "complete", wamid, before, "completed")
        yield self._webhook(wamid, step, {"type": "interactive", "interactive": response})

    def _flow_call(self, session: Session, content: dict[str, Any], source: str, screen: str, target: str) -> FlowCall:
        full = {"version": DATA_API_VERSION, "flow_token": session[1], **content}
        envelope = self._sealer.seal(full)
        identity = hashlib.sha256(envelope.body).hexdigest()
        return FlowCall(
            path=f"/flows/{FLOW}",
            body=envelope.body,
            headers=self._world.signed(envelope.body),
            marks=(("flow", identity),),
            steps=(Step(session, content["action"], identity, source, target),),
            envelope=envelope,
            screen=screen,
        )

    def _asker(self, number: str) -> Iterator[Call]:
        """Ask about three products."""
        for product in range(3):
            wamid = f"wamid.asked-{number}-{product}"
            context = {
                "from": "15550000001",
                "id": f"wamid.shown-{number}",
                "referred_product": {"catalog_id": "c-1", "product_retailer_id": f"p-{product}"},
            }
            message = {"type": "text", "text": {"body": "Is it there in blue?"}, "context": context}
            yield self._webhook(wamid, Step(("inquiry", wamid), "asked", wamid, "new", "open"), message)

    def _webhook(self, wamid: str, step: Step, message: dict[str, Any]) -> WebhookCall:
        sender = "919800000042"
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550000001", "phone_number_id": "100000000000001"},
            "contacts": [{"profile": {"name": "Asha Rao"}, "wa_id": sender}],
            "messages": [{"from": sender, "id": wamid, "timestamp": str(int(MORNING.timestamp())), **message}],
        }
        entry = {"id": "200000000000002", "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        return WebhookCall(
            path="/webhooks/whatsapp",
            body=body,
            headers=self._world.signed(body),
            marks=(("delivery", hashlib.sha256(body).hexdigest()), ("whatsapp", wamid)),
            steps=(step,),
        )

    def _parcel(self, number: str) -> Iterator[Call]:
        """Put an order, and report on its parcel until it has arrived."""
        order, tracking_id = f"O-{number}", f"T-{number}"
        shipment = ("shipment", f"{order}:{tracking_id}")
        yield self._order(order, tracking_id)
        place, standing, case_state = "awaiting", "created", "new"
        opened_case = ("", "")
        for hour, (word, order_state, (*case_step,)) in enumerate(SCANS):
            at = MORNING + timedelta(hours=hour)
            stamp = at.strftime("%Y%m%dT%H%M%SZ")
            name, event_id = f"forward.{word}", f"forward.{word}@{stamp}"
            cause = f"{shipment[1]}/{event_id}"
            steps = [
                Step(shipment, name, event_id, place, name),
                Step(("order", order), "shipments_changed", f"{cause}/order//shipments_changed", standing, order_state),
            ]
            if case_step:
                opened_case = opened_case if opened_case[0] else ("ndr_case", f"{shipment[1]}:{stamp}")
                case_id = f"{cause}/{'/'.join(opened_case)}/{case_step[0]}"
                steps.append(Step(opened_case, case_step[0], case_id, case_state, case_step[1]))
                case_state = case_step[1]
            place, standing = name, order_state
            event = {"id": f"scan-{number}-{hour}", "order_id": order, "tracking_id": tracking_id}
            event |= {"leg": "forward", "status": word, "occurred_at": at.isoformat()}
            yield ScanCall(
                path="/webhooks/couriers/generic",
                body=json.dumps({"events": [event]}).encode(),
                headers={"Content-Type": "application/json", "x-api-key": self._world.courier_key},
                marks=(("courier/generic", event["id"]),),
                steps=tuple(steps),
                facts=(Fact(shipment, name, int(at.timestamp()) * SECOND),),
            )

    def _order(self, order: str, tracking_id: str) -> OrderCall:
        document = json.loads(json.dumps(SAMPLE_ORDER))
        document |= {"orderId": order, "customerOrderNumber": f"C-{order}", "vendorOrderNumber": f"C-{order}"}
        for item in document["items"]:
            item["forwardTrackingTimeline"] |= {"trackingID": tracking_id, "statusLog": []}
        token = f"Bearer {self._world.portal_token}"
        return OrderCall(
            method="PUT",
            path=f"/api/v1/orders/{order}",
            body=json.dumps(document).encode(),
            headers={"Content-Type": "application/json", "Authorization": token},
            marks=(("order_document", order),),
            steps=(Step(("order", order), "ordered", f"document/{order}", "created", "created"),),
            opened=(("shipment", f"{order}:{tracking_id}"),),
        )

"""What staff do is in the audit log before it is done, and what came to nothing has a second entry that says so."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from litestar.routes import HTTPRoute
from msgspec import Struct

from api.console.audit import ACTIONS
from api.console.router import ROUTER
from api.whatsapp import Delivery
from tests.api.conftest import Serve
from tests.api.console import waiting
from tests.api.console.filling import OFFER, WALKED, walk
from tests.api.console.visiting import Visit
from tests.api.faults import closed, read_only
from tests.api.kept import deliver
from tests.api.serving import FakeClock, Server
from tests.api.speaking import a_call, a_completion, a_minted_session, a_question, messages, quoted
from tests.builders import a_decision
from tests.standins.graph import graph_standin

WHY = "they called us"

COME_AND_GO = {"/admin/sign-in", "/admin/sign-out"}
"""What has its entry together with what it does."""

CALL = "7" * 64
"""The hash of a call that was set aside and lacks nothing any more."""


class Ask(Struct, frozen=True):
    """What a form asks for, by its address and its fields; and what the audit log says of that."""

    path: str
    fields: dict[str, str]
    action: str
    subject: str
    details: dict[str, str]

    def send(self, visit: Visit) -> int:
        """Send the form and return the status of the answer."""
        return visit.post(f"/admin/{self.path}", **{"reason": WHY, **self.fields}).status


class Acts(Struct, frozen=True):
    """Of one address: what is done if it is asked for, and what is refused."""

    done: Ask
    refused: Ask


class PassingClock(FakeClock):
    """A clock that goes on whenever it is looked at: what is done one after the other is logged in that order."""

    def __call__(self) -> int:
        """Return the time, in microseconds since 1970."""
        self.move(1)
        return self.now


@pytest.fixture
def shop(serve: Serve) -> Server:
    """Return a server on which much waits for staff."""
    return serve(clock=PassingClock())


def fill(shop: Server) -> dict[str, Acts]:
    """Let much wait for staff; return what they may do about it, by the addresses of the forms."""
    old, _, new = waiting.fill(shop)
    walk(shop, WALKED, 2)
    question = json.dumps(a_call(messages(a_question()))).encode()
    call = Delivery(CALL, "whatsapp", 1, "quarantined", "update_failed", question)
    shop.run(lambda: shop.parts.store.commit(a_decision(put=[call])))
    visit = Visit(shop)
    visit.engage("Vera", "viewer")
    odd = re.findall(r"/quarantine/(\w{64})/retry", visit.get("/admin/quarantine?reason=wrong_sender").body.decode())
    odd += re.findall(
        r"/quarantine/(\w{64})/retry", visit.get("/admin/quarantine?reason=unknown_session").body.decode()
    )
    (doubted,) = waiting.effects(shop, "send_answer", "unknown")
    alert = waiting.effects(shop, "alert_staff")[0]
    return {**_about_sessions(old, new), **_about_effects(doubted, alert), **_about_calls(odd[0]), **_about_staff()}


def _about_sessions(old: str, new: str) -> dict[str, Acts]:
    act = {"event": "abandon", "sure": "yes", "form_id": "f-1", "data": ""}
    walked = f"sessions/{OFFER}/{WALKED}/act", f"session/{OFFER}/{WALKED}"
    chosen, missing = ({"shipment": parcel, "code": "ACTF001"} for parcel in ("T-1", "T-9"))
    found = {"shipment": "T-2", "fact": "forward.out_for_delivery@20260101T100000Z"}
    seen = {"shipment": "T-2", "fact": "forward.picked_up@20251230T100000Z"}
    conflict, answer = "orders/O-2/conflict", {"text": "Yes, in blue.", "reason": ""}
    asked_new, asked_old = (f"session/inquiry/{key}" for key in (new, old))
    return {
        "/admin/sessions/{definition:str}/{key:str}/act": Acts(
            Ask(walked[0], act, "acted", walked[1], {"event": "abandon"}),
            Ask(walked[0], {**act, "event": "placed"}, "acted", walked[1], {"event": "placed"}),
        ),
        "/admin/orders/{order_id:str}/resolve": Acts(
            Ask("orders/O-1/resolve", chosen, "resolved", "order/O-1", chosen),
            Ask("orders/O-1/resolve", missing, "resolved", "order/O-1", missing),
        ),
        "/admin/orders/{order_id:str}/conflict": Acts(
            Ask(conflict, {**found, "verdict": "accept"}, "accepted", "order/O-2", found),
            Ask(conflict, {**seen, "verdict": "dismiss"}, "rejected", "order/O-2", seen),
        ),
        "/admin/inquiries/{wamid:str}/answer": Acts(
            Ask(f"inquiries/{quoted(new)}/answer", answer, "answered", asked_new, {}),
            Ask(f"inquiries/{quoted(old)}/answer", answer, "answered", asked_old, {}),
        ),
        "/admin/inquiries/{wamid:str}/close": Acts(
            Ask(f"inquiries/{quoted(old)}/close", {}, "closed", asked_old, {}),
            Ask("inquiries/nobody/close", {}, "closed", "session/inquiry/nobody", {}),
        ),
    }


def _about_effects(doubted: str, alert: str) -> dict[str, Acts]:
    in_doubt, waits = {"name": "send_answer", "was": "unknown"}, {"name": "alert_staff", "was": "pending"}
    retry = {"do": "retry"}
    return {
        "/admin/effects": Acts(
            Ask("effects", {"do": "discard", f"effect:{alert}": "on"}, "discarded", f"effect/{alert}", waits),
            Ask("effects", {**retry, "effect:none": "on"}, "retried", "effect/none", {}),
        ),
        "/admin/effects/{effect_id:str}": Acts(
            Ask(f"effects/{doubted}", {**retry, "sure": "on"}, "retried", f"effect/{doubted}", in_doubt),
            Ask(f"effects/{doubted}", retry, "retried", f"effect/{doubted}", in_doubt),
        ),
    }


def _about_calls(odd: str) -> dict[str, Acts]:
    return {
        "/admin/quarantine": Acts(
            Ask("quarantine", {"of": "update_failed"}, "redriven", f"call/{CALL}", {}),
            Ask("quarantine", {"of": "unknown_session"}, "redriven", f"call/{odd}", {}),
        ),
        "/admin/quarantine/{digest:str}/retry": Acts(
            Ask(f"quarantine/{CALL}/retry", {}, "redriven", f"call/{CALL}", {}),
            Ask(f"quarantine/{odd}/retry", {}, "redriven", f"call/{odd}", {}),
        ),
    }


def _about_staff() -> dict[str, Acts]:
    role = {"role": "operator"}
    return {
        "/admin/staff": Acts(
            Ask("staff", {"name": "Otto", **role}, "engaged", "staff/Otto", role),
            Ask("staff", {"name": "Vera", **role}, "engaged", "staff/Vera", role),
        ),
        "/admin/staff/{name:str}/role": Acts(
            Ask("staff/Vera/role", role, "changed", "staff/Vera", role),
            Ask("staff/nobody/role", role, "changed", "staff/nobody", role),
        ),
        "/admin/staff/{name:str}/dismiss": Acts(
            Ask("staff/Vera/dismiss", {}, "dismissed", "staff/Vera", {}),
            Ask("staff/nobody/dismiss", {}, "dismissed", "staff/nobody", {}),
        ),
    }


LOOKS = {
    "/admin/orders/{order_id:str}/show": ("orders/O-1/show", "order/O-1", b"Asha Rao"),
    "/admin/sessions/{definition:str}/{key:str}/reveal": ("sessions/ndr_case/{case}/reveal", "", b"Asha says"),
    "/admin/quarantine/{digest:str}/show": (f"quarantine/{CALL}/show", f"call/{CALL}", b"Does it come in blue?"),
}
"""What shows something once, by the addresses of the forms: an address, what the audit log calls it, what is shown."""


def entries(shop: Server) -> list[tuple[str, str, str, str, Any]]:
    """Return the audit log: who did what to what, why, and with what details, in that order."""
    found = shop.run(lambda: shop.parts.queries.audit("", "", "", 500))
    return [(one.who, one.action, one.subject, one.reason, json.loads(one.details)) for one in reversed(found)]


def entry(ask: Ask) -> tuple[str, str, str, str, Any]:
    """Return the entry of what was asked for."""
    return ("admin", ask.action, ask.subject, ask.fields.get("reason", WHY), ask.details)


def refusal(ask: Ask) -> tuple[str, str, str, str, Any]:
    """Return the entry that nothing came of it."""
    return ("admin", "refused", ask.subject, "", {"asked": ask.action, **ask.details})


def everything(shop: Server) -> dict[str, list[str]]:
    """Return all that the database has but the audit log."""

    def read() -> dict[str, list[str]]:
        execute = shop.parts.store._writer.execute
        tables = [name for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: sorted(map(repr, execute(f"SELECT * FROM {table}"))) for table in tables if table != "audit"}  # noqa: S608 - our own names

    return shop.do(read)


def test_everything_that_changes_something_or_shows_what_is_masked_is_proven_here(shop: Server) -> None:
    forms = {route.path for route in ROUTER.routes if isinstance(route, HTTPRoute) and "POST" in route.methods}
    acts = fill(shop)

    assert forms - COME_AND_GO == {*acts, *LOOKS}
    assert {ask.action for each in acts.values() for ask in (each.done, each.refused)} <= {*ACTIONS}


def test_what_is_done_has_one_entry(shop: Server) -> None:
    acts = fill(shop)
    acts.pop("/admin/quarantine")  # the same call as by itself
    visit = Visit(shop)

    for path, each in acts.items():
        known = len(entries(shop))
        assert each.done.send(visit) in {200, 303}, path
        assert entries(shop)[known:] == [entry(each.done)], path


def test_calls_that_are_worked_off_together_have_an_entry_each(shop: Server) -> None:
    each, visit = fill(shop)["/admin/quarantine"], Visit(shop)
    known = len(entries(shop))

    assert each.done.send(visit) == 200
    assert entries(shop)[known:] == [entry(each.done)]


def test_what_is_refused_has_its_entry_and_one_that_says_so(shop: Server) -> None:
    acts, visit = fill(shop), Visit(shop)
    before = everything(shop)

    for path, each in acts.items():
        known = len(entries(shop))
        assert each.refused.send(visit) in {200, 303, 404, 409}, path
        assert entries(shop)[known:] == [entry(each.refused), refusal(each.refused)], path

    assert everything(shop) == before


def test_a_database_that_dies_between_leaves_the_entry_and_nothing_done(shop: Server) -> None:
    acts, visit = fill(shop), Visit(shop)
    before = everything(shop)

    for path, each in acts.items():
        known = len(entries(shop))
        with closed(shop, lambda table: table != "audit"):
            status = each.done.send(visit)
        # A call keeps its place in the quarantine whatever it was that it could not be worked off for.
        kept = path.startswith("/admin/quarantine")
        assert status == 503 or kept, path
        assert entries(shop)[known:] == [entry(each.done), *([refusal(each.done)] if kept else [])], path

    assert everything(shop) == before


def test_nothing_is_done_that_cannot_be_noted(shop: Server) -> None:
    acts, visit = fill(shop), Visit(shop)
    before, known = everything(shop), entries(shop)

    with closed(shop, lambda table: table == "audit"):
        for path, each in acts.items():
            assert each.done.send(visit) == 503, path

    assert everything(shop) == before
    assert entries(shop) == known


def test_nothing_is_shown_that_cannot_be_noted(shop: Server) -> None:
    fill(shop)
    visit = Visit(shop)
    case = quoted("O-1:T-1:20260101T113000Z")

    for path, subject, shown in LOOKS.values():
        address = f"/admin/{path.format(case=case)}"
        with read_only(shop):
            heard = visit.post(address, reason=WHY)
        assert (heard.status, shown in heard.body) == (503, False), path
        assert shown in visit.post(address, reason=WHY).body, path
        assert visit.log(1) == [
            ("admin", "saw personal data", subject or "session/ndr_case/O-1:T-1:20260101T113000Z", WHY)
        ]


def test_no_file_is_given_whose_look_cannot_be_noted(serve: Serve) -> None:
    photo = b"a photo of a broken cup"
    with graph_standin() as graph:
        shop = serve(clock=PassingClock(), graph_url=graph.url, access_token="EAA-test")  # noqa: S106 - nobody's
        media_id = graph.keep_file(photo, "image/jpeg")
        sha256 = base64.b64encode(hashlib.sha256(photo).digest()).decode()
        kept = {"id": media_id, "mime_type": "image/jpeg", "sha256": sha256, "file_name": "damage.jpg"}
        key = a_minted_session(shop)
        deliver(shop, a_call(messages(a_completion({"flow_token": key, "photos": [kept]}))))
        visit, path = Visit(shop), f"/admin/sessions/purchase_interest/{key}/media/{media_id}"

        with read_only(shop):
            refused = visit.get(path)
        given = visit.get(path)

    assert (refused.status, photo in refused.body) == (503, False)
    assert (given.status, given.body) == (200, photo)
    noted = ("admin", "downloaded a file", f"session/purchase_interest/{key}", "", {"media_id": media_id})
    assert entries(shop)[-1] == noted


def test_the_same_form_sent_again_asks_for_nothing_new(shop: Server) -> None:
    ask, visit = fill(shop)["/admin/sessions/{definition:str}/{key:str}/act"].done, Visit(shop)
    known = len(entries(shop))

    assert [ask.send(visit), ask.send(visit)] == [303, 303]
    assert entries(shop)[known:] == [entry(ask)]


def test_of_several_effects_each_has_its_entries(shop: Server) -> None:
    each = fill(shop)["/admin/effects"]
    visit = Visit(shop)
    known = len(entries(shop))

    assert visit.post("/admin/effects", reason=WHY, **each.done.fields, **{"effect:none": "on"}).status == 200

    nobodys = Ask("effects", {}, "discarded", "effect/none", {})
    assert entries(shop)[known:] == [entry(each.done), entry(nobodys), refusal(nobodys)]


def test_a_choice_for_an_order_that_is_not_there_is_told_so(shop: Server) -> None:
    visit = Visit(shop)
    ask = Ask("orders/none/resolve", {"shipment": "T-1", "code": "ACTF001"}, "resolved", "order/none", {})

    assert ask.send(visit) == 404
    assert [found[1] for found in entries(shop)] == ["signed in", "resolved", "refused"]

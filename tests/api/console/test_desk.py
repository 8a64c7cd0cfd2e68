"""What staff do at the console over HTTP, and what each of them may see."""

import json
import re
from functools import partial

import pytest
from msgspec.structs import replace

from api.at_rest import MARK
from api.console.masking import masked_key
from api.console.paging import PAGE_SIZE
from api.console.quarantine import LONGEST_READ
from api.staff import Visitor
from api.whatsapp import Delivery
from definitions.orders.rows import OrderDocument
from tests.api.console import waiting
from tests.api.console.visiting import Visit, text_of
from tests.api.kept import deliver
from tests.api.serving import Server
from tests.api.speaking import PHONE, a_call, a_cart, a_scan, an_item, an_order, messages, put_order, quoted, session
from tests.builders import a_decision

WHY = "they called us"

ASKED = ["refused", "resolved"]
"""What the audit log has of a choice that was asked for as it should be, and cannot be taken."""


def effect(server: Server, effect_id: str) -> str:
    """Return the status of an effect."""
    found = server.run(lambda: server.parts.queries.effects(effect_id=effect_id))
    return found[0].status


def in_doubt(server: Server) -> str:
    """Return the id of an answer of which nobody knows whether it arrived."""
    waiting.fill(server)
    (found,) = waiting.effects(server, "send_answer", "unknown")
    return found


# Orders


def test_an_orders_customer_is_masked_until_an_operator_says_why(server: Server) -> None:
    waiting.failed_order(server)
    admin = Visit(server)

    for visit in (admin, admin.engage("Vera", "viewer")):
        page = visit.get("/admin/orders/O-1").body.decode()
        assert [name for name in waiting.NAMES if name in page and name != "Asha"] == []
    assert "Asha" not in page  # the viewer's: couriers' remarks are masked, too

    shown = admin.post("/admin/orders/O-1/show", reason=WHY)
    assert "Asha Rao" in text_of(shown)
    assert "4, Hill Road" in text_of(shown)
    assert admin.log()[0] == ("admin", "saw personal data", "order/O-1", WHY)
    assert "Asha Rao" not in text_of(admin.get("/admin/orders/O-1"))


def test_nothing_is_shown_or_done_without_a_reason(server: Server) -> None:
    waiting.failed_order(server)
    visit = Visit(server)

    for reason in ("", "  ", "x" * 501):
        heard = visit.post("/admin/orders/O-1/show", reason=reason)
        assert heard.status == 422
        assert b"Asha" not in heard.body
    assert visit.log() == [("admin", "signed in", "", "")]


def test_an_order_tells_what_was_reported_late_again_and_out_of_order(server: Server) -> None:
    waiting.failed_order(server)

    said = text_of(Visit(server).get("/admin/orders/O-1"))

    assert "Delivery failed told again, with more" in said
    assert "In transit not in order late" in said
    assert "To be settled in 23 hours" in said


def test_orders_are_found_by_number_tracking_number_and_phone(server: Server) -> None:
    waiting.failed_order(server)
    waiting.lost_and_found(server)
    visit = Visit(server)

    for text, order_id in (("C-O-2", "O-2"), ("T-2", "O-2"), ("O-1", "O-1")):
        heard = visit.get(f"/admin/orders?q={text}")
        assert (heard.status, heard.headers["location"]) == (303, f"/admin/orders/{order_id}")
    both = text_of(visit.get("/admin/orders?q=%2B91%209800000042"))
    assert "C-O-1" in both
    assert "C-O-2" in both
    assert "No order is like that" in text_of(visit.get("/admin/orders?q=nobody"))


def test_orders_are_narrowed_to_a_state_and_to_open_failures(server: Server) -> None:
    waiting.failed_order(server)
    waiting.lost_and_found(server)
    visit = Visit(server)

    for query, order_ids in (("state=lost", {"O-2"}), ("waiting=1", {"O-1"}), ("state=delivered", set())):
        page = visit.get(f"/admin/orders?{query}").body.decode()
        assert {*re.findall(r'href="/admin/orders/(O-\d)"', page)} == order_ids


def test_an_order_is_found_by_exactly_its_id_among_many_that_begin_so(server: Server) -> None:
    waiting.failed_order(server)
    for number in range(PAGE_SIZE + 5):
        put_order(server, an_order(f"O-1-{number}", an_item(f"T-9{number}")))
    visit = Visit(server)

    failed = visit.get("/admin/orders?waiting=1").body.decode()
    assert re.findall(r'href="/admin/orders/(O-[^"]+)"', failed) == ["O-1"]
    assert visit.get("/admin/orders?q=T-1").headers["location"] == "/admin/orders/O-1"


def test_a_phone_number_without_a_country_is_of_the_accounts_country(server: Server) -> None:
    waiting.failed_order(server)

    found = Visit(server).get("/admin/orders?q=98000%2000042")

    assert (found.status, found.headers.get("location")) == (303, "/admin/orders/O-1")


@pytest.mark.parametrize("gone", ["shipment", "ndr_case"])
def test_an_order_is_shown_though_a_version_that_it_runs_by_is_not_here(server: Server, gone: str) -> None:
    waiting.failed_order(server)
    pinned = server.parts.catalogue._pinned
    for version in [each for each in pinned if each[0] == gone]:
        server.do(lambda version=version: pinned.pop(version))  # type: ignore[misc]

    said = text_of(Visit(server).get("/admin/orders/O-1"))

    assert "Assam tea" in said
    assert "T-1" in said
    assert {"shipment": "forward.failed_delivery", "ndr_case": "Delivery failed"}[gone] in said
    assert ("the version that it runs by is not here" in said) is (gone == "shipment")


def test_an_item_says_what_travels_whatever_its_tracking_entries_are(server: Server) -> None:
    waiting.lost_and_found(server)
    (kept,) = server.run(lambda: server.parts.store.find(OrderDocument, order_id="O-2"))
    items = waiting.item("T-2", "Darjeeling"), waiting.item("T-2", "A cup", returnTrackingTimeline="none")
    odd = replace(kept, document=json.dumps({**json.loads(kept.document), "items": items}))
    server.run(lambda: server.parts.store.commit(a_decision(put=[odd])))

    said = text_of(Visit(server).get("/admin/orders/O-2"))

    assert said.count("Darjeeling") == said.count("A cup") == 2  # among what was ordered, and with its parcel


def test_a_cart_that_is_no_order_yet_leads_to_its_session(server: Server) -> None:
    deliver(server, a_call(messages(a_cart())))
    visit = Visit(server)

    (address,) = re.findall(r'href="(/admin/sessions/order/[^"]+)"', visit.get("/admin/orders").body.decode())

    order = visit.get(address.replace("/sessions/order/", "/orders/"))
    assert (order.status, order.headers["location"]) == (303, address)
    assert visit.get("/admin/orders/nobody").status == 404


def test_an_operator_chooses_for_a_customer_what_the_case_offers(server: Server) -> None:
    waiting.failed_order(server)
    visit = Visit(server)
    chosen = {"shipment": "T-1", "code": "ACTF002", "reason": WHY}

    assert visit.post("/admin/orders/O-1/resolve", **chosen, day="2027-12-31").status == 422
    assert visit.post("/admin/orders/O-1/resolve", **{**chosen, "code": "ACTF009"}).status == 422
    assert visit.post("/admin/orders/O-1/resolve", **{**chosen, "code": "ACTF001", "shipment": "T-9"}).status == 404
    heard = visit.post("/admin/orders/O-1/resolve", **chosen, day="2026-01-02")

    assert (heard.status, heard.headers["location"]) == (303, "/admin/orders/O-1?done=resolved")
    case = session(server, "ndr_case", "O-1:T-1:20260101T113000Z")
    assert case["state"] == "unsettled.resolution_submitted"
    assert case["context"]["resolution"]["deferredDate"] == "2026-01-02"
    assert visit.log()[0] == ("admin", "resolved", "order/O-1", WHY)
    said = text_of(visit.get(heard.headers["location"]))
    assert "for 2026-01-02 staff for the customer, here" in said


@pytest.mark.parametrize(
    ("changes", "field", "words", "noted"),
    [
        ({}, 'name="day"', "Please choose the day.", []),
        ({"day": "2027-12-31"}, 'name="day"', "Please choose another day: a day from 2026-01-01 to 2026-01-31.", ASKED),
        ({"day": "tomorrow"}, 'name="day"', "Please choose another day: a date, YYYY-MM-DD or DD-MM-YYYY.", ASKED),
        ({"code": "ACTF003"}, 'name="sure"', "Please say that the customer wants that.", []),
        ({"code": "ACTF009"}, 'name="code"', "Please choose what the customer wants.", []),
        ({"day": "2026-01-02", "reason": " "}, 'name="reason"', "Please say why", []),
    ],
)
def test_what_is_wrong_with_a_choice_is_told_beside_its_field_and_what_was_filled_in_stays(
    server: Server, changes: dict[str, str], field: str, words: str, noted: list[str]
) -> None:
    waiting.failed_order(server)
    visit = Visit(server)
    chosen = {"shipment": "T-1", "code": "ACTF002", "landmark": 'the "blue" gate', "reason": WHY, **changes}

    heard = visit.post("/admin/orders/O-1/resolve", **chosen)

    page = heard.body.decode()
    assert heard.status == 422
    assert [f"{field} " in tag for tag in re.findall("<input [^>]*autofocus>", page)] == [True]
    assert page.count(words) == 2, "above the order, and beside the field"
    assert "<details open>\n      <summary>Choose for the customer" in page
    assert 'value="the &#34;blue&#34; gate"' in page
    assert sorted(action for _, action, _, _ in visit.log()) == [*noted, "signed in"]


def test_an_order_is_cancelled_only_by_who_says_that_the_customer_wants_it(server: Server) -> None:
    waiting.failed_order(server)
    visit = Visit(server)
    cancel = {"shipment": "T-1", "code": "ACTF003", "reason": WHY}

    assert visit.post("/admin/orders/O-1/resolve", **cancel).status == 422
    assert visit.post("/admin/orders/O-1/resolve", **cancel, sure="on").status == 303


def test_a_report_in_conflict_is_accepted_or_dismissed_once(server: Server) -> None:
    waiting.lost_and_found(server)
    visit = Visit(server)
    about = {"shipment": "T-2", "fact": "forward.out_for_delivery@20260101T100000Z", "reason": "the depot has it"}
    assert "1 report contradicts" in text_of(visit.get("/admin/orders/O-2"))

    assert visit.post("/admin/orders/O-2/conflict", **about, verdict="perhaps").status == 422
    assert visit.post("/admin/orders/O-2/conflict", **about, verdict="accept").status == 303

    assert session(server, "shipment", "O-2:T-2")["state"] == "forward.out_for_delivery"
    assert visit.log()[0] == ("admin", "accepted", "order/O-2", "the depot has it")
    said = text_of(visit.get("/admin/orders/O-2"))
    assert "contradicts" not in said
    assert "accepted by staff" in said


def test_a_dismissed_report_leaves_the_end(server: Server) -> None:
    waiting.lost_and_found(server)
    visit = Visit(server)
    about = {"shipment": "T-2", "fact": "forward.out_for_delivery@20260101T100000Z", "reason": WHY}

    assert visit.post("/admin/orders/O-2/conflict", **about, verdict="dismiss").status == 303

    assert session(server, "shipment", "O-2:T-2")["state"] == "forward.lost"
    assert "contradicts" not in text_of(visit.get("/admin/orders/O-2"))


def test_a_verdict_counts_only_on_a_report_that_is_in_conflict(server: Server) -> None:
    waiting.lost_and_found(server)
    visit, found = Visit(server), "forward.out_for_delivery@20260101T100000Z"
    about = {"shipment": "T-2", "fact": found, "reason": WHY}
    assert visit.post("/admin/orders/O-2/conflict", **about, verdict="accept").status == 303
    before = server.journal("shipment", "O-2:T-2")

    stale = visit.post("/admin/orders/O-2/conflict", **about, verdict="dismiss")
    other = visit.post("/admin/orders/O-2/conflict", **{**about, "fact": "x"}, verdict="accept")

    assert [stale.status, other.status] == [409, 409]
    assert "The report is not in conflict any more; nothing was done." in text_of(stale)
    assert server.journal("shipment", "O-2:T-2") == before


def test_a_verdict_that_does_not_hold_is_told_so(server: Server) -> None:
    waiting.lost_and_found(server)
    waiting.report(server, a_scan("intransit", -waiting.HOUR, order_id="O-2", tracking_id="T-2"))
    visit = Visit(server)
    facts = "forward.out_for_delivery@20260101T100000Z", "forward.intransit@20260101T110000Z"

    # Of two verdicts within one second the timeline knows one.
    heard = [
        visit.post("/admin/orders/O-2/conflict", shipment="T-2", fact=fact, reason=WHY, verdict="dismiss")
        for fact in facts
    ]

    assert [each.status for each in heard] == [303, 409]
    assert "The verdict did not hold: the report is still in conflict." in text_of(heard[1])
    assert session(server, "shipment", "O-2:T-2")["context"]["conflicts"] == [facts[1]]
    assert sorted(entry[1] for entry in visit.log(3)) == ["refused", "rejected", "rejected"]


def test_the_ledger_says_which_attempts_do_not_count(server: Server) -> None:
    waiting.sent_back(server)

    said = text_of(Visit(server).get("/admin/orders/O-3"))

    assert "does not count voided: the courier grants that nobody came" in said
    assert "“I would like to request another delivery attempt”" in said
    assert "The time to settle it ended" not in said


def test_the_time_to_settle_a_failure_is_told_while_somebody_is_to_choose(server: Server) -> None:
    waiting.failed_order(server)
    visit = Visit(server)
    assert "To be settled in" in text_of(visit.get("/admin/orders/O-1"))

    assert visit.post("/admin/orders/O-1/resolve", shipment="T-1", code="ACTF001", reason=WHY).status == 303

    assert "To be settled in" not in text_of(visit.get("/admin/orders/O-1"))


def test_orders_and_questions_are_renewed_while_they_are_looked_at_but_not_what_is_shown_once(server: Server) -> None:
    waiting.failed_order(server)
    waiting.questions(server)
    visit = Visit(server)

    order = visit.get("/admin/orders/O-1").body.decode()
    shown = visit.post("/admin/orders/O-1/show", reason=WHY).body.decode()
    questions = visit.get("/admin/inquiries").body.decode()

    assert 'data-live="/admin/live"' in order
    assert 'data-here="/admin/orders/O-1"' in order
    assert re.findall('data-part="([a-z]+)"', order) == ["head", "customer", "shipments", "sent"]
    assert "data-live" not in shown
    assert 'data-live="/admin/live"' in questions
    assert questions.count("data-row=") == len(set(re.findall('data-row="([^"]+)"', questions))) == 3


# Inquiries


def test_a_question_is_read_by_operators_and_masked_to_viewers(server: Server) -> None:
    waiting.questions(server)
    admin = Visit(server)

    assert "Does it come in blue?" in text_of(admin.get("/admin/inquiries"))
    assert "Does it come in blue?" not in text_of(admin.engage("Vera", "viewer").get("/admin/inquiries"))
    assert PHONE not in text_of(admin.get("/admin/inquiries"))


def test_an_answer_is_sent_once_under_the_name_of_who_gave_it(server: Server) -> None:
    *_, new = waiting.questions(server)
    operator = Visit(server).engage("Omar", "operator")
    address = f"/admin/inquiries/{quoted(new)}/answer"

    assert operator.post(address, text=" ").status == 422
    assert operator.post(address, text="Yes,\r\nin blue.").status == 303
    assert operator.post(address, text="Yes!").status == 409

    assert session(server, "inquiry", new)["context"]["text"] == "Yes,\nin blue."
    (asked,) = [step for step in server.journal("inquiry", new) if step.event == "answered"]
    assert asked.actor == "Omar"
    about = f"session/inquiry/{new}"
    noted = [("Omar", "answered", about, ""), ("Omar", "answered", about, ""), ("Omar", "refused", about, "")]
    assert sorted(entry for entry in operator.log() if entry[2] == about) == noted


def test_a_question_is_shown_though_the_version_that_it_runs_by_is_not_here(server: Server) -> None:
    waiting.questions(server)
    pinned = server.parts.catalogue._pinned
    for version in [each for each in pinned if each[0] == "inquiry"]:
        server.do(lambda version=version: pinned.pop(version))  # type: ignore[misc]

    assert "Does it come in blue?" in text_of(Visit(server).get("/admin/inquiries"))


def test_a_question_of_yesterday_is_closed_and_not_answered(server: Server) -> None:
    old, _, _ = waiting.questions(server)
    visit = Visit(server)
    assert "Too late to answer" in text_of(visit.get("/admin/inquiries"))

    assert visit.post(f"/admin/inquiries/{quoted(old)}/answer", text="Yes").status == 409
    assert visit.post(f"/admin/inquiries/{quoted(old)}/close", reason="too late").status == 303

    assert session(server, "inquiry", old)["state"] == "closed"
    assert "too late" in text_of(visit.get("/admin/audit?action=closed"))
    assert visit.post("/admin/inquiries/nobody/answer", text="Yes").status == 404
    noted = sorted(entry for entry in visit.log() if entry[2] == "session/inquiry/nobody")
    assert [action for _, action, _, _ in noted] == ["answered", "refused"]


# Effects


def test_an_effect_in_doubt_goes_again_only_for_who_knows_that_it_may_go_twice(server: Server) -> None:
    found, visit = in_doubt(server), Visit(server)

    refused = visit.post(f"/admin/effects/{found}", do="retry", reason=WHY)
    assert refused.status == 409
    assert "may then arrive twice" in refused.body.decode()
    assert effect(server, found) == "unknown"

    assert visit.post(f"/admin/effects/{found}", do="retry", reason=WHY, sure="on").status == 303
    assert effect(server, found) == "pending"
    assert visit.log()[0] == ("admin", "retried", f"effect/{found}", WHY)


def test_an_effect_that_arrived_after_all_is_done_and_who_asked_for_it_hears_so(server: Server) -> None:
    found, visit = in_doubt(server), Visit(server)
    key = server.run(lambda: server.parts.queries.effects(effect_id=found))[0].session

    assert visit.post(f"/admin/effects/{found}", do="arrived", reason="they thanked us").status == 303

    assert effect(server, found) == "done"
    assert session(server, "inquiry", key)["state"] == "answered"
    assert visit.log()[0] == ("admin", "settled", f"effect/{found}", "they thanked us")
    assert visit.post(f"/admin/effects/{found}", do="arrived", reason=WHY).status == 409


def test_of_several_effects_each_outcome_is_told(server: Server) -> None:
    waiting.fill(server)
    pending, visit = waiting.effects(server, "alert_staff"), Visit(server)
    assert pending
    chosen = {f"effect:{each}": "on" for each in (*pending, "nobody")}

    heard = visit.post("/admin/effects", do="discard", reason=WHY, status="pending", **chosen)

    assert f"{len(pending)} of {len(pending) + 1} effects done." in text_of(heard)
    assert "There is no such effect." in text_of(heard)
    assert {effect(server, each) for each in pending} == {"discarded"}
    assert [entry[1] for entry in visit.log()].count("discarded") == len(pending) + 1
    assert [entry[2] for entry in visit.log() if entry[1] == "refused"] == ["effect/nobody"]


def test_all_effects_of_a_page_are_chosen_with_one_tick(server: Server) -> None:
    found, visit = in_doubt(server), Visit(server)
    page = {"page": f"{found} ", "all": "on", "status": "unknown"}

    assert "nothing was done" in text_of(visit.post("/admin/effects", do="retry", reason=WHY, **page))
    done = text_of(visit.post("/admin/effects", do="retry", reason=WHY, sure="on", **page))
    assert "1 of 1 effect done. send_answer: To be called again." in done
    assert visit.post("/admin/effects", do="retry", reason=WHY).status == 422


def test_what_an_effect_was_asked_for_with_is_masked(server: Server) -> None:
    found = in_doubt(server)

    said = text_of(Visit(server).get(f"/admin/effects/{found}"))

    assert "In blue and in green." not in said
    assert "The receiver took too long to answer." in said


# Quarantine


def test_a_call_that_was_set_aside_is_shown_for_a_reason_and_as_text(server: Server) -> None:
    waiting.set_aside(server)
    visit = Visit(server)
    listed = visit.get("/admin/quarantine").body.decode()
    assert "Asha" not in listed
    assert waiting.FLOW not in listed
    digest = re.findall(r"/admin/quarantine/([0-9a-f]{64})/retry", listed)[0]

    shown = visit.post(f"/admin/quarantine/{digest}/show", reason="what is it")

    assert '"phone_number_id": "100000000000001"' in text_of(shown)
    assert visit.log()[0] == ("admin", "saw personal data", f"call/{digest}", "what is it")
    assert visit.post("/admin/quarantine/nothing/show", reason=WHY).status == 404


def test_calls_are_worked_off_again_one_or_all_of_a_reason(server: Server) -> None:
    waiting.set_aside(server)
    visit = Visit(server)
    listed = visit.get("/admin/quarantine?reason=unknown_type").body.decode()
    digests = re.findall(r"/admin/quarantine/([0-9a-f]{64})/retry", listed)
    assert len(digests) == 2

    one = visit.post(f"/admin/quarantine/{digests[0]}/retry", reason=WHY)
    assert one.headers["location"] == "/admin/quarantine?done=kept"
    assert "0 of 2 calls done." in text_of(visit.post("/admin/quarantine", of="unknown_type", reason=WHY))
    assert [entry[1] for entry in visit.log()].count("redriven") == 3


def test_calls_are_reached_by_their_reason_behind_however_many_others(server: Server) -> None:
    others = [a_set_aside(f"{place:064x}", place, "unknown_type") for place in range(600)]
    late = [a_set_aside(f"{place:064x}", place, "unknown_type wrong_sender") for place in range(600, 660)]
    server.run(lambda: server.parts.store.commit(a_decision(put=(*others, *late))))
    visit = Visit(server)

    first = visit.get("/admin/quarantine?reason=wrong_sender").body.decode()
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = visit.get(older[1].replace("&amp;", "&")).body.decode()

    listed = [re.findall(r"/admin/quarantine/([0-9a-f]{64})/retry", page) for page in (first, second)]
    assert [len(page) for page in listed] == [PAGE_SIZE, 10]
    assert [digest for page in listed for digest in page] == [call.digest for call in late]
    assert 'rel="next"' not in second
    assert re.findall(r'value="(\w+)"(?: selected)?>[^<]*\((\d+)\)', first) == [
        ("unknown_type", "660"),
        ("wrong_sender", "60"),
    ]


def test_many_calls_are_worked_off_again_part_by_part(server: Server) -> None:
    calls = [a_set_aside(f"{place:064x}", place, "not_json") for place in range(130)]
    server.run(lambda: server.parts.store.commit(a_decision(put=calls)))
    visit = Visit(server)

    first = visit.post("/admin/quarantine", of="not_json", reason=WHY)
    assert "0 of 100 calls done." in text_of(first)
    further = re.search(r'name="cursor" value="([^"]+)"', first.body.decode())
    assert further
    second = visit.post("/admin/quarantine", of="not_json", reason=WHY, cursor=further[1])

    assert "0 of 30 calls done." in text_of(second)
    assert b'name="cursor"' not in second.body
    tried = [subject for _, action, subject, _ in visit.log(300) if action == "redriven"]
    assert sorted(tried) == [f"call/{call.digest}" for call in calls]


def test_only_calls_that_were_worked_off_are_said_to_have_been(server: Server) -> None:
    sealed = a_set_aside("5" * 64, 1, "not_json", MARK + b"sealed under a key that is not this server's")
    plain = a_set_aside("6" * 64, 2, "not_json")
    server.run(lambda: server.parts.store.commit(a_decision(put=(sealed, plain))))
    visit = Visit(server)

    said = text_of(visit.post("/admin/quarantine", of="not_json", reason=WHY))

    assert "0 of 1 call done." in said
    assert "1 call was passed over" in said
    asked = f"call/{sealed.digest}", f"call/{plain.digest}"
    assert sorted(entry[2] for entry in visit.log() if entry[1] in {"redriven", "refused"}) == [
        each for each in asked for _ in range(2)
    ]


def test_a_very_long_call_is_listed_without_being_read(server: Server) -> None:
    number = {"metadata": {"phone_number_id": "100000000000001"}}
    short, long = json.dumps(number).encode(), json.dumps({**number, "text": "x" * LONGEST_READ}).encode()
    calls = a_set_aside("5" * 64, 1, "malformed", short), a_set_aside("6" * 64, 2, "malformed", long)
    server.run(lambda: server.parts.store.commit(a_decision(put=calls)))

    said = text_of(Visit(server).get("/admin/quarantine"))

    assert said.count("To our number 100000000000001.") == 1
    assert said.count(" Call ") == 2


def a_set_aside(digest: str, at: int, reason: str, body: bytes = b"odd") -> Delivery:
    return Delivery(digest, "whatsapp", at, "quarantined", reason, body)


def test_what_couriers_reported_too_early_says_what_releases_it(server: Server) -> None:
    waiting.failed_order(server)
    waiting.set_aside(server)
    visit = Visit(server)

    said = text_of(visit.get("/admin/quarantine/parked"))
    for words in (
        "The order is not here.",
        "no such tracking number",
        "A status word that nobody knows",
        "well after now",
    ):
        assert words in said
    assert "O-unknown" not in text_of(visit.get("/admin/quarantine/parked?reason=future"))


# Flow health


def test_a_flow_in_trouble_comes_first_with_what_to_do(server: Server) -> None:
    waiting.troubled_flows(server)

    said = text_of(Visit(server).get("/admin/flow-health"))

    assert said.index(waiting.FLOW) < said.index("1000000000000001")
    assert "A slow endpoint" in said
    assert "Nine tenths within 4000 ms" in said
    assert "Allowed 1000 ms" in said


# Staff and the audit log


def test_a_token_is_shown_once_and_opens_the_console(server: Server) -> None:
    admin = Visit(server)
    token = admin.token_for("Vera", "viewer")

    assert token not in admin.get("/admin/staff").body.decode()
    assert "Vera, viewer" in Visit(server, token).get("/admin").body.decode()
    assert admin.post("/admin/staff", name="Vera", role="viewer", reason=WHY).status == 409
    assert admin.post("/admin/staff", name=" ", role="viewer", reason=WHY).status == 422
    assert admin.post("/admin/staff", name="Otto", role="king", reason=WHY).status == 422
    again = admin.post("/admin/staff", name="Vera", role="operator", reason=WHY)
    assert re.findall(r'name="role" value="(\w+)" checked', again.body.decode()) == ["operator"]


def test_who_works_here_is_changed_for_a_reason_and_for_none_not(server: Server) -> None:
    admin = Visit(server)
    asked = ("/admin/staff", "/admin/staff/Vera/role", "/admin/staff/Vera/dismiss")

    for path in asked:
        assert admin.post(path, name="Vera", role="operator", reason=" ").status == 422
        assert admin.post(path, name="Vera", role="operator", reason=f"{WHY}: {path}").status in {200, 303}
        assert admin.post(path, name="Otto", role="operator").status == 422

    done = [(action, reason) for _, action, subject, reason in reversed(admin.log()) if subject == "staff/Vera"]
    assert done == [*zip(("engaged", "changed", "dismissed"), (f"{WHY}: {path}" for path in asked), strict=True)]


def test_a_role_counts_at_the_next_click_and_an_end_of_access_at_once(server: Server) -> None:
    admin = Visit(server)
    vera = admin.engage("Vera", "viewer")
    assert vera.get("/admin/audit").status == 403

    assert admin.post("/admin/staff/Vera/role", role="operator", reason=WHY).status == 303
    assert vera.get("/admin/audit").status == 200
    assert admin.post("/admin/staff/Vera/dismiss", reason=WHY).status == 303
    assert vera.get("/admin/audit").status == 303
    assert vera.send("/admin/sign-in", {"token": vera.token}, cookie="").status == 403
    assert admin.post("/admin/staff/nobody/dismiss", reason=WHY).status == 404
    assert "no access was operator" in text_of(admin.get("/admin/staff"))


def test_only_administrators_see_who_works_here_and_only_operators_what_was_done(server: Server) -> None:
    admin = Visit(server)
    operator, viewer = admin.engage("Omar", "operator"), admin.engage("Vera", "viewer")
    asked = operator.get("/admin/staff"), viewer.get("/admin/staff"), viewer.get("/admin/audit")

    assert [heard.status for heard in asked] == [403, 403, 403]
    said = [text_of(heard) for heard in asked]
    assert "Only administrators may do that." in said[0]
    assert "Only administrators may do that." in said[1]
    assert "Only operators and administrators may do that." in said[2]


def test_the_audit_log_is_narrowed_and_paged(server: Server) -> None:
    admin = Visit(server)
    for place in range(60):
        server.clock.move(1)
        who = Visitor("Omar" if place % 2 else "Vera", "operator")
        server.run(partial(server.parts.staff.note, who, "acted", f"session/order/O-{place}", f"reason {place};"))

    first = admin.get("/admin/audit")
    assert "reason 59;" in text_of(first)
    assert "reason 5;" not in text_of(first)
    older = re.search(r'rel="next" href="([^"]+)"', first.body.decode())
    assert older
    assert "reason 5;" in text_of(admin.get(older[1].replace("&amp;", "&")))
    assert "reason 10;" in text_of(admin.get("/admin/audit?subject=session/order/O-10"))
    assert "Omar" not in text_of(admin.get("/admin/audit?who=Vera"))
    assert "Signed in" in text_of(admin.get("/admin/audit?action=signed%20in"))
    assert admin.get("/admin/audit?cursor=x").status == 400


def test_no_page_that_a_viewer_reads_shows_a_message_id_but_in_addresses(server: Server) -> None:
    *_, wamid = waiting.questions(server)
    admin = Visit(server)
    assert admin.post(f"/admin/inquiries/{quoted(wamid)}/answer", text="Yes").status == 303
    asked = server.run(lambda: server.parts.queries.effects(definition="inquiry", key=wamid))[-1].key
    session_page = f"/admin/sessions/inquiry/{quoted(wamid)}"
    shown = ("/admin/sessions", session_page, f"{session_page}/story", "/admin/inquiries", "/admin/effects")

    for path in (*shown, f"/admin/effects/{quoted(asked)}"):
        operators = admin.get(path).body.decode()
        viewers = admin.engage(f"Vera at {path[-40:]}", "viewer").get(path).body.decode()
        without_addresses = re.sub(r'="/admin/[^"]*"', "", viewers)
        assert wamid not in without_addresses, path
        assert path == "/admin/inquiries" or masked_key(wamid) in without_addresses, path
        assert path == "/admin/inquiries" or wamid in operators, path

"""One session in the console: what is shown to whom, what was then, what staff do and what is kept of it."""

import re

import pytest

from api.console.addresses import session_address
from tests.api.console.filling import CASE, OFFER, WALKED, fill, source, walk
from tests.api.console.visiting import Visit, text_of
from tests.api.console.waiting import effects, failed_order
from tests.api.serving import Server
from tests.api.speaking import (
    PERSON,
    PHONE,
    a_call,
    a_completion,
    a_minted_session,
    a_scan,
    an_item,
    an_order,
    ask,
    deliver,
    messages,
    put_order,
    quoted,
    scan,
    session,
)

PAGE = f"/sessions/{OFFER}/{WALKED}"
ECHO = "the message that follows every completed form"


def engaged(server: Server, role: str) -> Visit:
    """Return the visit of somebody who works here in that role."""
    desk = server.parts.staff
    admin = server.run(lambda: desk.bearer(server.world.admin_token))
    assert admin is not None
    return Visit(server, server.run(lambda: desk.engage(admin, f"a-{role}", role)))  # type: ignore[arg-type]


def audited(server: Server) -> list[tuple[str, str, str, str, str]]:
    """Return what staff did to sessions: who, what, to which, why, with what details."""
    kept = server.run(lambda: server.parts.queries.audit("", "", "", 50))
    return [(one.who, one.action, one.subject, one.reason, one.details) for one in kept if one.subject[:7] == "session"]


def acting(**changes: str) -> dict[str, str]:
    """Return the fields of the form by which staff send an event."""
    return {"event": "abandon", "reason": "They called", "data": "", "sure": "yes", "form_id": "f-1", **changes}


# What is shown


def test_a_page_says_where_a_session_stands_how_it_came_there_and_what_may_happen_next(server: Server) -> None:
    walk(server, WALKED, 2)

    page = source(Visit(server), PAGE)

    assert 'data-state="OFFER"' in page
    assert "Offers for you" in page
    steps = [page.index(f'<li id="step-{seq}"') for seq in (3, 2, 1)]
    assert steps == sorted(steps)
    assert '<option value="abandon">abandon → Abandoned</option>' in page


def test_every_step_can_be_looked_at_as_it_was_then(server: Server) -> None:
    walk(server, WALKED, 2)
    visit = Visit(server)

    then = source(visit, f"{PAGE}?at=1")

    assert "You are looking at the past" in then
    assert "as it was after step 1" in then
    assert f"{PAGE}?at=2#picture" in then
    assert 'data-travel="earlier"' not in then
    assert 'name="event"' not in then
    assert visit.get(f"/admin{PAGE}?at=9").status == 404
    assert visit.get(f"/admin{PAGE}?at=x").status == 422


@pytest.mark.parametrize("number", [2**63 - 1, 10**20], ids=["the database's last", "beyond the database"])
def test_a_step_that_no_database_can_number_is_told_so(office: Server, number: int) -> None:
    walk(office, "who-has-few-steps", 1)
    path = f"/admin/sessions/{OFFER}/who-has-few-steps"
    visit = Visit(office)

    looked = [visit.get(f"{path}?{name}={number}").status for name in ("at", "before")]
    shown = visit.post(f"{path}/reveal", reason="They called", at=str(number))

    assert looked == [422, 422]
    assert (shown.status, "The session has no such step." in text_of(shown)) == (404, True)


def test_a_key_may_hold_anything(server: Server) -> None:
    walk(server, "a/b: é?<i>", 1)

    heard = Visit(server).get(f"/admin/sessions/{OFFER}/{quoted('a/b: é?<i>')}")

    page = heard.body.decode()
    assert '<h1 class="key">a/b: é?&lt;i&gt;</h1>' in page
    assert f"/admin/sessions/{OFFER}/a%2Fb%3A%20%C3%A9%3F%3Ci%3E?at=2#picture" in page


def test_a_family_is_told_of_together(server: Server) -> None:
    fill(server)
    visit = Visit(server)

    page = source(visit, "/sessions/order/O-1")
    story = text_of(visit.get("/admin/sessions/order/O-1/story"))

    assert f'href="{session_address("ndr_case", CASE)}"' in page
    assert "ndr_case attempt_failed New →to Open" in story


def test_a_long_story_tells_its_latest_steps_and_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(server)
    visit = Visit(server)
    whole = visit.get("/admin/sessions/order/O-1/story")
    monkeypatch.setattr("api.console.session.STORY_STEPS", 2)

    latest = visit.get("/admin/sessions/order/O-1/story")

    said = "Only the latest 2 steps are told here."
    assert (said in text_of(whole), said in text_of(latest)) == (False, True)
    steps = re.findall(r'<p class="row what">.*', whole.body.decode())
    assert re.findall(r'<p class="row what">.*', latest.body.decode()) == steps[-2:]


def test_each_step_tells_of_its_own_effects(server: Server) -> None:
    fill(server)

    page = source(Visit(server), "/sessions/order/O-1")

    told = re.findall(r'<li id="step-(\d+)"|href="/admin/effects/([^"]+)"><code>announce</code>', page)
    asked = server.run(lambda: server.parts.queries.effects(definition="order", key="O-1"))
    announced = {effect.seq: effect.key for effect in asked if effect.name == "announce"}
    assert sorted(announced) == [1, 2]
    assert len({effect.created_at for effect in asked}) == 1
    assert told == [("2", ""), ("", announced[2]), ("1", ""), ("", announced[1])]


def test_only_what_comes_long_after_or_when_something_later_is_known_is_late(server: Server) -> None:
    failed_order(server)  # each report is heard five minutes after it happened, but for one

    page = source(Visit(server), "/sessions/shipment/O-1:T-1")

    steps = re.findall(r'<li id="step-\d+".*?</li>', page, re.DOTALL)
    late = [re.findall("<code>([^<]+)</code>", step)[0] for step in steps if "heard of late" in step]
    assert late == ["forward.intransit"]


def test_the_message_that_follows_a_completed_form_is_told_quietly_and_a_second_one_is_not(server: Server) -> None:
    phone = walk(server, WALKED, 4)
    phone.submit("PRODUCT_DETAIL", selected_device="0_TechWave_TW14_Pro")
    server.clock.move(2)
    for number in (1, 2):
        deliver(server, a_call(messages(a_completion({"flow_token": WALKED}, id=f"wamid.{number}"))))
    visit = Visit(server)

    page, story = source(visit, PAGE), source(visit, f"{PAGE}/story")

    second, echo, *_ = re.findall(r'<li id="step-\d+".*?</li>', page, re.DOTALL)
    assert ("heard of late" in echo, "after the end" in echo, ECHO in echo) == (False, False, True)
    assert ("heard of late" in second, "after the end" in second, ECHO in second) == (True, True, False)
    assert (story.count(ECHO), story.count("after the end")) == (1, 1)


def test_what_became_of_an_effect_is_told_in_words(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1")))
    (announced,) = effects(server, "announce")
    begun = {"effect_id": announced}
    ask(server, "POST", "/admin/api/v1/outbox/begin", begun, token=server.world.admin_token)
    visit = Visit(server)

    for path in ("/sessions/order/O-1", "/sessions/order/O-1/story"):
        page = source(visit, path)
        assert "no_webhook" not in page
        assert "No endpoint wants it; it is in the feed of results." in page
        assert '<span class="badge done">Done</span>' in page


def test_facts_that_contradict_an_end_are_explained(server: Server) -> None:
    put_order(server, an_order("O-1", an_item("T-1")))
    scan(server, a_scan("delivered", 0), a_scan("intransit", 600))

    words = text_of(Visit(server).get(f"/admin/sessions/shipment/{quoted('O-1:T-1')}"))

    assert "Contested. 1 fact contradicts how this ended: forward.intransit@" in words
    assert "conflict_accepted" in words


def test_a_state_that_its_version_does_not_have_is_parked(server: Server) -> None:
    walk(server, WALKED, 1)
    server.do(lambda: _leave_behind(server))

    words = text_of(Visit(server).get(f"/admin{PAGE}"))

    assert "The session is parked" in words
    assert "It takes no events" in words


def _leave_behind(server: Server) -> None:
    """Let the server forget the version that sessions are on."""
    server.parts.catalogue._pinned.clear()


@pytest.mark.parametrize("path", ["/sessions/order/none", "/sessions/nothing/none", "/sessions/order/none/story"])
def test_a_session_that_is_not_there_is_told_so(office: Server, path: str) -> None:
    heard = Visit(office).get(f"/admin{path}")
    assert (heard.status, "There is no such session." in text_of(heard)) == (404, True)


@pytest.mark.parametrize(
    ("suffix", "media_type", "begins"),
    [
        ("svg", "image/svg+xml", b"<svg"),
        ("png", "image/png", b"\x89PNG"),
        ("mmd", "text/vnd.mermaid", b"stateDiagram-v2"),
        ("dot", "text/vnd.graphviz", b"digraph"),
    ],
)
def test_a_diagram_is_saved_in_any_form(office: Server, suffix: str, media_type: str, begins: bytes) -> None:
    walk(office, "whose-way-is-drawn", 2)
    visit = Visit(office)
    for path in (f"sessions/{OFFER}/whose-way-is-drawn/diagram", f"definitions/{OFFER}/diagram"):
        heard = visit.get(f"/admin/{path}.{suffix}")
        assert heard.status == 200
        assert heard.headers["content-type"].partition(";")[0] == media_type
        assert heard.headers["content-disposition"].startswith("attachment")
        assert heard.body.startswith(begins), heard.body[:40]


# Personal data


def test_personal_data_is_masked_until_an_operator_says_what_for(server: Server) -> None:
    key = a_minted_session(server)
    path = f"/sessions/purchase_interest/{key}"
    visit = engaged(server, "operator")
    assert PHONE not in source(visit, path)

    without = visit.post(f"/admin{path}/reveal", reason=" ")
    shown = visit.post(f"/admin{path}/reveal", reason="They asked to be called back")

    assert (without.status, PHONE in without.body.decode()) == (422, False)
    assert (shown.status, PHONE in shown.body.decode()) == (200, True)
    assert PHONE not in source(visit, path)
    subject = f"session/purchase_interest/{key}"
    assert audited(server) == [
        ("a-operator", "saw personal data", subject, "They asked to be called back", "{}"),
    ]


def test_nothing_personal_is_on_any_page_of_an_order(server: Server) -> None:
    fill(server)
    visit = Visit(server)
    for path in (
        "/sessions",
        "/sessions/order/O-1",
        "/sessions/order/O-1/story",
        f"/sessions/shipment/{quoted('O-1:T-1')}",
        f"/sessions/ndr_case/{quoted(CASE)}",
        "/sessions?definition=subscription",
    ):
        page = source(visit, path)
        assert [value for value in (*PERSON.values(), PHONE) if value in page] == []


# Acting


def test_an_event_that_staff_send_has_their_name_and_their_reason(server: Server) -> None:
    walk(server, WALKED, 2)
    visit = engaged(server, "operator")

    sent = visit.post(f"/admin{PAGE}/act", **acting(data='{"note": "they called"}'))
    again = visit.post(f"/admin{PAGE}/act", **acting(data='{"note": "they called"}'))

    assert (sent.status, sent.headers["location"]) == (303, f"/admin{PAGE}")
    assert again.status == 303
    step = server.journal(OFFER, WALKED)[-1]
    assert (step.event, step.target_state, step.actor) == ("abandon", "abandoned", "a-operator")
    assert len(server.journal(OFFER, WALKED)) == 4
    subject = f"session/{OFFER}/{WALKED}"
    assert audited(server) == [
        (
            "a-operator",
            "acted",
            subject,
            "They called",
            '{"event":"abandon"}',
        )
    ]


def test_another_event_from_the_same_form_is_no_repetition(server: Server) -> None:
    walk(server, WALKED, 2)
    visit = Visit(server)

    sent = visit.post(f"/admin{PAGE}/act", **acting())
    other = visit.post(f"/admin{PAGE}/act", **acting(event="placed"))

    assert (sent.status, other.status) == (303, 409)
    assert "“placed” was not possible" in text_of(other)


@pytest.mark.parametrize(
    "changes",
    [{"reason": " "}, {"event": ""}, {"sure": ""}, {"data": "["}, {"data": '["a list"]'}, {"reason": "x" * 501}],
    ids=["no reason", "no event", "not sure", "no JSON", "no object", "too long"],
)
def test_what_is_not_said_well_does_nothing_and_is_told_where_it_is_seen(
    office: Server, changes: dict[str, str]
) -> None:
    walk(office, "who-stays", 1)
    path = f"/sessions/{OFFER}/who-stays"

    heard = Visit(office).post(f"/admin{path}/act", **acting(**changes))

    assert (heard.status, "Nothing was done." in text_of(heard)) == (422, True)
    page = heard.body.decode()
    assert re.findall('name="([a-z]+)"[^>]* autofocus', page) == [*changes]
    assert page.index('role="alert"') < page.index('data-part="head"')
    assert session(office, OFFER, "who-stays")["state"] == "OPTIONS"


def test_what_is_not_possible_is_told_with_what_is(server: Server) -> None:
    walk(server, WALKED, 1)

    heard = Visit(server).post(f"/admin{PAGE}/act", **acting(event="placed"))

    assert heard.status == 409
    told = "“placed” was not possible: the session is in “Your preferences”. Possible now: "
    assert told in text_of(heard)
    assert 'value="They called"' in heard.body.decode()
    subject = f"session/{OFFER}/{WALKED}"
    assert sorted(audited(server)) == [
        ("admin", "acted", subject, "They called", '{"event":"placed"}'),
        ("admin", "refused", subject, "", '{"asked":"acted","event":"placed"}'),
    ]


def test_viewers_look_and_do_nothing(server: Server) -> None:
    walk(server, WALKED, 1)
    visit = engaged(server, "viewer")

    page = source(visit, PAGE)
    acted = visit.post(f"/admin{PAGE}/act", **acting())
    revealed = visit.post(f"/admin{PAGE}/reveal", reason="curious")
    opened = visit.get(f"/admin{PAGE}/media/1")

    assert "/act" not in page
    assert "/reveal" not in page
    assert [acted.status, revealed.status, opened.status] == [403, 403, 403]
    assert session(server, OFFER, WALKED)["state"] == "OPTIONS"
    assert audited(server) == []


def test_files_that_a_customer_sent_are_for_operators(server: Server) -> None:
    key = a_minted_session(server)
    photo = {"id": "700000000000001", "mime_type": "image/jpeg", "sha256": "AAAA", "file_name": "damage.jpg"}
    deliver(server, a_call(messages(a_completion({"flow_token": key, "photos": [photo]}))))
    path = f"/sessions/purchase_interest/{key}"
    operator, viewer = engaged(server, "operator"), engaged(server, "viewer")

    assert f"{session_address('purchase_interest', key)}/media/700000000000001" in source(operator, path)
    assert "1 file; operators can open them." in source(viewer, path)
    assert operator.get(f"/admin{path}/media/none").status == 404
    away = operator.get(f"/admin{path}/media/700000000000001")
    assert (away.status, "Meta did not give the file" in text_of(away)) == (502, True)
    assert audited(server) == []

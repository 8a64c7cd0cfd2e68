"""The lab's pages as forms: what they send, and what stands on them afterwards."""

import re
from collections.abc import Iterator

import httpx2
import pytest

from lab.app import MAX_COURIER_BODY
from lab.desk import words_of
from lab.stories import sample_order
from lab.trial import Courier, Graph, Server, waited
from lab.workbench import CALLS_KEPT

SHIPMENT = "55100001:EX-1001-0001"
"""The sample order's: that of the other one is other tests'."""


@pytest.fixture
def desk(waystate_server: Server, graph: Graph) -> Iterator[httpx2.Client]:
    """Return a browser without script, at the lab of a server that has its orders."""
    graph.works()
    base = f"{waystate_server.url}/lab"
    with httpx2.Client(base_url=base, timeout=60, trust_env=False, follow_redirects=True) as client:
        yield client


@pytest.fixture
def parcel(waystate_server: Server) -> str:
    """Return the shipment of an order of the test's own: nothing is reported of it yet."""
    world, order = waystate_server.world, sample_order()
    world.ask("PUT", f"/api/v1/orders/{order['orderId']}", order, token=world.portal_token)
    return f"{order['orderId']}:{order['items'][0]['forwardTrackingTimeline']['trackingID']}"


def rows(page: str, caption: str) -> list[list[str]]:
    """Return the texts of the cells of the table called *caption*, row by row."""
    (table,) = re.findall(rf'aria-label="{caption}">(.*?)</table>', page, re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    ]


def test_the_home_page_leads_to_every_flow(desk: httpx2.Client) -> None:
    flows = re.findall(r'href="/lab/phone\?flow=(\w+)"', desk.get("").text)

    assert flows == ["ndr_resolution", "personalised_offer", "purchase_interest", "repair_visit"]


@pytest.mark.parametrize("here", ["phone", "couriers", "graph", "letters"])
def test_every_page_leads_to_all_others_in_the_same_words(desk: httpx2.Client, here: str) -> None:
    page = desk.get(f"/{here}").text

    bar = re.search(r'<header class="lab-head">(.*?)</header>', page, re.DOTALL)
    assert bar
    links = re.findall(r'<a [^>]*href="(?:/lab/)?([^"]+)"[^>]*>([^<]+)</a>', bar[1])
    named = [
        ("/lab", "Lab"),
        ("phone", "Phone"),
        ("couriers", "Couriers"),
        ("graph", "WhatsApp"),
        ("letters", "Letters"),
    ]
    assert links[:5] == named
    assert re.findall(r'href="/lab/(\w+)" aria-current="page"', bar[1]) == [here]


@pytest.mark.parametrize("courier", ["generic", "eshopbox", "shiprocket", "clickpost"])
def test_a_report_of_each_courier_is_taken_and_listed(desk: httpx2.Client, courier: str) -> None:
    form = {"courier": courier, "shipment": SHIPMENT, "status": "out_for_delivery", "minutes": "5", "doubled": "on"}
    page = desk.post("/couriers/scan", data=form)

    assert page.status_code == 200
    reported = [[cell for place, cell in enumerate(row) if place != 2] for row in rows(page.text, "What was reported")]
    assert reported[0] == ["out_for_delivery", "duplicate", courier, SHIPMENT]
    assert (reported[1][0], reported[1][2:]) == ("out_for_delivery", [courier, SHIPMENT])


def test_a_story_is_told_whole(desk: httpx2.Client, waystate_server: Server) -> None:
    form = {"courier": "generic", "shipment": SHIPMENT, "story": "rto", "shuffled": "on", "doubled": "on"}
    page = desk.post("/couriers/story", data=form)

    assert page.status_code == 200
    assert "That was not taken" not in page.text
    assert waystate_server.state("shipment", SHIPMENT) == "rto.rto_delivered"


def test_a_story_begins_after_what_the_server_knows_whoever_told_it(
    desk: httpx2.Client, waystate_server: Server, courier: Courier, parcel: str
) -> None:
    order_id, _, tracking_id = parcel.partition(":")
    courier.play(order_id, tracking_id, "failed")

    page = desk.post("/couriers/story", data={"courier": "generic", "shipment": parcel, "story": "failed"})

    assert page.status_code == 200
    attempts = waystate_server.session("shipment", parcel)["context"]["attempts"]
    assert [attempt["counts"] for attempt in attempts] == [True, True]
    assert len(waystate_server.keys("ndr_case", parcel)) == 2


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/couriers/scan", {"courier": "nobody", "shipment": SHIPMENT, "status": "delivered"}),
        ("/couriers/scan", {"courier": "generic", "shipment": "no colon", "status": "delivered"}),
        ("/couriers/story", {"courier": "generic", "shipment": SHIPMENT, "story": "none"}),
        ("/couriers/answers", {"answer": "maybe"}),
        ("/graph", {"kind": "evil"}),
        ("/statuses", {"id": "wamid.1", "status": "eaten"}),
    ],
)
def test_what_no_form_of_ours_sends_is_refused(desk: httpx2.Client, path: str, form: dict[str, str]) -> None:
    assert desk.post(path, data=form).status_code == 422


def test_what_the_server_refuses_is_said_on_the_page(desk: httpx2.Client) -> None:
    form = {"courier": "generic", "shipment": f"{SHIPMENT}{'x' * 300}", "status": "delivered"}
    page = desk.post("/couriers/scan", data=form)

    assert "That was not taken" in page.text
    assert "422 invalid_content" in page.text


@pytest.mark.parametrize(
    ("path", "form", "done"),
    [
        ("/couriers/scan", {"status": "out_for_delivery"}, "1 report was made: 1 accepted."),
        (
            "/couriers/scan",
            {"status": "out_for_delivery", "doubled": "on"},
            "2 reports were made: 1 accepted, 1 duplicate.",
        ),
        ("/couriers/story", {"story": "happy"}, "6 reports were made: 6 accepted."),
        ("/couriers/answers", {"answer": "down"}, "From now on couriers are down (503)."),
    ],
)
def test_what_was_done_is_said_where_the_page_begins(
    desk: httpx2.Client, parcel: str, path: str, form: dict[str, str], done: str
) -> None:
    page = desk.post(path, data={"courier": "clickpost", "shipment": parcel, **form}).text

    assert f'role="status"><strong>Done.</strong> <span class="small">{done}</span>' in page.partition("<h2")[0]


def test_couriers_answer_as_they_are_told(desk: httpx2.Client, courier: Courier) -> None:
    def answered(answer: str) -> int:
        desk.post("/couriers/answers", data={"answer": answer})
        return desk.post("/courier/eshopbox/EX-7", json={"a": answer}, headers={"Idempotency-Key": "k-7"}).status_code

    assert [answered(answer) for answer in ("accept", "refuse", "down")] == [200, 422, 503]
    asked = [(each["body"], each["status"], each["repeat"]) for each in courier.asked()]
    assert asked == [({"a": "accept"}, 200, False), ({"a": "refuse"}, 422, True), ({"a": "down"}, 503, True)]
    assert "asked again" in desk.get("/couriers").text
    courier.answers("reset")
    with pytest.raises(httpx2.RemoteProtocolError):
        desk.post("/courier/eshopbox/EX-7", json={})


def test_what_a_courier_is_asked_is_found_after_however_many_calls(
    desk: httpx2.Client, waystate_server: Server
) -> None:
    for number in range(CALLS_KEPT):
        desk.post("/courier/eshopbox/EX-8", json={"number": number})
    courier = Courier(waystate_server)

    assert courier.asked() == []
    desk.post("/courier/eshopbox/EX-8", json={"number": "the last"})
    (asked,) = courier.wait_until_asked()
    assert asked["body"] == {"number": "the last"}


def test_what_no_courier_could_read_is_not_kept(desk: httpx2.Client, courier: Courier) -> None:
    answered = desk.post("/courier/eshopbox/EX-9", json={"long": "x" * MAX_COURIER_BODY})

    assert answered.status_code == 200
    assert [each["body"] for each in courier.asked()] == [{}]


def test_what_goes_wrong_is_set_and_taken_back_by_form(desk: httpx2.Client, graph: Graph) -> None:
    form = {
        "kind": "refuse",
        "code": "131056",
        "status": "500",
        "seconds": "1.5",
        "count": "3",
        "percent": "20",
        "everything": "on",
        "doubled": "on",
        "fail_with": "131026",
        "hours_passed": "30",
        "not_on_whatsapp": "+91 98000 00081, 919800000082",
    }
    page = desk.post("/graph", data=form)

    assert page.status_code == 200
    assert desk.get("/api/faults").json() == {
        "graph": {
            "kind": "refuse",
            "code": 131056,
            "status": 500,
            "seconds": 1.5,
            "count": 3,
            "share": 0.2,
            "everything": True,
        },
        "statuses": {"by_hand": False, "doubled": True, "shuffled": False, "fail_with": 131026},
        "couriers": {"answer": "accept", "seconds": 12.0},
        "hours_passed": 30,
        "not_on_whatsapp": ["919800000081", "919800000082"],
        "flow_flaws": False,
    }
    desk.post("/normal")
    assert desk.get("/api/faults").json()["graph"]["kind"] == "none"
    assert graph.chat("919800000081") == []


def test_a_status_can_be_said_by_hand(desk: httpx2.Client, graph: Graph) -> None:
    desk.post("/graph", data={"by_hand": "on"})
    message = {"messaging_product": "whatsapp", "to": "919800000083", "type": "text", "text": {"body": "By hand"}}
    sent = desk.post("/graph/v25.0/1/messages", json=message, headers={"Authorization": "Bearer any"}).json()
    wamid = sent["messages"][0]["id"]

    page = desk.post("/statuses", data={"id": wamid, "status": "read"}).text
    assert ["text By hand", "919800000083"] in [row[:2] for row in rows(page, "Messages")]

    def is_read() -> bool | None:
        return graph.chat("919800000083")[0]["status"] == "read" or None

    waited(is_read, "it is not read")
    assert desk.post("/statuses", data={"id": "wamid.of-nobody", "status": "read"}).status_code == 404


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "text", "text": {"body": "Hello"}}, "Hello"),
        ({"text": {"body": "Hello"}}, "Hello"),
        ({"type": "interactive", "interactive": {"type": "flow", "body": {"text": "Tap"}}}, "Tap"),
        ({"type": "interactive", "interactive": {"type": "product"}}, "product"),
        ({"type": "image", "image": {"id": "1"}}, "image"),
        (
            {
                "type": "template",
                "template": {
                    "name": "delivered",
                    "components": [
                        {"type": "body", "parameters": [{"type": "text", "text": "Asha"}, {"type": "image"}]}
                    ],
                },
            },
            "delivered: Asha · image",
        ),
    ],
)
def test_a_message_is_said_on_one_line(message: dict[str, object], words: str) -> None:
    assert words_of(message) == words

"""The lab beside a real server: what the phone's page asks, and what comes back by webhook."""

import asyncio
import base64
import html
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx2
import msgspec
import pytest

from api.media import MediaFetcher
from definitions.catalogue import SHIPPED
from definitions.media import Upload
from definitions.products import load as load_products
from lab.couriers import Scan
from lab.phone import Sealer
from lab.stories import SAMPLE_ORDER
from lab.trial import Courier, Graph, Server, waited

OFFER = "personalised_offer"
SHIPMENT = "55100002:EX-1002-0001"
RAVI = "919800000043"
SECONDS = 60


_NUMBERS = count(919800000100)


@pytest.fixture
def person() -> str:
    """Return the number of somebody whom no other test knows."""
    return str(next(_NUMBERS))


@pytest.fixture
def lab(waystate_server: Server) -> Iterator[httpx2.Client]:
    """Return a client of the lab."""
    with httpx2.Client(base_url=f"{waystate_server.url}/lab", timeout=SECONDS, trust_env=False) as client:
        yield client


def settled(graph: Graph, person: str, status: str = "delivered", count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many of our messages to a person have got that far, and return them."""

    def there() -> list[dict[str, Any]] | None:
        lines = [line for line in graph.chat(person) if line["from"] == "us" and line["status"] == status]
        return lines if len(lines) >= count else None

    return waited(there, f"fewer than {count} are {status}")


def a_text(to: str, body: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}, **more}


def sent(lab: httpx2.Client, message: dict[str, Any], number: str = "100000000000001") -> httpx2.Response:
    """Send a message as a server does."""
    return lab.post(f"/graph/v25.0/{number}/messages", json=message, headers={"Authorization": "Bearer any"})


# Flows


def test_flows_are_listed_with_whether_they_call_an_endpoint(lab: httpx2.Client) -> None:
    listed = {flow["name"]: flow["endpoint"] for flow in lab.get("/api/flows").json()}

    assert listed == {
        "ndr_resolution": True,
        "personalised_offer": True,
        "purchase_interest": False,
        "repair_visit": True,
    }


def test_of_a_flow_it_is_told_what_its_sessions_are_about(lab: httpx2.Client) -> None:
    about = {flow["name"]: flow["about"] for flow in lab.get("/api/flows").json()}

    assert about == {
        "ndr_resolution": "ndr_case",
        "personalised_offer": "",
        "purchase_interest": "",
        "repair_visit": "",
    }


def test_a_flow_comes_with_its_document_and_the_key_of_its_endpoint(
    lab: httpx2.Client, waystate_server: Server
) -> None:
    flow = lab.get(f"/api/flows/{OFFER}").json()

    assert {screen["id"] for screen in flow["document"]["screens"]} >= {"PRODUCT_SELECTOR", "OPTIONS", "OFFER"}
    assert (flow["name"], flow["endpoint"], flow["public_key"]) == (OFFER, True, waystate_server.world.public_key)


def test_a_flow_that_is_not_there_is_not_found(lab: httpx2.Client) -> None:
    assert lab.get("/api/flows/nothing").status_code == 404


def test_a_call_is_passed_on_as_it_is_and_its_answer_comes_back_as_it_is(
    lab: httpx2.Client, waystate_server: Server
) -> None:
    token = lab.post("/api/sessions", json={"flow": OFFER, "recipient": "919800000051", "data": {}}).json()["token"]
    envelope = Sealer(waystate_server.world.public_key).seal(
        {"version": "3.0", "action": "INIT", "screen": "", "data": {}, "flow_token": token}
    )

    first = lab.post(f"/api/relay/{OFFER}", content=envelope.body, headers={"Content-Type": "text/plain"})
    again = lab.post(f"/api/relay/{OFFER}", content=envelope.body, headers={"Content-Type": "text/plain"})

    assert (first.status_code, envelope.read(first.content)["screen"]) == (200, "PRODUCT_SELECTOR")
    assert (again.status_code, again.content) == (200, first.content)
    assert float(first.headers["x-lab-milliseconds"]) > 0
    assert lab.get(f"/api/session/{OFFER}/{token}").json()["state"] == "PRODUCT_SELECTOR"


def test_a_call_without_a_signature_is_refused_by_the_endpoint(lab: httpx2.Client, waystate_server: Server) -> None:
    envelope = Sealer(waystate_server.world.public_key).seal({"version": "3.0", "action": "ping"})

    assert lab.post(f"/api/relay/{OFFER}?unsigned=1", content=envelope.body).status_code == 432


def test_a_form_without_an_endpoint_is_completed_through_the_chat(
    lab: httpx2.Client, waystate_server: Server, graph: Graph, person: str
) -> None:
    token = waystate_server.mint("purchase_interest", person)
    response = {"flow_token": token, "name": "Asha Rao", "email": "asha@shop.example", "tos_optin": True}
    reply = {"name": "flow", "body": "Sent", "response_json": json.dumps(response)}
    message = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}}

    said = lab.post("/api/messages", json={"from": person, "name": "Asha Rao", "message": message}).json()

    assert said["status"] == 200
    assert waystate_server.wait_for("purchase_interest", token, "completed")["key"] == token
    (line,) = [line for line in graph.chat(person) if line["from"] == "person"]
    assert (line["id"], line["type"], line["status"]) == (said["id"], "interactive", "delivered")
    assert line["content"]["interactive"] == message["interactive"]


def test_a_file_of_a_picker_can_be_fetched_and_read_by_the_endpoint(
    lab: httpx2.Client, waystate_server: Server
) -> None:
    picture = base64.b64decode("iVBORw0KGgo=") * 400_000
    uploaded = lab.post("/api/media", files={"file": ("door.png", picture, "image/png")}).json()

    assert uploaded["file_name"] == "door.png"
    fetcher = MediaFetcher(waystate_server.url, "", near={"127.0.0.1"})
    assert asyncio.run(fetcher.fetch(msgspec.convert(uploaded, Upload))) == picture
    assert picture not in lab.get(f"/media/{uploaded['media_id']}").content


def test_an_upload_without_a_file_is_refused(lab: httpx2.Client) -> None:
    assert lab.post("/api/media", files={"other": ("a.png", b"a", "image/png")}).status_code == 422
    assert lab.get("/media/nothing").status_code == 404


def test_the_shop_sells_what_the_server_knows_the_prices_of(lab: httpx2.Client) -> None:
    known = load_products((SHIPPED / "orders",))
    sold = {
        (each["catalog_id"], each["product_retailer_id"]): (each["name"], each["price"], each["currency"])
        for each in lab.get("/api/products").json()
    }
    assert sold == {
        (catalogue, product_id): (product.name, product.price, product.currency)
        for catalogue, products in known.items()
        for product_id, product in products.items()
    }


# The Graph API


def test_a_message_is_accepted_shown_and_told_of_until_it_is_read(
    lab: httpx2.Client, graph: Graph, person: str
) -> None:
    answer = sent(lab, a_text(person))

    wamid = answer.json()["messages"][0]["id"]
    assert answer.json() == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": person, "wa_id": person}],
        "messages": [{"id": wamid}],
    }
    (line,) = settled(graph, person)
    assert line == {
        "id": wamid,
        "from": "us",
        "at": line["at"],
        "type": "text",
        "content": a_text(person),
        "status": "delivered",
    }
    assert lab.post("/api/read", json={"person": person}).json() == {"read": 1}
    assert [each["status"] for each in graph.chat(person)] == ["read"]
    assert lab.post("/api/read", json={"person": person}).json() == {"read": 0}


def test_what_is_wrong_with_a_message_is_said_in_metas_shape(lab: httpx2.Client, person: str) -> None:
    answer = sent(lab, a_text(person, "x" * 4097))

    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": {
                "message": "(#100) Invalid parameter",
                "type": "OAuthException",
                "code": 100,
                "fbtrace_id": "Atrace",
                "error_data": {
                    "messaging_product": "whatsapp",
                    "details": "Param text['body'] must be at most 4096 characters long.",
                },
            }
        },
    )


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "refuse", "code": 130429}, 429, 130429),
        ({"kind": "refuse", "code": 131056}, 400, 131056),
        ({"kind": "refuse", "code": 190}, 401, 190),
    ],
)
def test_errors_come_on_demand_as_often_as_asked(
    lab: httpx2.Client, graph: Graph, person: str, fault: dict[str, Any], status: int, code: int
) -> None:
    graph.goes_wrong(fault["kind"], count=2, code=fault["code"])
    answers = [sent(lab, a_text(person)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert [answer.json()["error"]["code"] for answer in answers[:2]] == [code, code]
    assert answers[0].headers.get("Retry-After") == ("2" if status == 429 else None)
    assert len(graph.sent(person)) == 1


def test_answers_that_say_nothing_clear_come_after_the_message_was_taken(
    lab: httpx2.Client, graph: Graph, person: str
) -> None:
    graph.goes_wrong("http", status=502)
    assert sent(lab, a_text(person)).status_code == 502
    graph.goes_wrong("junk")
    assert sent(lab, a_text(person)).content == b"<html>\xff"
    graph.goes_wrong("no_id")
    assert sent(lab, a_text(person)).json()["messages"] == []
    graph.goes_wrong("reset")
    with pytest.raises(httpx2.RemoteProtocolError):
        sent(lab, a_text(person))
    assert len(graph.sent(person)) == 2

    graph.goes_wrong("reset_after")
    with pytest.raises(httpx2.RemoteProtocolError):
        sent(lab, a_text(person))
    assert len(graph.sent(person)) == 3


def test_a_share_of_all_messages_goes_wrong(lab: httpx2.Client, graph: Graph, person: str) -> None:
    graph.goes_wrong("refuse", count=0, share=0.5, code=131016)
    codes = {sent(lab, a_text(person)).status_code for _ in range(40)}

    assert codes == {200, 400}


def test_after_a_day_without_a_word_from_somebody_they_get_templates_alone(
    lab: httpx2.Client, graph: Graph, person: str
) -> None:
    template = {"name": "order_delivered", "language": {"code": "en"}}
    by_template = {"messaging_product": "whatsapp", "to": person, "type": "template", "template": template}
    graph.say("Hello", person)

    def tried(hours: int) -> list[int]:
        lab.put("/api/faults", json={"hours_passed": hours}).raise_for_status()
        return [sent(lab, message).json().get("error", {}).get("code", 0) for message in (a_text(person), by_template)]

    assert [tried(23), tried(24)] == [[0, 0], [131047, 0]]
    graph.say("Still here", person)
    assert tried(24) == [0, 0]


def test_who_is_not_on_whatsapp_cannot_be_reached(lab: httpx2.Client, graph: Graph, person: str) -> None:
    lab.put("/api/faults", json={"not_on_whatsapp": [person]})

    assert sent(lab, a_text(person)).json()["error"]["code"] == 131026
    assert graph.chat(person) == []


def test_what_goes_wrong_can_be_read_and_must_be_something_that_can(lab: httpx2.Client, graph: Graph) -> None:
    graph.goes_wrong("slow", seconds=3)

    assert lab.get("/api/faults").json()["graph"] == {
        "kind": "slow",
        "code": 130429,
        "status": 503,
        "seconds": 3.0,
        "count": 1,
        "share": 0.0,
        "everything": False,
    }
    assert lab.put("/api/faults", json={"graph": {"kind": "evil"}}).status_code == 400


def test_a_message_that_fails_later_says_why_by_webhook(lab: httpx2.Client, graph: Graph, person: str) -> None:
    lab.put("/api/faults", json={"statuses": {"fail_with": 131026}})
    sent(lab, a_text(person))

    assert [line["status"] for line in settled(graph, person, "failed")] == ["failed"]


def test_flows_keys_templates_and_files_are_kept_as_at_meta(lab: httpx2.Client) -> None:
    lab.headers["Authorization"] = "Bearer any"
    account, number = "/graph/v25.0/200000000000002", "/graph/v25.0/100000000000001"

    made = lab.post(f"{account}/flows", json={"name": "of the lab", "categories": ["OTHER"]}).json()
    asset = {"name": "flow.json", "asset_type": "FLOW_JSON"}
    file = {"file": ("flow.json", b'{"version": "7.3"}', "application/json")}
    uploaded = lab.post(f"/graph/v25.0/{made['id']}/assets", data=asset, files=file).json()
    assert uploaded == {"success": True, "validation_errors": []}
    assert lab.post(f"/graph/v25.0/{made['id']}/publish").json() == {"success": True}
    read = lab.get(f"/graph/v25.0/{made['id']}").json()
    assert (read["name"], read["status"], read["json_version"]) == ("of the lab", "PUBLISHED", "7.3")

    lab.post(f"{number}/whatsapp_business_encryption", data={"business_public_key": "PEM"})
    (key,) = lab.get(f"{number}/whatsapp_business_encryption").json()["data"]
    assert key == {"business_public_key": "PEM", "business_public_key_signature_status": "VALID"}
    templates = {template["name"] for template in lab.get(f"{account}/message_templates").json()["data"]}
    assert templates >= {"order_confirmation", "failed_delivery"}
    assert lab.get(f"{account}/subscribed_apps").status_code == 200

    form = {"messaging_product": "whatsapp", "type": "image/jpeg"}
    media = lab.post(f"{number}/media", data=form, files={"file": ("a.jpg", b"jpeg", "image/jpeg")}).json()["id"]
    described = lab.get(f"/graph/{media}").json()
    assert (described["mime_type"], described["file_size"]) == ("image/jpeg", 4)
    assert lab.get(described["url"].partition("/lab")[2]).content == b"jpeg"


def test_meta_can_find_a_fault_in_every_flow(lab: httpx2.Client, graph: Graph) -> None:
    graph.works()
    lab.headers["Authorization"] = "Bearer any"
    made = lab.post("/graph/v25.0/200000000000002/flows", json={"name": "flawed", "categories": ["OTHER"]}).json()
    lab.put("/api/faults", json={"flow_flaws": True})

    asset = {"name": "flow.json", "asset_type": "FLOW_JSON"}
    file = {"file": ("flow.json", b"{}", "application/json")}
    uploaded = lab.post(f"/graph/v25.0/{made['id']}/assets", data=asset, files=file).json()
    assert [flaw["error"] for flaw in uploaded["validation_errors"]] == ["INVALID_PROPERTY_VALUE"]
    assert lab.post(f"/graph/v25.0/{made['id']}/publish").json()["error"]["code"] == 139002


def test_without_a_token_the_graph_api_says_so(lab: httpx2.Client) -> None:
    answer = lab.get("/graph/v25.0/200000000000002/flows")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000], ids=["none", "half", "list", "junk", "deep"]
)
def test_a_body_that_says_nothing_is_refused_as_at_meta(lab: httpx2.Client, body: bytes) -> None:
    headers = {"Authorization": "Bearer any", "Content-Type": "application/json"}
    answer = lab.post("/graph/v25.0/100000000000001/messages", content=body, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


# The chat as it changes


def heard(stream: httpx2.Response, enough: int) -> list[tuple[str, str]]:
    """Read a stream until so many changes were told: the number of each, and how far its message was."""
    told: list[tuple[str, str]] = []
    number = ""
    for line in stream.iter_lines():
        name, _, value = line.partition(": ")
        if name == "id":
            number = value
        elif name == "data":
            told.append((number, json.loads(value)["status"]))
            if len(told) == enough:
                break
    return told


def test_a_chat_is_told_as_it_changes_and_goes_on_where_it_was_left(
    lab: httpx2.Client, waystate_server: Server, person: str
) -> None:
    path = f"{waystate_server.url}/lab/api/chat/events?person={person}"

    with httpx2.stream("GET", path, timeout=SECONDS, trust_env=False) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        sent(lab, a_text(person))
        told = heard(stream, 3)
    with httpx2.stream("GET", path, timeout=SECONDS, trust_env=False, headers={"Last-Event-ID": told[0][0]}) as stream:
        again = heard(stream, 2)
    with httpx2.stream("GET", path, timeout=SECONDS, trust_env=False) as stream:
        assert heard(stream, 3) == told

    assert [status for _, status in told] == ["accepted", "sent", "delivered"]
    assert again == told[1:]


# Letters


def test_a_letter_is_kept_for_people_to_read(lab: httpx2.Client, waystate_server: Server) -> None:
    order = json.loads(SAMPLE_ORDER.read_text())
    email = order["shippingAddress"]["email"]
    address, own = f"{waystate_server.url}/portal/{order['orderId']}/entry", {"Origin": waystate_server.url}
    form = {"order": order["customerOrderNumber"], "contact": email}
    assert httpx2.post(address, data=form, headers=own, trust_env=False).status_code == 303

    (letter,) = waited(lambda: lab.get("/api/letters").json() or None, "no letter came")
    assert letter["to"] == email
    assert letter["text"] in html.unescape(lab.get("/letters").text)


# Couriers


def opened_resolution(lab: httpx2.Client, server: Server, person: str) -> dict[str, Any]:
    """Return what the first screen of the NDR resolution shows a person who opens it from the lab's list."""
    flow = "ndr_resolution"
    token = lab.post("/api/sessions", json={"flow": flow, "recipient": person, "data": {}}).json()["token"]
    sealer = Sealer(server.world.public_key)
    envelope = sealer.seal({"version": "3.0", "action": "INIT", "screen": "", "data": {}, "flow_token": token})
    answer = lab.post(f"/api/relay/{flow}", content=envelope.body, headers={"Content-Type": "text/plain"})
    shown: dict[str, Any] = envelope.read(answer.content)["data"]
    return shown


def test_a_failed_delivery_is_asked_about_answered_and_told_to_the_courier(
    lab: httpx2.Client, person: str, waystate_server: Server, graph: Graph, courier: Courier
) -> None:
    order_id, tracking_id = SHIPMENT.split(":")

    answers = courier.report(order_id, tracking_id, failure())
    assert answers == ["accepted"]
    graph.wait_for(RAVI)
    (message,) = [line for line in settled(graph, RAVI) if line["type"] == "template"]
    assert message["content"]["template"]["name"] == "failed_delivery"
    assert opened_resolution(lab, waystate_server, RAVI)["order"] == "WS-1002"
    assert opened_resolution(lab, waystate_server, person)["news"] == "None of your deliveries waits for an answer."

    graph.tap("ACTF001", RAVI, "Try again")
    (asked,) = courier.wait_until_asked()
    assert {name: asked[name] for name in ("courier", "path", "status", "repeat")} == {
        "courier": "eshopbox",
        "path": f"/{tracking_id}",
        "status": 200,
        "repeat": False,
    }
    assert (asked["body"]["resolutionCode"], asked["body"]["trackingId"]) == ("ACTF001", tracking_id)
    (case,) = waystate_server.keys("ndr_case", SHIPMENT)
    waystate_server.wait_for("ndr_case", case, "unsettled.accepted")

    for _ in range(3):
        graph.tap("ACTF003", RAVI, "Cancel my order")
    (answer,) = [line for line in settled(graph, RAVI, count=2) if line["type"] == "text"]
    said, link = answer["content"]["text"]["body"].split("\nSee how it stands: ")
    assert said == ("Order WS-1002: A choice stands already. You asked for another try. The courier has accepted it.")
    assert order_id in httpx2.get(link, trust_env=False, follow_redirects=True).text


def failure() -> Scan:
    now = datetime.now(UTC).replace(microsecond=0)
    return Scan("failed_delivery", now, remark="door locked", ndr_code="1", ndr_reason="Customer unavailable")

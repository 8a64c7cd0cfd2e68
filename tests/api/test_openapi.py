"""The OpenAPI document: valid, whole, and true."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from api.problems import MEDIA_TYPE, TITLES
from tests.api.serving import Server
from tests.api.speaking import an_item, an_order, ask, put_order
from tests.fuzz_api import MODES, Fuzzer, furnish

UNDESCRIBED = {
    *("/", "/favicon.ico", "/assets/{name:str}", "/schema", "/schema/openapi.json", "/schema/{path:str}"),
}
"""What is for browsers, and the document itself."""

PAGES, API = ("/admin", "/brands", "/lab", "/portal"), "/admin/api/"
"""Under what there are pages alone, but for the admin API."""

ESB = ("/_ah/", "/api/v2/")
EXAMPLES = 5
"""Calls for each operation in each mode; tests/fuzz_api.py makes more."""


@pytest.fixture(scope="module")
def document(office: Server) -> Any:
    """Return the document as it is served."""
    heard = ask(office, "GET", "/schema/openapi.json")
    assert heard.headers["content-type"] == "application/vnd.oai.openapi+json"
    return heard.content


def responses(document: Any) -> Iterator[tuple[str, str, int, Any]]:
    """Yield every response: its method, path and status, and what is said of it."""
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            for status, response in call["responses"].items():
                yield method, path, int(status), response


def test_the_document_is_one_of_openapi_3_1_with_no_loose_ends(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    assert document["info"]["title"] == "Waystate"
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema_rs.meta.validate(schema)
    assert {*references(document)} <= {f"#/components/schemas/{name}" for name in schemas}
    operations = [call["operationId"] for calls in document["paths"].values() for call in calls.values()]
    assert len(operations) == len({*operations})
    tags = {tag["name"] for tag in document["tags"]}
    for calls in document["paths"].values():
        for call in calls.values():
            assert call["description"]
            assert {*call["tags"]} < tags
            assert {scheme for need in call.get("security", []) for scheme in need} <= {
                *document["components"]["securitySchemes"]
            }


def references(value: Any) -> Iterator[str]:
    """Yield every reference in a document."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_every_address_is_described(office: Server, document: Any) -> None:
    application: Any = office.door._inside
    routed = {
        (route.path_format, method.lower())
        for route in application.routes
        if route.path not in UNDESCRIBED and (route.path.startswith(API) or not route.path.startswith(PAGES))
        for method in route.methods - {"OPTIONS"}
    }
    described = {(path, method) for path, calls in document["paths"].items() for method in calls}
    assert routed == described - {("/flows/{name}", "post")}
    assert {route.path for route in application.routes} >= UNDESCRIBED - {"/schema/{path:str}"}


def test_every_refusal_is_described_as_a_problem_in_its_address_s_shape(document: Any) -> None:
    for method, path, status, response in responses(document):
        if status < 400 or path.startswith("/flows/"):
            continue
        esb = path.startswith(ESB)
        media_type = "application/json" if esb else MEDIA_TYPE
        shape = "Failure" if esb else "ProblemDocument"
        assert response["description"] == TITLES[status], (method, path, status)
        assert response["content"] == {media_type: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}


def test_what_every_address_may_answer_is_described(document: Any) -> None:
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            statuses = {int(status) for status in call["responses"]}
            assert {400, 503} <= statuses, (method, path)
            assert ({408, 413} <= statuses) == (method != "get"), (method, path)
            assert ({401, 403} <= statuses) or "bearer" not in str(call.get("security")), (method, path)
            if method != "get" and path not in {"/flows/{name}", "/webhooks/whatsapp"}:
                assert {415, 422} <= statuses, (method, path)


def test_bodies_take_no_unknown_fields_but_an_accounts(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name in ("SubscribeBody", "ResolutionBody", "ShippingDetails", "MintBody", "ActBody", "GenericCall"):
        assert schemas[name]["additionalProperties"] is False, name
    assert "additionalProperties" not in schemas["AccountBody"]


def test_an_order_must_have_what_the_document_says_and_no_more(office: Server, document: Any) -> None:
    body = document["paths"]["/api/v1/orders/{order_id}"]["put"]["requestBody"]["content"]["application/json"]
    order = an_order("O-body", an_item("T-1", [("packed", "2026-01-01 10:00:00")]))
    jsonschema_rs.Draft202012Validator(body["schema"]).validate(order)

    for name in order:
        less = {other: value for other, value in order.items() if other != name}
        expected = 422 if name in body["schema"]["required"] else 200
        assert put_order(office, less, "O-body").status == expected, name


def test_answers_have_shapes(document: Any) -> None:
    for method, path, status, response in responses(document):
        if status < 300 and path != "/webhooks/whatsapp":
            assert all(content["schema"] for content in response["content"].values()), (method, path)


def test_no_made_up_call_is_answered_5xx_or_as_is_not_described(server: Server, document: Any) -> None:
    furnish(server)
    fuzzer = Fuzzer(server, document)

    for operation in fuzzer.operations:
        for mode in MODES:
            fuzzer.attack(operation, mode, examples=EXAMPLES, seed=1)

    assert fuzzer.faults == {}
    assert {label for label, _ in fuzzer.statuses} == {operation.label for operation in fuzzer.operations}
    taken = {label for label, status in fuzzer.statuses if status < 300}
    assert len(taken) > len(fuzzer.operations) / 2, "most calls come further than to a refusal"


def test_an_answer_that_is_not_described_would_be_noticed(server: Server, document: Any) -> None:
    health = document["paths"]["/health/live"]["get"]
    lying = {
        **document,
        "paths": {"/health/live": {"get": {**health, "responses": {"503": health["responses"]["503"]}}}},
    }
    furnish(server)
    fuzzer = Fuzzer(server, lying)

    (operation,) = fuzzer.operations
    fuzzer.attack(operation, MODES[0], examples=1, seed=1)

    assert list(fuzzer.faults) == ["GET /health/live UndefinedStatusCode"]


def test_the_page_shows_every_address(office: Server, document: Any) -> None:
    page = ask(office, "GET", "/schema")
    text = page.body.decode()

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert text.count("<details>") == sum(len(calls) for calls in document["paths"].values())
    for path in document["paths"]:
        assert f"<code>{path}</code>" in text
    assert "<code>resolutionCode</code>" in text
    assert "one of shipment, returnShipment" in text
    assert "Needs: the courier&#39;s key in x-api-key." in text

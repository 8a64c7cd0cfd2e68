"""
The OpenAPI document and its page.

Litestar makes the document from the handlers; added here is what it cannot know: that bodies take no unknown fields,
what is read of an order, who may call what, which addresses have no body to be slow or large, what diagrams are written
in, and the Flow endpoint, which the front door answers itself.
"""

from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Tag

from api.pages import render_page
from api.problems import Refusal
from diagrams import MEDIA_TYPES

VERSION = "0.1.0"
NOT_FOUND = 404

TAGS = {
    "flows": "Meta's encrypted calls for the screens of a Flow",
    "whatsapp": "Meta's webhook",
    "couriers": "Couriers' and warehouses' webhooks",
    "merchants": "Accounts and orders put by merchants",
    "portal": "Orders read back, subscriptions, resolutions",
    "admin": "Definitions, sessions, effects and counts, for staff and tools",
    "health": "For operators",
}

NEEDS = {
    "bearer": "a bearer token in Authorization",
    "courier": "the courier's key in x-api-key",
    "signature": "Meta's signature of the body in X-Hub-Signature-256",
}

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "courier": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "signature": {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256"},
}
_SCHEME_OF = {
    "admin": "bearer",
    "portal": "bearer",
    "merchants": "bearer",
    "couriers": "courier",
    "whatsapp": "signature",
}
_SUCCESSES = {"200": "What was asked for", "201": "Opened"}
_OF_BODIES = {"408", "413"}

_FLOW_CALL = {
    "post": {
        "tags": ["flows"],
        "summary": "Flow call",
        "operationId": "FlowCall",
        "description": "Meta's encrypted call for a phone. Answers and the messages of 427 are encrypted, in base64.",
        "security": [{"signature": []}],
        "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["encrypted_flow_data", "encrypted_aes_key", "initial_vector"],
                        "properties": {
                            name: {"type": "string", "contentEncoding": "base64"}
                            for name in ("encrypted_flow_data", "encrypted_aes_key", "initial_vector")
                        },
                    }
                }
            },
        },
        "responses": {
            status: {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}
            for status, description in {
                "200": "The screen to show, encrypted",
                "400": "The host is not ours",
                "408": "The body took too long",
                "413": "The body is too large",
                "415": "The body is not application/json",
                "421": "The envelope cannot be opened: fetch the public key again",
                "427": "The flow token is at its end; the message is encrypted",
                "432": "The signature is not right",
                "500": "Our fault, and not even that could be encrypted",
                "503": "The database cannot take it now",
            }.items()
        },
    }
}


_TEXT = {"type": "string"}
_TRACKING = {
    "type": "object",
    "properties": {
        "trackingID": _TEXT,
        "courierName": _TEXT,
        "statusLog": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["status", "updatedAt"],
                "properties": dict.fromkeys(("status", "updatedAt", "remark", "location"), _TEXT),
            },
        },
    },
}
_ORDER = {
    "type": "object",
    "description": "An order document; what is not named here is kept and read back as it is.",
    "required": ["orderId", "customerOrderNumber", "accountSlug", "items"],
    "properties": {
        **dict.fromkeys(("orderId", "customerOrderNumber", "accountSlug"), _TEXT),
        "shippingAddress": {
            "type": "object",
            "properties": dict.fromkeys(("contactPhone", "customerName", "email"), _TEXT),
        },
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "forwardTrackingTimeline": _TRACKING,
                    "returnTrackingTimeline": _TRACKING,
                    "ndrDetails": {"type": "object", "properties": {"ndrCode": _TEXT, "reason": _TEXT}},
                },
            },
        },
    },
}
_BODIES = {
    ("/api/v1/orders/{order_id}", "put"): {
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ORDER}}}
    }
}
"""What Litestar cannot see of bodies that are taken as they are."""


class Document(OpenAPIRenderPlugin):
    """`/schema/openapi.json`."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type="application/vnd.oai.openapi+json")  # type: ignore[arg-type]

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        """Return the completed document."""
        return msgspec.json.encode(complete(openapi_schema))


class Page(OpenAPIRenderPlugin):
    """`/schema`: the document for people, with nothing fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        """Return the page."""
        document = complete(openapi_schema)
        fields_of = partial(_fields, document["components"]["schemas"])
        return render_page("schema.html", document=document, tags=TAGS, needs=NEEDS, fields_of=fields_of)


def _found(response: Response[Any]) -> Response[Any]:
    """Return a response, unless it is the framework's own page for what is not there: problems have one shape."""
    if response.status_code == NOT_FOUND:
        raise Refusal(NOT_FOUND, "not_found")
    return response


CONFIG = OpenAPIConfig(
    title="Waystate",
    version=VERSION,
    description="WhatsApp Flows and order lifecycles as persisted state machines.",
    path="/schema",
    openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, after_request=_found),
    render_plugins=[Page(), Document()],
    tags=[Tag(name, description) for name, description in TAGS.items()],
    use_handler_docstrings=True,
)


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return Litestar's document with what it cannot know."""
    paths = {
        path: {
            method: {
                **call,
                **_BODIES.get((path, method), {}),
                **_security(method, call),
                "responses": _responses(path, method, call),
            }
            for method, call in calls.items()
        }
        for path, calls in document["paths"].items()
    }
    components = document.get("components", {})
    strict = _strict_names(msgspec.Struct)
    schemas = {
        name: {**schema, "additionalProperties": False} if name in strict else schema
        for name, schema in components.get("schemas", {}).items()
    }
    return {
        **document,
        "paths": dict(sorted({**paths, "/flows/{name}": _FLOW_CALL}.items())),
        "components": {**components, "schemas": schemas, "securitySchemes": _SCHEMES},
    }


def _security(method: str, call: dict[str, Any]) -> dict[str, Any]:
    """Return what a caller must show, if anything: Meta signs what it posts, not its challenge."""
    schemes = [_SCHEME_OF[tag] for tag in call["tags"] if tag in _SCHEME_OF and (tag, method) != ("whatsapp", "get")]
    return {"security": [{scheme: []} for scheme in schemes]} if schemes else {}


def _responses(path: str, method: str, call: dict[str, Any]) -> dict[str, Any]:
    """Return the answers of an address: what is asked for without a body is never too slow or too large."""
    responses = {
        status: {**response, "description": _SUCCESSES.get(status, response["description"])}
        for status, response in call["responses"].items()
        if not (method == "get" and status in _OF_BODIES)
    }
    _, diagram, suffix = path.rpartition("/diagram.")
    if diagram:
        media_type = MEDIA_TYPES[suffix]
        kind = {"type": "string", "format": "binary"} if media_type == "image/png" else {"type": "string"}
        responses["200"] = {**responses["200"], "content": {media_type: {"schema": kind}}}
    return responses


class Field(msgspec.Struct, frozen=True):
    """A field of a body, for people: its name, what it is, and whether it must be there."""

    name: str
    kind: str
    needed: bool


def _fields(schemas: dict[str, Any], call: dict[str, Any]) -> list[Field]:
    """Return the fields of the body that an address takes, if it says what they are."""
    content = call.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = _resolved(schemas, content.get("schema", {}))
    return [
        Field(name, _kind(_resolved(schemas, field)), name in body.get("required", ()))
        for name, field in body.get("properties", {}).items()
    ]


def _resolved(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    _, _, name = schema.get("$ref", "").rpartition("/")
    return schemas[name] if name else schema


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kinds = [part.get("type", "anything") for part in schema.get("oneOf", [schema])]
    return " or ".join(map(str, kinds))


def _strict_names(kind: type[msgspec.Struct]) -> set[str]:
    """Return the names of the bodies that take no unknown fields."""
    names = {kind.__name__} if kind.__struct_config__.forbid_unknown_fields else set()
    return names.union(*(_strict_names(part) for part in kind.__subclasses__()))

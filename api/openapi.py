"""
The OpenAPI document and its page.

Litestar makes the document from the handlers; added here is what it cannot know: that bodies take no unknown fields,
who may call what, and the Flow endpoint, which the front door answers itself.
"""

from typing import Any

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Tag

from api.pages import render_page

VERSION = "0.1.0"

TAGS = {
    "flows": "Meta's encrypted calls for the screens of a Flow",
    "whatsapp": "Meta's webhook",
    "couriers": "Couriers' and warehouses' webhooks",
    "merchants": "Accounts and orders put by merchants",
    "portal": "Orders read back, subscriptions, resolutions",
    "admin": "Definitions, sessions, effects and counts, for staff and tools",
    "health": "For operators",
}

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "courier": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "signature": {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256"},
}
_SCHEME_OF = {"admin": "bearer", "portal": "bearer", "merchants": "bearer", "couriers": "courier"}

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
        return render_page("schema.html", document=complete(openapi_schema), tags=TAGS)


CONFIG = OpenAPIConfig(
    title="Waystate",
    version=VERSION,
    description="WhatsApp Flows and order lifecycles as persisted state machines.",
    path="/schema",
    render_plugins=[Page(), Document()],
    tags=[Tag(name, description) for name, description in TAGS.items()],
    use_handler_docstrings=True,
)


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return Litestar's document with what it cannot know."""
    paths = {
        path: {method: _guarded(call) for method, call in calls.items()} for path, calls in document["paths"].items()
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


def _guarded(call: dict[str, Any]) -> dict[str, Any]:
    schemes = [_SCHEME_OF[tag] for tag in call.get("tags", []) if tag in _SCHEME_OF]
    return {**call, "security": [{scheme: []} for scheme in schemes]} if schemes else call


def _strict_names(kind: type[msgspec.Struct]) -> set[str]:
    """Return the names of the bodies that take no unknown fields."""
    names = {kind.__name__} if kind.__struct_config__.forbid_unknown_fields else set()
    return names.union(*(_strict_names(part) for part in kind.__subclasses__()))

"""
What each error is to a caller: RFC 9457 problem documents, and the one table of statuses.

Rule 1: a problem says what was wrong and what to do; never a stack, SQL, a secret, or a value that was sent.
Rule 2: `code` is stable and for programs, `detail` is for people and may change.
"""

from typing import Any

import msgspec
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from api.logs import fault
from api.pages import render_page
from engine.errors import (
    Contended,
    DefinitionError,
    GuardRefused,
    NoTransition,
    StepError,
    StorageFull,
    StoreError,
    StoreUnavailable,
    UnknownInstance,
    UnknownState,
    WorkflowError,
)

LOG = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"

BODY = "/data"
"""Where the framework says that a body begins: handlers call it `data`."""

NO_BODY = "Object missing required field `data`"

RETRY_AFTER = "2"
"""Seconds after which a caller may ask again when the database could not."""


class FieldProblem(Struct, frozen=True):
    """One wrong field of a body: *pointer* (RFC 6901) says which."""

    pointer: str
    code: str
    message: str


class ProblemDocument(Struct, frozen=True, omit_defaults=True):
    """An RFC 9457 problem. *code* is stable; *instance* is the request's id."""

    title: str
    status: int
    code: str
    type: str = "about:blank"
    detail: str = ""
    instance: str = ""
    errors: tuple[FieldProblem, ...] = ()
    # Of an illegal transition: the state, the event, and what would be allowed.
    from_: str = msgspec.field(default="", name="from")
    event: str = ""
    allowed: tuple[str, ...] | None = None


class Failure(Struct, frozen=True):
    """What goes wrong on the portal addresses that were there before us, in their shape."""

    error: str
    reason: str


ESB_ADDRESSES = ("/_ah/", "/api/v2/")
"""Where failures have that shape."""


class Refusal(Exception):
    """A request that is refused, and what its caller is told. Handlers raise it; one place answers it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        errors: tuple[FieldProblem, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Conflict",
    410: "Gone",
    412: "Changed since",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid content",
    429: "Too many requests",
    500: "Our fault",
    501: "Not installed",
    502: "Not had",
    503: "Not now",
}

STATUS_OF: dict[type[WorkflowError], tuple[int, str]] = {
    UnknownInstance: (404, "unknown_session"),
    NoTransition: (409, "illegal_transition"),
    GuardRefused: (409, "illegal_transition"),
    UnknownState: (409, "parked"),
    StepError: (409, "illegal_transition"),
    Contended: (503, "contended"),
    StorageFull: (503, "storage_full"),
    StoreUnavailable: (503, "db_down"),
    StoreError: (503, "db_down"),
    DefinitionError: (422, "invalid_definition"),
    WorkflowError: (500, "internal"),
}
"""What each of the engine's errors is over REST. A test walks the errors and demands each here."""


def problem(
    status: int,
    code: str,
    detail: str = "",
    *,
    request_id: str = "",
    errors: tuple[FieldProblem, ...] = (),
    **extra: Any,
) -> ProblemDocument:
    """Return the document of a problem."""
    title = TITLES.get(status, "Error")
    return ProblemDocument(title, status, code, detail=detail, instance=request_id, errors=errors, **extra)


def documented(*statuses: int, esb: bool = False) -> dict[int, ResponseSpec]:
    """
    Return the OpenAPI responses of an address that refuses with these statuses, and of those that every one has.

    With *esb* it is one of the portal addresses that tell failures in their own shape.
    """
    every = (400, 408, 413, 503)
    return {
        status: ResponseSpec(
            data_container=Failure if esb else ProblemDocument,
            description=TITLES[status],
            media_type="application/json" if esb else MEDIA_TYPE,
            generate_examples=False,
        )
        for status in sorted({*every, *statuses})
    }


def encoded(document: ProblemDocument, path: str) -> tuple[bytes, str]:
    """Return a problem as the address *path* tells it, and the media type of that."""
    if path.startswith(ESB_ADDRESSES):
        wrong = [f"{error.pointer} {error.message}".strip() for error in document.errors]
        reason = "; ".join(wrong) or document.detail or document.title
        return msgspec.json.encode(Failure(document.code.replace("_", " "), reason)), "application/json"
    return msgspec.json.encode(document), MEDIA_TYPE


def respond(
    request: Request[Any, Any, Any], document: ProblemDocument, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """Return a problem as a response."""
    content, media_type = encoded(document, request.scope["path"])
    return Response(content, status_code=document.status, media_type=media_type, headers=headers)


def on_refusal(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    """Answer a request that a handler refused."""
    document = problem(refusal.status, refusal.code, refusal.detail, request_id=_id_of(request), errors=refusal.errors)
    return respond(request, document, refusal.headers)


def on_workflow_error(request: Request[Any, Any, Any], error: WorkflowError) -> Response[bytes]:
    """Answer a request that the engine or the store refused."""
    status, code = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    extra: dict[str, Any] = {}
    if isinstance(error, StepError):
        extra = {"from_": error.instance.state, "event": error.event.name, "allowed": error.allowed}
        if isinstance(error, GuardRefused):
            extra["detail"] = "The event has a way on from here, and its guard said no to what came with it."
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else {}  # noqa: PLR2004 - an HTTP status
    return respond(request, problem(status, code, request_id=_id_of(request), **extra), headers)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer a request that the framework refused, without the values it likes to repeat."""
    if isinstance(error, ValidationException | SerializationException):
        errors = tuple(_field_problems(error))
        status = 422 if errors else 400
        return respond(request, problem(status, "invalid_content", request_id=_id_of(request), errors=errors))
    status = error.status_code
    if status >= 500:  # noqa: PLR2004 - an HTTP status
        return on_exception(request, error)
    code = {404: "not_found", 405: "method_not_allowed", 415: "media_type"}.get(status, "refused")
    detail = ""
    if _cause(error, msgspec.DecodeError) is not None:
        code, detail = "not_json", "The body is not JSON in UTF-8."
    if isinstance(error, MethodNotAllowedException | NotFoundException):
        headers = {**(error.headers or {}), "Vary": "Accept"}
        if request.accept.best_match([MEDIA_TYPE, MediaType.HTML]) == MediaType.HTML:
            content = render_page("problem.html", title=TITLES[status], status=status)
            return Response(content, status_code=status, media_type=MediaType.HTML, headers=headers)
    else:
        headers = {}
    return respond(request, problem(status, code, detail, request_id=_id_of(request)), headers)


def on_exception(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a request that failed by our own fault; the log has the error, the caller its request's id."""
    LOG.error("handler_error", request_id=_id_of(request), handler=request.route_handler.handler_name, **fault(error))
    document = problem(500, "internal", "Something went wrong on our side.", request_id=_id_of(request))
    return respond(request, document)


EXCEPTION_HANDLERS: dict[type[Exception] | int, Any] = {
    Refusal: on_refusal,
    WorkflowError: on_workflow_error,
    HTTPException: on_http_exception,
    Exception: on_exception,
}


def _field_problems(error: ValidationException | SerializationException) -> list[FieldProblem]:
    """Return what is wrong with which field, from what msgspec said."""
    cause = _cause(error, msgspec.ValidationError)
    if cause is None:
        return []
    message, pointer = _located(str(cause))
    if message == NO_BODY and not pointer:
        return [FieldProblem("", "missing", "A body is needed")]
    return [FieldProblem(pointer.removeprefix(BODY), "invalid", message)]


def _cause(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    """Return the first error of that *kind* among *error* and what led to it."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _located(message: str) -> tuple[str, str]:
    """Return msgspec's message without the value and the path it may name, and the path as a JSON pointer."""
    text, _, path = message.partition(" - at `$")
    if text.startswith("Invalid enum value"):
        text = "Not one of the allowed values"
    steps = path.rstrip("`").replace("[", ".").replace("]", "").split(".")
    return text, "".join(f"/{step}" for step in steps if step)


def _id_of(request: Request[Any, Any, Any]) -> str:
    request_id: str = request.scope.get("state", {}).get("request_id", "")
    return request_id

"""
The console's door: signing in and out, who a visitor is, and whether a form is theirs.

Rule 1: nothing is shown without a visit; whoever has none is led to the sign-in page and, from there, on.
Rule 2: nothing is changed by GET; what changes something comes from our own page, carries the visit's token, and is
        done by whose role may do it.
Rule 3: whatever goes wrong is a page, or a part of one where a part was asked for, with the way on.
"""

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from api.console.masking import masked_key
from api.forms import Fields, client_of, read_form
from api.pages import render_page
from api.problems import RETRY_AFTER, Refusal, on_exception, on_http_exception, on_workflow_error
from api.settings import Settings
from api.staff import ROLES, VISIT_LIFE, Role, StaffDesk, TooManyTries, Visitor
from engine.errors import StoreError, WorkflowError
from engine.model import SECOND

HOME = "/admin"
SIGN_IN = "/admin/sign-in"
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
LONGEST = 4000
"""How long a field of a form may be."""

AnyRequest = Request[Any, Any, Any]
Page = Response[bytes]

NAVIGATION = (
    ("Overview", "/admin"),
    ("Sessions", "/admin/sessions"),
    ("Orders", "/admin/orders"),
    ("Inquiries", "/admin/inquiries"),
    ("Definitions", "/admin/definitions"),
    ("Funnels", "/admin/funnels"),
    ("Effects", "/admin/effects"),
    ("Quarantine", "/admin/quarantine"),
    ("Flow health", "/admin/flow-health"),
    ("Staff", "/admin/staff"),
    ("Audit log", "/admin/audit"),
)
"""The console's pages, as every one of them lists them."""

NEEDS: Mapping[str, Role] = {"/admin/staff": "administrator", "/admin/audit": "operator"}
"""The role that one needs for a page which not everybody may see."""


class NotSignedIn(Exception):
    """Who calls has no visit."""


async def visit(request: AnyRequest, staff: NamedDependency[StaffDesk], settings: NamedDependency[Settings]) -> Visitor:
    """
    Return who calls; a dependency of every page.

    Raises:
        NotSignedIn: nobody whom we know.
    """
    visitor = await staff.visitor(request.cookies.get(_cookie_name(settings), ""))
    if visitor is None:
        raise NotSignedIn
    return visitor


async def form(request: AnyRequest, settings: NamedDependency[Settings], visitor: NamedDependency[Visitor]) -> Fields:
    """
    Return the fields of a form of the visitor's own; a dependency of everything that changes something.

    Raises:
        Refusal: it is not theirs, or cannot be read.
    """
    fields = await read_form(request, settings, LONGEST)
    given = fields.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER) or ""
    if not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
        raise Refusal(403, "form_token", "This page is too old, and nothing was done. Please open it again.")
    return {name: value for name, value in fields.items() if name != CSRF_FIELD}


def demand(visitor: Visitor, role: Role) -> None:
    """
    Refuse what a visitor's role may not do.

    Raises:
        Refusal: it may not.
    """
    if not visitor.may(role):
        they = " and ".join(f"{each}s" for each in ROLES[ROLES.index(role) :])
        raise Refusal(403, "forbidden", f"Only {they} may do that.")


def page(request: AnyRequest, visitor: Visitor, template: str, status: int = 200, **values: Any) -> Page:
    """Return a page of the console, or only its content where htmx asks for a part."""
    path = urlsplit(str(request.url)).path
    content = render_page(
        f"console/{template}",
        visitor=visitor,
        called=str if visitor.may("operator") else masked_key,
        navigation=[each for each in NAVIGATION if visitor.may(NEEDS.get(each[1], "viewer"))],
        here=path,
        part=request.headers.get("hx-request") == "true",
        **values,
    )
    return Response(content, status_code=status, media_type=MediaType.HTML, headers={"Vary": "HX-Request"})


def see(address: str) -> Page:
    """Return the answer that sends a browser on to another page."""
    return Response(b"", status_code=303, media_type=MediaType.TEXT, headers={"Location": address})


# Signing in and out


@get("/sign-in", include_in_schema=False)
async def show_sign_in(request: AnyRequest) -> Page:
    """Ask for a token."""
    return _sign_in_page(_local(request.query_params.get("next", "")), 200)


@post("/sign-in", status_code=303, include_in_schema=False)
async def sign_in(request: AnyRequest, staff: NamedDependency[StaffDesk], settings: NamedDependency[Settings]) -> Page:
    """Let in whoever has a token."""
    fields = await read_form(request, settings, LONGEST)
    wanted = _local(fields.get("next", ""))
    try:
        let_in = await staff.sign_in(fields.get("token", "").strip(), client_of(request, settings))
    except TooManyTries as refused:
        minutes = -(-refused.wait // (60 * SECOND))
        answer = _sign_in_page(wanted, 429, f"Those were too many wrong tokens. Please wait {minutes} minutes.")
        answer.headers["Retry-After"] = str(-(-refused.wait // SECOND))
        return answer
    if let_in is None:
        return _sign_in_page(wanted, 403, "That is nobody's token here.")
    secret, _ = let_in
    answer = see(wanted or HOME)
    answer.set_cookie(_cookie(settings, secret, VISIT_LIFE // SECOND))
    return answer


@post("/sign-out", status_code=303, include_in_schema=False)
async def sign_out(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],  # noqa: ARG001 - that the form is theirs is all there is to it
    staff: NamedDependency[StaffDesk],
    settings: NamedDependency[Settings],
) -> Page:
    """End the visit."""
    await staff.sign_out(request.cookies.get(_cookie_name(settings), ""), visitor)
    answer = see(SIGN_IN)
    answer.set_cookie(_cookie(settings, "", 0))
    return answer


def _sign_in_page(wanted: str, status: int, fault: str = "") -> Page:
    content = render_page("console/sign_in.html", next=wanted, fault=fault)
    return Response(content, status_code=status, media_type=MediaType.HTML)


def _local(address: str) -> str:
    """Return an address if it is one of the console's, "" if not: nobody is led elsewhere from here."""
    if not (address.isascii() and address.isprintable()):  # no header takes it
        return ""
    parts = urlsplit(address)
    ours = parts.path == HOME or parts.path.startswith(f"{HOME}/")
    return address if ours and not (parts.scheme or parts.netloc or "\\" in address) else ""


def _cookie_name(settings: Settings) -> str:
    """Return the cookie's name: outside development browsers hold it to this host and to TLS."""
    return "staff" if settings.development else "__Host-staff"


def _cookie(settings: Settings, secret: str, seconds: int) -> Cookie:
    return Cookie(
        _cookie_name(settings),
        value=secret,
        path="/",
        max_age=seconds,
        secure=not settings.development,
        httponly=True,
        samesite="strict",
    )


# What goes wrong


@get("/{path:path}", include_in_schema=False)
async def nowhere(path: FromPath[str], visitor: NamedDependency[Visitor]) -> Page:  # noqa: ARG001 - strangers sign in first
    """
    Say that there is no such page.

    Raises:
        Refusal: always.
    """
    raise Refusal(404, "not_found", "There is no such page.")


def on_not_signed_in(request: AnyRequest, _: NotSignedIn) -> Page:
    """Lead who has no visit to the sign-in page; a part of a page takes the whole window there."""
    url = urlsplit(str(request.url))
    if request.headers.get("hx-request") == "true":
        wanted = _local(urlsplit(request.headers.get("hx-current-url", "")).path)
        answer = Response(b"", status_code=401, media_type=MediaType.HTML)
        answer.headers["HX-Redirect"] = f"{SIGN_IN}?next={quote(wanted, safe='')}"
        return answer
    if url.path == HOME:
        return _sign_in_page("", 200)
    wanted = _local(f"{url.path}?{url.query}" if url.query else url.path) if request.method == "GET" else ""
    return see(f"{SIGN_IN}?next={quote(wanted, safe='')}")


def on_refusal_here(request: AnyRequest, refusal: Refusal) -> Page:
    """Answer a request that a handler refused."""
    return _shown(request, refusal.status, refusal.detail or "That could not be done.", refusal.headers)


def on_workflow_error_here(request: AnyRequest, error: WorkflowError) -> Page:
    """Answer a request that the engine or the store refused."""
    answered = on_workflow_error(request, error)
    if isinstance(error, StoreError):
        text = "The database cannot answer right now, and nothing was done. Please try again in a minute."
        return _shown(request, 503, text, {"Retry-After": RETRY_AFTER})
    text = "There is no such session." if answered.status_code == 404 else "It cannot do that now; nothing was done."  # noqa: PLR2004 - an HTTP status
    return _shown(request, answered.status_code or 500, text, {})


def on_http_exception_here(request: AnyRequest, error: HTTPException) -> Page:
    """Answer a request that the framework refused."""
    answered = on_http_exception(request, error)
    text = "There is no such page." if answered.status_code == 404 else "That could not be read."  # noqa: PLR2004 - an HTTP status
    return _shown(request, answered.status_code or 400, text, {})


def on_exception_here(request: AnyRequest, error: Exception) -> Page:
    """Answer a request that failed by our own fault."""
    on_exception(request, error)
    return _shown(
        request, 500, "Something went wrong on our side. The log tells what, under this page's request id.", {}
    )


def _shown(request: AnyRequest, status: int, text: str, headers: dict[str, str]) -> Page:
    is_part = request.headers.get("hx-request") == "true"
    template = "console/notice_part.html" if is_part else "console/notice.html"
    content = render_page(template, status=status, text=text)
    return Response(content, status_code=status, media_type=MediaType.HTML, headers=headers)


EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    NotSignedIn: on_not_signed_in,
    Refusal: on_refusal_here,
    WorkflowError: on_workflow_error_here,
    HTTPException: on_http_exception_here,
    Exception: on_exception_here,
}

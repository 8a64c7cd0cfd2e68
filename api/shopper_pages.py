"""
The shopper's pages: `/portal/{order_id}`, how one gets there, and what one can decide there. They need no script.

Rule 1: nothing is shown of an order to who has not proven that it is theirs; not even that it is there.
Rule 2: a form changes something only if we made it for who sends it, and it comes from our own page.
Rule 3: what was changed is shown by a page of its own (303), so that to reload is never to do it again.
Rule 4: whatever goes wrong is a page with a way on; to programs, who say so, it is a problem document.
"""

import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec
from litestar import MediaType, Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import FromPath
from msgspec import Struct

from api.cases import UnknownCase
from api.entry import DoorKeys
from api.entry_desk import CodeExpired, CodeWrong, EntryDesk, Locked, Named, Unreachable, contact_subject, wait_in_words
from api.order_book import FieldInvalid, UnknownCustomer, UnknownOrder
from api.pages import render_page
from api.problems import (
    MEDIA_TYPE,
    RETRY_AFTER,
    FieldProblem,
    ProblemDocument,
    Refusal,
    on_exception,
    on_http_exception,
    on_refusal,
    on_workflow_error,
    problem,
)
from api.settings import Settings
from api.shopper import (
    Chosen,
    KeyInProgress,
    KeyTaken,
    NotOffered,
    OrderPage,
    PageStale,
    ShopperDesk,
    until_text,
)
from api.throttle import Subjects, Throttle
from definitions.orders.rows import OrderDocument
from engine.errors import StoreError, WorkflowError
from engine.model import SECOND

JSON = "application/json"
NOT_FOUND = "We could not find an order with these details."
CHANGED = "The order changed, reload."
MAX_KEY, MAX_FIELD, MAX_FIELDS = 255, 1024, 30
ENTRY_SECONDS = 20 * 60
SESSION_SECONDS = 30 * 60

AnyRequest = Request[Any, Any, Any]
Fields = Mapping[str, str]
Page = Response[bytes]


class Door(Struct, frozen=True):
    """What the pages' door takes: keys, counted tries, and where it stands."""

    keys: DoorKeys
    throttle: Throttle
    settings: Settings

    def cookie(self, name: str) -> str:
        """Return a cookie's whole name: outside development browsers hold it to this host and to TLS."""
        return name if self.settings.development else f"__Host-{name}"

    def session_cookie(self, order_id: str) -> str:
        """Return the name of the cookie of an order's session."""
        return self.cookie(f"order-{self.keys.cookie_of(order_id)}")

    def kept(self, name: str, value: str, seconds: int) -> Cookie:
        """Return a cookie to be kept for so many seconds."""
        secure = not self.settings.development
        return Cookie(name, path="/", value=value, max_age=seconds, secure=secure, httponly=True, samesite="strict")


class Slip(Struct, frozen=True):
    """What was wrong with a choice: of which parcel, which code, which field; and what was filled in."""

    tracking_id: str = ""
    code: str = ""
    name: str = ""
    message: str = ""
    filled: Fields = {}


class ChoiceProblem(ProblemDocument, frozen=True, omit_defaults=True):
    """That something cannot be chosen: what can be instead is *allowed*, *until* that time."""

    until: str = ""


# Getting in


@get("/{order_id:str}", include_in_schema=False)
async def show(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    door: NamedDependency[Door],
) -> Page:
    """Show an order to who may see it, and the way in to everybody else."""
    key = request.query_params.get("key", "")
    document, session = await _session(request, order_id, shopper, door, key=key)
    if document is None:
        return _way_in(order_id)
    if session:
        return await _order(document, session, shopper, door)
    link = door.keys.read_link(document.order_id, key, shopper.now())
    if link == "open":
        # Shown at once: after a way from another site browsers would not send the new cookie to a second address.
        session = door.keys.session(document.order_id, shopper.now())
        return await _order(document, session, shopper, door, cookie=_opened(document, session, door))
    return _old_link(order_id, key) if link == "expired" else _way_in(order_id)


@post("/{order_id:str}/entry", status_code=303, include_in_schema=False)
async def ask_in(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    entries: NamedDependency[EntryDesk],
    door: NamedDependency[Door],
) -> Page:
    """Take an order's number and contact, or a link of ours that is too old, and send a code to that contact."""
    fields = await _form(request, door)
    key, contact = fields.get("key", ""), fields.get("contact", "")
    if key:
        known = await shopper.document(unquote(order_id))
        is_ours = known is not None and door.keys.read_link(known.order_id, key, shopper.now()) != "wrong"
        named = Named(known.order_id if known else unquote(order_id).casefold(), known if is_ours else None)
    else:
        named = await entries.named(fields.get("order", "").strip(), contact)
    subjects = Subjects(named.subject, contact_subject(contact or key), _client(request, door.settings))
    wait = door.throttle.take(subjects)
    if wait:
        raise _too_many(wait)
    document = named.document
    if document is None:
        return _page("portal_entry.html", 404, ref="", action=_address(order_id, "entry"), notice=NOT_FOUND)
    try:
        entry_id = await entries.send_code(document)
    except Locked as locked:
        raise _locked(locked) from None
    except Unreachable:
        why = "We have no way to send a code for this order. Please ask the shop where you bought it."
        raise Refusal(409, "unreachable", why) from None
    return _see(_address(document.order_id, "code"), door.kept(door.cookie("entry"), entry_id, ENTRY_SECONDS))


@get("/{order_id:str}/code", include_in_schema=False)
async def ask_code(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    entries: NamedDependency[EntryDesk],
    door: NamedDependency[Door],
) -> Page:
    """Ask for the code that was sent."""
    entry_id = request.cookies.get(door.cookie("entry"), "")
    document = await shopper.document(unquote(order_id)) if entry_id else None
    sent_to = await entries.sent_to(entry_id, document.order_id) if document else ""
    if not sent_to:
        return _see(_address(order_id))
    return _code_form(order_id, entry_id, door, 200, sent_to=sent_to)


@post("/{order_id:str}/code", status_code=303, include_in_schema=False)
async def take_code(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    entries: NamedDependency[EntryDesk],
    door: NamedDependency[Door],
) -> Page:
    """Take a code; the right one opens the order's page."""
    fields = await _form(request, door)
    entry_id = request.cookies.get(door.cookie("entry"), "")
    _check_token(door, entry_id, fields)
    try:
        document = await shopper.known(unquote(order_id))
        await entries.enter(entry_id, document.order_id, fields.get("code", ""))
    except CodeWrong as wrong:
        tries = "one try" if wrong.left == 1 else f"{wrong.left} tries"
        notice = f"That is not the code. You have {tries} left."
        return _code_form(order_id, entry_id, door, 400, notice=notice)
    except Locked as locked:
        raise _locked(locked) from None
    except (UnknownOrder, CodeExpired):
        notice = "That code is used or too old. Ask for a new one here."
        return _page("portal_entry.html", 410, ref=unquote(order_id), action=_address(order_id, "entry"), notice=notice)
    session = door.keys.session(document.order_id, shopper.now())
    return _see(_address(document.order_id), _opened(document, session, door))


# Deciding


@post("/{order_id:str}/resolution", status_code=202, include_in_schema=False)
async def resolve(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    door: NamedDependency[Door],
) -> Page:
    """Take what the customer chose for a failed delivery: a form, or JSON with an `Idempotency-Key`."""
    if _is_json(request):
        return await _resolve_json(order_id, request, shopper, door)
    fields = dict(await _form(request, door))
    document, session = await _inside(request, order_id, shopper, door)
    _check_token(door, session, fields)
    fields.pop("token")
    key, revision = fields.pop("key", ""), fields.pop("revision", "")
    if not (key and revision):
        raise Refusal(400, "missing_idempotency_key", "The form is not whole. Please open the page again.")
    try:
        chosen = msgspec.convert(fields, Chosen, strict=False)
    except msgspec.ValidationError:
        raise Refusal(422, "invalid_content", "The form is not whole. Please open the page again.") from None
    slip = Slip(chosen.tracking_id, chosen.code, filled=fields)
    try:
        await shopper.choose(document, chosen, key, revision, waits=True)
    except FieldInvalid as invalid:
        if invalid.field == "confirmed":
            page = await shopper.page(document)
            held = {"fields": {**fields, "key": key, "revision": revision, "confirmed": "true"}}
            return _page("portal_confirm.html", 200, page=page, token=door.keys.form_token(session), **held)
        slip = msgspec.structs.replace(slip, name=invalid.field, message=_sentence(invalid.message))
        return await _order(document, session, shopper, door, status=422, slip=slip)
    except PageStale:
        notice = f"{CHANGED} Nothing was recorded: this is how it stands now."
        return await _order(document, session, shopper, door, status=409, notice=notice)
    except NotOffered:
        notice = "That cannot be chosen any more, and nothing was recorded. This is what can be chosen now."
        return await _order(document, session, shopper, door, status=409, notice=notice)
    except (KeyTaken, UnknownCase, UnknownOrder) as error:
        raise _refusal_of(error) from None
    return _see(_address(document.order_id))


@post("/{order_id:str}/subscription", status_code=303, include_in_schema=False)
async def subscribe(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    door: NamedDependency[Door],
) -> Page:
    """Take the tick that lets the customer be written to on WhatsApp."""
    fields = await _form(request, door)
    document, session = await _inside(request, order_id, shopper, door)
    _check_token(door, session, fields)
    if fields.get("whatsapp") != "on":
        notice = "Tick the box to get updates on WhatsApp."
        return await _order(document, session, shopper, door, status=422, notice=notice)
    try:
        await shopper.subscribe(document)
    except UnknownCustomer:
        notice = "This order has no phone number that we could write to."
        return await _order(document, session, shopper, door, status=409, notice=notice)
    return _see(_address(document.order_id))


async def _resolve_json(order_id: str, request: AnyRequest, shopper: ShopperDesk, door: Door) -> Page:
    _check_origin(request, door.settings)
    document, _ = await _inside(request, order_id, shopper, door)
    key = request.headers.get("idempotency-key", "").strip()
    if not 0 < len(key) <= MAX_KEY:
        what = f"A change comes with an Idempotency-Key of 1 to {MAX_KEY} characters."
        raise Refusal(400, "missing_idempotency_key", what)
    try:
        chosen = msgspec.json.decode(await request.body(), type=Chosen)
    except msgspec.ValidationError as error:
        raise ValidationException from error
    except msgspec.DecodeError:
        raise Refusal(400, "not_json", "The body is not JSON in UTF-8.") from None
    expected = request.headers.get("if-match", "").strip()
    revision = "" if expected == "*" else expected.strip('"')
    try:
        body, is_replayed = await shopper.choose(document, chosen, key, revision, waits=False)
    except FieldInvalid as invalid:
        errors = (FieldProblem(f"/{invalid.field}", "invalid", _sentence(invalid.message)),)
        raise Refusal(422, "invalid_content", errors=errors) from None
    except NotOffered as refused:
        return _choice_problem(refused)
    except (PageStale, KeyInProgress, KeyTaken, UnknownCase, UnknownOrder) as error:
        raise _refusal_of(error) from None
    headers = {"Idempotent-Replayed": "true"} if is_replayed else {}
    return Response(body, status_code=202, media_type=JSON, headers=headers)


def _refusal_of(error: WorkflowError) -> Refusal:
    """Return what a caller is told whose choice was not recorded."""
    match error:
        case PageStale():
            return Refusal(412, "stale", CHANGED)
        case KeyInProgress():
            return Refusal(409, "in_progress", "The call with that Idempotency-Key is being worked on.")
        case KeyTaken():
            return Refusal(422, "idempotency_key_taken", "That Idempotency-Key was another choice's.")
        case UnknownCase():
            return Refusal(404, "unknown_case", "There is no failed delivery with that tracking number.")
    return Refusal(409, "not_taken", "This order's failed deliveries cannot be decided here. Please ask the shop.")


def _choice_problem(refused: NotOffered) -> Page:
    allowed = tuple(choice.code for choice in refused.offered)
    until = until_text(refused.until) if allowed else ""
    told = problem(409, "not_offered", "The case does not offer that now.", allowed=allowed)
    document = ChoiceProblem(**msgspec.structs.asdict(told), until=until)
    return Response(msgspec.json.encode(document), status_code=409, media_type=MEDIA_TYPE)


# Who asks


async def _session(
    request: AnyRequest, order_id: str, shopper: ShopperDesk, door: Door, *, key: str = ""
) -> tuple[OrderDocument | None, str]:
    """
    Return the order that an address names, and the session in which its customer sees it, "" if there is none.

    Who brings nothing that could open an order is not even looked for.
    """
    prefix = door.cookie("order-")
    if not (key or any(name.startswith(prefix) for name in request.cookies)):
        return None, ""
    document = await shopper.document(unquote(order_id))
    if document is None:
        return None, ""
    session = request.cookies.get(door.session_cookie(document.order_id), "")
    return document, session if door.keys.is_open(document.order_id, session, shopper.now()) else ""


async def _inside(request: AnyRequest, order_id: str, shopper: ShopperDesk, door: Door) -> tuple[OrderDocument, str]:
    """
    Return the order that somebody decides about, and their session.

    Raises:
        Refusal: they have none.
    """
    document, session = await _session(request, order_id, shopper, door)
    if document is None or not session:
        raise Refusal(401, "not_signed_in", "Your visit is over, and nothing was recorded. Please sign in again.")
    return document, session


def _client(request: AnyRequest, settings: Settings) -> str:
    """Return who calls: what our own proxy says, if the call came through one, else the peer."""
    peer = request.client.host if request.client else ""
    said = request.headers.get("x-forwarded-for", "")
    try:
        through_proxy = bool(said) and not settings.development and ip_address(peer).is_private
    except ValueError:
        through_proxy = False
    return said.rpartition(",")[2].strip() if through_proxy else peer


def _check_origin(request: AnyRequest, settings: Settings) -> None:
    """
    Refuse what another site lets a browser send.

    Of a page's form browsers say the origin `null` where its policy is `no-referrer`, as ours: then the form's token
    decides.

    Raises:
        Refusal: it is such.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    if site not in (None, "same-origin") or (origin != "null" and urlsplit(origin).netloc not in settings.hosts):
        raise Refusal(403, "cross_site", "This did not come from our own page, and nothing was recorded.")


def _check_token(door: Door, bearer: str, fields: Fields) -> None:
    """
    Refuse a form that was not made for who sends it.

    Raises:
        Refusal: it was not.
    """
    if not (bearer and door.keys.is_form_token(bearer, fields.get("token", ""))):
        raise Refusal(403, "form_token", "This page is too old, and nothing was recorded. Please open it again.")


async def _form(request: AnyRequest, door: Door) -> Fields:
    """
    Return a form's fields.

    Raises:
        Refusal: it came from elsewhere, or cannot be read.
    """
    _check_origin(request, door.settings)
    if _is_json(request):
        raise Refusal(415, "media_type", "This address takes a form.")
    try:
        text = (await request.body()).decode("ascii")
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError:  # UnicodeDecodeError is one
        raise Refusal(400, "not_a_form", "The form cannot be read.") from None
    if any(len(value) > MAX_FIELD or "\0" in value for value in fields.values()):
        raise Refusal(422, "invalid_content", f"A field has at most {MAX_FIELD} characters.")
    return fields


def _is_json(request: AnyRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON


def _wants_problem(request: AnyRequest) -> bool:
    accepted = request.headers.get("accept", "")
    return _is_json(request) or ("json" in accepted and "html" not in accepted)


# Pages


async def _order(
    document: OrderDocument,
    session: str,
    shopper: ShopperDesk,
    door: Door,
    *,
    status: int = 200,
    notice: str = "",
    slip: Slip = Slip(),  # noqa: B008 - it is frozen
    cookie: Cookie | None = None,
) -> Page:
    """Return the page of an order as it stands now."""
    page: OrderPage = await shopper.page(document)
    response = _page(
        "portal_order.html",
        status,
        page=page,
        address=_address(document.order_id),
        token=door.keys.form_token(session),
        new_key=lambda: secrets.token_urlsafe(18),
        notice=notice,
        slip=slip,
    )
    response.headers["ETag"] = f'"{page.revision}"'
    if cookie is not None:
        response.set_cookie(cookie)
    return response


def _way_in(order_id: str) -> Page:
    return _page("portal_entry.html", 200, ref=unquote(order_id), action=_address(order_id, "entry"), notice="")


def _old_link(order_id: str, key: str) -> Page:
    return _page("portal_old_link.html", 410, action=_address(order_id, "entry"), key=key)


def _code_form(order_id: str, entry_id: str, door: Door, status: int, *, notice: str = "", sent_to: str = "") -> Page:
    token = door.keys.form_token(entry_id)
    address = _address(order_id)
    return _page("portal_code.html", status, address=address, token=token, notice=notice, sent_to=sent_to)


def _page(template: str, status: int, **values: Any) -> Page:
    return Response(render_page(template, **values), status_code=status, media_type=MediaType.HTML)


def _see(address: str, cookie: Cookie | None = None) -> Page:
    """Return the answer that sends a browser on to another page."""
    response = Response(b"", status_code=303, media_type=MediaType.TEXT, headers={"Location": address})
    if cookie is not None:
        response.set_cookie(cookie)
    return response


def _opened(document: OrderDocument, session: str, door: Door) -> Cookie:
    return door.kept(door.session_cookie(document.order_id), session, SESSION_SECONDS)


def _address(order_id: str, *rest: str) -> str:
    """Return the address of an order's page, whether its id is escaped or not, or of what is under it."""
    return "/".join(("/portal", quote(unquote(order_id), safe=""), *rest))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _too_many(wait: int) -> Refusal:
    return _waiting(wait, "too_many_tries", "There were too many tries.")


def _locked(locked: Locked) -> Refusal:
    return _waiting(locked.wait, "locked", "Too many codes were wrong.")


def _waiting(wait: int, code: str, why: str) -> Refusal:
    headers = {"Retry-After": str(-(-wait // SECOND))}
    return Refusal(
        429,
        code,
        f"{why} Please try again in {wait_in_words(wait)}, or use the link in our last message.",
        headers=headers,
    )


# What goes wrong


def _shown(request: AnyRequest, status: int, text: str, headers: Mapping[str, str]) -> Page:
    """Return what went wrong as a page with the way on."""
    _, _, path = request.scope["path"].partition("/portal/")
    page = _page("portal_notice.html", status, text=text, address=_address(path.partition("/")[0]))
    page.headers.update(headers)
    return page


def on_refusal_here(request: AnyRequest, refusal: Refusal) -> Page:
    """Answer a request that a handler refused."""
    if _wants_problem(request):
        return on_refusal(request, refusal)
    return _shown(request, refusal.status, refusal.detail, refusal.headers)


def on_workflow_error_here(request: AnyRequest, error: WorkflowError) -> Page:
    """Answer a request that the engine or the store refused."""
    if _wants_problem(request):
        return on_workflow_error(request, error)
    if isinstance(error, StoreError):
        text = "We cannot look this up right now, and nothing was recorded. Please try again in a minute."
        return _shown(request, 503, text, {"Retry-After": RETRY_AFTER})
    return on_exception_here(request, error)


def on_http_exception_here(request: AnyRequest, error: HTTPException) -> Page:
    """Answer a request that the framework refused."""
    answered = on_http_exception(request, error)
    if _wants_problem(request):
        return answered
    status = answered.status_code or 400
    return _shown(request, status, "That could not be read. Please open the page again.", {})


def on_exception_here(request: AnyRequest, error: Exception) -> Page:
    """Answer a request that failed by our own fault."""
    answered = on_exception(request, error)
    if _wants_problem(request):
        return answered
    return _shown(request, 500, "Something went wrong on our side. Please try again in a minute.", {})


ROUTER = Router(
    "/portal",
    route_handlers=[show, ask_in, ask_code, take_code, resolve, subscribe],
    exception_handlers={
        Refusal: on_refusal_here,
        WorkflowError: on_workflow_error_here,
        HTTPException: on_http_exception_here,
        Exception: on_exception_here,
    },
)

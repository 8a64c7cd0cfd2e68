"""
The shopper's pages: `/portal/{order_id}`, how one gets there, and what one can decide there. They need no script.

They are in the shopper's language: the one they choose (`?lang=`, kept in a cookie), else their browser's, else the
account's. They look like the merchant's own: before one is in, only where all orders are one merchant's.

Rule 1: nothing is shown of an order to who has not proven that it is theirs; not even that it is there.
Rule 2: a form changes something only if we made it for who sends it, and it comes from our own page.
Rule 3: what was changed is shown by a page of its own (303), so that to reload is never to do it again.
Rule 4: whatever goes wrong is a page with a way on; to programs, who say so, it is a problem document, in English.
Rule 5: no word that a shopper reads is here or in a template: all are in the catalogue (definitions/words).
"""

import secrets
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote, unquote, urlencode

import msgspec
from litestar import MediaType, Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import FromPath
from msgspec import Struct

from api.brand import Branded, brand_of, language_of, version
from api.cases import UnknownCase
from api.entry import DoorKeys
from api.entry_desk import CodeExpired, CodeWrong, EntryDesk, Locked, Named, SentTo, Unreachable, contact_subject
from api.forms import Fields, check_origin, client_of, read_form
from api.order_book import UnknownCustomer, UnknownOrder
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
    FieldsInvalid,
    KeyInProgress,
    KeyTaken,
    NotOffered,
    PageStale,
    ShopperDesk,
    until_text,
)
from api.shopper_view import Option, OrderPage
from api.throttle import Subjects, Throttle
from definitions.orders.rows import Account, OrderDocument
from definitions.words.document import USUAL, Words, words_of
from definitions.words.saying import Speaker, preferred, territory_of
from engine.errors import StoreError, WorkflowError
from engine.model import SECOND

JSON = "application/json"
CHANGED = "The order changed, reload."
MAX_KEY, MAX_FIELD = 255, 1024
FIELDS = "deferredDate", "updatedAddress", "landmark", "phone"
"""The fields in which a choice can be wrong, as they follow one another."""

ENTRY_SECONDS = 20 * 60
SESSION_SECONDS = 30 * 60
LANGUAGE_SECONDS = 365 * 24 * 3600

LANGUAGE = "lang"
"""The name under which a shopper says their language, in an address and in a cookie."""

LONG_WAIT = 90
"""More minutes than that are told in hours."""

KEPT_FOR_EVER, KEPT_FOR_MINUTES = "max-age=31536000, immutable", "max-age=300"

PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""What a logo may do where somebody opens it by itself: an SVG draws, and does nothing else."""

AnyRequest = Request[Any, Any, Any]
Page = Response[bytes]


class Door(Struct, frozen=True):
    """What the pages' door takes: keys, counted tries, and where it stands."""

    keys: DoorKeys
    throttle: Throttle
    settings: Settings

    def cookie(self, name: str) -> str:
        """Return a cookie's whole name: outside development browsers hold it to this host and to TLS."""
        return name if self.settings.development else f"__Host-{name}"

    @property
    def words(self) -> Words:
        """Return what shoppers are told, in every language."""
        return words_of(self.settings.definition_folders)

    def session_cookie(self, order_id: str) -> str:
        """Return the name of the cookie of an order's session."""
        return self.cookie(f"order-{self.keys.cookie_of(order_id)}")

    def kept(self, name: str, value: str, seconds: int, samesite: Literal["strict", "lax"] = "strict") -> Cookie:
        """Return a cookie to be kept for so many seconds."""
        secure = not self.settings.development
        return Cookie(name, path="/", value=value, max_age=seconds, secure=secure, httponly=True, samesite=samesite)


class Slip(Struct, frozen=True):
    """What was wrong with a choice: of which parcel, which code, which fields; and what was filled in."""

    tracking_id: str = ""
    code: str = ""
    faults: frozenset[str] = frozenset()
    filled: Fields = {}


class Tongue(Struct, frozen=True):
    """A language that a page can be had in, and where."""

    code: str
    name: str
    address: str
    is_this: bool


class Look(Struct, frozen=True):
    """How a page looks and speaks; *cookie* keeps the language that was just chosen."""

    speaker: Speaker
    brand: Branded
    tongues: tuple[Tongue, ...]
    cookie: Cookie | None = None


class ChoiceProblem(ProblemDocument, frozen=True, omit_defaults=True):
    """That something cannot be chosen: what can be instead is *allowed*, *until* that time."""

    until: str = ""


# Getting in


@get("/", include_in_schema=False)
async def find(request: AnyRequest, shopper: NamedDependency[ShopperDesk], door: NamedDependency[Door]) -> Page:
    """Ask who names no order, by its number and contact, which it is."""
    return _way_in("", await _look(request, shopper, door))


@get("/{order_id:str}", include_in_schema=False)
async def show(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    door: NamedDependency[Door],
) -> Page:
    """Show an order to who may see it, and the way in to everybody else."""
    key = request.query_params.get("key", "")
    look = await _look(request, shopper, door)
    document, session = await _session(request, order_id, shopper, door, key=key)
    if document is None:
        return _way_in(order_id, look)
    if session:
        return await _order(request, document, session, shopper, door)
    link = door.keys.read_link(document.order_id, key, shopper.now())
    if link == "open":
        # Shown at once: after a way from another site browsers would not send the new cookie to a second address.
        session = door.keys.session(document.order_id, shopper.now())
        return await _order(request, document, session, shopper, door, cookie=_opened(document, session, door))
    if link == "expired":
        return _old_link(order_id, key, await _look(request, shopper, door, document))
    return _way_in(order_id, look)


@post("/", status_code=303, include_in_schema=False)
async def ask_in_anywhere(
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    entries: NamedDependency[EntryDesk],
    door: NamedDependency[Door],
) -> Page:
    """Take an order's number and contact, and send a code to that contact."""
    return await _send_code("", request, shopper, entries, door)


@post("/{order_id:str}/entry", status_code=303, include_in_schema=False)
async def ask_in(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    entries: NamedDependency[EntryDesk],
    door: NamedDependency[Door],
) -> Page:
    """Take an order's number and contact, or a link of ours that is too old, and send a code to that contact."""
    return await _send_code(order_id, request, shopper, entries, door)


async def _send_code(order_id: str, request: AnyRequest, shopper: ShopperDesk, entries: EntryDesk, door: Door) -> Page:
    look = await _look(request, shopper, door)
    fields = await read_form(request, door.settings, MAX_FIELD)
    key, contact = fields.get("key", ""), fields.get("contact", "")
    if key:
        known = await shopper.document(unquote(order_id))
        is_ours = known is not None and door.keys.read_link(known.order_id, key, shopper.now()) != "wrong"
        named = Named(known.order_id if known else unquote(order_id).casefold(), known if is_ours else None)
    else:
        named = await entries.named(fields.get("order", "").strip(), contact)
    subjects = Subjects(named.subject, contact_subject(contact or key), client_of(request, door.settings))
    wait = door.throttle.take(subjects)
    if wait:
        raise _waiting(wait, "too_many_tries")
    document = named.document
    if document is None:
        return _page("portal_entry.html", 404, look, ref="", action=_entry(order_id), notice="entry.not_found")
    try:
        entry_id = await entries.send_code(document, look.speaker.language)
    except Locked as locked:
        raise _waiting(locked.wait, "locked") from None
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
    await _look(request, shopper, door)
    entry_id = request.cookies.get(door.cookie("entry"), "")
    document = await shopper.document(unquote(order_id)) if entry_id else None
    sent_to = await entries.sent_to(entry_id, document.order_id) if document else None
    if document is None or sent_to is None:
        return _see(_address(order_id))
    look = await _look(request, shopper, door, document)
    return _code_form(order_id, entry_id, door, look, 200, sent_to=sent_to)


@post("/{order_id:str}/code", status_code=303, include_in_schema=False)
async def take_code(
    order_id: FromPath[str],
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    entries: NamedDependency[EntryDesk],
    door: NamedDependency[Door],
) -> Page:
    """Take a code; the right one opens the order's page."""
    look = await _look(request, shopper, door)
    fields = await read_form(request, door.settings, MAX_FIELD)
    entry_id = request.cookies.get(door.cookie("entry"), "")
    _check_token(door, entry_id, fields)
    try:
        document = await shopper.known(unquote(order_id))
        await entries.enter(entry_id, document.order_id, fields.get("code", ""))
    except CodeWrong as wrong:
        look = await _look(request, shopper, door, document)
        return _code_form(order_id, entry_id, door, look, 400, tries_left=wrong.left)
    except Locked as locked:
        raise _waiting(locked.wait, "locked") from None
    except (UnknownOrder, CodeExpired):
        told = {"ref": unquote(order_id), "action": _entry(order_id), "notice": "entry.code_gone"}
        return _page("portal_entry.html", 410, look, **told)
    session = door.keys.session(document.order_id, shopper.now())
    return _see(_address(document.order_id), _opened(document, session, door))


# Looking like the merchant


@get("/brands/{account_id:str}/site.css", include_in_schema=False)
async def brand_stylesheet(
    account_id: FromPath[str], request: AnyRequest, shopper: NamedDependency[ShopperDesk]
) -> Page:
    """Return the stylesheet that brings a merchant's colours."""
    account = await shopper.account_called(unquote(account_id))
    content = brand_of(account).stylesheet if account else b""
    if not content:
        raise Refusal(404, "not_found", "There is no such brand.")
    return _kept(request, content, "text/css")


@get("/brands/{account_id:str}/logo", include_in_schema=False)
async def brand_logo(account_id: FromPath[str], request: AnyRequest, shopper: NamedDependency[ShopperDesk]) -> Page:
    """Return a merchant's logo."""
    account = await shopper.account_called(unquote(account_id))
    picture = brand_of(account).picture if account else None
    if picture is None:
        raise Refusal(404, "not_found", "There is no such brand.")
    response = _kept(request, picture[1], picture[0])
    response.headers["Content-Security-Policy"] = PICTURE_POLICY
    return response


def _kept(request: AnyRequest, content: bytes, media_type: str) -> Page:
    """Return what browsers may keep: for ever where its address says which content it is."""
    is_this = request.query_params.get("v") == version(content)
    headers = {"Cache-Control": KEPT_FOR_EVER if is_this else KEPT_FOR_MINUTES}
    return Response(content, media_type=media_type, headers=headers)


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
    await _look(request, shopper, door)
    fields = dict(await read_form(request, door.settings, MAX_FIELD))
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
    try:
        await shopper.choose(document, chosen, key, revision, waits=True)
    except FieldsInvalid as invalid:
        wrong = frozenset(fault.field for fault in invalid.faults)
        if wrong == {"confirmed"}:
            look = await _look(request, shopper, door, document)
            held = {**fields, "key": key, "revision": revision, "confirmed": "true"}
            return _confirmation(document, session, door, look, held)
        slip = Slip(chosen.tracking_id, chosen.code, wrong, fields)
        return await _order(request, document, session, shopper, door, status=422, slip=slip)
    except PageStale:
        return await _order(request, document, session, shopper, door, status=409, notice="notice.changed")
    except NotOffered:
        return await _order(request, document, session, shopper, door, status=409, notice="notice.not_offered")
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
    await _look(request, shopper, door)
    fields = await read_form(request, door.settings, MAX_FIELD)
    document, session = await _inside(request, order_id, shopper, door)
    _check_token(door, session, fields)
    if fields.get("whatsapp") != "on":
        slip = Slip(faults=frozenset({"whatsapp"}))
        return await _order(request, document, session, shopper, door, status=422, slip=slip)
    try:
        await shopper.subscribe(document)
    except UnknownCustomer:
        return await _order(request, document, session, shopper, door, status=409, notice="notice.no_phone")
    return _see(_address(document.order_id))


async def _resolve_json(order_id: str, request: AnyRequest, shopper: ShopperDesk, door: Door) -> Page:
    check_origin(request, door.settings)
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
    except FieldsInvalid as invalid:
        faults = invalid.faults
        errors = tuple(FieldProblem(f"/{fault.field}", "invalid", _sentence(fault.message)) for fault in faults)
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


async def _look(request: AnyRequest, shopper: ShopperDesk, door: Door, document: OrderDocument | None = None) -> Look:
    """
    Return how the request's page looks, and remember it for the page of whatever goes wrong after this.

    The brand is that of an order that somebody may see; before that, it is shown where there is but one.
    """
    try:
        account = await (shopper.account_called(document.account_id) if document else shopper.only_account())
    except StoreError:  # what is to be looked up will say so; what needs no looking up goes on
        account = None
    look = _look_of(request, door, account)
    request.state.look = look
    return look


def _look_of(request: AnyRequest, door: Door, account: Account | None) -> Look:
    words = door.words
    asked = words.known(request.query_params.get(LANGUAGE, ""))
    chosen = asked or words.known(request.cookies.get(door.cookie(LANGUAGE), ""))
    # Lax: who comes by a link in a letter reads the language that they chose here before.
    cookie = door.kept(door.cookie(LANGUAGE), asked, LANGUAGE_SECONDS, "lax") if asked else None
    return _spoken(request, words, chosen, account, cookie)


def _spoken(
    request: AnyRequest, words: Words, chosen: str, account: Account | None, cookie: Cookie | None = None
) -> Look:
    """Return how a page looks and speaks in the language that was *chosen*, "" for none."""
    usual = language_of(account) if account else USUAL
    language = chosen or preferred(words, request.headers.get("accept-language", ""), usual)
    speaker = Speaker.of(words, language, territory_of(account.timezone) if account else "")
    tongues = tuple(
        Tongue(code, texts["language.name"]["other"], _address_in(request, code), code == language)
        for code, texts in words.languages.items()
    )
    return Look(speaker, Branded.of(account) if account else Branded(), tongues, cookie)


def _address_in(request: AnyRequest, language: str) -> str:
    """Return where the page can be had in a language: where it is, or, of the answer to a form, at its order."""
    _, _, rest = request.scope["path"].partition("/portal/")
    segments = rest.split("/") if request.method == "GET" else rest.split("/")[:1]
    said = [(name, value) for name, value in request.query_params.multi_items() if name != LANGUAGE]
    return f"{_address(*segments)}?{urlencode([*said, (LANGUAGE, language)])}"


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


def _check_token(door: Door, bearer: str, fields: Fields) -> None:
    """
    Refuse a form that was not made for who sends it.

    Raises:
        Refusal: it was not.
    """
    if not (bearer and door.keys.is_form_token(bearer, fields.get("token", ""))):
        raise Refusal(403, "form_token", "This page is too old, and nothing was recorded. Please open it again.")


def _is_json(request: AnyRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON


def _wants_problem(request: AnyRequest) -> bool:
    accepted = request.headers.get("accept", "")
    return _is_json(request) or ("json" in accepted and "html" not in accepted)


# Pages


async def _order(
    request: AnyRequest,
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
    """Return the page of an order as it stands now; *notice* is the key of what is told above it."""
    look = await _look(request, shopper, door, document)
    page: OrderPage = await shopper.page(document, look.speaker)
    faults = _faults(page, slip, look.speaker)
    if slip.faults and not faults:  # what was wrong is nothing that a field of the page could mend
        notice = notice or "notice.not_offered"
    response = _page(
        "portal_order.html",
        status,
        look,
        page=page,
        address=_address(document.order_id),
        token=door.keys.form_token(session),
        new_key=lambda: secrets.token_urlsafe(18),
        notice=notice,
        faults=faults,
        filled=slip.filled,
        filled_in=_option(page, slip),
    )
    response.headers["ETag"] = f'"{page.revision}"'
    if cookie is not None:
        response.set_cookie(cookie)
    return response


def _option(page: OrderPage, slip: Slip) -> Option | None:
    """Return the choice of a page that a slip is about."""
    panels = [parcel.case for parcel in page.parcels if parcel.case and parcel.tracking_id == slip.tracking_id]
    return next((option for panel in panels for option in panel.options if option.code == slip.code), None)


def _faults(page: OrderPage, slip: Slip, speaker: Speaker) -> Mapping[str, str]:
    """Return what is wrong, in words, by the id of the field that can mend it, as the fields follow one another."""
    if "whatsapp" in slip.faults and not page.is_subscribed:
        return {"whatsapp": speaker.say("fault.whatsapp")}
    option = _option(page, slip)
    if option is None:
        return {}
    days = {"first": option.first, "last": option.last}
    return {f"{name}-{option.id}": speaker.say(f"fault.{name}", **days) for name in FIELDS if name in slip.faults}


def _confirmation(document: OrderDocument, session: str, door: Door, look: Look, held: Fields) -> Page:
    return _page(
        "portal_confirm.html",
        200,
        look,
        number=document.customer_order_number,
        address=_address(document.order_id),
        token=door.keys.form_token(session),
        fields=held,
    )


def _way_in(order_id: str, look: Look) -> Page:
    return _page("portal_entry.html", 200, look, ref=unquote(order_id), action=_entry(order_id), notice="")


def _old_link(order_id: str, key: str, look: Look) -> Page:
    return _page("portal_old_link.html", 410, look, action=_entry(order_id), key=key)


def _code_form(
    order_id: str,
    entry_id: str,
    door: Door,
    look: Look,
    status: int,
    *,
    tries_left: int = 0,
    sent_to: SentTo | None = None,
) -> Page:
    token = door.keys.form_token(entry_id)
    address = _address(order_id)
    told = {"address": address, "token": token, "tries_left": tries_left, "sent_to": sent_to}
    return _page("portal_code.html", status, look, **told)


def _page(template: str, status: int, look: Look, **values: Any) -> Page:
    content = render_page(template, say=look.speaker.say, look=look, **values)
    response = Response(content, status_code=status, media_type=MediaType.HTML)
    response.headers["Content-Language"] = look.speaker.language
    if look.cookie is not None:
        response.set_cookie(look.cookie)
    return response


def _see(address: str, cookie: Cookie | None = None) -> Page:
    """Return the answer that sends a browser on to another page."""
    response = Response(b"", status_code=303, media_type=MediaType.TEXT, headers={"Location": address})
    if cookie is not None:
        response.set_cookie(cookie)
    return response


def _opened(document: OrderDocument, session: str, door: Door) -> Cookie:
    return door.kept(door.session_cookie(document.order_id), session, SESSION_SECONDS)


def _address(order_id: str, *rest: str) -> str:
    """Return the address of an order's page, whether its id is escaped or not, or of what is under it; "" is none."""
    return "/".join(("/portal", quote(unquote(order_id), safe=""), *rest)) if order_id else "/portal"


def _entry(order_id: str) -> str:
    """Return where the form goes that asks for a code, from the page of that order."""
    return _address(order_id, "entry")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _waiting(wait: int, code: str) -> Refusal:
    seconds = -(-wait // SECOND)
    speaker = Speaker.of(words_of(), USUAL)
    told = speaker.say(f"problem.{code}", wait=_wait(speaker, seconds))
    return Refusal(429, code, told, headers={"Retry-After": str(seconds)})


def _wait(speaker: Speaker, seconds: int) -> str:
    """Return a wait as people say it: in minutes, a long one in hours."""
    minutes = max(1, -(-seconds // 60))
    if minutes > LONG_WAIT:
        return speaker.say("wait.hours", count=-(-minutes // 60))
    return speaker.say("wait.minutes", count=minutes)


# Addresses without a page


@get([f"/{{order_id:str}}/{form}" for form in ("entry", "resolution", "subscription")], include_in_schema=False)
async def back(order_id: FromPath[str]) -> Page:
    """Lead who opens the address that a form is sent to, to the order."""
    return _see(_address(order_id))


@get("/{order_id:str}/{rest:path}", include_in_schema=False)
async def nowhere(
    order_id: FromPath[str],  # noqa: ARG001 - the way on leads there
    rest: FromPath[str],  # noqa: ARG001 - it is nothing of ours
    request: AnyRequest,
    shopper: NamedDependency[ShopperDesk],
    door: NamedDependency[Door],
) -> Page:
    """
    Say that there is no such page.

    Raises:
        Refusal: always.
    """
    await _look(request, shopper, door)
    raise Refusal(404, "not_found", "There is no such page.")


# What goes wrong


def _shown(request: AnyRequest, status: int, code: str, headers: Mapping[str, str]) -> Page:
    """Return what went wrong as a page with the way on."""
    found = getattr(request.state, "look", None)
    look = found if isinstance(found, Look) else _spoken(request, words_of(), "", None)
    text = f"problem.{code}" if f"problem.{code}" in look.speaker.texts else "problem.other"
    wait = _wait(look.speaker, int(headers.get("Retry-After", "0")))
    _, _, path = request.scope["path"].partition("/portal/")
    told = look.speaker.say(text, wait=wait)
    page = _page("portal_notice.html", status, look, text=told, address=_address(path.partition("/")[0]))
    page.headers.update(headers)
    return page


def on_refusal_here(request: AnyRequest, refusal: Refusal) -> Page:
    """Answer a request that a handler refused."""
    if _wants_problem(request):
        return on_refusal(request, refusal)
    return _shown(request, refusal.status, refusal.code, refusal.headers)


def on_workflow_error_here(request: AnyRequest, error: WorkflowError) -> Page:
    """Answer a request that the engine or the store refused."""
    if _wants_problem(request):
        return on_workflow_error(request, error)
    if isinstance(error, StoreError):
        return _shown(request, 503, "unavailable", {"Retry-After": RETRY_AFTER})
    return on_exception_here(request, error)


def on_http_exception_here(request: AnyRequest, error: HTTPException) -> Page:
    """Answer a request that the framework refused."""
    answered = on_http_exception(request, error)
    if _wants_problem(request):
        return answered
    return _shown(request, answered.status_code or 400, "other", {})


def on_exception_here(request: AnyRequest, error: Exception) -> Page:
    """Answer a request that failed by our own fault."""
    answered = on_exception(request, error)
    if _wants_problem(request):
        return answered
    return _shown(request, 500, "ours", {})


_PORTAL = Router(
    "/portal",
    route_handlers=[find, ask_in_anywhere, show, ask_in, ask_code, take_code, resolve, subscribe, back, nowhere],
    exception_handlers={
        Refusal: on_refusal_here,
        WorkflowError: on_workflow_error_here,
        HTTPException: on_http_exception_here,
        Exception: on_exception_here,
    },
)

ROUTER = Router("/", route_handlers=[_PORTAL, brand_stylesheet, brand_logo])

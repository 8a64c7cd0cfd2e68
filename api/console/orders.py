"""
Orders: what was ordered, where each shipment is and how that is known, what failed and what is done about it.

Rule 1: who and where the customer is, is masked until somebody who may see it says why; then it is shown once.
Rule 2: what staff choose for a customer is what the case offers, through the desk that takes customers' own choices.
Rule 3: what couriers said is shown as they said it, when it happened, when it was heard, and what became of it; their
        remarks, which may name people, only to who may act.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct
from msgspec.structs import replace

from api.aliases import ORDER_ID, subscription_key
from api.cases import CaseDesk, Resolution, UnknownCase, cases_of
from api.clock import Clock
from api.console.addresses import order_address, session_address
from api.console.desk import effect_address, reason_of, said_done
from api.console.door import AnyRequest, Page, demand, page, see
from api.console.effects import STATUSES, reason_in_words
from api.console.masking import masked_text
from api.console.paging import PAGE_SIZE, Paged, paged, place
from api.console.sessions import phone_of
from api.console.standings import Standing, standing, standing_in, tagged
from api.forms import Fields
from api.messages import MESSAGE
from api.order_book import NDR_CASE, OPEN, ORDER, SHIPMENT, SUBSCRIPTION, FieldInvalid, OrderBook, person_of
from api.problems import Refusal
from api.sessions import Act, SessionDesk
from api.shopper_view import CANCEL, UNANSWERED, Offer, offer_of, travels
from api.staff import StaffDesk, Visitor
from definitions.catalogue import Catalogue
from definitions.orders import ndr
from definitions.orders.rows import Account, OrderDocument, PersonAlias
from definitions.orders.steps import Step, way_of
from definitions.orders.timeline import RECORDS
from definitions.orders.words import FORWARD, word_of
from definitions.people.keywords import CATEGORIES
from engine.errors import StepError, UnknownInstance
from engine.family import Family
from engine.fold import ABOUT, ACCEPTED, DISMISSED, SETTLING, Fact, Outcome
from engine.interpreter import Interpreter
from engine.model import SECOND, Instance
from engine.ports import Store
from storage.finding import OrderItem
from storage.queries import EffectItem, JournalItem, Queries

CONSOLE = "console"
"""By which door staff choose for a customer."""

DOORS: Mapping[str, str] = {
    "portal": "on the tracking page",
    "flow": "in the form in the chat",
    CONSOLE: "staff for the customer, here",
    "": "with a button in the chat, or over the API",
}
"""By which door a choice came."""

LATE = 3600 * SECOND
"""How long after it happened a report comes late."""

STEPS_READ = 50
"""How many of a case's or subscription's steps are read, the newest."""

EFFECTS_READ = 100
"""How many effects of each member of an order's family are read."""

SETTLED_BY: Mapping[str, str] = {"accept": ACCEPTED, "dismiss": DISMISSED}

OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    "applied": ("", ""),
    "ignored": ("no effect", ""),
    "conflict": ("in conflict", "grave"),
}
"""What became of a report, and its tone."""


EVIDENCE: Mapping[str, str] = {
    "portal": "by the box on the tracking page",
    "chat": "by a message in the chat",
    "whatsapp": "in WhatsApp's own settings",
    "status": "Meta said so of a message",
}
"""How it is known what somebody wants to be written to about."""


class Row(Struct, frozen=True):
    """An order in the list."""

    item: OrderItem
    address: str
    standing: Standing


class Mark(Struct, frozen=True):
    """Something about a report that is to be noticed."""

    words: str
    tone: str = ""


class Report(Struct, frozen=True):
    """A courier's report; one in conflict has the *fact* by which it is settled."""

    title: str
    at: int
    received_at: int
    source: str
    place: str
    remark: str
    marks: tuple[Mark, ...]
    fact: str = ""


class Try(Struct, frozen=True):
    """A failed attempt in the ledger: whether it counts and, if somebody said so, who says that it does not."""

    at: int
    reason: str
    counts: bool
    words: str


class Choosing(Struct, frozen=True):
    """A choice that was made for a failed delivery: by which door, when, with what day."""

    label: str
    day: str
    door: str
    at: int


class Slip(Struct, frozen=True):
    """Why a choice for a customer was not taken, in which field of its form, and what was filled in."""

    field: str
    text: str
    filled: Fields


class CaseShown(Struct, frozen=True):
    """An NDR case; *offer* is what its customer could choose now, if anything."""

    address: str
    standing: Standing
    attempt_at: int
    reason: str
    remark: str
    deadline: int | None
    choices: tuple[Choosing, ...]
    offer: Offer | None
    asks_phone: bool


class ShipmentShown(Struct, frozen=True):
    """A shipment with all that is known of it."""

    tracking_id: str
    courier: str
    leg: str
    address: str
    standing: Standing
    items: tuple[str, ...]
    way: tuple[Step, ...]
    reports: tuple[Report, ...]
    attempts: tuple[Try, ...]
    cases: tuple[CaseShown, ...]
    conflicts: int


class Sent(Struct, frozen=True):
    """A message or call that the order asked for, and where it stands."""

    name: str
    address: str
    message: str
    title: str
    tone: str
    words: str
    at: int


class ConsentShown(Struct, frozen=True):
    """What the customer wants to be written to about; *evidence* says how that is known, without what they wrote."""

    category: str
    address: str
    standing: Standing
    evidence: str
    at: int | None


@get("/orders", include_in_schema=False)
async def orders(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    clock: NamedDependency[Clock],
    q: FromQuery[str] = "",
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    waiting: FromQuery[bool] = False,
    after: Annotated[str, QueryParameter(name="cursor")] = "",
) -> Page:
    """List orders, the newest first; a search that finds exactly one leads there."""
    sought, before = q.strip()[:300], place(after)
    if waiting:
        found, older = await _with_open_cases(before, queries, catalogue)
        shown = Paged(tuple(found), older)
    else:
        found = await _orders(sought, in_state, before, queries, catalogue)
        if sought and not found and before is None:
            found = await _led_to(sought, queries, store, catalogue)
        if sought and len(found) == 1 and not (in_state or after or request.headers.get("hx-request")):
            return see(order_address(found[0].session.key))
        shown = paged(found, [item.session.id for item in found])
    return page(
        request,
        visitor,
        "orders.html",
        now=clock(),
        rows=Paged(tuple(_row(item, catalogue) for item in shown.items), shown.older),
        q=sought,
        state=in_state,
        waiting=waiting,
        states=[(state.id, state.title or state.id) for state in catalogue.interpreter(ORDER).definition.states],
        accounts={account.account_id: account.name for account in await store.find(Account)},
        first=not after,
    )


@get("/orders/{order_id:str}", include_in_schema=False)
async def order(
    request: AnyRequest,
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    clock: NamedDependency[Clock],
    done: FromQuery[str] = "",
) -> Page:
    """Show one order, its customer masked; one of which only a cart is known is a session and no more."""
    key, book = unquote(order_id), OrderBook(catalogue, store, clock)
    if not await store.find(OrderDocument, order_id=key) and (await store.load([(ORDER, key)]))[0] is not None:
        return see(session_address(ORDER, key))
    return await _Reading(book, queries).shown(request, visitor, key, done=said_done(done))


@post("/orders/{order_id:str}/show", status_code=200, include_in_schema=False)
async def show_customer(
    request: AnyRequest,
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Show one order with its customer, this once."""
    demand(visitor, "operator")
    key, reason = unquote(order_id), reason_of(fields)
    book = OrderBook(catalogue, store, clock)
    await _document(book, key)
    await staff.note(visitor, "saw personal data", f"{ORDER}/{key}", reason)
    return await _Reading(book, queries).shown(request, visitor, key, whole=True)


@post("/orders/{order_id:str}/conflict", status_code=303, include_in_schema=False)
async def settle_conflict(
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    sessions: NamedDependency[SessionDesk],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """Accept or dismiss a report that contradicts where a shipment ended."""
    demand(visitor, "operator")
    key, reason, verdict = unquote(order_id), reason_of(fields), fields.get("verdict", "")
    tracking_id, fact = fields.get("shipment", ""), fields.get("fact", "")
    if verdict not in SETTLED_BY or not fact:
        raise Refusal(422, "verdict", "Please choose whether the report is true. Nothing was done.")
    act = Act(SETTLED_BY[verdict], data={ABOUT: fact}, reason=reason, actor=visitor.name)
    try:
        await sessions.act(SHIPMENT, f"{key}:{tracking_id}", act)
    except StepError:
        raise Refusal(409, "illegal_transition", "The report is not in conflict any more; nothing was done.") from None
    action = "accepted" if verdict == "accept" else "rejected"
    await staff.note(visitor, action, f"{ORDER}/{key}", reason, {"shipment": tracking_id, ABOUT: fact})
    return see(f"{order_address(key)}?done={'accepted' if verdict == 'accept' else 'dismissed'}")


@post("/orders/{order_id:str}/resolve", status_code=303, include_in_schema=False)
async def resolve(
    request: AnyRequest,
    order_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    cases: NamedDependency[CaseDesk],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Choose for a customer what to do about a failed delivery; what is wrong is told beside its field."""
    demand(visitor, "operator")
    key = unquote(order_id)
    try:
        await _resolve(key, fields, visitor, cases, staff)
    except Refusal as refused:
        if refused.status != 422:  # noqa: PLR2004 - an HTTP status
            raise
        reading = _Reading(OrderBook(catalogue, store, clock), queries)
        return await reading.shown(request, visitor, key, slip=Slip(refused.code, refused.detail, fields))
    return see(f"{order_address(key)}?done=resolved")


async def _resolve(key: str, fields: Fields, visitor: Visitor, cases: CaseDesk, staff: StaffDesk) -> None:
    """
    Take what somebody of staff chose for the customer of an order.

    Raises:
        Refusal: it is not taken; with 422, the code is the field that is wrong.
    """
    tracking_id, code = fields.get("shipment", ""), fields.get("code", "")
    chosen = ndr.RESOLUTIONS.get(code)
    day = fields.get("day", "") if chosen is not None and chosen.needs_date else ""
    if chosen is None:
        raise Refusal(422, "code", "Please choose what the customer wants.")
    if chosen.needs_date and not day:
        raise Refusal(422, "day", "Please choose the day.")
    if chosen.does == CANCEL and not fields.get("sure"):
        raise Refusal(422, "sure", "A cancelled order does not come. Please say that the customer wants that.")
    reason = reason_of(fields)
    told = ndr.whereabouts(*(fields.get(name, "") for name in ("phone", "address", "landmark", "notes")))
    day = fields.get("day", "") if chosen is not None and chosen.needs_date else ""
    resolution = Resolution(key, tracking_id, None, code, deferred_date=day, source=CONSOLE, details=told)
    try:
        await cases.resolve(resolution)
    except UnknownCase:
        raise Refusal(404, "unknown_case", "That shipment has no failed delivery to settle.") from None
    except FieldInvalid as invalid:
        if invalid.field == "deferredDate":
            raise Refusal(422, "day", f"Please choose another day: {invalid.message}.") from None
        raise Refusal(422, "code", "That cannot be chosen for this failed delivery.") from None
    except StepError:
        raise Refusal(409, "illegal_transition", "The case takes no choice any more; nothing was done.") from None
    await staff.note(visitor, "resolved", f"{ORDER}/{key}", reason, {"shipment": tracking_id, "code": code})


@get([f"/orders/{{order_id:str}}/{form}" for form in ("show", "conflict", "resolve")], include_in_schema=False)
async def back_to_order(order_id: FromPath[str], visitor: NamedDependency[Visitor]) -> Page:  # noqa: ARG001 - strangers sign in first
    """Lead who opens the address that a form is sent to, to the order."""
    return see(order_address(unquote(order_id)))


# The list


def _open_cases(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Return the states in which cases are open, by definition."""
    return {NDR_CASE: tagged(catalogue.interpreter(NDR_CASE).definition, frozenset({OPEN}))}


async def _orders(text: str, state: str, before: int | None, queries: Queries, catalogue: Catalogue) -> list[OrderItem]:
    return await queries.orders(text, state, before, PAGE_SIZE + 1, case_states=_open_cases(catalogue))


async def _with_open_cases(before: int | None, queries: Queries, catalogue: Catalogue) -> tuple[list[OrderItem], str]:
    """Return a page of the orders with a failed delivery to be settled, the newest failure first, and its cursor."""
    states = _open_cases(catalogue)
    cases = await queries.sessions(NDR_CASE, "", "", before, PAGE_SIZE + 1, states=states[NDR_CASE])
    shown = paged(cases, [case.id for case in cases])
    order_ids = [case.key.partition(":")[0] for case in shown.items]
    return await queries.orders_of(order_ids, case_states=states), shown.older


async def _led_to(text: str, queries: Queries, store: Store, catalogue: Catalogue) -> list[OrderItem]:
    """Return the orders that a tracking number, a phone number or another name leads to."""
    led = await queries.find(text, await phone_of(text, store), "", PAGE_SIZE)
    order_ids = [session.key for session in led if session.definition == ORDER]
    order_ids += [session.key.partition(":")[0] for session in led if session.definition in (SHIPMENT, NDR_CASE)]
    return await queries.orders_of(order_ids, case_states=_open_cases(catalogue))


def _row(item: OrderItem, catalogue: Catalogue) -> Row:
    session = item.session
    shown = standing_in(catalogue, session.definition, session.version, session.state)
    told = bool(item.account_id)  # a cart from the chat has no document until the merchant makes an order of it
    return Row(item, order_address(session.key) if told else session_address(ORDER, session.key), shown)


# One order


async def _document(book: OrderBook, order_id: str) -> OrderDocument:
    """
    Return the order of that id.

    Raises:
        Refusal: there is none.
    """
    found = await book.store.find(OrderDocument, order_id=order_id)
    if not found:
        raise Refusal(404, "unknown_order", "There is no such order.")
    return found[0]


class _Reading:
    """Reads all that an order's page shows."""

    def __init__(self, book: OrderBook, queries: Queries) -> None:
        self._book = book
        self._queries = queries

    async def shown(
        self,
        request: AnyRequest,
        visitor: Visitor,
        order_id: str,
        *,
        whole: bool = False,
        done: str = "",
        slip: Slip | None = None,
    ) -> Page:
        """
        Return the page of an order, its customer masked unless *whole*; with a *slip*, the answer to its form.

        Raises:
            Refusal: there is no such order.
        """
        document = await _document(self._book, order_id)
        content, now = msgspec.json.decode(document.document), self._book.clock()
        family = await self._book.family(order_id, now)
        own = family.members[ORDER, order_id]
        accounts = await self._book.store.find(Account, account_id=document.account_id)
        zone = ZoneInfo(accounts[0].timezone)
        shipments = [await self._shipment(family, member, content, zone) for member in _shipments(family)]
        if not visitor.may("operator"):
            shipments = [_discreet(shipment) for shipment in shipments]
        return page(
            request,
            visitor,
            "order.html",
            200 if slip is None else 422,
            now=now,
            order=own,
            number=document.customer_order_number,
            brand=accounts[0].name,
            standing=self._standing(own),
            items=_items(content),
            customer=_customer(content, whole=whole),
            whole=whole,
            shipments=shipments,
            sent=await self._sent(family),
            consents=await self._consents(document),
            address=order_address(order_id),
            session=session_address(*own.id),
            tracking=f"/portal/{order_address(order_id).rpartition('/')[2]}",
            done=done,
            slip=slip,
        )

    def _interpreter(self, instance: Instance) -> Interpreter | None:
        """Return what runs an instance, None if its version is not here: what only that tells of it is left out."""
        try:
            return self._book.catalogue.interpreter(instance.definition, instance.version)
        except UnknownInstance:
            return None

    def _standing(self, instance: Instance) -> Standing:
        return standing_in(self._book.catalogue, instance.definition, instance.version, instance.state)

    async def _shipment(
        self, family: Family, shipment: Instance, content: Mapping[str, Any], zone: ZoneInfo
    ) -> ShipmentShown:
        interpreter, leg = self._interpreter(shipment), str(shipment.context.get("leg", FORWARD))
        timeline = family.timeline(shipment) if interpreter else []
        cases = cases_of(family, shipment.key)
        told_again = Counter(
            (step.event, step.occurred_at)
            for step in await self._queries.journal_page(*shipment.id, None, STEPS_READ)
            if step.outcome == "merged"
        )
        states = interpreter.definition.states if interpreter else ()
        reports = _reports(timeline, {state.id: state.title for state in states}, told_again)
        taken = [fact for fact, outcome in timeline if outcome == "applied" and fact.name not in RECORDS]
        return ShipmentShown(
            tracking_id=str(shipment.context.get("tracking_id", "")),
            courier=str(shipment.context.get("courier", "")),
            leg=leg,
            address=session_address(*shipment.id),
            standing=standing(interpreter, shipment.state),
            items=_travelling(content, str(shipment.context.get("tracking_id", ""))),
            way=tuple(step for part in way_of(leg, taken) for step in part.steps) if interpreter else (),
            reports=tuple(reports),
            attempts=tuple(_try(attempt) for attempt in shipment.context.get("attempts", ())),
            cases=tuple([await self._case(family, case, zone) for case in reversed(cases)]),
            conflicts=sum(bool(report.fact) for report in reports),
        )

    async def _case(self, family: Family, case: Instance, zone: ZoneInfo) -> CaseShown:
        steps = await self._queries.journal_page(*case.id, None, STEPS_READ)
        code = str(case.context.get("ndr_code", ""))
        until = case.context.get("window_until")
        is_here = self._interpreter(case) is not None
        offer = offer_of(self._book, family, case, zone) if is_here else Offer((), None)
        is_last = cases_of(family, str(case.context.get("opened_by", "")))[-1] is case
        return CaseShown(
            address=session_address(*case.id),
            standing=self._standing(case),
            attempt_at=case.created_at,
            reason=ndr.reason(code).label,
            remark=str(case.context.get("ndr_reason", "")),
            deadline=until if is_here and isinstance(until, int) and self._book.has(UNANSWERED, case) else None,
            choices=tuple(_choosing(step) for step in reversed(steps) if "resolution_code" in step.data),
            offer=offer if is_last and offer.choices else None,
            asks_phone=ndr.asks_phone(code),
        )

    async def _sent(self, family: Family) -> list[Sent]:
        """Return what the order's family asked for, the latest first."""
        asked: list[EffectItem] = []
        for definition, key in family.members:
            asked += await self._queries.effects(definition=definition, key=key, limit=EFFECTS_READ)
        messages = await self._book.store.load([(MESSAGE, effect.key) for effect in asked])
        sent = [self._sending(effect, message) for effect, message in zip(asked, messages, strict=True)]
        return sorted(sent, key=lambda each: each.at)[::-1]

    def _sending(self, effect: EffectItem, message: Instance | None) -> Sent:
        title, tone, _ = STATUSES[effect.status]
        words = reason_in_words(effect.reason)
        if message is not None:
            seen = self._standing(message)
            title, tone = seen.title, seen.tone
        address = session_address(*message.id) if message else ""
        return Sent(effect.name, effect_address(effect.key), address, title, tone, words, effect.created_at)

    async def _consents(self, document: OrderDocument) -> list[ConsentShown]:
        """Return what the order's customer agreed to, by category."""
        account_id = document.account_id
        named = await self._book.store.find(PersonAlias, account_id=account_id, kind=ORDER_ID, value=document.order_id)
        if not named:
            return []
        keys = [(SUBSCRIPTION, subscription_key(account_id, named[0].person_id, each)) for each in CATEGORIES]
        found = zip(CATEGORIES, await self._book.store.load(keys), strict=True)
        return [await self._consent(category, each) for category, each in found if each is not None]

    async def _consent(self, category: str, subscription: Instance) -> ConsentShown:
        steps = await self._queries.journal_page(*subscription.id, None, STEPS_READ)
        said = next((step for step in steps if "evidence" in step.data), None)
        source = str(said.data["evidence"].get("source", "")) if said else ""
        return ConsentShown(
            category=category.replace("_", " "),
            address=session_address(*subscription.id),
            standing=self._standing(subscription),
            evidence=EVIDENCE.get(source, source),
            at=said.occurred_at if said else None,
        )


def _discreet(shipment: ShipmentShown) -> ShipmentShown:
    """Return a shipment without what couriers remarked, which may name people."""
    reports = tuple(replace(report, remark=masked_text(report.remark)) for report in shipment.reports)
    cases = tuple(replace(case, remark=masked_text(case.remark)) for case in shipment.cases)
    return replace(shipment, reports=reports, cases=cases)


def _shipments(family: Family) -> list[Instance]:
    members = [member for member in family.members.values() if member.definition == SHIPMENT]
    return sorted(members, key=lambda member: (member.created_at, member.key))


def _items(content: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what was ordered: names, quantities and states as the merchant tells them."""
    items = [item for item in content.get("items", ()) if isinstance(item, Mapping)]
    return [
        (
            str(item.get("productName") or item.get("itemName") or item.get("sku") or item.get("orderItemID") or ""),
            str(item.get("quantity", 1)),
            str(item.get("sku") or item.get("productSku") or ""),
        )
        for item in items
    ]


def _travelling(content: Mapping[str, Any], tracking_id: str) -> tuple[str, ...]:
    """Return what travels under a tracking number."""
    listed = [item for item in content.get("items", ()) if isinstance(item, Mapping)]
    theirs = [item for item in listed if travels(item, tracking_id)]
    return tuple(name for name, _, _ in _items({"items": theirs}) if name)


def _customer(content: Mapping[str, Any], *, whole: bool) -> list[tuple[str, str]]:
    """Return who the customer is: each thing that is known with what it is called."""
    person = person_of(content)
    address = content.get("shippingAddress", {})
    where = [str(value) for name, value in address.items() if _is_place(name, value)]
    known = [("Name", person.name), ("Phone", person.phone), ("E-mail", person.email), ("Address", ", ".join(where))]
    return [(title, value if whole else masked_text(value)) for title, value in known if value]


def _is_place(name: str, value: Any) -> bool:
    return isinstance(value, str | int) and bool(value) and name not in ("contactPhone", "customerName", "email")


def _reports(
    timeline: Sequence[tuple[Fact, Outcome]], titles: Mapping[str, str], told_again: Counter[tuple[str, int]]
) -> list[Report]:
    """Return what couriers said, the latest first; what was heard after something later is marked."""
    settled = {fact.details.get(ABOUT, ""): fact.name for fact, _ in timeline if fact.name in SETTLING}
    reports: list[Report] = []
    heard = max((fact.received_at for fact, _ in timeline), default=0)
    for fact, outcome in reversed(timeline):
        words, tone = OUTCOMES[outcome]
        marks = [Mark(words, tone)] if words else []
        if fact.received_at > heard:
            marks.append(Mark("not in order"))
        if fact.received_at - fact.at > LATE and fact.name not in RECORDS:
            marks.append(Mark("late", "wait"))
        if fact.skewed:
            marks.append(Mark("a clock ahead", "wait"))
        if told_again[fact.name, fact.at]:
            marks.append(Mark("told again, with more"))
        if fact.id in settled:
            marks.append(Mark("accepted by staff" if settled[fact.id] == ACCEPTED else "dismissed by staff"))
        heard = min(heard, fact.received_at)
        reports.append(
            Report(
                title=_title(fact, titles),
                at=fact.at,
                received_at=fact.received_at,
                source=fact.source.removeprefix("courier/"),
                place=fact.details.get("location", ""),
                remark=fact.details.get("remark", "") or fact.details.get("reason", ""),
                marks=tuple(marks),
                fact=fact.id if outcome == "conflict" else "",
            )
        )
    return reports


def _title(fact: Fact, titles: Mapping[str, str]) -> str:
    return titles.get(fact.name) or word_of(fact.name).replace("_", " ").capitalize()


def _try(attempt: Mapping[str, Any]) -> Try:
    reason = next((each for each in ndr.REASONS.values() if each.name == attempt["reason"]), ndr.reason(""))
    if attempt["counts"]:
        words = "counts"
    elif attempt["voided_by"]:
        words = "voided: the courier grants that nobody came"
    else:
        words = "does not count: not the customer's doing"
    return Try(attempt["at"], reason.label, attempt["counts"], words)


def _choosing(step: JournalItem) -> Choosing:
    code = str(step.data.get("resolution_code", ""))
    source = str(step.data.get("action_source") or step.data.get("source") or "")
    label = ndr.RESOLUTIONS[code].action if code in ndr.RESOLUTIONS else code
    return Choosing(label, str(step.data.get("deferredDate", "")), DOORS.get(source, source), step.occurred_at)

"""
Inquiries: customers' questions about products, for staff to answer while WhatsApp lets an answer through.

Rule 1: who may answer reads the question; to everybody else it is masked.
Rule 2: an answer goes through the inquiry's own table (api/sessions.py), as one over the API does. It is its own
        reason.
"""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import unquote

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from api.clock import Clock
from api.console.addresses import session_address
from api.console.desk import INQUIRIES, effect_address, inquiry_address, list_address, reason_of, said_done
from api.console.door import LONGEST, AnyRequest, Page, demand, page, see
from api.console.effects import STATUSES, reason_in_words
from api.console.masking import masked_key, masked_text
from api.console.paging import PAGE_SIZE, Paged, paged, place
from api.console.standings import Standing, standing_in, tagged
from api.forms import Fields
from api.inquiries import INQUIRY
from api.messages import MESSAGE
from api.order_book import OPEN
from api.problems import Refusal
from api.sessions import Act, SessionDesk
from api.staff import StaffDesk, Visitor
from definitions.catalogue import Catalogue
from definitions.inquiries import HEARD_AT
from definitions.replies import TEXT_LENGTH, WINDOW
from engine.errors import StepError, UnknownInstance
from engine.model import SECOND, Instance
from engine.ports import Store
from storage.queries import EffectItem, Queries

ANSWERED, CLOSED = "answered", "closed"
"""The events by which staff answer a question, and by which they let it be."""

SEND_ANSWER = "send_answer"

SHORT_WINDOW = 2 * 3600 * SECOND
"""When so little of the window is left, the page says so in its colour, too."""


class Answer(Struct, frozen=True):
    """What became of an answer, in words; *at* is when it was given."""

    address: str
    title: str
    tone: str
    words: str
    at: int


class Question(Struct, frozen=True):
    """An inquiry as it is shown, its *id* without its message's; *until* is when WhatsApp takes no answer any more."""

    address: str
    id: str
    session: str
    standing: Standing
    product: str
    catalogue: str
    words: str
    whom: str
    asked_at: int
    until: int
    is_late: bool
    is_short: bool
    may: tuple[str, ...]
    answers: tuple[Answer, ...]


@get("/inquiries", include_in_schema=False)
async def inquiries(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    catalogue: NamedDependency[Catalogue],
    clock: NamedDependency[Clock],
    show: FromQuery[str] = "open",
    after: Annotated[str, QueryParameter(name="cursor")] = "",
    done: FromQuery[str] = "",
) -> Page:
    """List questions: those that wait for an answer, or those that had theirs; the newest first."""
    definition = catalogue.interpreter(INQUIRY).definition
    waiting = tagged(definition, frozenset({OPEN}))
    settled = tuple(state.id for state in definition.states if state.id not in waiting)
    states = settled if show == ANSWERED else waiting
    listed = await queries.sessions(INQUIRY, "", "", place(after), PAGE_SIZE + 1, states=states)
    shown = paged(listed, [session.id for session in listed])
    found = await store.load([(session.definition, session.key) for session in shown.items])
    questions = [
        await _question(instance, visitor, queries, store, catalogue, clock()) for instance in found if instance
    ]
    if show != ANSWERED:
        questions.sort(key=lambda question: (question.is_late, question.until))
    return page(
        request,
        visitor,
        "inquiries.html",
        now=clock(),
        rows=Paged(tuple(questions), shown.older),
        show=ANSWERED if show == ANSWERED else "open",
        tabs=(
            ("open", "Waiting", INQUIRIES, None),
            (ANSWERED, "Answered and closed", list_address(INQUIRIES, show=ANSWERED), None),
        ),
        longest=min(TEXT_LENGTH, LONGEST),
        done=said_done(done),
        first=not after,
    )


@post("/inquiries/{wamid:str}/answer", status_code=303, include_in_schema=False)
async def answer(
    wamid: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    sessions: NamedDependency[SessionDesk],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """Answer a question."""
    demand(visitor, "operator")
    text = fields.get("text", "").replace("\r\n", "\n").strip()
    if not text or len(text) > TEXT_LENGTH:
        raise Refusal(422, "text", f"An answer has 1 to {TEXT_LENGTH} characters. Nothing was sent.")
    refusal = (
        "It cannot be answered now, and nothing was sent: it is closed, its answer is on its way, or the customer "
        "has not written for 24 hours."
    )
    await _act(wamid, Act(ANSWERED, data={"text": text}, actor=visitor.name), refusal, visitor, sessions, staff)
    return see(f"{INQUIRIES}?done=answered")


@post("/inquiries/{wamid:str}/close", status_code=303, include_in_schema=False)
async def close(
    wamid: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    sessions: NamedDependency[SessionDesk],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """Let a question be, without an answer."""
    demand(visitor, "operator")
    act, refusal = Act(CLOSED, reason=reason_of(fields), actor=visitor.name), "It is closed already; nothing was done."
    await _act(wamid, act, refusal, visitor, sessions, staff)
    return see(f"{INQUIRIES}?done=closed")


@get(
    ["/inquiries/{wamid:str}", "/inquiries/{wamid:str}/answer", "/inquiries/{wamid:str}/close"], include_in_schema=False
)
async def back_to_inquiries(
    wamid: FromPath[str],  # noqa: ARG001 - the list has them all
    visitor: NamedDependency[Visitor],  # noqa: ARG001 - strangers sign in first
) -> Page:
    """Lead who opens an inquiry's address, at which there is no page, to the list."""
    return see(INQUIRIES)


async def _act(wamid: str, act: Act, refusal: str, visitor: Visitor, sessions: SessionDesk, staff: StaffDesk) -> None:
    """
    Let an inquiry take what somebody of staff does, under the event's own name in the audit log.

    Raises:
        UnknownInstance: there is no such inquiry.
        Refusal: it cannot take it; *refusal* says why.
    """
    key = unquote(wamid)
    try:
        async with staff.noted(visitor, act.event, f"session/{INQUIRY}/{key}", act.reason):
            await sessions.act(INQUIRY, key, act)
    except StepError:
        raise Refusal(409, "illegal_transition", refusal) from None


async def _question(
    instance: Instance, visitor: Visitor, queries: Queries, store: Store, catalogue: Catalogue, now: int
) -> Question:
    context = instance.context
    until = int(context.get(HEARD_AT, instance.created_at)) + WINDOW
    question = str(context.get("question") or "")
    sender = context.get("from")
    asked = await queries.effects(definition=instance.definition, key=instance.key)
    answers = [effect for effect in asked if effect.name == SEND_ANSWER]
    return Question(
        address=inquiry_address(instance.key),
        id=masked_key(instance.key).replace(" ", "-"),
        session=session_address(*instance.id),
        standing=standing_in(catalogue, instance.definition, instance.version, instance.state),
        product=str(context.get("product_retailer_id") or ""),
        catalogue=str(context.get("catalog_id") or ""),
        words=question if visitor.may("operator") else masked_text(question),
        whom=masked_text(str(sender[0])) if isinstance(sender, list) and sender else "",
        asked_at=instance.created_at,
        until=until,
        is_late=until <= now,
        is_short=now < until <= now + SHORT_WINDOW,
        may=tuple(event for event in (ANSWERED, CLOSED) if event in _allowed(instance, catalogue)),
        answers=await _answers(answers, store, catalogue),
    )


def _allowed(instance: Instance, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the events that an instance takes: none if its version is not here."""
    try:
        return catalogue.interpreter(instance.definition, instance.version).allowed(instance)
    except UnknownInstance:
        return ()


async def _answers(effects: Sequence[EffectItem], store: Store, catalogue: Catalogue) -> tuple[Answer, ...]:
    """Return what became of answers, the latest first: what Meta reports if it does, else where the sending stands."""
    messages = await store.load([(MESSAGE, effect.key) for effect in effects])
    told = []
    for effect, message in zip(effects, messages, strict=True):
        title, tone, words = STATUSES[effect.status]
        if message is not None:
            seen = standing_in(catalogue, message.definition, message.version, message.state)
            title, tone, words = seen.title, seen.tone, ""
        why = reason_in_words(effect.reason) or words
        told.append(Answer(effect_address(effect.key), title, tone, why, effect.created_at))
    return tuple(reversed(told))

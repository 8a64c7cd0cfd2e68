"""
Effects: what is to be called, what may have been, what was given up, and what staff do about it.

Rule 1: one in doubt is called again, or said to have arrived, only by who says that they know that: it may go twice.
Rule 2: of several that are chosen together each is done or not by itself, and each one's outcome is told.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated
from urllib.parse import unquote

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from api.clock import Clock
from api.console.addresses import session_address
from api.console.desk import EFFECTS, effect_address, list_address, reason_of, said_done
from api.console.door import AnyRequest, Page, demand, page, see
from api.console.masking import masked
from api.console.paging import Paged, paged, place
from api.console.standings import Tone
from api.forms import Fields
from api.graph_errors import Kind, kind_of
from api.messages import MESSAGE
from api.outbox import DISCARDED, INTERRUPTED, NO_COMPOSER, REDRIVEN, SUPERSEDED, UNCOMPOSED, Done, Outbox
from api.problems import Refusal
from api.staff import StaffDesk, Visitor
from definitions.binding import EFFECTS as PROMISES
from engine.model import EffectStatus
from engine.ports import Decision, Owed, Store
from engine.runtime import settle
from storage.queries import OutboxItem, Queries

SIZE = 40
"""How many effects a page has: what is chosen of them must fit into one form."""

CHOSEN = "effect:"
"""What the names of the ticked boxes begin with."""

ON_PAGE, ALL = "page", "all"
"""The fields that say which effects are on the page, and that all of them are chosen."""

OWED: Collection[EffectStatus] = ("pending", "calling", "unknown", "dead")
"""The statuses of which there are few, so that they are counted."""

SURE = "sure"

BY_STAFF = "said by staff"
"""The outcome of what staff say has arrived."""

STATUSES: Mapping[EffectStatus, tuple[str, Tone, str]] = {
    "pending": ("Pending", "live", "To be called when its time comes, one after the other for each receiver."),
    "calling": ("Being called", "live", "Under way right now."),
    "unknown": ("In doubt", "wait", "It may have arrived, and nobody knows. Somebody has to find out."),
    "dead": ("Given up", "grave", "It was refused, or tried too often. Mend the cause, then call it again."),
    "done": ("Done", "done", "Its receiver has it, or nobody was to be told."),
    "discarded": ("Discarded", "", "Not to be called: no longer wanted, or ended by staff."),
}
"""What each status is called, its tone, and what it means; in the order of the tabs."""

CODES: Mapping[str, str] = {
    INTERRUPTED: "The server stopped during the call; it may have arrived.",
    SUPERSEDED: "What asked for it no longer holds.",
    NO_COMPOSER: "Nothing here knows how to deliver an effect of that name.",
    "by staff": "By staff.",
    "a fault of ours: may have been sent": "This program failed during the call; it may have arrived.",
    "the courier goes on by itself": "The courier goes on by its own rules, and wants to be told nothing.",
    "connect": "No connection to the receiver.",
    "slow": "The receiver took too long to answer.",
    "broken": "The connection broke during the call.",
    "status": "Something answered that is not the receiver.",
    "answer": "The receiver's answer could not be read.",
    "unknown_host": "The receiver's address leads nowhere.",
    "no access token": "There is no access token for the Graph API (WAYSTATE_ACCESS_TOKEN).",
    "no courier token": "There is no token for that courier (WAYSTATE_COURIER_TOKENS).",
    "no_secret": "The merchant's endpoint has no secret to sign with.",
    "bad_address": "The merchant's endpoint has an address that cannot be called.",
    "private_address": "The merchant's endpoint is inside a private network.",
    "no_courier": "No courier is known for that shipment.",
    "no_wording": "There are no words for that message.",
    "no_template": "The person has not written for 24 hours, and the message has no template.",
    "no_whatsapp": "Nobody knows a WhatsApp number of that person.",
    "not_subscribed": "The person has not agreed to such messages.",
    "quiet_hours": "It waits for the morning.",
    "switched_off": "The merchant has switched that message off.",
    "stale": "It was asked for by something that happened too long ago.",
    "closed": "The case was closed meanwhile.",
    "nothing_chosen": "Nothing was chosen.",
    "for staff": "For staff: it is shown here, and nobody else is told.",
    "shown_to_staff": "For staff: it is shown here, and nobody else is told.",
    "nobody waits for it": "The session that its code works for is not there any more.",
    "no_webhook": "No endpoint wants it; it is in the feed of results.",
}
"""What the outbox's reasons mean."""

KINDS: Mapping[Kind, str] = {
    "retry": "the receiver is busy, or we are too fast",
    "later": "it asks to be left alone for a while",
    "fix": "what was sent is wrong, or its template or Flow",
    "recipient": "this person cannot or does not want to get it",
    "template": "the person's last message is older than 24 hours, so it needs a template",
    "stop": "the token, the account or the number is not in order; nothing goes out until that is mended",
}
"""What Meta's errors ask for."""

ACTS: Mapping[str, tuple[str, str, str]] = {
    "retry": ("Call again", "retried", "To be called again."),
    "discard": ("Discard", "discarded", "Discarded."),
    "arrived": ("It arrived", "settled", "Counts as delivered."),
}
"""What staff can do: what it is called on buttons, and in the audit log, and what is said when it is done."""


class Row(Struct, frozen=True):
    """An effect in the list."""

    item: OutboxItem
    address: str
    session: str
    reason: str


class Outcome(Struct, frozen=True):
    """What became of one of several effects that were chosen together."""

    name: str
    address: str
    words: str
    is_done: bool


@get("/effects", include_in_schema=False)
async def effects(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    clock: NamedDependency[Clock],
    status: FromQuery[str] = "",
    name: FromQuery[str] = "",
    after: Annotated[str, QueryParameter(name="cursor")] = "",
) -> Page:
    """List effects of a status, the newest first; at first those that wait for people."""
    return await _listed(request, visitor, queries, clock(), status, name.strip(), after)


@post("/effects", status_code=200, include_in_schema=False)
async def act_on_several(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    outbox: NamedDependency[Outbox],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Call the chosen effects again, or discard them, and say what became of each."""
    demand(visitor, "operator")
    reason, what = reason_of(fields), _what(fields)
    chosen = _chosen(fields)
    if not chosen:
        raise Refusal(422, "nothing_chosen", "No effect was chosen, and nothing was done.")
    outcomes = []
    for key, owed in zip(chosen, await store.owed(chosen), strict=True):
        words = ""
        try:
            async with staff.noted(visitor, ACTS[what][1], _subject(key), reason, _details(owed)):
                await _act(owed, what, fields, store, outbox)
        except Refusal as refused:
            words = refused.detail
        told = words or ACTS[what][2]
        outcomes.append(Outcome(owed.name if owed else key, effect_address(key), told, not words))
    status, name = fields.get("status", ""), fields.get("name", "")
    return await _listed(request, visitor, queries, clock(), status, name, "", outcomes)


@get("/effects/{effect_id:str}", include_in_schema=False)
async def effect(
    request: AnyRequest,
    effect_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    store: NamedDependency[Store],
    clock: NamedDependency[Clock],
    done: FromQuery[str] = "",
) -> Page:
    """Show one effect: what it is, where it stands, what it was asked for with."""
    owed = await _known(unquote(effect_id), store)
    (message,) = await store.load([(MESSAGE, owed.key)])
    return page(
        request,
        visitor,
        "effect.html",
        now=clock(),
        owed=owed,
        standing=STATUSES[owed.status],
        reason=reason_in_words(owed.reason),
        meaning=PROMISES[owed.name].meaning if owed.name in PROMISES else "",
        address=effect_address(owed.key),
        session=session_address(owed.definition, owed.instance_key),
        message=session_address(*message.id) if message else "",
        data=masked(dict(owed.data)),
        acts=_acts(owed),
        done=said_done(done),
    )


@post("/effects/{effect_id:str}", status_code=303, include_in_schema=False)
async def act_on_one(
    effect_id: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    store: NamedDependency[Store],
    outbox: NamedDependency[Outbox],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """Call an effect again, discard it, or say that it arrived."""
    demand(visitor, "operator")
    reason, what = reason_of(fields), _what(fields)
    key = unquote(effect_id)
    (owed,) = await store.owed([key])
    async with staff.noted(visitor, ACTS[what][1], _subject(key), reason, _details(owed)):
        await _act(owed, what, fields, store, outbox)
    return see(f"{effect_address(key)}?done={what}")


async def _listed(
    request: AnyRequest,
    visitor: Visitor,
    queries: Queries,
    now: int,
    status: str,
    name: str,
    after: str,
    outcomes: Sequence[Outcome] = (),
) -> Page:
    counts = (await queries.backlog(now)).effects
    waiting: Sequence[EffectStatus] = ("dead", "unknown", "pending")
    first: EffectStatus = next((each for each in waiting if counts.get(each)), "pending")
    shown: EffectStatus = next((each for each in STATUSES if each == status), first)
    found = await queries.outbox(shown, name, place(after), SIZE + 1)
    return page(
        request,
        visitor,
        "effects.html",
        now=now,
        rows=_rows(paged(found, [item.number for item in found], SIZE)),
        tabs=[
            (each, title, list_address(EFFECTS, status=each, name=name), counts.get(each, 0) if each in OWED else None)
            for each, (title, _, _) in STATUSES.items()
        ],
        shown=shown,
        said=STATUSES[shown],
        kind=name,
        kinds=sorted(PROMISES),
        acts=[each for each in ("retry", "discard") if shown in _from(each)],
        outcomes=outcomes,
        first=not after,
        chosen=CHOSEN,
        on_page=ON_PAGE,
        everything=ALL,
    )


def _rows(found: Paged[OutboxItem]) -> Paged[Row]:
    rows = (
        Row(
            item, effect_address(item.key), session_address(item.definition, item.session), reason_in_words(item.reason)
        )
        for item in found.items
    )
    return Paged(tuple(rows), found.older)


def reason_in_words(reason: str) -> str:
    """Return what a reason of the outbox means; one that is not known stands as it is."""
    code, _, more = reason.partition(" ")
    if reason in CODES or not reason:
        return CODES.get(reason, "")
    if reason.startswith(UNCOMPOSED):
        return f"It {reason}; the log of the server says why."
    if code.isascii() and code.isdecimal() and not more:
        return f"Error {code}: {KINDS[kind_of(int(code))]}."
    return reason.replace("_", " ").capitalize()


# What staff do


def _what(fields: Fields) -> str:
    """
    Return what a form asks for.

    Raises:
        Refusal: nothing that there is.
    """
    what = fields.get("do", "")
    if what not in ACTS:
        raise Refusal(422, "act", "Please choose what is to be done. Nothing was done.")
    return what


def _chosen(fields: Fields) -> list[str]:
    """Return the ids of the effects that were chosen: those ticked, or all of the page."""
    if fields.get(ALL):
        return fields.get(ON_PAGE, "").split()
    return [field.removeprefix(CHOSEN) for field in fields if field.startswith(CHOSEN)]


def _from(what: str) -> Sequence[EffectStatus]:
    """Return the statuses of effects that something can be done to."""
    return {"retry": REDRIVEN, "discard": DISCARDED, "arrived": ("unknown", "dead")}[what]


def _acts(owed: Owed) -> list[str]:
    return [what for what in ACTS if owed.status in _from(what)]


async def _act(owed: Owed | None, what: str, fields: Fields, store: Store, outbox: Outbox) -> None:
    """
    Do something to an effect.

    Raises:
        Refusal: it was not done.
    """
    if owed is None:
        raise Refusal(404, "unknown_effect", "There is no such effect.")
    if owed.status not in _from(what):
        raise _not_so(f"It is {STATUSES[owed.status][0].lower()} by now; nothing was done.")
    if owed.status == "unknown" and what == "retry" and not fields.get(SURE):
        raise _not_so("It may have arrived, and may then arrive twice. Please say that you know; nothing was done.")
    if what == "arrived":
        done = await _arrived(owed.key, store, outbox)
    elif what == "retry":
        done = await outbox.redrive(owed.key, (owed.status,))
    else:
        done = await outbox.discard(owed.key)
    if not done:
        raise _not_so("It has changed meanwhile; nothing was done.")


def _not_so(words: str) -> Refusal:
    return Refusal(409, "effect_status", words)


async def _arrived(key: str, store: Store, outbox: Outbox) -> bool:
    """Let an effect count as delivered, with what that means to who asked for it; return whether it could."""

    async def deliberate() -> Decision | None:
        (owed,) = await store.owed([key])
        if owed is None or owed.status not in _from("arrived"):
            return None
        return await outbox.delivered(owed, Done(BY_STAFF))

    return await settle(store, deliberate) is not None


def _subject(key: str) -> str:
    return f"effect/{key}"


def _details(owed: Owed | None) -> dict[str, str]:
    return {"name": owed.name, "was": owed.status} if owed else {}


async def _known(key: str, store: Store) -> Owed:
    """
    Return an effect.

    Raises:
        Refusal: there is none of that id.
    """
    (owed,) = await store.owed([key])
    if owed is None:
        raise Refusal(404, "unknown_effect", "No effect has that id.")
    return owed

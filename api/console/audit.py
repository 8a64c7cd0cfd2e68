"""
The audit log: what staff did, to what, and why.

Rule: only who may act reads it: a reason may name a person.
"""

from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.admin import cursor, place_of
from api.clock import Clock
from api.console.addresses import order_address, session_address
from api.console.desk import QUARANTINE, STAFF, effect_address
from api.console.door import AnyRequest, Page, demand, page
from api.console.paging import PAGE_SIZE, Paged
from api.staff import Visitor
from storage.queries import AuditItem, Queries

READ_AT_ONCE, READS = 200, 10
"""How many entries are read together, and how often, to fill a page of those that did one thing."""

ACTIONS = {
    "signed in": "signed in",
    "signed out": "signed out",
    "engaged": "let somebody work here",
    "changed": "changed a role",
    "dismissed": "ended somebody's access",
    "called": "called the admin API",
    "refused": "was refused what they asked for",
    "saw personal data": "saw personal data",
    "downloaded a file": "downloaded a customer's file",
    "acted": "sent an event",
    "answered": "answered an inquiry",
    "closed": "closed an inquiry",
    "accepted": "accepted a conflicting report",
    "rejected": "dismissed a conflicting report",
    "resolved": "chose for a customer",
    "retried": "had an effect called again",
    "discarded": "ended an effect",
    "settled": "said that an effect arrived",
    "redriven": "had a webhook call worked off again",
}
"""What staff do, as the log calls it and in words."""


class Entry(Struct, frozen=True):
    """An entry as the page shows it: *address* leads to what it is about, "" if nowhere."""

    item: AuditItem
    words: str
    address: str
    details: dict[str, Any]


@get("/audit", include_in_schema=False)
async def audit(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    queries: NamedDependency[Queries],
    clock: NamedDependency[Clock],
    who: FromQuery[str] = "",
    action: FromQuery[str] = "",
    subject: FromQuery[str] = "",
    after: Annotated[str, QueryParameter(name="cursor")] = "",
) -> Page:
    """List what staff did, the newest first."""
    demand(visitor, "operator")
    who, subject = who.strip(), subject.strip()
    found = await _found(queries, who, action, subject, place_of(after, str) or "")
    return page(
        request,
        visitor,
        "audit.html",
        now=clock(),
        rows=Paged(tuple(_entry(item) for item in found.items), found.older),
        who=who,
        action=action,
        subject=subject,
        actions=ACTIONS,
        first=not after,
    )


async def _found(queries: Queries, who: str, action: str, subject: str, before: str) -> Paged[AuditItem]:
    """Return a page of entries; where few did that *action* it may be short and there may be more."""
    found: list[AuditItem] = []
    for _ in range(READS):
        read = await queries.audit(subject, who, before, READ_AT_ONCE)
        found += [item for item in read if not action or item.action == action]
        if len(found) > PAGE_SIZE:
            return Paged(tuple(found[:PAGE_SIZE]), cursor(found[PAGE_SIZE - 1].id))
        if len(read) < READ_AT_ONCE:
            return Paged(tuple(found))
        before = read[-1].id
    return Paged(tuple(found), cursor(before))


def _entry(item: AuditItem) -> Entry:
    return Entry(item, ACTIONS.get(item.action, item.action), _address(item.subject), msgspec.json.decode(item.details))


def _address(subject: str) -> str:
    """Return where that is shown which an entry is about."""
    kind, _, name = subject.partition("/")
    if not (kind and name):
        return ""
    if kind == "staff":
        return STAFF
    if kind == "call":
        return QUARANTINE
    if kind == "effect":
        return effect_address(name)
    if kind == "order":
        return order_address(name)
    definition, _, key = name.partition("/")
    return session_address(definition, key) if kind == "session" and key else ""

"""
The feed of results: what came about, in the order in which it was committed, for merchants' own systems to read.

A reader begins at 0 and goes on from `next_after`; an empty page leaves it where it is. Everything is read once by who
does so, and is still there for who begins again.
"""

from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.auth import staff
from api.problems import Refusal, documented
from definitions.flow_compiler import ANNOUNCE
from definitions.orders.times import to_rfc3339
from definitions.results import Result
from storage.queries import NumberedStep, Queries

MAX_LIMIT = 200
"""How long a page may be."""

MAX_NUMBER = 2**63
"""No result's number is that large."""


class ResultView(Struct, frozen=True):
    """
    Something that came about: *type* is the kind of what it is about, and where that stood then.

    *id* is the same in the webhook that tells of it; *number* is its place in the feed.
    """

    id: str
    number: int
    type: str
    definition: str
    key: str
    state: str
    occurred_at: str
    recorded_at: str
    data: dict[str, Any]


class ResultPage(Struct, frozen=True):
    """A page of the feed; the next one comes after *next_after*."""

    items: tuple[ResultView, ...]
    next_after: int


@get("/admin/api/v1/events", guards=[staff], responses=documented(401, 403, 422), tags=["admin"])
async def read_feed(
    queries: NamedDependency[Queries],
    after: FromQuery[str] = "0",
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = 50,
) -> ResultPage:
    """Read results: completed Flows, closed cases, orders that moved on; those *after* a number, the oldest first."""
    start = _number(after)
    items = tuple(result_view(step) for step in await queries.steps_asking_for(ANNOUNCE, start, limit))
    return ResultPage(items, items[-1].number if items else start)


def result_view(step: NumberedStep) -> ResultView:
    """Return a result as the feed has it."""
    result = Result(
        step.definition, step.key, step.family, step.context, step.source_state, step.target_state, step.occurred_at
    )
    return ResultView(
        id=step.effect,
        number=step.number,
        type=result.kind,
        definition=step.definition,
        key=step.key,
        state=step.target_state,
        occurred_at=to_rfc3339(step.occurred_at),
        recorded_at=to_rfc3339(step.recorded_at),
        data=result.data(),
    )


def _number(after: str) -> int:
    number = int(after) if after.isascii() and after.isdecimal() and len(after) <= len(str(MAX_NUMBER)) else MAX_NUMBER
    if number >= MAX_NUMBER:
        raise Refusal(400, "bad_cursor", "The feed goes on from the number that was its last.")
    return number

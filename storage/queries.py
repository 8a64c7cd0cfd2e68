"""
What staff and tools ask of the database: lists, histories, counts. It only reads, on connections of its own.

Sessions are found as storage/finding.py says, and counted as storage/traffic.py does.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, select, true, tuple_

from engine.model import EffectStatus
from storage import tables
from storage.finding import FEW, SESSION_ABOUT, FindingQueries, aliased
from storage.reading import texts
from storage.traffic import TrafficQueries

INSTANCE = tables.table_of(tables.InstanceRow)
JOURNAL = tables.table_of(tables.JournalRow)
EFFECT = tables.table_of(tables.EffectRow)
DELIVERY = tables.table_of(tables.DeliveryRow)
ORDER = tables.table_of(tables.OrderRow)
PERSON_ALIAS = tables.table_of(tables.PersonAliasRow)
PARKED = tables.table_of(tables.ParkedFactRow)
AUDIT = tables.table_of(tables.AuditRow)


class JournalItem(Struct, frozen=True):
    """A step as it was recorded."""

    seq: int
    event: str
    source_state: str
    target_state: str
    occurred_at: int
    recorded_at: int
    actor: str
    inferred: bool
    outcome: str
    data: dict[str, Any]
    effects: list[str]


class EffectStanding(Struct, frozen=True):
    """An effect of a step, and what became of it."""

    name: str
    status: EffectStatus
    reason: str


class StoryItem(Struct, frozen=True):
    """
    A step, the session whose it is, and what became of the effects that it asked for.

    *delivers* is the name of the effect that a message delivers.
    """

    definition: str
    key: str
    step: JournalItem
    delivers: str
    effects: tuple[EffectStanding, ...]


class EffectItem(Struct, frozen=True):
    """An effect with the session that asked for it, in its step *seq*."""

    key: str
    definition: str
    session: str
    seq: int
    name: str
    status: EffectStatus
    reason: str
    created_at: int
    updated_at: int


class OutboxItem(Struct, frozen=True):
    """An effect as the outbox lists it; *number* counts effects in the order of their commits."""

    number: int
    key: str
    definition: str
    session: str
    name: str
    status: EffectStatus
    reason: str
    attempts: int
    due: int
    called_at: int | None
    outcome: str
    created_at: int
    updated_at: int


class NumberedStep(Struct, frozen=True):
    """
    A step that asked for an effect, by that effect's *number*: numbers follow the order of the commits.

    *effect* is the effect's key, *context* that of the session as it reads now.
    """

    number: int
    effect: str
    definition: str
    key: str
    family: str
    context: dict[str, Any]
    source_state: str
    target_state: str
    occurred_at: int
    recorded_at: int


DeliveryStatus = Literal["received", "processed", "quarantined"]


class DeliveryItem(Struct, frozen=True):
    """A webhook call as lists show it: without its body."""

    digest: str
    source: str
    received_at: int
    status: DeliveryStatus
    reason: str


class ParkedItem(Struct, frozen=True):
    """A parked fact; *event* is what the courier said, as JSON."""

    source: str
    event_id: str
    order_ref: str
    reason: str
    event: str
    received_at: int


class AuditItem(Struct, frozen=True):
    """What somebody of staff did; *details* are JSON."""

    id: str
    at: int
    who: str
    action: str
    subject: str
    reason: str
    details: str


class Backlog(Struct, frozen=True):
    """
    What waits: for its delivery, for people, for its time.

    *effects* are those that are not at a good end, by status; *effect_due* and *timer_due* are since when the first of
    those waits whose time has come, None if there is none.
    """

    effects: Mapping[str, int]
    effect_due: int | None
    timer_due: int | None
    parked: Mapping[str, int]
    quarantined: int


OWED: tuple[EffectStatus, ...] = ("pending", "calling", "unknown", "dead")
"""The statuses of effects that something is still to become of, or people are to look at."""


STORY_STEPS = 1000
"""How many steps a story has at most: the latest."""


class Queries(FindingQueries, TrafficQueries):
    """Reads one SQLite file."""

    async def history(self, definition: str, key: str) -> list[JournalItem]:
        """Return the steps of a session, in order."""
        names = JournalItem.__struct_fields__
        asked = (
            select(*(JOURNAL.c[name] for name in names))
            .join(INSTANCE, INSTANCE.c.id == JOURNAL.c.instance_id)
            .where(INSTANCE.c.definition == definition, INSTANCE.c.key == key)
            .order_by(JOURNAL.c.seq)
        )
        return [_journal_item(dict(zip(names, row, strict=True))) for row in await self._rows(asked)]

    async def journal_page(self, definition: str, key: str, before: int | None, limit: int) -> list[JournalItem]:
        """Return steps of a session, the newest first; those after a cursor have a `seq` smaller than *before*."""
        names = JournalItem.__struct_fields__
        asked = (
            select(*(JOURNAL.c[name] for name in names))
            .join(INSTANCE, INSTANCE.c.id == JOURNAL.c.instance_id)
            .where(INSTANCE.c.definition == definition, INSTANCE.c.key == key)
            .order_by(JOURNAL.c.seq.desc())
            .limit(limit)
        )
        if before is not None:
            asked = asked.where(JOURNAL.c.seq < before)
        return [_journal_item(dict(zip(names, row, strict=True))) for row in await self._rows(asked)]

    async def story(self, definition: str, key: str, limit: int = STORY_STEPS) -> list[StoryItem]:
        """
        Return the steps of a session, of its family, of the messages that they asked for and the sessions about them.

        In the order in which they were recorded; at most *limit*, the latest.
        """
        told = INSTANCE.c.id.in_(await self._connected(lambda connection: _told(connection, definition, key)))
        names = JournalItem.__struct_fields__
        delivered = EFFECT.alias("delivered")
        steps = (
            select(
                INSTANCE.c.id, INSTANCE.c.definition, INSTANCE.c.key, func.coalesce(delivered.c.name, ""),
                *(JOURNAL.c[name] for name in names),
            )
            .join(INSTANCE, INSTANCE.c.id == JOURNAL.c.instance_id)
            .outerjoin(delivered, (INSTANCE.c.definition == "message") & (delivered.c.key == INSTANCE.c.key))
            .where(told)
            .order_by(
                JOURNAL.c.recorded_at.desc(), JOURNAL.c.occurred_at.desc(), INSTANCE.c.id.desc(), JOURNAL.c.seq.desc()
            )
            .limit(limit)
        )  # fmt: skip
        rows = [*reversed(await self._rows(steps))]
        standing: dict[tuple[int, int], list[EffectStanding]] = {}
        of_step = select(EFFECT.c.instance_id, EFFECT.c.seq, EFFECT.c.name, EFFECT.c.status, EFFECT.c.reason)
        asking = of_step.where(EFFECT.c.instance_id.in_({row[0] for row in rows})).order_by(EFFECT.c.number)
        for instance_id, seq, *effect in await self._rows(asking):
            standing.setdefault((instance_id, seq), []).append(EffectStanding(*effect))
        return [
            StoryItem(of, name, item, delivers, tuple(standing.get((instance_id, item.seq), ())))
            for instance_id, of, name, delivers, *step in rows
            for item in [_journal_item(dict(zip(names, step, strict=True)))]
        ]

    async def effects(
        self,
        *,
        effect_id: str = "",
        status: str = "",
        definition: str = "",
        key: str = "",
        seqs: Collection[int] | None = None,
        after: str = "",
        limit: int = 200,
    ) -> list[EffectItem]:
        """
        Return effects, the oldest first; an empty *effect_id*, *status* or *definition* is any.

        *seqs* are steps of the session: those that these asked for. *after* is the id of an effect: those that were
        asked for later.
        """
        asked = (
            select(
                EFFECT.c.key, INSTANCE.c.definition, INSTANCE.c.key, EFFECT.c.seq, EFFECT.c.name, EFFECT.c.status,
                EFFECT.c.reason, EFFECT.c.created_at, EFFECT.c.updated_at,
            )
            .join(INSTANCE, INSTANCE.c.id == EFFECT.c.instance_id)
            .order_by(EFFECT.c.number)
            .limit(limit)
        )  # fmt: skip
        if effect_id:
            asked = asked.where(EFFECT.c.key == effect_id)
        if status:
            asked = asked.where(EFFECT.c.status == status)
        if definition:
            asked = asked.where(INSTANCE.c.definition == definition, INSTANCE.c.key == key)
        if seqs is not None:
            asked = asked.where(EFFECT.c.seq.in_(seqs))
        if after:
            last = EFFECT.alias("last")
            asked = asked.where(EFFECT.c.number > select(last.c.number).where(last.c.key == after).scalar_subquery())
        return [EffectItem(*row) for row in await self._rows(asked)]

    async def outbox(self, status: str, name: str, before: int | None, limit: int) -> list[OutboxItem]:
        """
        Return effects, the newest first; those after a cursor have a number smaller than *before*.

        An empty *status* or *name* is any.
        """
        asked = (
            select(
                EFFECT.c.number, EFFECT.c.key, INSTANCE.c.definition, INSTANCE.c.key, EFFECT.c.name, EFFECT.c.status,
                EFFECT.c.reason, EFFECT.c.attempts, EFFECT.c.due, EFFECT.c.called_at, EFFECT.c.outcome,
                EFFECT.c.created_at, EFFECT.c.updated_at,
            )
            .join(INSTANCE, INSTANCE.c.id == EFFECT.c.instance_id)
            .order_by(EFFECT.c.number.desc())
            .limit(limit)
        )  # fmt: skip
        if status:
            few = status in OWED  # of these there are few whatever their name, and of the others many of every name
            asked = asked.where(EFFECT.c.status == status if few or not name else EFFECT.c.status + "" == status)
        if name:
            asked = asked.where(EFFECT.c.name + "" == name if status in OWED else EFFECT.c.name == name)
        if before is not None:
            asked = asked.where(EFFECT.c.number < before)
        return [OutboxItem(*row) for row in await self._rows(asked)]

    async def steps_asking_for(self, name: str, after: int, limit: int) -> list[NumberedStep]:
        """
        Return the steps that asked for effects of that name with a number greater than *after*, in order of numbers.

        There is one writer, so whoever goes on after the last number that was read misses none and reads none twice.
        """
        asked = (
            select(
                EFFECT.c.number, EFFECT.c.key, INSTANCE.c.definition, INSTANCE.c.key, INSTANCE.c.family,
                INSTANCE.c.context, JOURNAL.c.source_state, JOURNAL.c.target_state, JOURNAL.c.occurred_at,
                EFFECT.c.created_at,
            )
            .join(INSTANCE, INSTANCE.c.id == EFFECT.c.instance_id)
            .join(JOURNAL, (JOURNAL.c.instance_id == EFFECT.c.instance_id) & (JOURNAL.c.seq == EFFECT.c.seq))
            .where(EFFECT.c.name == name, EFFECT.c.number > after)
            .order_by(EFFECT.c.number)
            .limit(limit)
        )  # fmt: skip
        return [_numbered_step(*row) for row in await self._rows(asked)]

    async def orders_of_nobody(self, limit: int) -> list[str]:
        """Return orders of which it is not known whose they are: those put before people had several names."""
        named = (PERSON_ALIAS.c.account_id == ORDER.c.account_id) & (PERSON_ALIAS.c.kind == "order")
        known = select(PERSON_ALIAS.c.value).where(named, PERSON_ALIAS.c.value == ORDER.c.order_id).exists()
        asked = select(ORDER.c.order_id).where(~known).order_by(ORDER.c.order_id).limit(limit)
        return [order_id for (order_id,) in await self._rows(asked)]

    async def calls_done_before(self, before: int, limit: int) -> list[str]:
        """Return the hashes of webhook calls that came before that time and are done, the oldest first."""
        asked = (
            select(DELIVERY.c.digest)
            .where(DELIVERY.c.status == "processed", DELIVERY.c.received_at < before)
            .order_by(DELIVERY.c.received_at)
            .limit(limit)
        )
        return [digest for (digest,) in await self._rows(asked)]

    async def calls_set_aside_since(self, since: int, reasons: Collection[str], limit: int) -> list[str]:
        """Return the hashes of calls set aside for one of *reasons* that came *since* then: the newest, in order."""
        newest = DELIVERY.c.received_at.desc(), DELIVERY.c.digest.desc()
        asked = select(*_PLACE).where(DELIVERY.c.received_at >= since).order_by(*newest).limit(limit)

        def ask(connection: Connection) -> list[str]:
            told = _set_aside_for(connection, reasons)
            found = sorted(tuple(row) for each in told for row in connection.execute(asked.where(each)))
            return [digest for _, digest in found[-limit:]]

        return await self._connected(ask)

    async def deliveries(
        self, *, digest: str = "", status: str = "", after: tuple[int, str] | None = None, limit: int = 1
    ) -> list[DeliveryItem]:
        """
        Return webhook calls, the oldest first; an empty *digest* or *status* is any.

        *after* is the last one that was read.
        """
        if digest:
            return await self._calls(lambda _: [DELIVERY.c.digest == digest], after, limit)
        statuses = [status] if status else get_args(DeliveryStatus)
        return await self._calls(lambda _: [DELIVERY.c.status == each for each in statuses], after, limit)

    async def set_aside(self, reason: str, after: tuple[int, str] | None, limit: int) -> list[DeliveryItem]:
        """Return the calls that wait for people, the oldest first; an empty *reason* is any, alone or among others."""
        if not reason:
            return await self.deliveries(status="quarantined", after=after, limit=limit)
        return await self._calls(lambda connection: _set_aside_for(connection, [reason]), after, limit)

    async def _calls(
        self,
        places: Callable[[Connection], Iterable[ColumnElement[bool]]],
        after: tuple[int, str] | None,
        limit: int,
    ) -> list[DeliveryItem]:
        """Return calls, the oldest first: the first of each of *places*, by an index that has them in order."""
        columns = (DELIVERY.c[name] for name in DeliveryItem.__struct_fields__)
        asked = select(*columns).where(_after(_PLACE, after)).order_by(*_PLACE).limit(limit)

        def ask(connection: Connection) -> list[DeliveryItem]:
            found = [
                DeliveryItem(*row) for place in places(connection) for row in connection.execute(asked.where(place))
            ]
            return sorted(found, key=lambda item: (item.received_at, item.digest))[:limit]

        return await self._connected(ask)

    async def bodies(self, digests: Collection[str], most_octets: int) -> dict[str, bytes]:
        """Return the bodies of webhook calls as they are kept, by their hashes, without those that are longer."""
        asked = select(DELIVERY.c.digest, DELIVERY.c.body).where(DELIVERY.c.digest.in_(digests))
        found = await self._rows(asked.where(func.length(DELIVERY.c.body) <= most_octets))
        return {digest: body for digest, body in found}  # noqa: C416 - rows are no pairs to the types

    async def parked(self, reason: str, after: tuple[int, str, str] | None, limit: int) -> list[ParkedItem]:
        """Return parked facts, the oldest first; an empty *reason* is any, *after* is the last that was read."""
        place = PARKED.c.received_at, PARKED.c.source, PARKED.c.event_id
        columns = (PARKED.c[name] for name in ParkedItem.__struct_fields__)
        asked = select(*columns).where(_after(place, after)).order_by(*place).limit(limit)

        def ask(connection: Connection) -> list[ParkedItem]:
            reasons = [reason] if reason else texts(connection, PARKED.c.reason)
            found = [
                ParkedItem(*row) for each in reasons for row in connection.execute(asked.where(PARKED.c.reason == each))
            ]
            return sorted(found, key=lambda item: (item.received_at, item.source, item.event_id))[:limit]

        return await self._connected(ask)

    async def audit(self, subject: str, who: str, before: str, limit: int) -> list[AuditItem]:
        """Return what staff did, the newest first; an empty *subject* or *who* is any, *before* the last one read."""
        asked = select(*(AUDIT.c[name] for name in AuditItem.__struct_fields__)).order_by(AUDIT.c.id.desc())
        if subject:
            asked = asked.where(AUDIT.c.subject == subject)
        if who:
            asked = asked.where(AUDIT.c.who == who)
        if before:
            asked = asked.where(AUDIT.c.id < before)
        return [AuditItem(*row) for row in await self._rows(asked.limit(limit))]

    async def backlog(self, now: int) -> Backlog:
        """Return what waits."""
        effects = select(EFFECT.c.status, func.count()).where(EFFECT.c.status.in_(OWED)).group_by(EFFECT.c.status)
        came = case((EFFECT.c.due > EFFECT.c.created_at, EFFECT.c.due), else_=EFFECT.c.created_at)
        first_effect = select(func.min(came)).where(EFFECT.c.status == "pending", EFFECT.c.due <= now)
        first_timer = select(func.min(INSTANCE.c.deadline)).where(INSTANCE.c.deadline <= now)
        parked = select(PARKED.c.reason, func.count()).group_by(PARKED.c.reason)
        return Backlog(
            effects=dict(await self._rows(effects)),
            effect_due=(await self._rows(first_effect))[0][0],
            timer_due=(await self._rows(first_timer))[0][0],
            parked=dict(await self._rows(parked)),
            quarantined=await self.quarantined(),
        )

    async def quarantined(self) -> int:
        """Return how many webhook calls wait for people to look at them."""
        rows = await self._rows(select(func.count()).where(DELIVERY.c.status == "quarantined"))
        return int(rows[0][0])

    async def quarantine_reasons(self) -> dict[str, int]:
        """Return for how many of the calls that wait for people each reason stands; a call may have several."""
        asked = select(DELIVERY.c.reason, func.count()).where(_SET_ASIDE).group_by(DELIVERY.c.reason)
        counted: dict[str, int] = {}
        for reasons, calls in await self._rows(asked):
            for reason in reasons.split():
                counted[reason] = counted.get(reason, 0) + calls
        return counted


_PLACE = DELIVERY.c.received_at, DELIVERY.c.digest
"""What lists of calls are ordered by."""

_SET_ASIDE = DELIVERY.c.status == literal("quarantined", literal_execute=True)
"""What is true of a call that was set aside; for a parameter the index of those would not be used."""


def _after(place: Sequence[ColumnElement[Any]], last: tuple[Any, ...] | None) -> ColumnElement[bool]:
    """Return what must be true of what comes after the last that was read."""
    return true() if last is None else tuple_(*place) > last


def _set_aside_for(connection: Connection, reasons: Collection[str]) -> list[ColumnElement[bool]]:
    """
    Return where the calls are that were set aside for one of *reasons*, alone or among others.

    A call's reasons are one text, and there are few such texts.
    """
    told = texts(connection, DELIVERY.c.reason, _SET_ASIDE)
    return [and_(_SET_ASIDE, DELIVERY.c.reason == each) for each in told if {*reasons} & {*each.split()}]


def _told(connection: Connection, definition: str, key: str) -> set[int]:
    """Return the ids of a session, of its family, of the messages that they asked for and the sessions about them."""
    place = INSTANCE.c.id, INSTANCE.c.definition, INSTANCE.c.key, INSTANCE.c.family
    own = connection.execute(select(*place).where(INSTANCE.c.definition == definition, INSTANCE.c.key == key))
    members = [tuple(row) for row in own]
    if members and members[0][3]:
        members = [tuple(row) for row in connection.execute(select(*place).where(INSTANCE.c.family == members[0][3]))]
    ids = {member[0] for member in members}
    asked = connection.scalars(select(EFFECT.c.key).where(EFFECT.c.instance_id.in_(ids))).all()
    messages = select(INSTANCE.c.id).where(INSTANCE.c.definition == "message", INSTANCE.c.key.in_(asked))
    about = (aliased(SESSION_ABOUT, f"{name}/{of_name}").limit(FEW) for _, name, of_name, _ in members)
    return ids.union(*(connection.scalars(each) for each in (messages, *about)))


def _numbered_step(
    number: int, effect: str, definition: str, key: str, family: str | None, context: str, *taken: Any
) -> NumberedStep:
    return NumberedStep(number, effect, definition, key, family or "", msgspec.json.decode(context), *taken)


def _journal_item(row: dict[str, Any]) -> JournalItem:
    decoded = {name: msgspec.json.decode(row[name]) for name in ("data", "effects")}
    return JournalItem(**{**row, **decoded, "inferred": bool(row["inferred"])})

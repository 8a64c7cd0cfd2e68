"""
The write path's SQL, compiled once from the tables.

The request path uses no ORM and no statement objects: an ORM session costs 2 ms of CPU a request.
"""

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from storage import tables


class Statement(Struct, frozen=True):
    """SQL with `?` for its parameters, and the names of these parameters in order."""

    sql: str
    parameters: tuple[str, ...]


def compiled(statement: Insert | Update | Delete | Select[*tuple[object, ...]]) -> Statement:
    """Return *statement* as SQLite's driver takes it."""
    text = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    return Statement(str(text), tuple(text.positiontup or ()))


def columns(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns, in their order."""
    return tuple(column.name for column in table.columns)


def key_columns(table: Table) -> tuple[str, ...]:
    """Return the names of the columns of a table's primary key."""
    return tuple(column.name for column in table.primary_key.columns)


def put(table: Table) -> Statement:
    """Insert a row or, where its key is taken, replace what is there."""
    statement = insert(table)
    changes = {name: statement.excluded[name] for name in columns(table) if name not in key_columns(table)}
    return compiled(statement.on_conflict_do_update(index_elements=key_columns(table), set_=changes))


def add(table: Table) -> Statement:
    """Insert a row unless it is there."""
    return compiled(insert(table).on_conflict_do_nothing())


def remove(table: Table) -> Statement:
    """Delete the row of a key."""
    return compiled(delete(table).where(*(table.c[name] == bindparam(name) for name in key_columns(table))))


def find(table: Table, *equals: str) -> Statement:
    """Select the rows whose columns *equals* have given values, in the order of their keys."""
    conditions = [table.c[name] == bindparam(name) for name in equals]
    return compiled(select(table).where(*conditions).order_by(*table.primary_key.columns))


INSTANCE = tables.table_of(tables.InstanceRow)
JOURNAL = tables.table_of(tables.JournalRow)
INBOX = tables.table_of(tables.InboxRow)
EFFECT = tables.table_of(tables.EffectRow)
FACT = tables.table_of(tables.FactRow)
VERSION = tables.table_of(tables.VersionRow)
TALLY = tables.table_of(tables.TallyRow)

INSERT_INSTANCE = compiled(insert(INSTANCE))
INSERT_JOURNAL = compiled(insert(JOURNAL))
INSERT_INBOX = add(INBOX)
_EFFECT = insert(EFFECT)
PUT_EFFECT = compiled(
    # An effect that was withdrawn and is asked for again is owed again; one that was called, never.
    _EFFECT.on_conflict_do_update(
        index_elements=key_columns(EFFECT),
        set_={name: _EFFECT.excluded[name] for name in ("status", "reason", "updated_at")},
        where=(EFFECT.c.status == literal_column("'discarded'")) & (EFFECT.c.reason == literal_column("'superseded'")),
    )
)
PUT_FACT = put(FACT)
ADD_VERSION = add(VERSION)

_TALLY = insert(TALLY)
COUNT_EDGE = compiled(
    _TALLY.on_conflict_do_update(
        index_elements=key_columns(TALLY), set_={"taken": TALLY.c.taken + _TALLY.excluded["taken"]}
    )
)

UPDATE_INSTANCE = compiled(
    update(INSTANCE)
    .where(INSTANCE.c.id == bindparam("row_id"), INSTANCE.c.revision == bindparam("expected"))
    .values({
        name: bindparam(name)
        for name in columns(INSTANCE)
        if name not in ("id", "definition", "key", "created_at")
    })
)  # fmt: skip
WITHDRAW_EFFECT = compiled(
    # What was not called is not called any more; what was is marked, for staff to see.
    update(EFFECT)
    .where(
        EFFECT.c.key == bindparam("effect"),
        EFFECT.c.status.in_([literal_column(f"'{status}'") for status in ("pending", "calling", "unknown", "done")]),
    )
    .values(
        status=case(
            (EFFECT.c.status == literal_column("'pending'"), literal_column("'discarded'")), else_=EFFECT.c.status
        ),
        reason=literal_column("'superseded'"),
        updated_at=bindparam("at"),
    )
)
EXPECTED = 6
"""How many statuses a change of an effect can name; fewer are repeated."""

CHANGE_EFFECT = compiled(
    update(EFFECT)
    .where(
        EFFECT.c.key == bindparam("effect"),
        or_(*(EFFECT.c.status == bindparam(f"expected_{place}") for place in range(EXPECTED))),
        EFFECT.c.attempts == func.coalesce(bindparam("tried"), EFFECT.c.attempts),
    )
    .values(
        status=bindparam("to"),
        reason=bindparam("why"),
        updated_at=bindparam("at"),
        attempts=EFFECT.c.attempts + bindparam("more"),
        rounds=EFFECT.c.rounds + bindparam("anew"),
        called_at=func.coalesce(bindparam("called"), EFFECT.c.called_at),
        due=func.coalesce(bindparam("next"), EFFECT.c.due),
        lane=func.coalesce(bindparam("into"), EFFECT.c.lane),
        outcome=func.coalesce(bindparam("named"), EFFECT.c.outcome),
    )
)


_NEXT = (
    # Ids are given in order of time: what is old comes first, and nothing behind it is read.
    select(INBOX.c.id, INBOX.c.recorded_at)
    .where(INBOX.c.id > bindparam("mark"))
    .order_by(INBOX.c.id)
    .limit(bindparam("limit"))
    .subquery()
)
_BETWEEN = INBOX.c.id > bindparam("mark"), INBOX.c.id <= bindparam("last")

COUNT_OLD = compiled(select(func.count(), func.max(_NEXT.c.id)).where(_NEXT.c.recorded_at < bindparam("before")))
DROP_BODIES = compiled(
    update(INBOX).values(digest=func.sha256(INBOX.c.body), body=null()).where(*_BETWEEN, INBOX.c.body.is_not(None))
)
DROP_IDENTITIES = compiled(delete(INBOX).where(*_BETWEEN))

SELECT_INSTANCE = find(INSTANCE, "definition", "key")
SELECT_FAMILY = find(INSTANCE, "family")
SELECT_DUE = compiled(
    select(INSTANCE.c.definition, INSTANCE.c.key)
    .where(INSTANCE.c.deadline <= bindparam("now"))
    .order_by(INSTANCE.c.deadline, INSTANCE.c.id)
    .limit(bindparam("limit"))
)
SELECT_FACTS = find(FACT, "instance_id")
SELECT_INBOX = compiled(
    select(
        *(INBOX.c[name] for name in ("recorded_at", "status", "digest", "body", "definition", "key", "revision"))
    ).where(INBOX.c.source == bindparam("source"), INBOX.c.event_id == bindparam("event_id"))
)
SELECT_VERSIONS = find(VERSION)

_OWED = (
    select(
        EFFECT.c.key, EFFECT.c.number, EFFECT.c.name, INSTANCE.c.definition, INSTANCE.c.key.label("instance_key"),
        EFFECT.c.status, EFFECT.c.reason, EFFECT.c.lane, EFFECT.c.attempts, EFFECT.c.rounds, EFFECT.c.due,
        EFFECT.c.called_at, EFFECT.c.outcome, EFFECT.c.created_at, EFFECT.c.updated_at, JOURNAL.c.event,
        JOURNAL.c.source_state, JOURNAL.c.target_state, JOURNAL.c.occurred_at, JOURNAL.c.data,
    )
    .join(INSTANCE, INSTANCE.c.id == EFFECT.c.instance_id)
    .join(JOURNAL, (JOURNAL.c.instance_id == EFFECT.c.instance_id) & (JOURNAL.c.seq == EFFECT.c.seq))
)  # fmt: skip
SELECT_OWED = compiled(_OWED.where(EFFECT.c.key == bindparam("effect")))
SELECT_UNADDRESSED = compiled(
    _OWED.where(
        EFFECT.c.lane == literal_column("''"),
        EFFECT.c.status == literal_column("'pending'"),
        EFFECT.c.due + literal_column("0") <= bindparam("now"),  # there are few without a lane, and many that are due
    )
    .order_by(EFFECT.c.number)
    .limit(bindparam("limit"))
)
SELECT_LINGERING = compiled(
    _OWED.where(
        EFFECT.c.status == bindparam("status"),
        EFFECT.c.updated_at < bindparam("before"),
        or_(bindparam("name") == literal_column("''"), EFFECT.c.name == bindparam("name")),
    )
    .order_by(EFFECT.c.number)
    .limit(bindparam("limit"))
)
_EARLIER = EFFECT.alias("earlier")


def _holds_up(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return that an earlier effect of the same lane is as *conditions* say."""
    ahead = _EARLIER.c.lane == EFFECT.c.lane, _EARLIER.c.number < EFFECT.c.number
    return select(literal_column("1")).select_from(_EARLIER).where(*ahead, *conditions).exists()


SELECT_HEADS = compiled(
    select(
        EFFECT.c.key,
        EFFECT.c.lane,
        EFFECT.c.name,
        EFFECT.c.rounds,
        select(func.max(_EARLIER.c.called_at)).where(_EARLIER.c.lane == EFFECT.c.lane).scalar_subquery(),
    )
    .where(
        EFFECT.c.status == literal_column("'pending'"),
        EFFECT.c.due + literal_column("0") <= bindparam("now"),  # read in order, up to the limit
        EFFECT.c.lane > literal_column("''"),
        ~_holds_up(_EARLIER.c.status == literal_column("'pending'")),
        ~_holds_up(_EARLIER.c.status == literal_column("'calling'")),
        ~_holds_up(
            _EARLIER.c.status == literal_column("'unknown'"), _EARLIER.c.updated_at > bindparam("doubted_before")
        ),
    )
    .order_by(EFFECT.c.number)
    .limit(bindparam("limit"))
)

"""
The write path's SQL, compiled once from the tables.

The request path uses no ORM and no statement objects: an ORM session costs 2 ms of CPU a request.
"""

from msgspec import Struct
from sqlalchemy import (
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    literal_column,
    null,
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

UPDATE_INSTANCE = compiled(
    update(INSTANCE)
    .where(INSTANCE.c.id == bindparam("row_id"), INSTANCE.c.revision == bindparam("expected"))
    .values({
        name: bindparam(name)
        for name in columns(INSTANCE)
        if name not in ("id", "definition", "key", "created_at")
    })
)  # fmt: skip
SET_EFFECT = compiled(
    update(EFFECT)
    .where(EFFECT.c.key == bindparam("effect"), EFFECT.c.status == bindparam("expected"))
    .values(status=bindparam("to"), reason=bindparam("why"), updated_at=bindparam("at"))
)


_OLD = (
    select(INBOX.c.id)
    .where(INBOX.c.id > bindparam("mark"), INBOX.c.recorded_at < bindparam("before"))
    .order_by(INBOX.c.id)
    .limit(bindparam("limit"))
    .subquery()
)
_BETWEEN = INBOX.c.id > bindparam("mark"), INBOX.c.id <= bindparam("last")

COUNT_OLD = compiled(select(func.count(), func.max(_OLD.c.id)))
DROP_BODIES = compiled(
    update(INBOX).values(digest=func.sha256(INBOX.c.body), body=null()).where(*_BETWEEN, INBOX.c.body.is_not(None))
)
DROP_IDENTITIES = compiled(delete(INBOX).where(*_BETWEEN))

SELECT_INSTANCE = find(INSTANCE, "definition", "key")
SELECT_FAMILY = find(INSTANCE, "family")
SELECT_FACTS = find(FACT, "instance_id")
SELECT_INBOX = compiled(
    select(
        *(INBOX.c[name] for name in ("recorded_at", "status", "digest", "body", "definition", "key", "revision"))
    ).where(INBOX.c.source == bindparam("source"), INBOX.c.event_id == bindparam("event_id"))
)
SELECT_VERSIONS = find(VERSION)

"""The tables, and the statements and rows made from them, agree."""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import BigInteger, Integer, LargeBinary, Table, Text
from sqlmodel import SQLModel

import api
import definitions
from engine.ports import Decision, Row, Verdict
from storage import statements, tables
from storage.sqlite import SqliteStore
from tests.builders import Alias

TABLES = tables.METADATA.tables
CLASSES = [row for row in vars(tables).values() if isinstance(row, type) and issubclass(row, SQLModel)]
CLASSES.remove(SQLModel)


KINDS: dict[type, type] = {Text: str, BigInteger: int, LargeBinary: bytes}
ENGINES_OWN = {"instance", "journal", "inbox", "effect", "fact", "definition_version", "tally"}
OPEN = {name: table for name, table in TABLES.items() if name not in ENGINES_OWN}
"""The tables whose rows commit with a decision without the engine's looking into them."""


def row_type_of(table: Table) -> type[Row]:
    """Return a kind of row for *table*, as its author must write it."""
    fields = [(column.name, KINDS[type(column.type)]) for column in table.columns]
    namespace = {"table": table.name, "key": statements.key_columns(table)}
    kind = msgspec.defstruct("RowOfTest", fields, bases=(Row,), namespace=namespace, frozen=True)
    assert issubclass(kind, Row)
    return kind


def values_of(table: Table, key: int, other: int) -> list[Any]:
    """Return values for a row of *table*: *key* for the columns of its key, *other* for the rest."""
    makes: dict[type, Callable[[int], Any]] = {Text: str, BigInteger: int, LargeBinary: bytes}
    names = statements.key_columns(table)
    return [makes[type(column.type)](key if column.name in names else other) for column in table.columns]


def test_every_table_has_a_class_that_describes_it() -> None:
    assert {tables.table_of(row).name for row in CLASSES} == set(TABLES)


@pytest.mark.parametrize("row", CLASSES, ids=lambda row: row.__name__)
def test_a_class_says_what_its_table_is_for(row: type[SQLModel]) -> None:
    assert row.__doc__


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_columns_hold_texts_integers_and_bytes_only(table: Table) -> None:
    assert {type(column.type) for column in table.columns} <= {Text, BigInteger, Integer, LargeBinary}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_has_a_key(table: Table) -> None:
    assert statements.key_columns(table)


def test_a_kind_of_row_has_its_tables_columns_and_key_in_their_order() -> None:
    rows = (api.__path__, "api."), (definitions.__path__, "definitions.")
    for module in (found for place in rows for found in pkgutil.walk_packages(*place) if "rows" in found.name):
        importlib.import_module(module.name)
    kinds = [kind for kind in all_kinds(Row) if kind.__name__ != "RowOfTest"]

    assert Alias in kinds
    for kind in kinds:
        table = TABLES[kind.table]
        assert kind.__struct_fields__ == statements.columns(table), kind
        assert kind.key == statements.key_columns(table), kind


def all_kinds(kind: type[Row]) -> list[type[Row]]:
    """Return every kind of row that the program knows by now."""
    return [found for sub in kind.__subclasses__() for found in (sub, *all_kinds(sub))]


@pytest.mark.parametrize("table", OPEN.values(), ids=OPEN)
async def test_a_row_of_any_open_table_can_be_added_put_found_and_removed(database: Path, table: Table) -> None:
    kind = row_type_of(table)
    first, put, added, other = (kind(*values_of(table, *pair)) for pair in ((1, 2), (1, 3), (1, 4), (5, 6)))
    store = SqliteStore(database)

    async def after(**rows: Any) -> list[Row]:
        assert await store.commit(Decision(recorded_at=0, **rows)) is Verdict.COMMITTED
        return await store.find(kind)

    try:
        assert await after(add=(first, other)) == [first, other]
        assert await after(add=(added,)) == [first, other]
        assert await after(put=(put,)) == [put, other]
        assert await store.find(kind, **{name: getattr(first, name) for name in kind.key}) == [put]
        assert await after(remove=(added,)) == [other]
    finally:
        store.close()


def test_parameters_stand_in_the_order_in_which_the_write_path_gives_them() -> None:
    instance = statements.columns(statements.INSTANCE)

    assert statements.INSERT_INSTANCE.parameters == instance
    assert statements.INSERT_JOURNAL.parameters == statements.columns(statements.JOURNAL)
    assert statements.INSERT_INBOX.parameters == statements.columns(statements.INBOX)
    assert statements.PUT_EFFECT.parameters == statements.columns(statements.EFFECT)
    assert statements.PUT_FACT.parameters == statements.columns(statements.FACT)
    assert statements.COUNT_EDGE.parameters == statements.columns(statements.TALLY)
    assert statements.ADD_VERSION.parameters == statements.columns(statements.VERSION)
    # SQLAlchemy puts what is set into the table's order, whatever order it was given in.
    changed = statements.UPDATE_INSTANCE.parameters[:-2]
    assert changed == tuple(name for name in instance if name in changed)
    assert statements.UPDATE_INSTANCE.parameters[-2:] == ("row_id", "expected")
    assert statements.SELECT_INBOX.parameters == ("source", "event_id")
    assert (*statements.COUNT_OLD.parameters[:2], statements.COUNT_OLD.parameters[3]) == ("mark", "limit", "before")
    assert statements.DROP_BODIES.parameters == statements.DROP_IDENTITIES.parameters == ("mark", "last")

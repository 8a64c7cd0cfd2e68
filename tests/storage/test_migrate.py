import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from storage import migrate
from storage.migrate import Schema, drift, schema, upgrade
from storage.tables import METADATA


def execute(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def contents(path: Path) -> list[tuple[str, ...]]:
    return execute(path, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")


@pytest.fixture
def a_later_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run the migrations of a program that has one more than ours."""
    scripts = tmp_path / "migrations"
    shutil.copytree(Path(migrate.__file__).parent / "migrations", scripts)
    (scripts / "versions" / "9999_one_more.py").write_text(
        'revision = "9999"\ndown_revision = "0003"\nbranch_labels = None\ndepends_on = None\n'
        "def upgrade() -> None: ...\n"
    )

    def config() -> Config:
        later = Config()
        later.set_main_option("script_location", str(scripts))
        return later

    monkeypatch.setattr(migrate, "_config", config)


def test_a_new_file_gets_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    path = tmp_path / "folder that is not there yet" / "waystate.sqlite"

    upgrade(path)

    tables = {name for kind, name, _, _ in contents(path) if kind == "table"}
    assert tables == {*METADATA.tables, "alembic_version"}
    assert drift(path) == []


def test_every_table_is_strict(database: Path) -> None:
    strict = execute(database, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict")

    assert {name for (name,) in strict} == set(METADATA.tables)


def test_upgrading_twice_changes_nothing_and_keeps_the_rows(database: Path) -> None:
    execute(database, "INSERT INTO alias VALUES ('wamid', 'w-1', 'message', 'm-1')")
    before = contents(database)

    upgrade(database)

    assert contents(database) == before
    assert execute(database, "SELECT * FROM alias") == [("wamid", "w-1", "message", "m-1")]


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "waystate.sqlite"
    # The name is taken: creating the tables fails on the way.
    execute(path, "CREATE TABLE parked_fact (something TEXT)")
    before = contents(path)

    with pytest.raises(Exception, match="parked_fact"):
        upgrade(path)

    assert contents(path) == before


def test_a_file_that_is_not_there_is_empty_and_stays_away(tmp_path: Path) -> None:
    path = tmp_path / "waystate.sqlite"

    assert schema(path) is Schema.EMPTY
    assert not path.exists()


def test_a_file_without_tables_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "waystate.sqlite"
    execute(path, "PRAGMA user_version = 0")

    assert schema(path) is Schema.EMPTY


def test_an_upgraded_file_is_current(database: Path) -> None:
    assert schema(database) is Schema.CURRENT


def test_a_file_of_a_later_program_is_newer(database: Path) -> None:
    execute(database, "UPDATE alembic_version SET version_num = 'from-the-future'")

    assert schema(database) is Schema.NEWER


@pytest.mark.usefixtures("a_later_program")
def test_a_file_of_an_earlier_program_is_older_until_it_is_upgraded(database: Path) -> None:
    assert schema(database) is Schema.OLDER

    upgrade(database)

    assert schema(database) is Schema.CURRENT


def test_asking_how_a_schema_stands_changes_nothing(database: Path) -> None:
    before = database.read_bytes()

    schema(database)
    drift(database)

    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        pytest.param("ALTER TABLE journal DROP COLUMN outcome", "journal", id="a column is missing"),
        pytest.param("ALTER TABLE alias ADD COLUMN colour TEXT", "colour", id="a column too many"),
        pytest.param("DROP TABLE alias", "alias", id="a table is missing"),
        pytest.param("CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT", "extra", id="a table too many"),
        pytest.param("DROP INDEX ix_instance_family", "ix_instance_family", id="an index is missing"),
    ],
)
def test_what_differs_from_the_code_is_told(database: Path, change: str, difference: str) -> None:
    execute(database, change)

    found = drift(database)

    assert len(found) == 1
    assert difference in found[0]


def test_a_database_of_somebody_else_is_not_ours_to_migrate(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE letters (text TEXT)")

    assert schema(path) is Schema.NEWER


# What was there before


def at_revision(path: Path, revision: str) -> None:
    """Make a database as the program of that revision made it."""
    path.touch()
    with migrate._engine(path, "BEGIN IMMEDIATE").begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_what_was_there_before_the_tally_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "waystate.sqlite"
    at_revision(path, "0002")
    sessions = [("parcel", "P-1", "v1", "there"), ("parcel", "P-2", "v1", "moving"), ("parcel", "P-3", "v2", "lost")]
    steps = [
        (1, 1, "out", "packed", "moving"),
        (1, 2, "in", "moving", "there"),
        (2, 1, "out", "packed", "moving"),
        (3, 1, "out", "packed", "moving"),  # and then, without a step, it was lost
    ]
    for number, (definition, key, version, state) in enumerate(sessions, start=1):
        given = f"{number}, '{definition}', '{key}', '{version}', '{state}'"
        execute(path, f"INSERT INTO instance VALUES ({given}, 1, 0, 1, '[]', '{{}}', NULL, NULL, 0, 0, '[]')")  # noqa: S608 - our own
    for owner, seq, event, source, target in steps:
        given = f"{owner}, {seq}, '{event}', 'e', '{source}', '{target}'"
        execute(path, f"INSERT INTO journal VALUES ({given}, 0, 0, '', 0, '', '{{}}', '[]')")  # noqa: S608 - our own

    upgrade(path)

    assert drift(path) == []
    assert execute(path, "SELECT * FROM tally") == [
        ("parcel", "v1", "", "", "packed", 2),
        ("parcel", "v1", "moving", "in", "there", 1),
        ("parcel", "v1", "packed", "out", "moving", 2),
        ("parcel", "v2", "", "", "lost", 1),
        ("parcel", "v2", "", "", "packed", 1),
        ("parcel", "v2", "moving", "", "", 1),
        ("parcel", "v2", "packed", "out", "moving", 1),
    ]


def test_shipments_from_before_are_found_by_their_tracking_numbers(tmp_path: Path) -> None:
    path = tmp_path / "waystate.sqlite"
    at_revision(path, "0002")
    for number, (definition, key) in enumerate([("shipment", "O-1:T-1"), ("ndr_case", "O-1:T-1:1")], start=1):
        given = f"{number}, '{definition}', '{key}', 'v', 'packed'"
        execute(path, f"INSERT INTO instance VALUES ({given}, 1, 0, 1, '[]', '{{}}', NULL, NULL, 0, 0, '[]')")  # noqa: S608 - our own

    upgrade(path)

    assert execute(path, "SELECT * FROM alias") == [("tracking", "T-1/shipment/O-1:T-1", "shipment", "O-1:T-1")]

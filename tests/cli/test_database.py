"""`waystate db`: the database made, migrated and looked at."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from api.cli.exits import BAD_CONFIGURATION
from storage.migrate import Schema, schema
from storage.sqlite import locked
from tests.cli.shell import Said, Shell

DATABASE = Path("var/waystate.db")
NEWER = (
    "waystate: the database was made by a later version of this program, or by another one; {}; "
    "use the version that made it, a backup from before, or another file\n"
)


@pytest.fixture
def shell(home: Path) -> Shell:
    """Return a shell without any settings: these commands need none."""
    return Shell(home)


@pytest.fixture
def made(shell: Shell, empty_database: Path) -> Shell:
    """Return the same where there is a database."""
    DATABASE.parent.mkdir()
    shutil.copy(empty_database, DATABASE)
    return shell


def execute(sql: str) -> list[tuple[str]]:
    with closing(sqlite3.connect(DATABASE, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


# upgrade


def test_a_database_is_made_once(shell: Shell) -> None:
    said = shell.call("db", "upgrade")
    execute("INSERT INTO alias VALUES ('wamid', 'w-1', 'message', 'm-1')")

    assert said == shell.call("db", "upgrade") == Said(0, f"{DATABASE}: current\n")
    assert schema(DATABASE) is Schema.CURRENT
    assert execute("SELECT value FROM alias") == [("w-1",)]


@pytest.mark.parametrize("path", ["other.db", "deep/down/other.db", "{home}/other.db"])
def test_the_database_is_where_the_settings_say(shell: Shell, path: str) -> None:
    path = path.format(home=shell.folder)

    said = shell.call("db", "upgrade", DATABASE_URL=f"sqlite:///{path}")

    assert said == Said(0, f"{path}: current\n")
    assert Path(path).exists()


@pytest.mark.usefixtures("a_later_program")
def test_an_older_database_is_migrated(made: Shell) -> None:
    assert made.call("db", "check") == Said(1, f"{DATABASE}: older\n")

    assert made.call("db", "upgrade") == Said(0, f"{DATABASE}: current\n")

    assert made.call("db", "check") == Said(0, f"{DATABASE}: current\n")


@pytest.mark.usefixtures("a_later_program")
def test_a_database_that_a_server_has_open_is_not_migrated(made: Shell) -> None:
    with locked(DATABASE):
        said = made.call("db", "upgrade")

    assert said == Said(
        BAD_CONFIGURATION,
        err=f"waystate: another server has the database open; {DATABASE}; stop it, or set WAYSTATE_DATABASE_URL\n",
    )
    assert made.call("db", "check") == Said(1, f"{DATABASE}: older\n")


def test_what_is_newer_is_left_alone(made: Shell) -> None:
    execute("UPDATE alembic_version SET version_num = 'from-the-future'")

    assert made.call("db", "upgrade") == Said(BAD_CONFIGURATION, err=NEWER.format(DATABASE))
    assert made.call("db", "check") == Said(1, f"{DATABASE}: newer\n")
    assert execute("SELECT version_num FROM alembic_version") == [("from-the-future",)]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda path: path.write_bytes(b"no database at all" * 100), "file is not a database", id="text"),
        pytest.param(lambda path: path.mkdir(), "unable to open database file", id="a folder"),
    ],
)
@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_what_is_no_database_is_told(shell: Shell, make: object, reason: str, command: str) -> None:
    assert callable(make)
    make(Path("odd.db"))

    said = shell.call("db", command, DATABASE_URL="sqlite:///odd.db")

    assert said == Said(
        BAD_CONFIGURATION,
        err=f"waystate: the database cannot be used ({reason}); odd.db; correct WAYSTATE_DATABASE_URL\n",
    )


def test_a_place_where_no_folder_can_be_made_is_told(shell: Shell) -> None:
    Path("file").write_text("")

    said = shell.call("db", "upgrade", DATABASE_URL="sqlite:///file/waystate.db")

    assert said.code == BAD_CONFIGURATION
    assert said.err.startswith("waystate: the database cannot be used (")
    assert said.err.count("\n") == 1


# check


def test_a_database_that_is_not_there_is_empty_and_is_not_made(shell: Shell) -> None:
    assert shell.call("db", "check") == Said(1, f"{DATABASE}: empty\n")

    assert not DATABASE.exists()


def test_tables_that_are_not_as_their_version_says_are_told(made: Shell) -> None:
    assert made.call("db", "check") == Said(0, f"{DATABASE}: current\n")
    execute("ALTER TABLE alias ADD COLUMN colour TEXT")

    said = made.call("db", "check")

    first, difference = said.out.splitlines()
    assert (said.code, said.err, first) == (1, "", f"{DATABASE}: current")
    assert "colour" in difference


# revision


def test_nothing_is_written_when_the_migrations_are_complete(shell: Shell, migrations: Path) -> None:
    before = sorted(migrations.rglob("*.py"))

    said = shell.call("db", "revision", "nothing new")

    assert said == Said(0, "the migrations make the tables that the code describes: there is nothing to write\n")
    assert sorted(migrations.rglob("*.py")) == before


def test_a_migration_is_written_for_tables_that_changed(shell: Shell, migrations: Path) -> None:
    first, *_ = sorted(migrations.glob("versions/0*.py"))
    text = first.read_text()
    begin = text.index('    op.create_table(\n        "order_document"')
    end = text.index("    op.create_table(", begin + 1)
    first.write_text(text[:begin] + text[end:])

    said = shell.call("db", "revision", "People have other names")

    file = migrations / "versions/0004_people_have_other_names.py"
    assert said == Said(0, f"{file}: read it before you trust it\n")
    assert shell.call("db", "upgrade").code == 0
    assert shell.call("db", "check") == Said(0, f"{DATABASE}: current\n")
    assert execute("SELECT version_num FROM alembic_version") == [("0004",)]

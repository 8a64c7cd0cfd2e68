"""An application's life: what its start makes, what its end leaves, and what keeps it from neither."""

import asyncio
import json
import sqlite3
from collections.abc import MutableMapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from api.app import SAMPLE_ACCOUNT, application, assemble
from api.front_door import FrontDoor
from api.keyring import Key, KeyRing
from api.settings import Settings
from definitions.catalogue import Catalogue
from definitions.orders.rows import Account
from storage.sqlite import DatabaseInUse, SqliteStore
from tests.api.conftest import Serve
from tests.api.kept import deliver
from tests.api.serving import SECRETS, Server, running
from tests.api.speaking import a_call, a_question, a_status, ask, messages, session, signed, statuses


def rows(database: Path, asked: str) -> list[tuple[Any, ...]]:
    """Return what the database says when nobody serves on it."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(asked).fetchall()


def accounts(server: Server) -> list[Account]:
    """Return the accounts there are."""
    return server.run(lambda: server.parts.store.find(Account))


@pytest.mark.parametrize(("env", "there"), [("development", [SAMPLE_ACCOUNT]), ("production", [])])
def test_development_starts_with_an_account_to_try(serve: Serve, env: str, there: list[Account]) -> None:
    assert accounts(serve(env=env)) == there


def test_the_account_to_try_is_kept_as_it_was_changed(database: Path, endpoint_key: Key) -> None:
    changed = Account("1489", "dfc", "Dhruv Foods and Sons", "Europe/Riga", '{"a":1}')
    with running(database, [endpoint_key]) as server:
        server.run(lambda: server.parts.orders.put_account(changed))

    with running(database, [endpoint_key]) as server:
        assert accounts(server) == [changed]


def test_the_start_keeps_every_definition_that_sessions_may_be_pinned_to(database: Path, endpoint_key: Key) -> None:
    for _ in range(2):
        with running(database, [endpoint_key]) as server:
            catalogue = server.parts.catalogue
            current = sorted((one.definition.name, one.definition.version) for one in catalogue)

        assert rows(database, "SELECT name, version FROM definition_version ORDER BY name") == current


def test_the_end_waits_for_what_was_answered_and_is_still_under_way(database: Path, endpoint_key: Key) -> None:
    told = [a_status("sent", f"w-{index}") for index in range(1000)]
    with running(database, [endpoint_key]) as server:
        body = json.dumps(a_call(statuses(*told))).encode()
        assert ask(server, "POST", "/webhooks/whatsapp", body=body, headers=signed(server, body)).status == 200

    assert rows(database, "SELECT status FROM delivery") == [("processed",)]
    assert rows(database, "SELECT count(*), sum(state = 'sent') FROM instance") == [(1000, 1000)]


def test_the_end_leaves_one_whole_file_to_whoever_comes_next(database: Path, endpoint_key: Key) -> None:
    with running(database, [endpoint_key]) as server:
        deliver(server, a_call(messages(a_question())))
        assert database.with_name(f"{database.name}-wal").exists()

    assert not database.with_name(f"{database.name}-wal").exists()
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]
    assert rows(database, "SELECT state FROM instance") == [("open",)]


def test_a_call_that_cannot_be_worked_off_does_not_keep_a_server_from_starting(
    database: Path, endpoint_key: Key
) -> None:
    question = a_question()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TRIGGER no BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no'); END")
    with running(database, [endpoint_key]) as server:
        deliver(server, a_call(messages(question)))

    with running(database, [endpoint_key]) as server:
        assert session(server, "inquiry", question["id"]) is None
        assert ask(server, "GET", "/health/ready").status == 200
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TRIGGER no")

    with running(database, [endpoint_key]) as server:
        assert session(server, "inquiry", question["id"])["state"] == "open"


async def live(app: FrontDoor, *phases: str) -> list[str]:
    """Let an ASGI server take *app* through these phases of its life; return what it said to each."""
    heard = asyncio.Queue[dict[str, Any]]()
    said: list[str] = []
    for phase in phases:
        heard.put_nowait({"type": f"lifespan.{phase}"})

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message["type"].removeprefix("lifespan."))

    with suppress(ExceptionGroup):
        await app({"type": "lifespan", "app": app, "state": {}}, heard.get, send)
    return said


@pytest.mark.anyio
async def test_only_one_server_has_the_database_until_it_stops_or_cannot_start(
    database: Path, endpoint_key: Key
) -> None:
    settings = replace(Settings(**SECRETS), env="development", database_url=f"sqlite:///{database}")  # type: ignore[arg-type]
    catalogue, keys = Catalogue.load([]), KeyRing([endpoint_key])

    for broken in (False, True):
        parts = assemble(settings, catalogue, keys)
        with pytest.raises(DatabaseInUse):
            assemble(settings, catalogue, keys)
        if broken:
            parts.store._writer.set_progress_handler(lambda: 1, 1)

        said = await live(application(parts), "startup", "shutdown")

        assert said == (["startup.failed"] if broken else ["startup.complete", "shutdown.complete"])
        SqliteStore(database).close()

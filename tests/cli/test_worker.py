"""`waystate worker`: delivers apart from the server, and only where the server does not."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx2
import pytest

from api.cli.exits import BAD_CONFIGURATION
from bench.servers import WAYSTATE, Server, serving
from tests.cli.shell import SECRETS, Shell
from tests.errands.office import FOLDER, Effect, Office, effects
from tests.standins.graph import GraphStandIn, graph_standin

HANG = 60
WORKER = (*WAYSTATE, "worker")


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    """Return a stand-in for Graph."""
    with graph_standin() as standin:
        yield standin


@pytest.fixture
def shell(operator: Shell, graph: GraphStandIn) -> Shell:
    """Return the shell of an operator whose database has two errands."""
    asyncio.run(_open(database(operator)))
    sending = {"GRAPH_URL": graph.url, "ACCESS_TOKEN": "a-token", "DEFINITIONS": str(FOLDER)}
    return Shell(operator.folder, **operator.settings, **sending)


async def _open(path: Path) -> None:
    with closing(Office(path)) as office:
        for errand in (1, 2):
            await office.open(f"E-{errand}", number="101", to=f"91980000000{errand}")


def database(shell: Shell) -> Path:
    """Return a shell's database."""
    return shell.folder / "var/waystate.db"


def ask(address: str, says: str, errand: str = "E-1") -> None:
    """Let an errand send a message, as staff do."""
    response = httpx2.post(
        f"{address}/admin/api/v1/sessions/errand/{errand}/events",
        headers={"Authorization": f"Bearer {SECRETS['ADMIN_TOKEN']}"},
        json={"event": "message_asked", "id": f"ask-{says}", "data": {"says": says}},
        trust_env=False,
    )
    assert response.status_code == 200, response.text


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + HANG
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def rows(shell: Shell) -> list[Effect]:
    """Return all effects."""
    return effects(database(shell))


def working(shell: Shell, address: str, **settings: str) -> AbstractContextManager[Server]:
    """Run a worker for the server at *address* until the context ends; it need not be up yet."""
    return serving(shell.folder, command=WORKER, **shell._environment({**settings, "PUBLIC_URL": address}))


def test_a_server_delivers_what_it_owes(shell: Shell, graph: GraphStandIn) -> None:
    with shell.serving() as server:
        ask(server.wait_until_up(), "hello")
        until(lambda: [row.status for row in rows(shell)] == ["done"])
        assert (server.stop(), server.complained) == (0, "")

    assert [sent.message["text"]["body"] for sent in graph.sent] == ["hello"]


def test_one_without_worker_leaves_it_to_a_worker_apart(shell: Shell, graph: GraphStandIn) -> None:
    with shell.serving("--no-worker") as server:
        address = server.wait_until_up()
        ask(address, "hello")
        with working(shell, address) as worker:
            assert worker.wait_until_up() == address
            until(lambda: [row.status for row in rows(shell)] == ["done"])
            assert (worker.stop(), worker.complained) == (0, "")
        ask(address, "and again", "E-2")
        with working(shell, address) as worker:
            until(lambda: [row.status for row in rows(shell)] == ["done", "done"])
            assert (worker.stop(), worker.complained) == (0, "")
        assert (server.stop(), server.complained) == (0, "")

    assert [sent.message["text"]["body"] for sent in graph.sent] == ["hello", "and again"]
    assert [(row.attempts, row.outcome) for row in rows(shell)] == [(1, "wamid.1"), (1, "wamid.2")]


def test_a_worker_goes_on_when_its_server_was_away(shell: Shell, graph: GraphStandIn) -> None:
    with shell.serving("--no-worker") as server:
        address = server.wait_until_up()
        with working(shell, address) as worker:
            worker.wait_until_up()
            ask(address, "before")
            until(lambda: graph.sent)
            server.stop()
            with shell.serving("--no-worker", "--port", address.rpartition(":")[2]) as another:
                ask(another.wait_until_up(), "after", "E-2")
                until(lambda: [row.status for row in rows(shell)] == ["done", "done"])

    assert [sent.message["text"]["body"] for sent in graph.sent] == ["before", "after"]


REFUSED = (
    "waystate: the server refuses a worker ({}); WAYSTATE_ADMIN_TOKEN; set its admin token, and start it with"
    " `waystate serve --no-worker`\n"
)


@pytest.mark.parametrize(
    ("arguments", "token", "status"),
    [((), SECRETS["ADMIN_TOKEN"], 409), (("--no-worker",), "another", 401)],
    ids=["one that delivers itself", "one that does not know it"],
)
def test_a_worker_does_not_start_beside(shell: Shell, arguments: tuple[str, ...], token: str, status: int) -> None:
    with (
        shell.serving(*arguments) as server,
        working(shell, server.wait_until_up(), ADMIN_TOKEN=token) as worker,
    ):
        worker.process.wait(HANG)
        assert worker.stop() == BAD_CONFIGURATION
        assert worker.complained == REFUSED.format(status)


def test_two_workers_do_not_share_a_file(shell: Shell) -> None:
    with shell.serving("--no-worker") as server:
        address = server.wait_until_up()
        with working(shell, address) as worker:
            worker.wait_until_up()
            with working(shell, address) as another:
                assert another.process.wait(HANG) == BAD_CONFIGURATION

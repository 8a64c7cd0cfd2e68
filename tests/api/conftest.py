"""The servers that the tests of `api/` speak to."""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from api import flow_protocol, flows, front_door
from api.keyring import Key
from tests.api.phones import Handset
from tests.api.serving import SHORT_WAY, Server, a_key, running

WAYS = (SHORT_WAY, "h11")
"""How Flow calls come in: straight from the HTTP parser, or as ASGI calls as under any other server."""

DEFINITIONS = Path(__file__).parent / "definitions"

SAMPLES = Path(os.environ.get("WAYSTATE_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")

Serve = Callable[..., Server]


def sample(name: str) -> Any:
    """Return a sample document, or skip the test where there are none."""
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"there is no sample {name}: set WAYSTATE_SAMPLES to a folder that has some")
    return json.loads(path.read_bytes())


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """Give callers and logic a minute: a machine may stand still for seconds, and tests of the limits set their own."""
    with pytest.MonkeyPatch.context() as patch:
        for module, limit in (
            (front_door, "BODY_SECONDS"),
            (flow_protocol, "BODY_SECONDS"),
            (flow_protocol, "HEAD_SECONDS"),
            (flows, "LOGIC_SECONDS"),
        ):
            patch.setattr(module, limit, 60.0)
        yield


@pytest.fixture(scope="session")
def endpoint_key() -> Key:
    """Return the endpoint's key, made once: making one takes longer than most tests."""
    return a_key()


@pytest.fixture
def serve(database: Path, endpoint_key: Key) -> Iterator[Serve]:
    """Return what starts a server as a test wants it (`tests.api.serving.running`); it ends with the test."""
    with ExitStack() as servers:

        def start(**wanted: Any) -> Server:
            keys = wanted.pop("keys", [endpoint_key])
            return servers.enter_context(running(wanted.pop("database", database), keys, **wanted))

        yield start


@pytest.fixture
def server(serve: Serve) -> Server:
    """Return a server in development, with the short way in for Flow calls, as `waystate serve` runs it."""
    return serve()


@pytest.fixture
def asgi_server(serve: Serve) -> Server:
    """Return the same under a plain ASGI server."""
    return serve(way="h11")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Return each of the ways in."""
    way: str = request.param
    return way


@pytest.fixture
def any_server(serve: Serve, way: str) -> Server:
    """Return a server, once for each way in."""
    return serve(way=way)


@pytest.fixture
def flow_server(serve: Serve, way: str) -> Server:
    """Return a server with the flows of `tests/api/definitions` too, once for each way in."""
    return serve(way=way, definitions=DEFINITIONS)


@pytest.fixture(scope="module", params=WAYS)
def shared_server(
    request: pytest.FixtureRequest, empty_database: Path, tmp_path_factory: pytest.TempPathFactory, endpoint_key: Key
) -> Iterator[Server]:
    """Return such a server for all tests of a module that leave it as it was, but for sessions of their own."""
    path = tmp_path_factory.mktemp("shared") / "waystate.sqlite"
    path.write_bytes(empty_database.read_bytes())
    with running(path, [endpoint_key], way=request.param, definitions=DEFINITIONS) as server:
        yield server


@pytest.fixture
def phone(shared_server: Server) -> Handset:
    """Return a phone that is about to open the survey with a token of its own."""
    shared_server.parts.metrics.flow_calls._outcomes.clear()
    return Handset(shared_server, token=secrets.token_urlsafe(16))


@pytest.fixture
def lone_phone(flow_server: Server) -> Handset:
    """Return a phone that is about to open the survey on a server of its own."""
    return Handset(flow_server)


@pytest.fixture(scope="module")
def office(empty_database: Path, tmp_path_factory: pytest.TempPathFactory, endpoint_key: Key) -> Iterator[Server]:
    """Return a server for all tests of a module that bring orders and sessions of their own."""
    path = tmp_path_factory.mktemp("office") / "waystate.sqlite"
    path.write_bytes(empty_database.read_bytes())
    with running(path, [endpoint_key]) as server:
        yield server

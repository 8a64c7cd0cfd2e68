"""A real server for tests: on a socket of its own, in a thread of its own, with a clock that tests move."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import uvicorn
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa

from api.app import Parts, application, assemble
from api.flow_protocol import protocol_for
from api.front_door import FrontDoor
from api.keyring import Key, KeyRing
from api.settings import Settings
from definitions.catalogue import Catalogue
from engine.model import Instance
from lab.world import World
from tests.builders import NOON
from tests.contract.asking import Journalled, journal

Result = TypeVar("Result")

SECRETS = {
    "app_secret": "an app secret of the tests",
    "verify_token": "a verify token of the tests",
    "admin_token": "an admin token of the tests",
    "portal_token": "a portal token of the tests",
    "courier_secrets": "generic=a generic key of the tests,eshopbox=an eshopbox key of the tests",
    "data_key": "ZGF0YSBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXRlcyE=",
}

SHORT_WAY = "short way"
"""The protocol that hands Flow calls to the endpoint itself; any other name is uvicorn's own protocol of that name."""

SECONDS = 60
"""How long anything may take that should take no time: a hang guard, on a machine that has much else to do."""


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        """Return the time, in microseconds since 1970."""
        return self.now

    def move(self, microseconds: int) -> None:
        """Let so much time pass at once."""
        self.now += microseconds


class Server:
    """A running server: where it is, what it is made of, and what its peers know of it."""

    def __init__(self, settings: Settings, world: World, clock: FakeClock, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = settings
        self.world = world
        self.clock = clock
        self.loop = loop
        self.client = httpx2.Client(base_url=world.url, verify=False, timeout=SECONDS)
        self.parts: Parts
        self.door: FrontDoor
        self.uvicorn: uvicorn.Server

    @property
    def url(self) -> str:
        """Return the server's address."""
        return self.world.url

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return self.settings.port

    def instance(self, definition: str, key: str) -> Instance | None:
        """Return an instance as the database has it, which must be what the store remembers of it."""
        store = self.parts.store
        written = self.do(lambda: store._load((definition, key)))
        assert self.run(lambda: store.load([(definition, key)])) == [written]
        return written

    def journal(self, definition: str, key: str) -> list[Journalled]:
        """Return an instance's steps, as they were journalled."""
        return journal(self.parts.store, (definition, key))

    def outcomes(self) -> dict[str, int]:
        """Return how many Flow calls had which outcome, of all flows together."""
        counted: dict[str, int] = {}
        for (_, code), count in self.parts.metrics.flow_calls._outcomes.items():
            counted[code] = counted.get(code, 0) + count
        return counted

    def run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do *work* on the server's own event loop, and return what it returns."""

        async def do() -> Result:
            return await work()

        return asyncio.run_coroutine_threadsafe(do(), self.loop).result(SECONDS)

    def do(self, work: Callable[[], Result]) -> Result:
        """Do *work*, which waits for nothing, on the server's own event loop."""

        async def do() -> Result:
            return work()

        return self.run(do)


@contextmanager
def running(
    database: Path,
    keys: Sequence[Key],
    *,
    way: str = SHORT_WAY,
    definitions: Path | None = None,
    clock: FakeClock | None = None,
    **settings: Any,
) -> Iterator[Server]:
    """Serve on the *database* with these *keys*, Flow calls coming in by *way*, until the context ends."""
    loop = uvloop.new_event_loop() if way == SHORT_WAY else asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server")
    thread.start()
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio does so itself for sockets that say their protocol, which those of `create_server` do not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        port = listener.getsockname()[1]
        given = {} if definitions is None else {"definitions": str(definitions)}
        server = _described(database, keys, clock or FakeClock(), loop, port, {**given, **settings})
        catalogue = Catalogue.load([] if definitions is None else [definitions])
        server.run(lambda: _start(server, catalogue, KeyRing([*keys]), listener, way))
        try:
            with server.client:
                yield server
        finally:
            server.run(lambda: _stop(server))
    finally:
        listener.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _described(
    database: Path,
    keys: Sequence[Key],
    clock: FakeClock,
    loop: asyncio.AbstractEventLoop,
    port: int,
    given: dict[str, Any],
) -> Server:
    settings = Settings(
        **{"env": "development", "port": port, "database_url": f"sqlite:///{database}", **SECRETS, **given}
    )
    world = World(
        url=f"http://127.0.0.1:{port}",
        app_secret=settings.app_secret.partition(",")[0],
        admin_token=settings.admin_token,
        portal_token=settings.portal_token,
        courier_key=settings.couriers.get("generic", ""),
        public_key=keys[0].public_pem,
    )
    return Server(settings, world, clock, loop)


async def _start(server: Server, catalogue: Catalogue, keys: KeyRing, listener: socket.socket, way: str) -> None:
    server.parts = assemble(server.settings, catalogue, keys, server.clock)
    server.door = application(server.parts, server.clock)
    config = uvicorn.Config(
        server.door,
        http=protocol_for(server.door) if way == SHORT_WAY else way,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    config.load()
    server.uvicorn = uvicorn.Server(config)
    server.uvicorn.lifespan = config.lifespan_class(config)
    await server.uvicorn.startup([listener])
    await server.uvicorn.on_tick(0)  # makes the headers that every response has


async def _stop(server: Server) -> None:
    """Stop at once, which uvicorn's own way takes a tenth of a second for; whatever is still under way is a leak."""
    for listening in server.uvicorn.servers:
        listening.close()
    for connection in list(server.uvicorn.server_state.connections):
        connection.transport.abort()
    await server.uvicorn.lifespan.shutdown()
    this = asyncio.current_task()
    deadline = server.loop.time() + SECONDS
    while asyncio.all_tasks() != {this} and server.loop.time() < deadline:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(0.001)
    assert asyncio.all_tasks() == {this}


def a_key(name: str = "20260101.pem", bits: int = 2048) -> Key:
    """Return a new RSA key."""
    return Key(name, rsa.generate_private_key(public_exponent=65537, key_size=bits))

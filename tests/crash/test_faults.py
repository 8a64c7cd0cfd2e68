"""What callers get while a running server's database can take nothing, and that nothing of it is left afterwards."""

import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from api.cli.exits import BAD_CONFIGURATION
from bench.servers import WAYSTATE, NotUp, Server
from tests.crash.evidence import faults, read
from tests.crash.peers import Peer, Town
from tests.crash.places import Place

BYTES = 3_000_000
"""How large the file system is that gets full."""

HANG = 30.0
"""Ten times the seconds in which whoever calls must know: Meta and couriers call again later, and others wait."""


def mounts() -> bool:
    """Return whether we may mount file systems, in a name space of our own."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603 - as it stands
    except OSError:
        return False


@contextmanager
def full(place: Place, _: Server) -> Iterator[None]:
    """Fill the file system to its last byte."""
    filler = place.database.with_name("filler")
    with filler.open("wb", buffering=0) as file:
        try:
            for size in (65536, 4096, 512, 1):
                while True:
                    try:
                        file.write(b"x" * size)
                    except OSError:
                        break
            yield
        finally:
            filler.unlink()


@contextmanager
def at_its_limit(place: Place, server: Server) -> Iterator[None]:
    """Let no file of the server's grow beyond what the write-ahead log has."""
    size = place.database.with_name(place.database.name + "-wal").stat().st_size
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(place: Place, _: Server) -> Iterator[None]:
    """Let another program write to the database."""
    with closing(sqlite3.connect(place.database, isolation_level=None)) as other:
        other.execute("PRAGMA wal_autocheckpoint=0")
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


Fault = Callable[[Place, Server], AbstractContextManager[None]]


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Iterator[Place]:
    """Return where a server can run; the disk that gets full is a small one of its own."""
    if request.getfixturevalue("fault") is not full:
        yield Place(tmp_path, empty_database, Random())  # noqa: S311 - nothing secret
        return
    if not mounts():
        pytest.skip("only who may mount file systems can fill one")
    with mounted(tmp_path / "data", "-t", "tmpfs", "-o", f"size={BYTES}"):
        yield Place(tmp_path, empty_database, Random())  # noqa: S311 - nothing secret


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount what *options* say at *folder*."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", *options, folder, folder], check=True)  # noqa: S603, S607 - as it stands
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)  # noqa: S603, S607 - as it stands


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(full, "storage_full", id="the disk is full"),
        pytest.param(at_its_limit, "db_down", id="the file may not grow"),
        pytest.param(locked, "db_down", id="another program has it locked"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_taken_later(place: Place, fault: Fault, code: str) -> None:
    town = Town(place.world, Random(3))  # noqa: S311 - nothing secret
    peers = [Peer(calls("1")) for calls in (town._customer, town._asker, town._parcel)]
    with closing(place.start()) as server:
        server.wait_until_up()
        place.put_account()
        for peer in peers:
            _go_on(place, peer)

        with fault(place, server):
            refusals = [place.make(peer.calls[1], HANG) for peer in peers]
            ready = place.ask("GET", "/health/ready")
            reads = [place.ask("GET", path, token=token) for path, token in _readable(place)]
        left = faults(read(place.database), peers)
        for peer in peers:
            while peer.next:
                _go_on(place, peer)
        code_at_end = server.stop()

    assert [(refusal.status_code, refusal.headers["Retry-After"]) for refusal in refusals] == [(503, "2")] * 3
    assert [refusal.content and refusal.json()["code"] for refusal in refusals] == [b"", code, code]
    assert (ready.status_code, ready.json()["code"]) == (503, code)
    assert [answer.status_code for answer in reads] == [200] * len(reads)
    assert left == faults(read(place.database), peers) == []
    assert (code_at_end, server.complained.count("Traceback")) == (0, 0)


def test_a_database_that_cannot_be_written_is_told_before_anything_is_served(
    tmp_path: Path, empty_database: Path
) -> None:
    place = Place(tmp_path, empty_database, Random())  # noqa: S311 - nothing secret
    doctor = [*WAYSTATE, "doctor"]
    with read_only(place.database.parent) as reason, closing(place.start()) as server:
        with pytest.raises(NotUp) as told:
            server.wait_until_up()
        examined = subprocess.run(doctor, env=place.environment, capture_output=True, text=True, check=False)  # noqa: S603

    assert server.process.returncode == BAD_CONFIGURATION
    assert str(told.value) == (
        f"waystate: the database cannot be opened ({reason}: '{place.database}.lock'); {place.database};"
        " see `waystate doctor`\n"
    )
    assert examined.returncode == 1
    assert f"{place.database} cannot be written to; let the server's user write there" in examined.stdout


@contextmanager
def read_only(folder: Path) -> Iterator[str]:
    """Let nobody write in *folder*: whoever may write everywhere is kept off by the file system itself."""
    folder.chmod(0o555)
    try:
        if not os.access(folder, os.W_OK):
            yield "[Errno 13] Permission denied"
        elif mounts():
            with mounted(folder, "--bind"):
                subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)  # noqa: S603, S607 - as it stands
                yield "[Errno 30] Read-only file system"
        else:
            pytest.skip("who may write everywhere and mount nothing cannot be kept from writing")
    finally:
        folder.chmod(0o755)


def _go_on(place: Place, peer: Peer) -> None:
    """Let *peer* make its next call, and hear that it is new."""
    call = peer.next
    assert call is not None
    answer = place.make(call)
    peer.hear(answer.status_code, answer.content)


def _readable(place: Place) -> list[tuple[str, str]]:
    """Return addresses that need no writing, with the tokens for them."""
    admin, portal = place.world.admin_token, place.world.portal_token
    return [
        ("/health/live", ""),
        ("/metrics", ""),
        ("/admin/api/v1/sessions", admin),
        ("/admin/api/v1/sessions/personalised_offer/token-1/history", admin),
        ("/_ah/api/esb/v2/order/O-1", portal),
    ]

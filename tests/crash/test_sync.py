"""No answer leaves before the commit that it acknowledges is on the disk, as the system's calls show."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from tests.crash.peers import Peer, Town
from tests.crash.places import SECONDS, SERVE_ONLY, SLOW_DISK, Place, altered
from tests.crash.trace import OPTIONS, Count, acts, count

CALLERS = 6

# A database that is synced otherwise.
OTHERWISE = """
from storage import sqlite
ours = sqlite._connect

def connect(path):
    connection = ours(path)
    connection.execute("PRAGMA synchronous={}")
    return connection

sqlite._connect = connect
"""


def traces() -> bool:
    """Return whether `strace` is here and may trace."""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0  # noqa: S607
    except OSError:
        return False


needs_strace = pytest.mark.skipif(not traces(), reason="there is no strace here, or it may not trace")


@pytest.fixture
def place(tmp_path: Path, empty_database: Path) -> Place:
    return Place(tmp_path, empty_database, Random())  # noqa: S311 - nothing secret


def traced(place: Place, command: Sequence[str]) -> tuple[int, list[str]]:
    """Let callers call a server one after another, and return how many answers they had and its trace."""
    trace = place.folder / "trace"
    server = place.start(["strace", *OPTIONS, "-o", str(trace), *command])
    try:
        server.wait_until_up()
        place.put_account()
        made = sum(_made(place, peer) for peer in _peers(place))
        os.killpg(server.process.pid, signal.SIGTERM)  # strace itself heeds no signal while its server runs
        assert server.process.wait(SECONDS) == 0
    finally:
        server.close()
    return made + 1, trace.read_text(errors="replace").splitlines()


def _peers(place: Place) -> list[Peer]:
    town = Town(place.world, Random(3))  # noqa: S311 - everybody calls: a customer, a parcel, an asker
    return [town.newcomer() for _ in range(CALLERS)]


def _made(place: Place, peer: Peer) -> int:
    for call in peer.calls:
        answer = place.make(call)
        peer.hear(answer.status_code, answer.content)
    assert peer.wrong == []
    return len(peer.calls)


@needs_strace
@pytest.mark.parametrize(
    ("command", "threads"), [(SERVE_ONLY, 1), (altered(SLOW_DISK), 2)], ids=["on the loop", "in a thread"]
)
def test_no_answer_leaves_before_its_commit_is_on_the_disk(place: Place, command: Sequence[str], threads: int) -> None:
    made, trace = traced(place, command)

    assert count(trace) == Count(answers=made, of_commits=made, too_early=0)
    assert len({act.thread for act in acts(trace) if act.what == "logged"}) >= threads


@needs_strace
@pytest.mark.parametrize("how", ["OFF", "NORMAL"])
def test_one_that_did_would_be_seen(place: Place, how: str) -> None:
    made, trace = traced(place, altered(OTHERWISE.format(how)))

    found = count(trace)
    assert found.answers == made
    assert found.too_early > made / 2


LOG = '7 pwrite64(6</srv/way.db-wal>, "\\0"..., 4096, 32) = 4096'
SYNC = "7 fdatasync(6</srv/way.db-wal>) = 0"
ANSWER = '7 write(18<socket:[211]>, "HTTP/1.1 200 OK\\r\\ndat"..., 467) = 467'
SYNC_BEGINS = "7 fdatasync(6</srv/way.db-wal> <unfinished ...>"
SYNC_ENDS = "7 <... fdatasync resumed>) = 0"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        pytest.param([LOG, SYNC, ANSWER], Count(1, 1, 0), id="in order"),
        pytest.param([LOG, ANSWER, SYNC], Count(1, 1, 1), id="the sync comes after"),
        pytest.param([LOG, ANSWER], Count(1, 1, 1), id="no sync comes"),
        pytest.param([LOG, SYNC, LOG, ANSWER], Count(1, 1, 1), id="the sync is of something else"),
        pytest.param([LOG, SYNC_BEGINS, SYNC_ENDS, ANSWER], Count(1, 1, 0), id="a sync that is seen in two parts"),
        pytest.param([LOG, SYNC_BEGINS, ANSWER, SYNC_ENDS], Count(1, 1, 1), id="the sync is not over"),
        pytest.param([SYNC_BEGINS, LOG.replace("7", "8", 1), SYNC_ENDS, ANSWER], Count(1, 1, 1), id="begun too early"),
        pytest.param([LOG, SYNC.replace("= 0", "= -1 EIO"), ANSWER], Count(1, 1, 1), id="a sync that failed"),
        pytest.param([LOG, SYNC.replace("-wal", ""), ANSWER], Count(1, 1, 1), id="a sync of another file"),
        pytest.param([LOG, ANSWER.replace("write(", "sendto("), SYNC], Count(1, 1, 1), id="an answer by another call"),
        pytest.param([LOG, SYNC, ANSWER, ANSWER], Count(2, 1, 0), id="an answer that acknowledges nothing"),
        pytest.param([LOG, ANSWER.replace("200 OK", "503 No"), SYNC], Count(0, 0, 0), id="a refusal"),
    ],
)
def test_what_a_trace_says(lines: list[str], found: Count) -> None:
    assert count(lines) == found

"""The benchmark: it runs from end to end, says what it measured, and takes no wrong answer for a fast one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from api.keyring import Key, generate
from bench.endpoint import PATH, PEER, Figures, Report, Spread, Trial, WrongAnswers, main, table
from bench.load import WALK
from bench.servers import serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time is measured on Linux")

SECONDS = 60

ANSWERS: dict[str, Any] = {content["screen"]: {"screen": screen, "data": {"for": screen}} for content, screen in WALK}
"""What a peer answers that does it right, by the screen of the call."""

A_REPORT = Report(
    rounds=9,
    calls=2000,
    connections=32,
    cores=2,
    pinned=True,
    rsa=Spread(690.4, 682.0, 700.2),
    ours=Figures(
        cpu=Spread(986, 950.2, 1010),
        share=Spread(0.7, 0.68, 0.72),
        calls_per_second=Spread(1000, 900, 1100),
        p50=Spread(31.25, 30, 40),
        p99=Spread(41, 40, 50),
    ),
    pywa=Figures(
        cpu=Spread(1183.2, 1140, 1200),
        share=Spread(0.583, 0.57, 0.6),
        calls_per_second=Spread(840, 800, 850),
        p50=Spread(38, 37.04, 40),
        p99=Spread(80, 70, 90),
    ),
)


TABLE = """\
9 rounds of 2000 calls each, 32 at a time; a core for servers, another for clients
median (least to most) of the rounds

                            waystate, SQLite, FULL            pywa, no store
server CPU a call, µs            986 (950 to 1010)       1183 (1140 to 1200)
share of RSA ceiling, %              70 (68 to 72)             58 (57 to 60)
calls a second                  1000 (900 to 1100)          840 (800 to 850)
p50, ms                        31.2 (30.0 to 40.0)       38.0 (37.0 to 40.0)
p99, ms                        41.0 (40.0 to 50.0)       80.0 (70.0 to 90.0)
one RSA decryption, µs            690 (682 to 700)

pywa takes 1.20 times the CPU a call
share of the RSA ceiling: 70 % (pywa without a store 58 %)
"""


def test_a_run_measures_both_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = ["-m", "bench.endpoint", "--rounds", "2", "--calls", "8", "--connections", "2", "--json", "--folder"]
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, *command, "."], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    report = msgspec.json.decode(ended.stdout, type=Report)
    assert (report.rounds, report.calls, report.connections) == (2, 8, 2)
    for spread in spreads(report):
        assert 0 < spread.least <= spread.median <= spread.most
    assert [*tmp_path.iterdir()] == []


def spreads(report: Report) -> Iterator[Spread]:
    """Yield every figure of a report."""
    yield report.rsa
    for figures in (report.ours, report.pywa):
        yield from msgspec.structs.astuple(figures)


def test_the_table_ends_with_the_share_of_the_ceiling() -> None:
    assert "".join(f"{line}\n" for line in table(A_REPORT)) == TABLE


def test_a_single_core_is_told() -> None:
    first, *_ = table(replace(A_REPORT, pinned=False))

    assert first == "9 rounds of 2000 calls each, 32 at a time; one core for all"


def test_a_folder_that_is_not_there_is_told() -> None:
    result = CliRunner().invoke(main, ["--folder", "nowhere"])

    assert (result.exit_code, "'nowhere' does not exist" in result.stderr) == (2, True)


# Wrong answers


@pytest.fixture
def key(tmp_path: Path) -> Key:
    """Return the key of the server under trial; its file lies in the test's folder."""
    return generate(tmp_path, "")


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({**ANSWERS, "OPTIONS": ANSWERS["OFFER"]}, "3 wrong answers, the first: OFFER: showed PRODUCT_DETAIL"),
        (
            {**ANSWERS, "": {"screen": "PRODUCT_SELECTOR", "data": {}}},
            "PRODUCT_SELECTOR was not answered with",
        ),
    ],
    ids=["another screen", "other data"],
)
def test_a_server_that_answers_wrongly_is_not_measured(
    tmp_path: Path, key: Key, answers: dict[str, Any], complaint: str
) -> None:
    told = tmp_path / "answers.json"
    told.write_text(json.dumps(answers))
    shown = {answer["screen"]: answer["data"] for answer in ANSWERS.values()}
    with serving(tmp_path, command=[sys.executable, str(PEER), PATH, str(tmp_path / key.name), str(told)]) as server:
        trial = Trial(server, key, "", shown)

        with pytest.raises(WrongAnswers, match=f"^{complaint}"):
            trial.walk(3, 2)

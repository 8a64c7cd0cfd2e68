"""The benchmark of lists and searches: its crowd is what it says, and it takes no wrong answer for a fast one."""

import sqlite3
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from random import Random

import pytest

from api.sessions import recipient_hash
from bench.console import ASKED, Asked, Waited, WrongAnswer, measure, table, values
from bench.crowd import DATA_KEY, FEW, OFFER, ORDER, RARE, Crowd, Person
from definitions.catalogue import Catalogue
from storage.queries import Queries

SESSIONS = 600


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture(scope="module")
def crowd(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with a small crowd."""
    path = tmp_path_factory.mktemp("crowd") / "crowd.db"
    Crowd(path, SESSIONS, catalogue).make()
    return path


def test_a_crowd_is_as_many_as_it_was_to_be_and_is_known_again(crowd: Path, catalogue: Catalogue) -> None:
    assert Crowd(crowd, SESSIONS, catalogue).known()
    assert not Crowd(crowd, SESSIONS + 1, catalogue).known()
    assert not Crowd(crowd.with_name("another.db"), SESSIONS, catalogue).known()


async def test_the_counts_of_a_crowd_are_those_of_its_sessions(crowd: Path) -> None:
    queries = Queries(crowd)
    with closing(sqlite3.connect(crowd)) as connection:
        recounted = connection.execute("SELECT definition, state, count(*) FROM instance GROUP BY 1, 2 ORDER BY 1, 2")
        assert [(each.definition, each.state, each.sessions) for each in await queries.counts()] == recounted.fetchall()
    rare = await queries.sessions(OFFER, RARE, "", None, SESSIONS)
    assert 0 < len(rare) <= FEW
    queries.close()


async def test_whoever_is_asked_about_is_there_and_found_by_each_of_their_names(crowd: Path) -> None:
    queries = Queries(crowd)
    for seed in range(5):
        about = values(Random(seed), SESSIONS)  # noqa: S311 - as good as any
        order = about["order"]
        for text in (order, about["number"]):
            assert order in [session.key for session in await queries.find(text)]
        assert [session.key for session in await queries.find(about["tracking"])] == [f"{order}:{about['tracking']}"]
        phone = about["phone"].removeprefix("%2B")
        assert (ORDER, order) in [(each.definition, each.key) for each in await queries.find("", phone)]
        assert [each.key for each in await queries.find(about["token"])] == [about["token"]]
        assert (await queries.find(about["wamid"]))[0].definition == "message"
    (offer,) = await queries.find("", recipient=recipient_hash(DATA_KEY.encode(), Person(12).phone))
    assert offer.key == Person(12).token
    queries.close()


def test_everything_asked_of_the_api_is_answered(crowd: Path) -> None:
    measured = measure(crowd, SESSIONS, ASKED, 2)

    assert {*measured} == {each.title for each in ASKED}
    assert all(0 < waited.p50 <= waited.p95 for waited in measured.values())


def test_a_wrong_answer_has_no_time(crowd: Path) -> None:
    with pytest.raises(WrongAnswer, match="nothing there: 404"):
        measure(crowd, SESSIONS, [Asked("nothing there", "/admin/api/v1/nothing")], 2)


def test_the_table_says_what_was_measured_and_what_is_over_the_goal() -> None:
    measured = {1000: {"a list": Waited(0.001, 0.0042)}, 1_000_000: {"a list": Waited(0.1, 0.2)}}

    assert [*takewhile(bool, table(measured))] == [
        "milliseconds, p50 and p95 with               1,000 sessions     1,000,000 sessions",
        "a list                                         1.0      4.2         100.0    200.0  over 150",
    ]

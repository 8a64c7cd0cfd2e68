"""How often somebody may try, whatever the clock and the others do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import throttle
from api.throttle import LOCK, TRIES, WINDOW, Subjects, Throttle
from tests.api.serving import FakeClock
from tests.builders import MINUTE

names = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(names, names, names, st.integers(0, 40)), max_size=60))
def test_nothing_is_tried_more_than_five_times_in_a_quarter_of_an_hour(
    tries: list[tuple[str, str, str, int]],
) -> None:
    clock = FakeClock()
    counter = Throttle(clock)
    taken: list[tuple[int, Subjects]] = []
    for order, contact, client, pause in tries:
        clock.move(pause * MINUTE)
        subjects = Subjects(order, contact, client)
        if counter.take(subjects) == 0:
            taken.append((clock.now, subjects))

    for last, _ in taken:
        recent = [subjects for at, subjects in taken if last - WINDOW < at <= last]
        for kind in Subjects.__struct_fields__:
            named = [getattr(subjects, kind) for subjects in recent]
            assert max(named.count(each) for each in named) <= TRIES


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_who_waits_as_long_as_told_is_let_through(pauses: list[int]) -> None:
    clock = FakeClock()
    counter = Throttle(clock)
    for pause in pauses:
        clock.move(pause * MINUTE)
        wait = counter.take(Subjects("a", str(pause), str(clock.now)))
        assert 0 <= wait <= LOCK
        if wait:
            clock.move(wait)
            assert counter.take(Subjects("a", "x", str(clock.now))) == 0
            return


def test_one_s_tries_are_not_another_s() -> None:
    counter = Throttle(FakeClock())
    for _ in range(TRIES):
        assert counter.take(Subjects("a", "a", "a")) == 0

    assert counter.take(Subjects("a", "b", "b")) == WINDOW
    assert counter.take(Subjects("b", "b", "b")) == 0


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_SUBJECTS", 10)
    counter = Throttle(FakeClock())
    for number in range(100):
        counter.take(Subjects(str(number), str(number), str(number)))

    assert {len(table) for table in counter._tries.values()} == {10}

"""The short lane of `tests/fire.py`, and that it would see what must not be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.errands.office import URGENT_MESSAGE, Effect
from tests.fire import Fire, faults

EFFECTS = 1000


def test_effects_under_fire_are_all_accounted_for(tmp_path: Path) -> None:
    report = Fire(tmp_path, EFFECTS, seed=1).run()

    assert report.faults == (), str(report)
    assert report.effects == sum(report.statuses.values()) == EFFECTS
    assert report.statuses.keys() == {"done", "dead", "unknown"}
    assert report.statuses["done"] > 0.7 * EFFECTS
    assert len(report.wrongs) == 13, report.wrongs  # everything went wrong, and not only once
    assert sum(report.wrongs.values()) > 0.25 * report.calls


def an_effect(key: str, number: int, status: str = "done", rounds: int = 0, name: str = "errand_message") -> Effect:
    """Return the row of an effect for the one recipient."""
    lane = "whatsapp/101/919800000001"
    return Effect(key, number, name, "919800000001", status, "", 1, rounds, lane, "")


def test_what_is_as_it_must_be_is_no_fault() -> None:
    rows = [
        an_effect("done", 1),
        an_effect("dead", 2, "dead"),
        an_effect("unknown and taken", 3, "unknown"),
        an_effect("unknown", 4, "unknown"),
        an_effect("twice, as declared", 5, rounds=1, name=URGENT_MESSAGE),
    ]

    assert faults(rows, {"done": [0], "unknown and taken": [1], "twice, as declared": [2, 3]}, 5) == []


LIES: dict[str, Callable[[list[Effect], dict[str, list[int]]], object]] = {
    "an effect is lost": lambda rows, _: rows.pop(),
    "an effect of a step that was rolled back is delivered": lambda _, taken: taken.update(other=[2]),
    "an effect is left lying": lambda rows, _: rows.append(an_effect("e-3", 3, "pending")),
    "one that is done was never taken": lambda _, taken: taken.pop("e-1"),
    "one that was given up was taken": lambda rows, _: rows.insert(0, an_effect("e-1", 1, "dead")),
    "one is taken twice": lambda _, taken: taken["e-1"].append(5),
    "one overtakes another": lambda _, taken: taken.update({"e-2": [0], "e-1": [1]}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_must_not_be_would_be_seen(lie: Callable[[list[Effect], dict[str, list[int]]], object]) -> None:
    rows, taken = [an_effect("e-1", 1), an_effect("e-2", 2)], {"e-1": [0], "e-2": [1]}
    assert faults(rows, taken, 2) == []

    lie(rows, taken)

    assert faults(rows, taken, max(2, len(rows)))

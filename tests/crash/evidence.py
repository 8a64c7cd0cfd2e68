"""What a database says after a crash, against what its callers were told: one fault a line, none if all is well."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from tests.crash.peers import Call, Fact, Mark, Peer, Session, Step

Item = TypeVar("Item", Step, Fact)

RULES = {
    "a page of the file is damaged": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "the steps of a session are not counted without a gap": """
        SELECT definition, key FROM instance LEFT JOIN journal ON instance_id = id
        GROUP BY id HAVING count(seq) <> steps OR count(seq) > 0 AND (min(seq), max(seq)) <> (1, steps)""",
    "a session alone has a revision that is not the number of its steps": """
        SELECT definition, key FROM instance WHERE family IS NULL AND revision <> steps""",
    "a step does not begin where the one before it ended": """
        SELECT instance_id, seq FROM (SELECT *, lag(target_state) OVER (PARTITION BY instance_id ORDER BY seq) AS before
        FROM journal) WHERE before <> source_state""",
    "a session is not where its last step ended": """
        SELECT definition, key FROM instance JOIN journal ON instance_id = id AND seq = steps
        WHERE state <> target_state""",
    "a step, a fact or an effect belongs to no session": """
        SELECT instance_id FROM (SELECT instance_id FROM journal UNION ALL SELECT instance_id FROM fact
        UNION ALL SELECT instance_id FROM effect) WHERE instance_id NOT IN (SELECT id FROM instance)""",
    "what a step asked for is not there once": """
        SELECT instance_id, seq FROM journal LEFT JOIN effect USING (instance_id, seq)
        GROUP BY instance_id, seq HAVING count(effect.key) <> json_array_length(effects)""",
    "an answer was kept for another step than its call's": """
        SELECT inbox.event_id FROM inbox JOIN instance USING (definition, key)
        LEFT JOIN journal ON instance_id = instance.id AND seq = inbox.revision
        WHERE inbox.source = 'flow' AND inbox.event_id IS NOT journal.event_id""",
    "the tally does not say where the sessions are": """
        SELECT definition, version, state FROM (
            SELECT definition, version, state, -count(*) AS sessions FROM instance GROUP BY 1, 2, 3
            UNION ALL SELECT definition, version, target, sum(taken) FROM tally GROUP BY 1, 2, 3
            UNION ALL SELECT definition, version, source, -sum(taken) FROM tally GROUP BY 1, 2, 3)
        WHERE state <> '' GROUP BY 1, 2, 3 HAVING sum(sessions) <> 0""",
    "an edge was not taken as often as the journal says": """
        SELECT * FROM (SELECT definition, source, event, target, sum(taken) FROM tally
            WHERE source <> '' AND target <> '' AND event <> '' GROUP BY 1, 2, 3, 4
        EXCEPT SELECT definition, source_state, event, target_state, count(*)
            FROM journal JOIN instance ON instance.id = instance_id GROUP BY 1, 2, 3, 4)""",
    "a stored call was not worked off": "SELECT digest, status, reason FROM delivery WHERE status <> 'processed'",
}
"""What must never be found, whoever called, and the query that finds it."""


class Evidence(Struct, frozen=True):
    """The contents of a database; *kept* has the hash of the answer of each call that was recorded, or nothing."""

    broken: tuple[str, ...]
    sessions: frozenset[Session]
    steps: Mapping[Session, list[Step]]
    facts: Mapping[Session, list[Fact]]
    kept: Mapping[Mark, bytes]


def read(path: Path) -> Evidence:
    """Return what the database at *path* says; a server may have it open. One that is too damaged says only that."""
    try:
        return _read(path)
    except sqlite3.DatabaseError as error:
        return Evidence((f"a page of the file is damaged: {error}",), frozenset(), {}, {}, {})


def _read(path: Path) -> Evidence:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
        ask = connection.execute
        ask("BEGIN")
        steps = [
            Step((definition, key), *what)
            for definition, key, *what in ask(
                "SELECT definition, key, event, event_id, source_state, target_state"
                " FROM journal JOIN instance ON instance_id = id ORDER BY id, seq"
            )
        ]
        facts = [
            Fact((definition, key), *what)
            for definition, key, *what in ask(
                "SELECT definition, key, name, at FROM fact JOIN instance ON instance_id = id ORDER BY id, at, name"
            )
        ]
        kept = {(source, event_id): digest or b"" for source, event_id, digest in ask(
            "SELECT source, event_id, digest FROM inbox UNION ALL SELECT 'delivery', digest, NULL FROM delivery"
            " UNION ALL SELECT 'order_document', order_id, NULL FROM order_document"
        )}  # fmt: skip
        return Evidence(
            broken=tuple(f"{rule}: {row}" for rule, sql in RULES.items() for row in ask(sql)),
            sessions=frozenset(ask("SELECT definition, key FROM instance").fetchall()),
            steps=_by_session(steps),
            facts=_by_session(facts),
            kept=kept,
        )


def faults(evidence: Evidence, peers: Iterable[Peer]) -> list[str]:
    """
    Return how *evidence* differs from what these *peers*, and nobody else, must have left.

    What was answered is there once; of each peer's next call there is all or nothing; of those after it, nothing.
    """
    found = [*evidence.broken]
    left: list[Call] = []
    for peer in peers:
        found += peer.wrong
        recorded = [call for call in peer.calls if call.marks[0] in evidence.kept]
        answered = len(peer.answers)
        if recorded not in ([*peer.calls[:answered]], [*peer.calls[: answered + 1]]):
            there = [call.marks[0] for call in recorded]
            found.append(f"{answered} of {[call.marks[0] for call in peer.calls]} were answered, recorded are {there}")
        left += recorded
    steps = [step for call in left for step in call.steps]
    sessions = {*(session for call in left for session in call.opened), *(step.session for step in steps)}
    marks = {mark for call in left for mark in call.marks}
    return [
        *found,
        *(f"unlike what was called: {difference}" for difference in (
            *sorted(sessions ^ evidence.sessions),
            *sorted(marks ^ evidence.kept.keys()),
            *_differences(_by_session(steps), evidence.steps),
            *_differences(_by_session(fact for call in left for fact in call.facts), evidence.facts),
        )),
    ]  # fmt: skip


def _by_session(items: Iterable[Item]) -> dict[Session, list[Item]]:
    found: dict[Session, list[Item]] = {}
    for item in items:
        found.setdefault(item.session, []).append(item)
    return found


def _differences(expected: Mapping[Session, list[Item]], found: Mapping[Session, list[Item]]) -> list[str]:
    return [
        f"{session}: there must be {expected.get(session)}, there is {found.get(session)}"
        for session in sorted(expected.keys() | found.keys())
        if expected.get(session) != found.get(session)
    ]

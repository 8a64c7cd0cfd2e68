"""
The corridor every event takes: recall, load, decide, record.

Rule 1: deciding is pure and may be done again; only a commit changes anything.
Rule 2: two events at once: one wins, the other reads again and decides again.
"""

from collections.abc import Awaitable, Callable

from engine.errors import Contended
from engine.ports import Decision, Store, Verdict

ATTEMPTS = 20
"""How often an event decides again before it gives way. Each lost race means that another event was committed."""

Deliberation = Callable[[], Awaitable[Decision | None]]
"""Recalls, reads and returns what to change, or None if there is nothing to change (the event is a repeat, say)."""


async def settle(store: Store, deliberate: Deliberation) -> Decision | None:
    """
    Decide and record until it holds.

    Returns:
        The decision that was committed, or None if there was nothing to change.

    Raises:
        Contended: others kept coming first.
        StoreUnavailable: nothing could be recorded.
    """
    for _ in range(ATTEMPTS):
        decision = await deliberate()
        if decision is None:
            return None
        if await store.commit(decision) is Verdict.COMMITTED:
            return decision
    raise Contended

"""What lists and histories are asked for, page by page."""

from api.staff_rows import AuditEntry
from engine.model import SECOND
from engine.ports import EffectChange
from storage.queries import Queries
from storage.sqlite import SqliteStore
from tests.builders import NOON, a_birth, a_decision, a_step, an_event, asking_for


async def test_a_journal_is_read_from_its_end(shop: SqliteStore, queries: Queries) -> None:
    born = a_birth()
    second = a_step(born.after, an_event("arrived", "e-2"))
    third = a_step(second.after, an_event("left", "e-3"))
    await shop.commit(a_decision(born, second, third))

    last = await queries.journal_page("parcel", "P-7", None, 2)
    assert [(item.seq, item.event) for item in last] == [(3, "left"), (2, "arrived")]
    assert [item.seq for item in await queries.journal_page("parcel", "P-7", last[-1].seq, 2)] == [1]
    assert await queries.journal_page("parcel", "P-8", None, 2) == []


async def test_the_outbox_is_read_by_status_and_name_the_newest_first(shop: SqliteStore, queries: Queries) -> None:
    first = asking_for(a_birth("P-1"), "tell", "ask")
    second = asking_for(a_birth("P-2"), "tell")
    await shop.commit(a_decision(first, second))
    gone = EffectChange(key=first.effects[0].key, expected=("pending",), status="done", called=True, outcome="w-1")
    await shop.commit(a_decision(changed=(gone,), recorded_at=NOON + SECOND))

    async def listed(status: str = "", name: str = "", before: int | None = None) -> list[tuple[int, str, str, str]]:
        found = await queries.outbox(status, name, before, 50)
        return [(item.number, item.session, item.name, item.status) for item in found]

    told, asked, last = (1, "P-1", "tell", "done"), (2, "P-1", "ask", "pending"), (3, "P-2", "tell", "pending")
    assert await listed() == [last, asked, told]
    assert await listed(before=3) == [asked, told]
    assert await listed("pending") == [last, asked]
    assert await listed(name="tell") == [last, told]
    assert await listed("pending", "tell") == [last]
    assert await listed("done", "tell") == [told]
    assert await listed("done", "ask") == []
    (item,) = await queries.outbox("done", "", None, 1)
    assert (item.attempts, item.outcome, item.called_at, item.updated_at) == (1, "w-1", NOON + SECOND, NOON + SECOND)


async def test_what_staff_did_is_read_by_subject_and_by_who_the_newest_first(
    shop: SqliteStore, queries: Queries
) -> None:
    done = [
        AuditEntry(f"{at:020d}-x", at, who, "act", subject, "asked to", "{}")
        for at, who, subject in ((NOON, "asha", "order/O-1"), (NOON + 1, "ravi", "order/O-1"), (9, "asha", "keys"))
    ]
    await shop.commit(a_decision(add=tuple(done)))

    async def listed(subject: str = "", who: str = "", before: str = "") -> list[tuple[int, str]]:
        return [(item.at, item.who) for item in await queries.audit(subject, who, before, 50)]

    assert await listed() == [(NOON + 1, "ravi"), (NOON, "asha"), (9, "asha")]
    assert await listed("order/O-1") == [(NOON + 1, "ravi"), (NOON, "asha")]
    assert await listed(who="asha") == [(NOON, "asha"), (9, "asha")]
    assert await listed("order/O-1", "asha") == [(NOON, "asha")]
    assert await listed(before=done[1].id) == [(NOON, "asha"), (9, "asha")]
    assert (await queries.audit("keys", "", "", 1))[0].reason == "asked to"

"""What lists and histories are asked for, page by page."""

from api.staff_rows import AuditEntry
from api.whatsapp import Delivery
from definitions.orders.rows import ParkedFact
from engine.model import SECOND
from engine.ports import EffectChange
from storage.queries import DeliveryItem, Queries
from storage.sqlite import SqliteStore
from tests.builders import HOUR, NOON, a_birth, a_decision, a_step, an_event, asking_for


async def test_a_journal_is_read_from_its_end(shop: SqliteStore, queries: Queries) -> None:
    born = a_birth()
    second = a_step(born.after, an_event("arrived", "e-2"))
    third = a_step(second.after, an_event("left", "e-3"))
    await shop.commit(a_decision(born, second, third))

    last = await queries.journal_page("parcel", "P-7", None, 2)
    assert [(item.seq, item.event) for item in last] == [(3, "left"), (2, "arrived")]
    assert [item.seq for item in await queries.journal_page("parcel", "P-7", last[-1].seq, 2)] == [1]
    assert await queries.journal_page("parcel", "P-8", None, 2) == []


async def test_effects_are_those_of_the_steps_that_are_asked_for(shop: SqliteStore, queries: Queries) -> None:
    born = asking_for(a_birth(), "tell")
    second = asking_for(a_step(born.after, an_event("arrived", "e-2")), "tell", "ask")
    third = asking_for(a_step(second.after, an_event("left", "e-3")), "tell")
    other = asking_for(a_birth("P-8"), "tell")
    await shop.commit(a_decision(born, second, third, other))

    async def asked(seqs: list[int] | None) -> list[tuple[str, int, str]]:
        found = await queries.effects(definition="parcel", key="P-7", seqs=seqs)
        return [(effect.session, effect.seq, effect.name) for effect in found]

    first, last = [("P-7", 1, "tell")], [("P-7", 3, "tell")]
    assert await asked([3, 1]) == first + last
    assert await asked([]) == []
    assert await asked(None) == [*first, ("P-7", 2, "tell"), ("P-7", 2, "ask"), *last]


async def test_a_story_ends_with_the_latest_step_however_long_it_is(shop: SqliteStore, queries: Queries) -> None:
    born = a_birth("P-1", family="order/O-1")
    other = a_birth("P-2", family="order/O-1")
    last = a_step(born.after, an_event("arrived", "e-2"))
    await shop.commit(a_decision(born))
    await shop.commit(a_decision(other, recorded_at=NOON + HOUR + SECOND))
    await shop.commit(a_decision(last, recorded_at=NOON + HOUR + 2 * SECOND))

    async def told(limit: int) -> list[tuple[str, int]]:
        return [(item.key, item.step.seq) for item in await queries.story("parcel", "P-1", limit)]

    assert await told(9) == [("P-1", 1), ("P-2", 1), ("P-1", 2)]
    assert await told(2) == [("P-2", 1), ("P-1", 2)]


async def test_calls_are_read_by_each_of_their_reasons(shop: SqliteStore, queries: Queries) -> None:
    reasons = "unknown_type", "unknown_type wrong_sender", "unknown_types", "wrong_sender", "unknown_type"
    calls = [Delivery(str(place), "whatsapp", place, "quarantined", why, b"") for place, why in enumerate(reasons)]
    done = Delivery("9", "whatsapp", 9, "processed", "unknown_type", b"")
    await shop.commit(a_decision(put=(*calls, done)))

    async def listed(reason: str, after: tuple[int, str] | None = None, limit: int = 50) -> list[str]:
        return [item.digest for item in await queries.set_aside(reason, after, limit)]

    assert await queries.quarantine_reasons() == {"unknown_type": 3, "unknown_types": 1, "wrong_sender": 2}
    assert await queries.quarantined() == 5
    assert await listed("unknown_type") == ["0", "1", "4"]
    assert await listed("unknown_type", limit=2) == ["0", "1"]
    assert await listed("unknown_type", (1, "1")) == ["4"]
    assert await listed("wrong_sender") == ["1", "3"]
    assert await listed("wrong_sender", (1, "1")) == ["3"]
    assert await listed("unknown%") == await listed("unknown_type wrong_sender") == []
    assert await listed("") == ["0", "1", "2", "3", "4"]
    assert await queries.calls_set_aside_since(1, ["unknown_type", "wrong_sender"], 50) == ["1", "3", "4"]
    assert await queries.calls_set_aside_since(0, ["unknown_type", "unknown_types"], 2) == ["2", "4"]


async def test_calls_are_read_the_oldest_first_of_any_status_and_of_one(shop: SqliteStore, queries: Queries) -> None:
    statuses = "processed", "quarantined", "received", "processed", "quarantined", "received"
    calls = [Delivery(f"{9 - at}", "whatsapp", at // 3, status, "", b"") for at, status in enumerate(statuses)]
    await shop.commit(a_decision(put=calls))

    async def paged(status: str) -> list[str]:
        pages: list[str] = []
        after = None
        while page := await queries.deliveries(status=status, after=after, limit=2):
            pages += [item.digest for item in page]
            after = page[-1].received_at, page[-1].digest
        return pages

    assert await paged("") == ["7", "8", "9", "4", "5", "6"]
    assert await paged("processed") == ["9", "6"]
    (one,) = await queries.deliveries(digest="8")
    assert one == DeliveryItem("8", "whatsapp", 0, "quarantined", "")
    assert await queries.deliveries(digest="0") == []


async def test_parked_facts_are_read_the_oldest_first_of_any_reason_and_of_one(
    shop: SqliteStore, queries: Queries
) -> None:
    reasons = "unknown_order", "future", "unknown_order", "unknown_status"
    facts = [ParkedFact(f"courier/{9 - at}", "f", "O-1", why, "{}", at // 3) for at, why in enumerate(reasons)]
    await shop.commit(a_decision(put=facts))

    async def paged(reason: str) -> list[str]:
        pages: list[str] = []
        after = None
        while page := await queries.parked(reason, after, 2):
            pages += [item.source for item in page]
            after = page[-1].received_at, page[-1].source, page[-1].event_id
        return pages

    assert await paged("") == ["courier/7", "courier/8", "courier/9", "courier/6"]
    assert await paged("unknown_order") == ["courier/7", "courier/9"]
    assert await paged("odd") == []


async def test_only_bodies_that_are_no_longer_than_asked_for_are_read(shop: SqliteStore, queries: Queries) -> None:
    bodies = {"1": b"ab", "2": b"abc", "3": b""}
    await shop.commit(
        a_decision(put=[Delivery(name, "whatsapp", 1, "processed", "", of) for name, of in bodies.items()])
    )

    assert await queries.bodies(["1", "2", "none"], 2) == {"1": b"ab"}


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

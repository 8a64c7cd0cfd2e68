import pytest

from engine.errors import Contended
from engine.model import Instance
from engine.ports import Decision
from engine.runtime import ATTEMPTS, settle
from storage.memory import MemoryStore
from tests.builders import Alias, a_decision, a_step, an_alias, an_event, an_instance


async def stored(store: MemoryStore) -> Instance:
    [instance] = await store.load([("parcel", "P-7")])
    return instance or an_instance()


async def test_a_decision_that_holds_is_returned_and_committed() -> None:
    store = MemoryStore()
    decision = a_decision(a_step())

    async def deliberate() -> Decision | None:
        return decision

    assert await settle(store, deliberate) is decision
    assert (await stored(store)).revision == 1


async def test_a_row_of_a_decision_is_found_by_the_fields_of_its_key() -> None:
    store = MemoryStore()

    async def deliberate() -> Decision | None:
        return a_decision(put=(an_alias("w-1"),))

    await settle(store, deliberate)
    await settle(store, deliberate)

    [row] = await store.find(Alias)
    assert row.identity() == ("wamid", "w-1")


async def test_nothing_to_change_is_nothing_committed() -> None:
    store = MemoryStore()

    async def deliberate() -> Decision | None:
        return None

    assert await settle(store, deliberate) is None
    assert store.instances == {}


@pytest.mark.parametrize("losses", [1, ATTEMPTS - 1])
async def test_an_event_that_lost_the_race_reads_again_and_decides_again(losses: int) -> None:
    store = MemoryStore()
    lost: list[int] = []

    async def deliberate() -> Decision | None:
        read = await stored(store)
        if len(lost) < losses:
            lost.append(read.revision)
            await store.commit(a_decision(a_step(read, context={"by": "somebody else"})))
        return a_decision(a_step(read, context={"by": "us"}))

    decision = await settle(store, deliberate)

    assert decision is not None
    assert decision.steps[0].before.revision == losses
    assert (await stored(store)).context == {"by": "us"}
    assert lost == list(range(losses))


async def test_a_repeat_is_seen_when_deliberating_again() -> None:
    store = MemoryStore()
    decision = a_decision(a_step(), identities=["e-1"])
    await store.commit(decision)

    async def deliberate() -> Decision | None:
        [receipt] = await store.recall(decision.identities)
        assert receipt is not None
        return None

    assert await settle(store, deliberate) is None


async def test_an_event_gives_way_when_others_keep_coming_first() -> None:
    store = MemoryStore()
    attempts: list[int] = []

    async def deliberate() -> Decision | None:
        read = await stored(store)
        attempts.append(read.revision)
        await store.commit(a_decision(a_step(read, context={"by": "somebody else"})))
        return a_decision(a_step(read, an_event("e-2"), context={"by": "us"}))

    with pytest.raises(Contended):
        await settle(store, deliberate)

    assert len(attempts) == ATTEMPTS
    assert (await stored(store)).context == {"by": "somebody else"}


async def test_what_deliberating_raises_reaches_the_caller_and_nothing_is_committed() -> None:
    store = MemoryStore()

    async def deliberate() -> Decision | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await settle(store, deliberate)

    assert store.instances == {}

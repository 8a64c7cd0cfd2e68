"""What becomes of effects, on a clock and a store of the test's own; nothing is called here."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from api.metrics import Metrics
from api.order_book import OrderBook
from api.outbox import MAX_ATTEMPTS, Attempt, Done, Doubt, Failed, Outbox, Result, Unsent, Wait
from api.sessions import Act, SessionDesk
from definitions.binding import EFFECTS
from definitions.catalogue import Catalogue
from definitions.outgoing import HttpCall, MessageCall, Recipient
from engine.model import SECOND, Event, born
from engine.ports import Decision, Owed
from storage.memory import MemoryStore
from tests.builders import HOUR, MINUTE, NOON

FAVOURS = Path(__file__).parent / "favours"


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    """Return a catalogue with favours; what they bind is forgotten with this module's last test."""
    before = dict(EFFECTS)
    yield Catalogue.load([FAVOURS])
    EFFECTS.clear()
    EFFECTS.update(before)


class Nobody:
    """Knows nobody, and keeps no messages."""

    async def recipient(self, *_: Any) -> Recipient:
        """Return nobody."""
        return Recipient()

    async def opted_out(self, *_: Any) -> None:
        """Forget it."""

    async def sent(self, *_: Any) -> Decision:
        """Keep nothing."""
        return Decision(recorded_at=NOON)

    async def named(self, _: str) -> None:
        """Know none."""


class Trial:
    """An outbox with favours, and the time."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.now = NOON
        self.store = MemoryStore()
        self.catalogue = catalogue
        self.metrics = Metrics()
        book = OrderBook(catalogue, self.store, lambda: self.now)
        self.sessions = SessionDesk(catalogue, self.store, lambda: self.now)
        nobody = Nobody()
        self.outbox = Outbox(book, nobody, self.sessions, nobody, self.metrics, token_key=b"k" * 32)

    async def favour(self, key: str, event: str, **data: Any) -> str:
        """Let a favour ask for what *event* asks for, give it its lane, and return the effect's id."""
        interpreter = self.catalogue.interpreter("favour")
        asked = Event(f"e-{key}", event, self.now, self.now, data)
        step = interpreter.step(born(interpreter.definition, key, self.now), asked)
        await self.store.commit(Decision(recorded_at=self.now, steps=(step,)))
        await self.outbox.address()
        return step.effects[0].key

    async def begun(self, effect_id: str) -> Attempt:
        """Begin to call an effect that can be called."""
        attempt = await self.outbox.begin(effect_id)
        assert isinstance(attempt, Attempt)
        return attempt

    async def ended(self, effect_id: str, result: Result) -> float | None:
        """Begin an effect and let it end so; return the seconds to wait."""
        return await self.outbox.finish(await self.begun(effect_id), result)

    async def owed(self, effect_id: str) -> Owed:
        """Return an effect as it is kept."""
        (owed,) = await self.store.owed([effect_id])
        assert owed is not None
        return owed

    async def status(self, effect_id: str) -> tuple[str, str]:
        """Return where an effect stands, and why."""
        owed = await self.owed(effect_id)
        return owed.status, owed.reason

    async def state(self, key: str) -> str:
        """Return where a favour stands."""
        return (await self.sessions.find("favour", key)).state

    async def heads(self) -> list[str]:
        """Return what may be called now."""
        return [head.key for head in await self.outbox.heads()]


@pytest.fixture
def trial(catalogue: Catalogue) -> Trial:
    return Trial(catalogue)


# From pending to done


async def test_an_effect_gets_the_lane_of_its_call(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")

    assert (await trial.owed(effect)).lane == "whatsapp/100/919800000001"
    assert await trial.heads() == [effect]


async def test_what_is_begun_is_calling_before_anybody_is_called(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")

    body = {"to": "919800000001", "type": "text"}
    call = MessageCall("whatsapp/100/919800000001", "100", body)
    assert await trial.outbox.begin(effect) == Attempt(effect, "send_note", 1, call)
    assert await trial.status(effect) == ("calling", "")


async def test_who_asked_hears_that_it_was_delivered(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")

    assert await trial.ended(effect, Done("wamid.1")) is None
    owed = await trial.owed(effect)
    assert (owed.status, owed.outcome, owed.attempts) == ("done", "wamid.1", 1)
    assert await trial.state("E-1") == "known"


@pytest.mark.parametrize(("answers_later", "state"), [(True, "known"), (False, "agreed")])
async def test_a_courier_that_answers_at_once_has_accepted(trial: Trial, state: str, *, answers_later: bool) -> None:
    effect = await trial.favour("E-1", "ask", answers_later=answers_later)

    await trial.ended(effect, Done("ticket 7"))
    assert await trial.state("E-1") == state


async def test_nothing_is_begun_that_is_at_its_end(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    await trial.ended(effect, Done("wamid.1"))

    assert await trial.outbox.begin(effect) is None
    assert await trial.outbox.begin("no such effect") is None


async def test_what_nobody_delivers_is_discarded(trial: Trial) -> None:
    effect = await trial.favour("E-1", "wish")

    assert await trial.status(effect) == ("discarded", "nobody delivers it")


async def test_who_asked_hears_that_nothing_will_be_delivered(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send", skip=True)

    assert await trial.status(effect) == ("discarded", "not_wanted")
    assert await trial.state("E-1") == "failed"


async def test_what_is_for_later_waits_and_holds_up_nobody(trial: Trial) -> None:
    later = await trial.favour("E-1", "send", asleep=(NOON, NOON + HOUR))
    now = await trial.favour("E-2", "send")
    assert await trial.outbox.address() == 0  # it has no lane until its time
    assert await trial.heads() == [now]

    trial.now += HOUR
    await trial.outbox.address()
    assert (await trial.owed(later)).lane == "whatsapp/100/919800000001"


async def test_what_has_to_wait_after_all_holds_up_nobody(trial: Trial) -> None:
    first = await trial.favour("E-1", "send", asleep=(NOON + 1, NOON + HOUR))
    second = await trial.favour("E-2", "send")
    trial.now += 1
    assert await trial.outbox.begin(first) is None

    assert await trial.heads() == [second]
    assert await trial.status(first) == ("pending", "quiet hours")


@pytest.mark.parametrize("fault", ["raises", "makes something else"])
async def test_a_composer_that_fails_lets_nobody_else_wait(trial: Trial, fault: str) -> None:
    broken = await trial.favour("E-1", "send", fault=fault)
    sound = await trial.favour("E-2", "send")

    assert await trial.heads() == [sound]
    status, reason = await trial.status(broken)
    assert (status, reason.partition(":")[0]) == ("pending", "cannot be composed")
    assert (await trial.owed(broken)).due == NOON + 10 * MINUTE


# Failures


@pytest.mark.parametrize(
    ("result", "status", "state"),
    [
        pytest.param(Failed("retry", "130429"), ("pending", "130429"), "waiting", id="busy"),
        pytest.param(Unsent("connect"), ("pending", "connect"), "waiting", id="never left"),
        pytest.param(Failed("stop", "190"), ("pending", "190"), "waiting", id="our set-up is wrong"),
        pytest.param(Failed("later", "131049", 86_400.0), ("pending", "131049"), "waiting", id="a day later"),
        pytest.param(Failed("template", "131047"), ("pending", "131047"), "waiting", id="a template instead"),
        pytest.param(Failed("later", "131048"), ("dead", "131048"), "failed", id="staff must look"),
        pytest.param(Failed("fix", "132000"), ("dead", "132000"), "failed", id="the message is wrong"),
        pytest.param(Failed("recipient", "131026"), ("dead", "131026"), "failed", id="cannot be reached"),
        pytest.param(Doubt("slow"), ("unknown", "slow"), "waiting", id="in doubt"),
    ],
)
async def test_what_becomes_of_a_failed_message(
    trial: Trial, result: Result, status: tuple[str, str], state: str
) -> None:
    effect = await trial.favour("E-1", "send")

    again = await trial.ended(effect, result)

    assert await trial.status(effect) == status
    assert (again is not None) == (status[0] == "pending")
    assert await trial.state("E-1") == state


async def test_a_retry_waits_longer_each_time_and_gives_up_in_the_end(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    waits = []
    while (wait := await trial.ended(effect, Failed("retry", "131016"))) is not None:
        assert isinstance(await trial.outbox.begin(effect), Wait)
        waits.append(wait)
        trial.now += int(wait * SECOND) + 1

    assert len(waits) == 12
    assert all(later > 1.19 * earlier for earlier, later in pairwise(waits[:-2]))  # an hour is the longest
    assert await trial.status(effect) == ("dead", "131016")
    assert await trial.state("E-1") == "failed"


async def test_a_receiver_is_left_alone_for_as_long_as_it_asks(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")

    assert await trial.ended(effect, Failed("retry", "429", 90.0)) == 90.0


async def test_once_a_template_is_asked_for_that_is_what_is_sent(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    assert await trial.ended(effect, Failed("template", "131047")) == 0.0

    attempt = await trial.begun(effect)
    assert isinstance(attempt.call, MessageCall)
    assert attempt.call.body["type"] == "template"
    assert await trial.outbox.finish(attempt, Failed("template", "131047")) is None
    assert await trial.status(effect) == ("dead", "131047")


async def test_a_courier_that_says_no_is_heard(trial: Trial) -> None:
    effect = await trial.favour("E-1", "ask")

    assert await trial.ended(effect, Failed("refused", "422")) is None
    assert (await trial.status(effect), await trial.state("E-1")) == (("dead", "422"), "failed")


async def test_what_its_receiver_knows_by_its_id_is_never_in_doubt(trial: Trial) -> None:
    effect = await trial.favour("E-1", "ask")

    assert await trial.ended(effect, Doubt("slow")) is not None
    assert await trial.status(effect) == ("pending", "slow")


# Attempts that are lost


async def test_a_message_whose_attempt_was_lost_is_in_doubt_and_not_sent_again(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    await trial.begun(effect)

    assert await trial.outbox.begin(effect) is None
    assert await trial.status(effect) == ("unknown", "interrupted: may have been sent")


async def test_a_call_that_may_be_repeated_is_made_again_when_it_was_lost(trial: Trial) -> None:
    effect = await trial.favour("E-1", "ask")
    first = await trial.begun(effect)

    second = await trial.begun(effect)
    assert isinstance(second.call, HttpCall)
    assert (first.number, second.number, second.call) == (1, 2, first.call)


async def test_an_attempt_given_up_for_lost_may_still_end_well(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    attempt = await trial.begun(effect)
    await trial.outbox.begin(effect)

    await trial.outbox.finish(attempt, Done("wamid.1"))
    assert await trial.status(effect) == ("done", "")


async def test_the_end_of_an_attempt_that_another_has_followed_counts_for_nothing(trial: Trial) -> None:
    effect = await trial.favour("E-1", "ask")
    first, second = await trial.begun(effect), await trial.begun(effect)

    assert await trial.outbox.finish(first, Failed("fix", "400")) is None
    assert await trial.status(effect) == ("calling", "")
    await trial.outbox.finish(second, Done())
    assert await trial.status(effect) == ("done", "")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("send", ("unknown", "interrupted: may have been sent")),
        ("ask", ("pending", "interrupted: may have been sent")),
    ],
)
async def test_what_nobody_calls_any_more_is_swept_up(trial: Trial, event: str, status: tuple[str, str]) -> None:
    effect = await trial.favour("E-1", event)
    await trial.begun(effect)

    trial.now += MINUTE
    await trial.outbox.sweep()
    assert (await trial.status(effect))[0] == "calling"
    trial.now += 2 * MINUTE
    await trial.outbox.sweep()
    assert await trial.status(effect) == status


@pytest.mark.parametrize(("event", "status"), [("send", "unknown"), ("resend", "pending")])
async def test_what_stays_in_doubt_goes_the_way_that_was_declared(trial: Trial, event: str, status: str) -> None:
    effect = await trial.favour("E-1", event)
    await trial.ended(effect, Doubt("slow"))

    trial.now += 10 * MINUTE + 1
    await trial.outbox.sweep()
    assert (await trial.status(effect))[0] == status


# Order


async def test_one_person_gets_messages_in_their_order_and_not_too_fast(trial: Trial) -> None:
    first, second = await trial.favour("E-1", "send"), await trial.favour("E-2", "send")
    other = await trial.favour("E-3", "send", to="919800000002")
    assert await trial.heads() == [first, other]

    await trial.ended(first, Done("wamid.1"))
    trial.now += 5 * SECOND
    assert await trial.heads() == [other]
    trial.now += SECOND
    assert await trial.heads() == [second, other]


async def test_a_doubt_holds_its_person_back_for_two_minutes(trial: Trial) -> None:
    first, second = await trial.favour("E-1", "send"), await trial.favour("E-2", "send")
    await trial.ended(first, Doubt("slow"))

    trial.now += 2 * MINUTE - 1
    assert await trial.heads() == []
    trial.now += 1
    assert await trial.heads() == [second]


async def test_staff_may_have_it_called_again_for_as_often(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    while (wait := await trial.ended(effect, Failed("retry", "131016"))) is not None:
        trial.now += int(wait * SECOND) + 1
    await trial.outbox.redrive(effect)

    assert (await trial.owed(effect)).rounds == 1
    wait = await trial.ended(effect, Failed("retry", "131016"))
    assert wait is not None
    assert wait <= 2.5  # and as soon


async def test_the_same_effect_has_the_same_token_at_each_attempt(trial: Trial) -> None:
    assert trial.outbox._token("e-1") == trial.outbox._token("e-1") != trial.outbox._token("e-2")


async def test_what_staff_do_to_the_instance_meanwhile_is_not_undone(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    attempt = await trial.begun(effect)
    await trial.sessions.act("favour", "E-1", Act("lost"))

    await trial.outbox.finish(attempt, Done("wamid.1"))
    assert (await trial.status(effect), await trial.state("E-1")) == (("done", ""), "failed")


# What a crash, a late report or a second thought must not do


@pytest.mark.parametrize(
    "data", [{"asleep": (NOON + 1, NOON + HOUR)}, {}], ids=["it would wait now", "it is a message"]
)
async def test_what_may_have_been_sent_is_in_doubt_whatever_would_be_composed_now(
    trial: Trial, data: dict[str, Any]
) -> None:
    effect = await trial.favour("E-1", "send", **data)
    await trial.begun(effect)
    trial.now += 1

    assert await trial.outbox.begin(effect) is None
    assert await trial.status(effect) == ("unknown", "interrupted: may have been sent")


async def withdrawn(trial: Trial, event: str) -> tuple[str, Attempt]:
    """Let a favour ask for something that is withdrawn while it is being called."""
    effect = await trial.favour("E-1", event)
    attempt = await trial.begun(effect)
    await trial.store.commit(Decision(recorded_at=trial.now, withdrawn=(effect,)))
    return effect, attempt


async def test_what_was_withdrawn_is_not_called_again(trial: Trial) -> None:
    effect, attempt = await withdrawn(trial, "send")

    assert await trial.outbox.finish(attempt, Failed("retry", "130429")) is None
    assert await trial.status(effect) == ("discarded", "superseded")


@pytest.mark.parametrize(("result", "status"), [(Done("wamid.1"), "done"), (Doubt("slow"), "unknown")])
async def test_what_was_withdrawn_and_yet_may_have_arrived_stays_marked(
    trial: Trial, result: Result, status: str
) -> None:
    effect, attempt = await withdrawn(trial, "resend")
    await trial.outbox.finish(attempt, result)
    assert await trial.status(effect) == (status, "superseded")

    trial.now += 10 * MINUTE + 1
    await trial.outbox.sweep()
    assert await trial.status(effect) == (status, "superseded")


async def test_what_is_to_be_tried_tomorrow_holds_up_nobody_until_then(trial: Trial) -> None:
    first, second = await trial.favour("E-1", "send"), await trial.favour("E-2", "send")
    await trial.ended(first, Failed("later", "131049", 86_400.0))

    trial.now += MINUTE
    assert await trial.heads() == [second]


async def test_a_success_counts_though_an_earlier_attempts_failure_was_reported_meanwhile(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    attempt = await trial.begun(effect)
    report, _ = await trial.outbox.failed(await trial.owed(effect), Failed("retry", "131016"))
    await trial.store.commit(report)
    assert (await trial.status(effect))[0] == "pending"

    await trial.outbox.finish(attempt, Done("wamid.2"))
    assert await trial.status(effect) == ("done", "")


async def test_what_never_left_uses_up_no_attempt(trial: Trial) -> None:
    effect = await trial.favour("E-1", "send")
    for _ in range(3 * MAX_ATTEMPTS):
        wait = await trial.ended(effect, Unsent("connect"))
        assert wait is not None
        trial.now += int(wait * SECOND) + 1

    assert await trial.status(effect) == ("pending", "connect")

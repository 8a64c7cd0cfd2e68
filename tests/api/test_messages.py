"""Messages that were sent, and what Meta reports of them: on a clock and a store of the test's own, and over HTTP."""

from collections.abc import Sequence
from functools import cache
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.cases import CaseDesk
from api.graph_errors import HOUR as HOUR_SECONDS
from api.messages import MESSAGE, MessageDesk, SentMessages
from api.metrics import Metrics
from api.order_book import NDR_CASE, OrderBook
from api.orders import OrderDesk
from api.outbox import MAX_ATTEMPTS, Attempt, Done, Doubt, Failed, Outbox, Result
from api.people import PeopleDesk
from api.sessions import SessionDesk
from definitions.binding import EFFECTS
from definitions.catalogue import Catalogue
from definitions.messages.compose import message
from definitions.orders.rows import Account, Alias, Conversation
from definitions.orders.scans import Scan
from definitions.outgoing import MessageCall, Mint
from engine.fold import Fact
from engine.model import SECOND, EffectStatus, Instance
from engine.ports import Decision, EffectChange, Owed, Verdict
from storage.memory import MemoryStore
from tests.api.kept import became, deliver
from tests.api.serving import Server
from tests.api.speaking import (
    PERSON,
    a_call,
    a_completion,
    a_minted_session,
    a_scan,
    a_status,
    a_tap,
    an_order,
    ask,
    messages,
    moves,
    put_order,
    scan,
    session,
    statuses,
)
from tests.builders import HOUR, MINUTE, NOON

NUMBER, PHONE = "100000000000001", "919800000001"
LANE = f"whatsapp/{NUMBER}/{PHONE}"
CASE = "O-1:T-1:20260101T115900Z"

TAKEN = ("sent", "delivered", "read", "played")


@cache
def catalogue() -> Catalogue:
    """Return the shipped definitions."""
    return Catalogue.load()


def a_template(name: str = "failed_delivery", **changes: Any) -> MessageCall:
    """Return the call of a template."""
    body = {"to": PHONE, "type": "template", "template": {"name": name}}
    kept = {"body": body, "template": name, "account_id": "77", "person_id": "p-1"}
    return MessageCall(LANE, NUMBER, **{**kept, **changes})


class Trial:
    """An order with a failed delivery, whose customer is to be asked, and the time."""

    def __init__(self) -> None:
        self.now = NOON
        self.store = MemoryStore()
        self.book = OrderBook(catalogue(), self.store, lambda: self.now)
        self.people = PeopleDesk(self.book)
        sessions = SessionDesk(catalogue(), self.store, lambda: self.now)
        self.kept = SentMessages(self.book)
        self.outbox = Outbox(
            self.book, self.people, sessions, self.kept, Metrics(), numbers=(NUMBER,), token_key=b"k" * 32
        )
        self.desk = MessageDesk(self.book, self.kept, self.outbox)
        self.orders = OrderDesk(self.book, CaseDesk(self.book), self.people)
        self.effect = ""

    async def begin(self) -> "Trial":
        """Let the delivery fail."""
        await self.orders.put_account(Account("77", "kumar", "Kumar Teas", "Asia/Kolkata"))
        await self.orders.put_order(an_order(accountSlug="kumar"))
        at = {"out_for_delivery": NOON - 2 * MINUTE, "failed_delivery": NOON - MINUTE}
        scans = [Scan(word, "O-1", "T-1", "forward", word, when, {}) for word, when in at.items()]
        await self.orders.take_scans("courier/generic", scans)
        steps = self.store.journal[NDR_CASE, CASE]
        (self.effect,) = [effect.key for step in steps for effect in step.effects if effect.name == "ask_customer"]
        return self

    async def owed(self) -> Owed:
        """Return the effect as it is kept."""
        (owed,) = await self.store.owed([self.effect])
        assert owed is not None
        return owed

    async def change(self, status: EffectStatus, **more: Any) -> None:
        """Let the effect become something."""
        expected = ((await self.owed()).status,)
        change = EffectChange(key=self.effect, expected=expected, status=status, **more)
        assert await self.store.commit(Decision(recorded_at=self.now, changed=(change,))) is Verdict.COMMITTED

    async def attempt(self, result: Result | None = None, wamid: str = "", call: MessageCall | None = None) -> None:
        """Let it be called once more, and end so: with a *result*, taken by Graph as *wamid*, or not yet."""
        await self.change("calling", called=True, lane=LANE)
        attempt = Attempt(self.effect, "ask_customer", (await self.owed()).attempts, call or a_template())
        if result is None and not wamid:
            return
        await self.outbox.finish(attempt, result or Done(wamid))

    async def report(
        self, word: str, wamid: str = "wamid.1", second: int = 1, code: int = 0, mine: bool = True
    ) -> bool:
        """Let Meta report something of a message, so many seconds after noon."""
        details = {"code": str(code), "title": "?"} if code else {}
        fact = Fact(word, NOON + second * SECOND, self.now, details, "whatsapp")
        return await self.desk.report(wamid, self.effect if mine else "", fact)

    async def stands(self) -> tuple[str, str]:
        """Return where the effect stands, and why."""
        owed = await self.owed()
        return owed.status, owed.reason

    def message(self, key: str = "") -> Instance:
        """Return the message."""
        return self.store.instances[MESSAGE, key or self.effect]

    def case(self) -> str:
        """Return where the case stands."""
        return self.store.instances[NDR_CASE, CASE].state


@pytest.fixture
async def trial() -> Trial:
    return await Trial().begin()


# What is kept


async def test_a_message_that_was_sent_knows_what_it_is_about(trial: Trial) -> None:
    await trial.attempt(wamid="wamid.1")

    assert trial.message().context == {
        "about": {"definition": NDR_CASE, "key": CASE},
        "event": "ask_customer",
        "account_id": "77",
        "person": "p-1",
        "to": PHONE,
        "template": "failed_delivery",
        "wamid": "wamid.1",
    }
    assert await trial.stands() == ("done", "")
    assert trial.case() == "unsettled.awaiting_customer"
    assert await trial.kept.subject("wamid.1") == (NDR_CASE, CASE)
    assert await trial.store.find(Alias, value="wamid.1") == [Alias("wamid", "wamid.1", MESSAGE, trial.effect)]


async def test_a_message_that_brought_a_flow_knows_its_session(trial: Trial) -> None:
    body = {"to": PHONE, "interactive": {"parameters": [{"flow_token": "ws_1"}]}}
    mint = Mint("ndr_resolution", "/interactive/parameters/0/flow_token", (NDR_CASE, CASE))

    await trial.attempt(wamid="wamid.1", call=MessageCall(LANE, NUMBER, body, mint=mint))

    assert await trial.kept.session("wamid.1") == ("ndr_resolution", "ws_1")
    assert await trial.kept.subject("wamid.1") == (NDR_CASE, CASE)


async def test_what_only_the_call_knows_is_kept_after_a_report_that_was_quicker(trial: Trial) -> None:
    await trial.attempt()
    await trial.report("delivered")

    await trial.store.commit(await trial.kept.sent(await trial.owed(), a_template(), "wamid.1"))

    context = trial.message().context
    assert (context["template"], context["to"], [*context["times"]]) == ("failed_delivery", PHONE, ["delivered"])
    assert (trial.message().state, (await trial.stands())[0]) == ("delivered", "done")
    assert [row.root for row in await trial.store.find(Conversation, person=PHONE)] == ["wamid.1"]


async def test_an_id_that_is_no_message_of_ours_is_about_what_it_names(trial: Trial) -> None:
    await trial.store.commit(Decision(recorded_at=NOON, add=(Alias("wamid", "wamid.9", NDR_CASE, CASE),)))

    assert await trial.kept.subject("wamid.9") == (NDR_CASE, CASE)
    assert await trial.kept.subject("wamid.8") is None
    assert await trial.kept.subject("") is None


async def test_a_template_begins_a_conversation_and_the_next_ones_are_part_of_it(trial: Trial) -> None:
    async def root_after(hours: int, wamid: str, call: MessageCall) -> str:
        trial.now = NOON + hours * HOUR
        decision = await trial.kept.sent(await trial.owed(), call, wamid)
        await trial.store.commit(decision)
        found = await trial.store.find(Conversation, phone_number_id=NUMBER)
        return found[0].root if found else ""

    text = MessageCall(LANE, NUMBER, {"to": PHONE, "type": "text"})
    assert await root_after(0, "wamid.0", text) == ""
    assert await root_after(1, "wamid.1", a_template()) == "wamid.1"
    assert await root_after(24, "wamid.2", a_template()) == "wamid.1"
    assert await root_after(26, "wamid.3", a_template()) == "wamid.3"
    (row,) = await trial.store.find(Conversation, phone_number_id=NUMBER)
    heard = Conversation(row.phone_number_id, row.person, NOON + 40 * HOUR, row.root, row.updated_at)
    await trial.store.commit(Decision(recorded_at=NOON, put=(heard,)))
    assert await root_after(60, "wamid.4", a_template()) == "wamid.3"
    assert await root_after(70, "wamid.5", a_template()) == "wamid.5"


async def test_from_the_failed_delivery_to_the_template_that_asks_about_it(trial: Trial) -> None:
    subscriber = {"order_ref": "O-1", "account_id": "77", "phone": PERSON["contactPhone"], "email": PERSON["email"]}
    await trial.people.subscribe(**subscriber, status="ACTIVE")
    await trial.outbox.address()

    begun = await trial.outbox.begin(trial.effect)

    assert isinstance(begun, Attempt)
    assert isinstance(begun.call, MessageCall)
    assert (begun.call.template, begun.call.lane) == ("failed_delivery", f"whatsapp/{NUMBER}/919800000042")
    await trial.outbox.finish(begun, Done("wamid.1"))
    assert (await trial.stands(), trial.case()) == (("done", ""), "unsettled.awaiting_customer")
    assert trial.message().context["to"] == "919800000042"


async def test_who_is_not_subscribed_is_not_asked_and_the_case_knows(trial: Trial) -> None:
    await trial.outbox.address()

    assert await trial.stands() == ("discarded", "not_subscribed")
    assert trial.store.journal[NDR_CASE, CASE][-1].event.name == "customer_not_asked"


# Reports that a message got through


@pytest.mark.parametrize("word", TAKEN)
@pytest.mark.parametrize("before", ["never called", "calling", "unknown", "dead", "tried again"])
async def test_what_reached_its_person_was_delivered_whatever_was_believed(
    trial: Trial, before: str, word: str
) -> None:
    results: dict[str, Result] = {
        "unknown": Doubt("slow"),
        "dead": Failed("recipient", "131026"),
        "tried again": Failed("retry", "2"),
    }
    if before != "never called":
        await trial.attempt(results.get(before))

    assert await trial.report(word)

    owed = await trial.owed()
    assert (owed.status, owed.outcome) == ("done", "wamid.1")
    assert trial.message().state == word
    assert trial.message().context["about"] == {"definition": NDR_CASE, "key": CASE}
    assert trial.case() == "unsettled.awaiting_customer"
    assert await trial.kept.subject("wamid.1") == (NDR_CASE, CASE)


async def test_a_report_of_an_effect_that_staff_discarded_changes_only_its_message(trial: Trial) -> None:
    await trial.attempt(Doubt("slow"))
    await trial.outbox.discard(trial.effect)

    assert await trial.report("delivered")

    assert ((await trial.stands())[0], trial.message().state) == ("discarded", "delivered")


async def test_the_same_report_again_is_no_news(trial: Trial) -> None:
    await trial.attempt(wamid="wamid.1")

    assert [await trial.report("delivered") for _ in range(3)] == [True, False, False]
    assert len(trial.store.journal[MESSAGE, trial.effect]) == 1


async def test_a_report_finds_its_message_by_its_id_alone(trial: Trial) -> None:
    await trial.attempt(wamid="wamid.1")

    assert await trial.report("read", mine=False)

    assert trial.message().state == "read"


async def test_a_report_of_somebody_elses_message_is_kept_under_its_id(trial: Trial) -> None:
    assert await trial.report("read", "wamid.foreign", mine=False)

    assert trial.message("wamid.foreign").state == "read"
    assert await trial.stands() == ("pending", "")


# Reports that it failed


@pytest.mark.parametrize(
    ("code", "status", "wait", "case"),
    [
        (131026, "dead", 0, "unsettled.awaiting_customer"),
        (131050, "dead", 0, "unsettled.awaiting_customer"),
        (132000, "dead", 0, "unsettled.awaiting_customer"),
        (131048, "dead", 0, "unsettled.awaiting_customer"),
        (999999, "dead", 0, "unsettled.awaiting_customer"),
        (131049, "pending", 24 * HOUR_SECONDS, "unsettled.awaiting_customer"),
        (132069, "pending", HOUR_SECONDS, "unsettled.awaiting_customer"),
        (131047, "pending", 0, "unsettled.awaiting_customer"),
        (131042, "pending", 300, "unsettled.awaiting_customer"),
    ],
    ids=["gone", "no marketing", "template wrong", "spam", "unheard of", "enough", "throttled", "window", "unpaid"],
)
async def test_a_reported_failure_does_what_its_code_asks_for(
    trial: Trial, code: int, status: str, wait: int, case: str
) -> None:
    await trial.attempt(wamid="wamid.1")

    assert await trial.report("failed", code=code)

    owed = await trial.owed()
    assert (owed.status, owed.reason) == (status, str(code))
    assert (owed.due - trial.now if status == "pending" else 0) == wait * SECOND
    assert owed.rounds == (status == "pending")
    assert (trial.message().state, trial.case()) == ("failed", case)


async def test_what_may_pass_is_tried_again_after_a_while(trial: Trial) -> None:
    await trial.attempt(wamid="wamid.1")

    await trial.report("failed", code=130429)

    owed = await trial.owed()
    assert (owed.status, owed.due > trial.now) == ("pending", True)


async def test_what_failed_too_often_is_given_up(trial: Trial) -> None:
    for number in range(MAX_ATTEMPTS):
        assert (await trial.owed()).status == "pending"
        await trial.attempt(wamid=f"wamid.{number}")
        await trial.report("failed", f"wamid.{number}", number, code=130429)

    assert await trial.stands() == ("dead", "130429")


async def test_a_failure_that_only_the_report_tells_ends_the_attempt(trial: Trial) -> None:
    await trial.attempt()

    await trial.report("failed", second=5, code=131026)

    assert await trial.stands() == ("dead", "131026")
    assert await trial.outbox.finish(Attempt(trial.effect, "ask_customer", 1, a_template()), Doubt("slow")) is None
    assert await trial.stands() == ("dead", "131026")


@pytest.mark.parametrize(
    "result", [Failed("retry", "130429"), Failed("recipient", "131026")], ids=["may pass", "never"]
)
async def test_a_failure_that_was_answered_and_is_reported_counts_once(trial: Trial, result: Failed) -> None:
    await trial.attempt(result)
    before = await trial.owed()

    assert await trial.report("failed", code=int(result.code))

    assert await trial.owed() == before
    assert trial.message().state == "failed"


async def test_the_failure_of_an_earlier_attempt_does_not_end_the_next(trial: Trial) -> None:
    await trial.attempt(Failed("retry", "130429"))
    trial.now = NOON + 10 * SECOND
    await trial.attempt()

    await trial.report("failed", "wamid.1", 1, code=130429)
    assert (await trial.stands())[0] == "calling"

    await trial.outbox.finish(Attempt(trial.effect, "ask_customer", 2, a_template()), Doubt("slow"))
    await trial.report("failed", "wamid.1", 20, code=130429)
    assert (await trial.stands())[0] == "unknown"


async def test_the_failure_of_an_earlier_message_does_not_undo_the_later(trial: Trial) -> None:
    await trial.attempt(wamid="wamid.1")
    await trial.report("failed", "wamid.1", 1, code=130429)
    await trial.attempt(wamid="wamid.2")

    await trial.report("failed", "wamid.1", 3, code=130429)

    assert ((await trial.stands())[0], (await trial.owed()).outcome) == ("done", "wamid.2")


async def test_a_late_report_of_delivery_ends_the_waiting_for_another_attempt(trial: Trial) -> None:
    await trial.attempt(wamid="wamid.1")
    await trial.report("failed", second=1, code=131049)

    await trial.report("delivered", second=2)

    assert (await trial.stands())[0] == "done"
    assert trial.message().state == "delivered"


async def test_who_could_not_be_asked_is_known_to_the_case(trial: Trial) -> None:
    await trial.attempt()
    await trial.report("failed", second=5, code=131026)

    last = trial.store.journal[NDR_CASE, CASE][-1]
    assert (last.event.name, last.event.data["code"]) == ("customer_not_asked", "131026")
    assert [effect.name for effect in last.effects] == ["alert_staff"]


REPORTS = [("sent", 1), ("delivered", 2), ("failed", 3), ("read", 4)]


@pytest.mark.parametrize("some", [REPORTS[:2], REPORTS[:3], REPORTS[2:], [("sent", 1), ("failed", 3)], REPORTS])
async def test_a_message_and_its_effect_end_the_same_however_reports_come(some: Sequence[tuple[str, int]]) -> None:
    ends = set()
    for order in permutations(some):
        trial = await Trial().begin()
        await trial.attempt()
        for word, second in (*order, *order):
            await trial.report(word, second=second, code=131026 if word == "failed" else 0)
        ends.add((trial.message().state, (await trial.stands())[0]))

    assert len(ends) == 1
    assert ends <= {("delivered", "done"), ("failed", "dead"), ("read", "done")}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("attempt"), st.sampled_from(["taken", "131026", "130429", "doubt", "open"])),
            st.tuples(st.sampled_from([*TAKEN, "failed"]), st.integers(0, 3)),
        ),
        max_size=12,
    )
)
async def test_an_effect_is_called_only_while_nothing_says_that_it_arrived(happens: list[tuple[str, Any]]) -> None:
    trial = await Trial().begin()
    wamids = ["wamid.0"]
    for number, (word, how) in enumerate(happens):
        trial.now += 5 * SECOND
        owed = await trial.owed()
        if word != "attempt":
            await trial.report(word, wamids[-1 - how % len(wamids)], number * 5, code=130429 if word == "failed" else 0)
        elif owed.status == "pending":
            results: dict[str, Result] = {
                "131026": Failed("recipient", how),
                "130429": Failed("retry", how),
                "doubt": Doubt("slow"),
            }
            wamid = f"wamid.{number}" if how == "taken" else ""
            wamids += [wamid] if wamid else []
            await trial.attempt(results.get(how), wamid)
        owed = await trial.owed()
        message = trial.store.instances.get((MESSAGE, trial.effect))
        if message is not None and trial.book.has("taken", message):
            assert owed.status == "done"


# What a courier's facts ask for


WORDS = ["picked_up", "dispatched", "intransit", "shipment_delayed", "out_for_delivery", "failed_delivery", "delivered"]

FACTS = st.lists(st.tuples(st.sampled_from([*WORDS, "rto", "lost"]), st.integers(-60, -1)), min_size=1, max_size=8)


async def told(facts: Sequence[tuple[str, int]], cuts: Sequence[int], heard_at: int) -> list[set[str]]:
    """Return which messages became pending with each request, of facts that came in this order, cut into requests."""
    trial = Trial()
    trial.now = heard_at
    await trial.orders.put_account(Account("77", "kumar", "Kumar Teas", "Asia/Kolkata"))
    await trial.orders.put_order(an_order(accountSlug="kumar"))
    said = {name for name, promise in EFFECTS.items() if promise.composer is message}
    seen = {key for key, effect in trial.store.effects.items() if effect.name == "notify_created"}
    asked: list[set[str]] = []
    ends = sorted({*(cut % len(facts) for cut in cuts), len(facts)})
    for start, end in zip([0, *ends], ends, strict=False):
        scans = [
            Scan(f"{word}/{minute}", "O-1", "T-1", "forward", word, NOON + minute * MINUTE, {})
            for word, minute in facts[start:end]
        ]
        await trial.orders.take_scans("courier/generic", scans)
        effects = [effect for steps in trial.store.journal.values() for step in steps for effect in step.effects]
        fresh = {each.key for each in effects if each.name in said and each.status == "pending"} - seen
        seen |= fresh
        asked.append(fresh)
    return asked


async def test_each_change_that_is_news_asks_for_its_message() -> None:
    way = [("picked_up", -40), ("intransit", -30), ("out_for_delivery", -20), ("failed_delivery", -10)]

    assert [len(asked) for asked in await told(way, [1, 2, 3], NOON)] == [1, 0, 1, 1]
    assert [len(asked) for asked in await told(way[::-1], [1, 2, 3], NOON)] == [1, 0, 0, 0]
    assert [len(asked) for asked in await told(way, [], NOON)] == [1]


@settings(max_examples=100, deadline=None)
@given(FACTS, st.lists(st.integers(0, 7), max_size=6), st.randoms(use_true_random=False))
async def test_a_change_asks_for_one_message_at_most_and_what_is_stale_for_none(
    facts: list[tuple[str, int]], cuts: list[int], chance: Random
) -> None:
    doubled = [*facts, *chance.choices(facts, k=3)]
    chance.shuffle(doubled)

    fresh = await told(doubled, cuts, NOON)
    assert all(len(asked) <= 1 for asked in fresh)

    assert not any(await told(doubled, cuts, NOON + 25 * HOUR))


@settings(max_examples=50, deadline=None)
@given(FACTS, st.randoms(use_true_random=False))
async def test_what_is_heard_again_asks_for_nothing_again(facts: list[tuple[str, int]], chance: Random) -> None:
    again = chance.sample(facts, len(facts))

    asked = await told([*facts, *again], [len(facts)], NOON)

    assert asked[1:] == [set()]


# Over HTTP


def a_message_about(server: Server, definition: str, key: str, wamid: str, **call: Any) -> None:
    """Let the server have sent a message for an effect of that instance."""
    parts = server.parts
    book = OrderBook(parts.catalogue, parts.store, server.clock)
    known: dict[str, Any] = {
        **dict.fromkeys(("reason", "outcome", "event", "source_state", "target_state"), ""),
        **dict.fromkeys(("due", "created_at", "updated_at", "called_at", "occurred_at"), NOON),
        "key": "e" * 32,
        "number": 1,
        "name": "ask_customer",
        "status": "calling",
        "lane": LANE,
        "definition": definition,
        "instance_key": key,
        "attempts": 1,
        "rounds": 0,
        "data": {},
    }
    owed = Owed(**known)

    async def keep() -> None:
        await parts.store.commit(await SentMessages(book).sent(owed, a_template(**call), wamid))

    server.run(keep)


def test_a_tap_on_a_message_of_ours_chooses_for_the_case_that_it_asked_about(server: Server) -> None:
    put_order(server, an_order())
    scan(server, a_scan("out_for_delivery", -60), a_scan("failed_delivery", -30))
    key = "O-1:T-1:20260101T115930Z"
    a_message_about(server, NDR_CASE, key, "wamid.ours")

    assert became(server, a_call(messages(a_tap("ACTF001", "wamid.ours")))) == ("processed", "")

    assert session(server, NDR_CASE, key)["state"] == "unsettled.resolution_submitted"
    assert moves(server, NDR_CASE, key)[-1][0] == "resolution_submitted"


def test_a_tap_on_a_message_about_a_shipment_is_set_aside(server: Server) -> None:
    a_message_about(server, "shipment", "O-1:T-1", "wamid.ours")

    assert became(server, a_call(messages(a_tap("ACTF001", "wamid.ours")))) == ("quarantined", "unknown_context")


def test_a_completion_without_a_token_finds_its_session_by_the_message_that_brought_it(server: Server) -> None:
    token = a_minted_session(server)
    body = {"to": PHONE, "interactive": {"flow_token": token}}
    mint = Mint("purchase_interest", "/interactive/flow_token", (NDR_CASE, "none"))
    a_message_about(server, NDR_CASE, "none", "wamid.ours", body=body, mint=mint)

    reply = a_completion({"interest": "yes"}, context={"id": "wamid.ours"})
    assert became(server, a_call(messages(reply))) == ("processed", "")

    assert session(server, "purchase_interest", token)["state"] == "completed"


def test_who_wants_no_marketing_as_a_failed_message_says_is_opted_out_once(server: Server) -> None:
    failed = a_status("failed", "wamid.promo", errors=[{"code": 131050, "title": "User stopped marketing"}])

    for _ in range(2):
        deliver(server, a_call(statuses(failed)))
    listed = ask(server, "GET", "/admin/api/v1/sessions?definition=subscription", token=server.world.admin_token)
    stopped = [each for each in listed.content["items"] if each["key"].endswith(":marketing")]
    assert [(each["state"], len(moves(server, "subscription", each["key"]))) for each in stopped] == [
        ("unsubscribed", 1)
    ]

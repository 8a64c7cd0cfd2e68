"""Sessions are found by whatever is known of them, the newest first, and always by an index."""

import re
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

import storage.finding
from api.whatsapp import Delivery
from definitions.orders.rows import Account, Alias, OrderDocument, ParkedFact, PersonAlias
from engine.model import Instance
from storage.queries import Queries
from storage.sqlite import SqliteStore
from tests.builders import NOON, a_decision, a_step, an_instance

LARGE = {
    "instance", "journal", "effect", "alias", "inbox", "fact", "order_document", "person_alias", "customer", "delivery",
    "parked_fact",
}  # fmt: skip
"""The tables that grow with customers: none of them may be read through."""

ALL_OF_ONE = "(account_id=?)", "(definition=?)", "(kind=?)", "(name=?)", "(reason=?)", "(status=?)"
"""What the plan of a statement says that reads all of a definition, say."""


async def keep(store: SqliteStore, definition: str, *keys: str, **changes: Any) -> list[Instance]:
    """Keep sessions of these keys, in this order."""
    kept = []
    for key in keys:
        step = a_step(replace(an_instance(key=key), definition=definition), **changes)
        await store.commit(a_decision(step))
        kept.append(step.after)
    return kept


async def found(queries: Queries, **sought: Any) -> list[tuple[str, str]]:
    asked = {"definition": "", "state": "", "text": "", "before": None, "limit": 50, **sought}
    return [(session.definition, session.key) for session in await queries.sessions(**asked)]


# Lists


@pytest.mark.parametrize(
    ("sought", "keys"),
    [
        pytest.param({}, "5 4 3 2 1", id="all"),
        pytest.param({"definition": "parcel"}, "5 3 2 1", id="of a definition"),
        pytest.param({"definition": "letter"}, "", id="of none"),
        pytest.param({"state": "moving"}, "5 4 2", id="in a state of any definition"),
        pytest.param({"definition": "parcel", "state": "moving"}, "5 2", id="in a state of a definition"),
        pytest.param({"version": "v2"}, "5 3", id="of a version"),
        pytest.param({"version": "v2", "state": "moving"}, "5", id="in a state of a version"),
        pytest.param({"definition": "order", "version": "v2"}, "", id="of a version of another definition"),
        pytest.param({"states": ["moving", "there", "lost"]}, "5 4 3 2", id="in several states"),
        pytest.param({"states": []}, "", id="in none of no states"),
        pytest.param({"state": "moving", "states": ["there"]}, "5 4 2", id="a state before several"),
        pytest.param({"text": "P-"}, "5 3 2 1", id="keys that begin so"),
        pytest.param({"text": "P-", "state": "moving"}, "5 2", id="keys that begin so, in a state"),
        pytest.param({"text": "P-", "version": "v2", "definition": "parcel"}, "5 3", id="keys that begin so, of one"),
        pytest.param({"text": "P-3"}, "3", id="a whole key"),
        pytest.param({"text": "%"}, "", id="a sign that means much elsewhere"),
        pytest.param({"text": "p-3"}, "", id="in other letters"),
    ],
)
@pytest.mark.parametrize("many", [storage.finding.MANY, 1], ids=["few keys", "many keys"])
async def test_a_list_is_of_what_is_sought_and_the_newest_first(
    shop: SqliteStore, queries: Queries, sought: dict[str, Any], keys: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.finding, "MANY", many)
    await keep(shop, "parcel", "P-1", version="v1")
    await keep(shop, "parcel", "P-2", version="v1", state="moving")
    await keep(shop, "parcel", "P-3", version="v2", state="there")
    await keep(shop, "order", "O-4", version="v1", state="moving")
    await keep(shop, "parcel", "P-5", version="v2", state="moving")

    whole = await found(queries, **sought)

    assert " ".join(key[2:] for _, key in whole) == keys
    pages, before = [], None
    while page := await queries.sessions(
        **{"definition": "", "state": "", "text": "", **sought, "before": before, "limit": 2}
    ):
        pages += page
        before = page[-1].id
    assert [(session.definition, session.key) for session in pages] == whole


async def test_who_left_a_state_is_not_found_in_it(shop: SqliteStore, queries: Queries) -> None:
    (born,) = await keep(shop, "parcel", "P-1", state="moving")
    await shop.commit(a_decision(a_step(born, state="there")))

    assert await found(queries, state="moving") == []
    assert await found(queries, state="there") == [("parcel", "P-1")]


async def test_the_newest_of_very_many_keys_that_begin_alike_are_found_though_they_are_old(
    shop: SqliteStore, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.finding, "MANY", 2)
    monkeypatch.setattr(storage.finding, "NEWEST", 3)
    await keep(shop, "parcel", "A-1", "A-2", "A-3", "A-4")
    await keep(shop, "parcel", "B-1", "B-2", "B-3", "B-4")

    assert await found(queries, text="A-", limit=3) == [("parcel", f"A-{number}") for number in (4, 3, 2)]
    assert await found(queries, text="B-", limit=3) == [("parcel", f"B-{number}") for number in (4, 3, 2)]


# By any name


@pytest.fixture
async def order(shop: SqliteStore) -> None:
    """Keep an order of somebody who has told a new number, with what belongs to it and to them."""
    family = {"family": "order/O-1"}
    await keep(shop, "order", "O-1", "O-11", **family)
    await keep(shop, "shipment", "O-1:T-1", **family)
    await keep(shop, "subscription", "7:me:order_updates", "7:old-me:marketing", "7:mel:marketing")
    await keep(shop, "order", "O-2", family="order/O-2")
    await keep(shop, "offer", "ws_1", "ws_2")
    await keep(shop, "inquiry", "wamid.2", state="moving")
    rows = (
        Account("7", "soaps", "Madhur Soaps", "Asia/Kolkata"),
        OrderDocument("O-1", "7", "MS-1001", "{}", NOON),
        OrderDocument("O-2", "7", "MS-1002", "{}", NOON),
        PersonAlias("7", "phone", "919800000001", "me"),
        PersonAlias("7", "former_phone", "919800000002", "me"),
        PersonAlias("7", "order", "O-1", "me"),
        PersonAlias("7", "person", "old-me", "me"),
        PersonAlias("8", "phone", "919800000001", "a stranger of an account that is gone"),
        Alias("wamid", "wamid.1", "offer", "ws_1"),
        Alias("recipient", "abc/offer/ws_1", "offer", "ws_1"),
        Alias("recipient", "abc/offer/ws_2", "offer", "ws_2"),
        Alias("recipient", "abcd/offer/ws_2", "offer", "ws_2"),
        Alias("recipient", "abc/inquiry/wamid.2", "inquiry", "wamid.2"),
        Alias("tracking", "T-1/shipment/O-1:T-1", "shipment", "O-1:T-1"),
    )
    await shop.commit(a_decision(put=rows))


@pytest.mark.parametrize(
    ("sought", "keys"),
    [
        pytest.param({"text": "O-1"}, ["O-1:T-1", "O-11", "O-1"], id="an order's id"),
        pytest.param({"text": "MS-1001"}, ["O-1:T-1", "O-11", "O-1"], id="an order's number: its whole family"),
        pytest.param({"text": "MS-1"}, [], id="the beginning of a number"),
        pytest.param({"text": "T-1"}, ["O-1:T-1"], id="a tracking number"),
        pytest.param({"text": "wamid.1"}, ["ws_1"], id="a message's id"),
        pytest.param(
            {"text": "+91 98000 00001", "phone": "919800000001"},
            ["7:old-me:marketing", "7:me:order_updates", "O-1:T-1", "O-11", "O-1"],
            id="a phone number: the person's orders and subscriptions",
        ),
        pytest.param(
            {"text": "", "phone": "919800000002"},
            ["7:old-me:marketing", "7:me:order_updates", "O-1:T-1", "O-11", "O-1"],
            id="a number of before",
        ),
        pytest.param({"text": "", "recipient": "abc"}, ["wamid.2", "ws_2", "ws_1"], id="whom sessions are for"),
        pytest.param({"text": "ws_", "recipient": "abcd", "limit": 1}, ["ws_2"], id="no more than asked for"),
        pytest.param({"text": "nothing", "phone": "9", "recipient": "x"}, [], id="nothing"),
        pytest.param({"text": ""}, [], id="nothing said"),
    ],
)
@pytest.mark.usefixtures("order")
async def test_sessions_are_found_by_whatever_is_known(
    queries: Queries, sought: dict[str, Any], keys: list[str]
) -> None:
    assert [session.key for session in await queries.find(**sought)] == keys


@pytest.mark.parametrize(
    ("sought", "keys"),
    [
        pytest.param({"text": "O-1", "definition": "shipment"}, ["O-1:T-1"], id="by a key, of a definition"),
        pytest.param({"text": "MS-1001", "definition": "shipment"}, ["O-1:T-1"], id="by a number, of a definition"),
        pytest.param({"text": "T-1", "definition": "order"}, [], id="by a tracking number, of another definition"),
        pytest.param({"text": "T-1", "version": "v2"}, [], id="by a tracking number, of another version"),
        pytest.param({"text": "x", "phone": "919800000001", "definition": "order"}, ["O-11", "O-1"], id="by a phone"),
        pytest.param(
            {"text": "x", "recipient": "abc", "state": "moving"}, ["wamid.2"], id="by whom it is for, in a state"
        ),
        pytest.param({"text": "", "recipient": "abc", "states": []}, [], id="in none of no states"),
        pytest.param(
            {"text": "O-1", "phone": "919800000001", "recipient": "abc"},
            ["wamid.2", "ws_2", "ws_1", "7:old-me:marketing", "7:me:order_updates", "O-1:T-1", "O-11", "O-1"],
            id="by several names",
        ),
    ],
)
@pytest.mark.usefixtures("order")
async def test_a_search_is_narrowed_and_gone_through_page_by_page_whatever_it_is_by(
    shop: SqliteStore, queries: Queries, sought: dict[str, Any], keys: list[str]
) -> None:
    asked = {"definition": "", "state": "", **sought}
    pages: list[str] = []
    before = None
    while page := await queries.sessions(**{**asked, "before": before, "limit": 2}):
        pages += [session.key for session in page]
        before = page[-1].id
        await keep(shop, "order", f"O-1-new-{len(pages)}", family="order/O-1")  # what is new is on no later page

    assert pages == keys


async def test_the_newest_of_very_many_sessions_for_one_recipient_are_found(
    shop: SqliteStore, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.finding, "FEW", 2)
    keys = [f"ws_{letter}" for letter in "dacb"]
    await keep(shop, "offer", *keys)
    await shop.commit(a_decision(put=[Alias("recipient", f"abc/offer/{key}", "offer", key) for key in keys]))

    assert await found(queries, recipient="abc", limit=3) == [("offer", key) for key in reversed(keys[1:])]


@pytest.mark.parametrize("few", [storage.finding.FEW, 1], ids=["few keys", "many keys"])
@pytest.mark.usefixtures("order")
async def test_orders_are_listed_with_what_their_documents_and_cases_say(
    shop: SqliteStore, queries: Queries, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.finding, "FEW", few)
    await keep(shop, "ndr_case", "O-1:T-1:1", "O-1:T-1:2", family="order/O-1", state="open")
    await keep(shop, "ndr_case", "O-1:T-1:3", family="order/O-1", state="over")
    cases = {"ndr_case": ["open"], "shipment": ["open"]}

    async def listed(text: str = "", state: str = "") -> list[tuple[str, str, str, int]]:
        orders = await queries.orders(text, state, None, 50, case_states=cases)
        return [(each.session.key, each.account_id, each.customer_order_number, each.open_cases) for each in orders]

    first, second, bare = ("O-1", "7", "MS-1001", 2), ("O-2", "7", "MS-1002", 0), ("O-11", "", "", 0)
    assert await listed() == [second, bare, first]
    assert await listed("MS-100") == [second, first]
    assert await listed("MS-1001") == [first]
    assert await listed("O-1") == [bare, first]
    assert await listed(state="packed") == [second, bare, first]
    assert await listed("MS-1001", "lost") == []
    exactly = await queries.orders_of(["O-2", "O-1", "O-2", "O-3", "MS-1001"], case_states=cases)
    assert [(each.session.key, each.customer_order_number, each.open_cases) for each in exactly] == [
        ("O-2", "MS-1002", 0),
        ("O-1", "MS-1001", 2),
    ]


# How


@pytest.fixture
def plans(queries: Queries) -> list[tuple[str, str]]:
    """Return what the database does for each statement asked from now on: the statement, with each part of it."""
    kept: list[tuple[str, str]] = []

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            kept.extend((statement, row[3]) for row in cursor.fetchall())

    event.listen(queries._engine, "before_cursor_execute", explain)
    return kept


def read_through(plans: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """
    Return the parts of *plans* that read a large table through, or all of a definition or a kind in it.

    Those do not count that go in the order of an index and stop at a limit.
    """
    sorting = {statement for statement, part in plans if part == "USE TEMP B-TREE FOR ORDER BY"}
    return [
        (part, statement)
        for statement, part in plans
        for table in re.findall(r"^(?:SCAN|SEARCH) (\w+)", part)
        if table in LARGE and (part.startswith("SCAN") or part.endswith(ALL_OF_ONE))
        if "LIMIT" not in statement or statement in sorting
    ]


@pytest.mark.parametrize("many", [storage.finding.MANY, 0], ids=["few keys", "many keys"])
@pytest.mark.usefixtures("order")
async def test_no_list_reads_a_table_through(
    queries: Queries, plans: list[tuple[str, str]], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.finding, "MANY", many)
    monkeypatch.setattr(storage.finding, "FEW", many)
    sought = product(("", "order"), ("", "packed"), ("", "O-1"), (None, 3), ("", "v1"), (None, ["packed", "moving"]))
    names = {"phone": "919800000001", "recipient": "abc"}
    for definition, state, text, before, version, states in sought:
        await queries.sessions(definition, state, text, before, 50, version=version, states=states)
        await queries.sessions(definition, state, text, before, 50, version=version, states=states, **names)
        await queries.orders(text, state, before, 50, case_states={})

    assert len(plans) > 100
    assert read_through(plans) == []


@pytest.mark.usefixtures("order")
async def test_nothing_that_a_page_asks_reads_a_table_through(queries: Queries, plans: list[tuple[str, str]]) -> None:
    await queries.find("O-1", "919800000001", "abc")
    await queries.history("order", "O-1")
    await queries.journal_page("order", "O-1", 5, 50)
    await queries.story("order", "O-1")
    await queries.effects(definition="order", key="O-1")
    await queries.effects(definition="order", key="O-1", seqs=[1, 2])
    await queries.orders_of(["O-1", "O-2"], case_states={})
    await queries.counts()
    await queries.edges()
    await queries.traffic("order")
    await queries.traffic("order", "v1")
    await queries.funnel("order", ["packed", "moving"])
    await queries.audit("order/O-1", "", "", 50)
    await queries.audit("", "asha", "5", 50)
    await queries.audit("", "", "", 50)
    for status, name, before in product(("", "dead", "done"), ("", "announce"), (None, 9)):
        await queries.outbox(status, name, before, 50)

    assert len(plans) > 40
    assert read_through(plans) == []


async def test_nothing_that_waits_for_people_is_read_through(
    shop: SqliteStore, queries: Queries, plans: list[tuple[str, str]]
) -> None:
    calls = [Delivery(str(at), "whatsapp", at, "quarantined", "malformed", b"") for at in range(3)]
    facts = [ParkedFact("courier/x", str(at), "O-1", "unknown_order", "{}", at) for at in range(3)]
    await shop.commit(a_decision(put=(*calls, *facts)))

    for after in (None, (1, "1")):
        for status in ("", "quarantined", "processed"):
            await queries.deliveries(status=status, after=after, limit=50)
        for reason in ("", "malformed", "unknown_type"):
            await queries.set_aside(reason, after, 50)
    for reason, last in product(("", "unknown_order"), (None, (1, "courier/x", "1"))):
        await queries.parked(reason, last, 50)
    await queries.deliveries(digest="1")
    await queries.calls_done_before(9, 50)
    await queries.calls_set_aside_since(1, ["malformed"], 50)

    assert len(plans) > 20
    assert read_through(plans) == []
    assert "USE TEMP B-TREE FOR ORDER BY" not in {part for _, part in plans}


async def test_reasons_are_counted_without_a_look_at_any_call(queries: Queries, plans: list[tuple[str, str]]) -> None:
    await queries.quarantine_reasons()
    await queries.quarantined()
    await queries.backlog(0)

    counted = [part for _, part in plans if re.match(r"(SCAN|SEARCH) (delivery|parked_fact)", part)]
    assert len(counted) == 4
    assert [part for part in counted if "COVERING INDEX" not in part] == []
    assert "TEMP" not in " ".join(part for statement, part in plans if "FROM effect" not in statement)

"""
A database with very many sessions, made at once: what `bench/console.py` asks about.

Sessions walk the definitions that ship, by arrows drawn by lot; everything about the session of a number follows from
that number, so that a database made before can be asked again. A quarter of them have their steps in the journal.
"""

import base64
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct
from sqlalchemy.dialects.sqlite import insert

from api.sessions import recipient_hash
from definitions.catalogue import Catalogue
from definitions.orders.rows import Account, Alias, OrderDocument, PersonAlias
from engine.model import SECOND, Definition, Transition
from engine.ports import Row
from storage import statements, tables
from storage.batch import RowStatements, text
from storage.finding import FOR_RECIPIENT, TRACKED
from storage.migrate import upgrade
from storage.tally import NO_EVENT, NOWHERE, Edge

DATA_KEY = base64.b64encode(hashlib.sha256(b"a crowd for trials").digest()).decode()
"""The key that a server over such a database has: whom sessions are for is found under it."""

BORN = 1_767_268_800 * SECOND
APART = 3 * SECOND
"""When the first session began, and how long after it the next one."""

OFFER, INTEREST, ORDER, SHIPMENT, SUBSCRIPTION, MESSAGE = (
    "personalised_offer", "purchase_interest", "order", "shipment", "subscription", "message",
)  # fmt: skip

RARE = "abandoned"
"""The state of an offer in which only the oldest few are."""

FEW = 7

WAYS = 200
"""How many ways through a definition are drawn; sessions go one of them each."""

LONGEST_WAY = 12

WITH_JOURNAL = 4
"""Of so many sessions one has its steps."""

AT_ONCE = 20_000

ACCOUNT = "1"

Way = tuple[Transition, ...]


class Person(Struct, frozen=True):
    """What is invented about whoever has that number."""

    number: int

    @property
    def phone(self) -> str:
        """Return their phone number."""
        return f"9198{self.number:08}"

    @property
    def token(self) -> str:
        """Return the token of their Flow's session."""
        return f"ws_{hashlib.sha256(str(self.number).encode()).hexdigest()[:32]}"

    @property
    def order_id(self) -> str:
        """Return the id of their order."""
        return f"OD{self.number:08}"

    @property
    def order_number(self) -> str:
        """Return what the merchant calls it."""
        return f"MS-{self.number:08}"

    @property
    def tracking(self) -> str:
        """Return what the courier calls it."""
        return f"TRK{self.number:08}"

    @property
    def order(self) -> dict[str, Any]:
        """Return their order's document."""
        address = {
            "customerName": f"Person {self.number}",
            "contactPhone": self.phone,
            "email": "",
            "pincode": "560001",
        }
        tracked = {"courierName": "SELF", "statusLog": [], "trackingID": self.tracking}
        item = {"orderItemID": f"I-{self.number}", "productName": "Neem soap", "forwardTrackingTimeline": tracked}
        return {
            "orderId": self.order_id,
            "customerOrderNumber": self.order_number,
            "accountSlug": "soaps",
            "shippingAddress": address,
            "items": [item],
        }

    def context(self, definition: str) -> dict[str, Any]:
        """Return the context of their session of that definition."""
        contexts: dict[str, dict[str, Any]] = {
            OFFER: {"recipient": self.phone, "data": {}},
            INTEREST: {"recipient": self.phone, "data": {}},
            ORDER: {"account_id": ACCOUNT, "customer_order_number": self.order_number, "unassigned_items": 0},
            SHIPMENT: {"tracking_id": self.tracking, "leg": "forward", "courier": "SELF", "timezone": "Asia/Kolkata"},
            SUBSCRIPTION: {"account_id": ACCOUNT, "person_id": f"p{self.number}", "category": "order_updates"},
            MESSAGE: {"account_id": ACCOUNT, "recipient": self.phone},
        }
        return contexts[definition]


class Member(Struct, frozen=True):
    """A session to be made."""

    definition: str
    key: str
    person: Person
    family: str | None = None


def is_offered(number: int) -> bool:
    """Return whether that person has a session of the offer; six of ten have."""
    return number % 10 < 6  # noqa: PLR2004 - as said


def has_ordered(number: int) -> bool:
    """Return whether that person has an order; every tenth has."""
    return number % 10 == 7  # noqa: PLR2004 - as said


def members(number: int) -> Iterator[Member]:
    """Yield the sessions of a person: a Flow's, an order with what belongs to it, or a message."""
    person = Person(number)
    if is_offered(number):
        yield Member(OFFER, person.token, person)
    elif has_ordered(number):
        family = f"{ORDER}/{person.order_id}"
        yield Member(ORDER, person.order_id, person, family)
        yield Member(SHIPMENT, f"{person.order_id}:{person.tracking}", person, family)
        yield Member(SUBSCRIPTION, f"{ACCOUNT}:p{number}:order_updates", person)
    elif number % 2:
        yield Member(MESSAGE, hashlib.sha256(person.token.encode()).hexdigest()[:32], person)
    else:
        yield Member(INTEREST, person.token, person)


class Crowd:
    """Makes the database at *path*: so many *sessions* of the definitions of *catalogue*."""

    def __init__(self, path: Path, sessions: int, catalogue: Catalogue) -> None:
        self._path = path
        self._sessions = sessions
        self._lot = Random(1)  # noqa: S311 - the same each time
        names = OFFER, INTEREST, ORDER, SHIPMENT, SUBSCRIPTION, MESSAGE
        self._definitions = {name: catalogue.interpreter(name).definition for name in names}
        self._ways = {name: [self._way(each) for _ in range(WAYS)] for name, each in self._definitions.items()}
        self._taken: Counter[Edge] = Counter()
        self._effects = count(1)

    def known(self) -> bool:
        """Return whether the database is there already, of as many sessions of these very definitions."""
        if not self._path.exists():
            return False
        with closing(sqlite3.connect(self._path)) as connection:
            (sessions,) = connection.execute("SELECT max(id) FROM instance").fetchone()
            versions = {*connection.execute("SELECT DISTINCT definition, version FROM tally")}
        ours = {(name, definition.version) for name, definition in self._definitions.items()}
        return bool(sessions == self._sessions and versions == ours)

    def make(self) -> None:
        """Make it; nobody else may have it open."""
        self._path.unlink(missing_ok=True)
        upgrade(self._path)
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-262144"):
                connection.execute(f"PRAGMA {pragma}")
            numbered = enumerate((each for number in count() for each in members(number)), start=1)
            everybody = islice(numbered, self._sessions)
            self._put(connection, [Account(ACCOUNT, "soaps", "Madhur Soaps", "Asia/Kolkata")])
            while some := [*islice(everybody, AT_ONCE)]:
                connection.execute("BEGIN")
                self._add(connection, some)
                connection.execute("COMMIT")
            tally = [(*edge, taken) for edge, taken in self._taken.items()]
            connection.executemany(statements.COUNT_EDGE.sql, tally)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _way(self, definition: Definition) -> Way:
        """Return a way through a definition, drawn by lot, that never comes to where only few are."""
        way: list[Transition] = []
        state = definition.initial
        for _ in range(self._lot.randrange(LONGEST_WAY)):
            arrows = [
                arrow
                for arrow in definition.transitions
                if arrow.source == state and not arrow.implied and arrow.target != RARE
            ]
            if not arrows:
                break
            way.append(self._lot.choice(arrows))
            state = way[-1].target
        return tuple(way)

    def _add(self, connection: sqlite3.Connection, some: list[tuple[int, Member]]) -> None:
        instances: list[tuple[Any, ...]] = []
        steps: list[tuple[Any, ...]] = []
        effects: list[tuple[Any, ...]] = []
        rows: list[Row] = []
        for row_id, member in some:
            is_rare = row_id <= FEW and member.definition == OFFER
            way = () if is_rare else self._lot.choice(self._ways[member.definition])
            last = way[-1].target if way else self._definitions[member.definition].initial
            instances.append(self._instance(row_id, member, way, RARE if is_rare else last))
            rows += self._rows(member)
            if row_id % WITH_JOURNAL == 0:
                steps += _steps(row_id, way)
                if member.definition == ORDER and way:
                    effects.append(self._effect(row_id, len(way)))
        connection.executemany(statements.INSERT_INSTANCE.sql, instances)
        connection.executemany(statements.INSERT_JOURNAL.sql, steps)
        connection.executemany(_EFFECTS, effects)
        self._put(connection, rows)

    def _instance(self, row_id: int, member: Member, way: Way, state: str) -> tuple[Any, ...]:
        """Return a session's row, and count the edges that it took."""
        definition = self._definitions[member.definition]
        kept = way if row_id % WITH_JOURNAL == 0 else ()
        begun = definition.initial if kept else state
        self._taken[definition.name, definition.version, NOWHERE, NO_EVENT, begun] += 1
        self._taken.update((definition.name, definition.version, step.source, step.event, step.target) for step in kept)
        at = BORN + row_id * APART
        context = text(member.person.context(member.definition))
        return (
            row_id, definition.name, member.key, definition.version, state, 1 + len(way), len(way), len(kept),
            "[]", context, member.family, None, "[]", at, at + len(way) * SECOND,
        )  # fmt: skip

    def _rows(self, member: Member) -> Iterator[Row]:
        person = member.person
        if member.definition in (OFFER, INTEREST):
            begins = recipient_hash(DATA_KEY.encode(), person.phone)
            yield Alias(FOR_RECIPIENT, f"{begins}/{member.definition}/{member.key}", member.definition, member.key)
        elif member.definition == ORDER:
            yield OrderDocument(person.order_id, ACCOUNT, person.order_number, text(person.order), BORN)
            yield PersonAlias(ACCOUNT, "phone", person.phone, f"p{person.number}")
            yield PersonAlias(ACCOUNT, "order", person.order_id, f"p{person.number}")
        elif member.definition == SHIPMENT:
            yield Alias(TRACKED, f"{person.tracking}/{SHIPMENT}/{member.key}", SHIPMENT, member.key)
        elif member.definition == MESSAGE:
            yield Alias("wamid", f"wamid.{person.number}", MESSAGE, member.key)

    def _effect(self, row_id: int, seq: int) -> tuple[Any, ...]:
        """Return an effect that is done."""
        number = next(self._effects)
        asked = f"{number:032}", number, row_id, seq, "announce", "done", ""
        return (*asked, BORN, BORN, "", 1, 0, BORN, BORN, "")

    def _put(self, connection: sqlite3.Connection, rows: list[Row]) -> None:
        of_kinds: dict[type[Row], list[tuple[Any, ...]]] = {}
        for row in rows:
            of_kinds.setdefault(type(row), []).append(tuple(getattr(row, name) for name in row.__struct_fields__))
        for kind, values in of_kinds.items():
            connection.executemany(RowStatements(kind).add.sql, values)


_EFFECTS = statements.compiled(insert(tables.table_of(tables.EffectRow))).sql


def _steps(row_id: int, way: Way) -> Iterator[tuple[Any, ...]]:
    """Yield the journal rows of a session, a second after the other."""
    for seq, step in enumerate(way, start=1):
        at = BORN + row_id * APART + seq * SECOND
        yield row_id, seq, step.event, f"{row_id}-{seq}", step.source, step.target, at, at, "", 0, "", "{}", "[]"

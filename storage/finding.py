"""
Finding sessions: in lists, by the beginning of a key, by any other name, by whom or what they belong to.

Rule 1: every way leads through an index. The tally says in which states of which versions there is anybody, so a list
        of several states is made from the newest of each, and none is looked for where there is none.
Rule 2: lists are the newest first, and whoever goes on reads those whose id is smaller than the last one's.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, true, union_all

from storage import tables
from storage.reading import Reading, texts

INSTANCE = tables.table_of(tables.InstanceRow)
ALIAS = tables.table_of(tables.AliasRow)
ORDER = tables.table_of(tables.OrderRow)
ACCOUNT = tables.table_of(tables.AccountRow)
PERSON_ALIAS = tables.table_of(tables.PersonAliasRow)
TALLY = tables.table_of(tables.TallyRow)

SESSION_ABOUT, FOR_RECIPIENT, TRACKED = "about", "recipient", "tracking"
"""
The kinds of aliases that only begin with what sessions are found by, and go on with a slash and their own name.

Those are what a session acts on (`DEFINITION/KEY`), the hash of whom it is for, a shipment's tracking number.
"""

FEW = 2000
"""
How many orders a number or a person leads to, at most, and one beginning of a number if all are to be looked at.

So many sessions about another are in its story, too.
"""

MANY = 20_000
"""How many keys that begin alike are looked at one by one, to tell which are the newest."""

NEWEST = 5000
"""Among how many of the newest sessions those are looked for first whose keys begin as very many do."""

_LAST = "\U0010ffff"
"""The last character there is: texts that begin alike lie before the one that this ends."""

_PHONES = "phone", "former_phone"
_ORDER, _PERSON, _SUBSCRIPTION = "order", "person", "subscription"


class Session(Struct, frozen=True):
    """An instance as lists show it; times are in microseconds."""

    id: int
    definition: str
    version: str
    key: str
    state: str
    revision: int
    deadline: int | None
    created_at: int
    updated_at: int


class OrderItem(Struct, frozen=True):
    """An order as lists show it; *open_cases* are those of its family that are in one of the states asked for."""

    session: Session
    account_id: str
    customer_order_number: str
    open_cases: int


class Sought(Struct, frozen=True):
    """Which sessions a list is of; what is not said is any. *phone* and *recipient* are further names (`sessions`)."""

    definition: str = ""
    version: str = ""
    states: tuple[str, ...] | None = None
    text: str = ""
    before: int | None = None
    limit: int = 50
    phone: str = ""
    recipient: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Return whether it is of some states or of a version."""
        return self.states is not None or bool(self.version)

    @property
    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield what must be true of a session but for its key."""
        if self.definition:
            yield INSTANCE.c.definition == self.definition
        if self.version:
            yield INSTANCE.c.version == self.version
        if self.states is not None:
            yield INSTANCE.c.state.in_(self.states)
        yield from _before(self)

    @property
    def unindexed(self) -> Iterator[ColumnElement[bool]]:
        """Yield the same as expressions: no index is chosen for those."""
        if self.definition:
            yield INSTANCE.c.definition + "" == self.definition
        if self.version:
            yield INSTANCE.c.version + "" == self.version
        if self.states is not None:
            yield (INSTANCE.c.state + "").in_(self.states)
        if self.before is not None:
            yield INSTANCE.c.id + 0 < self.before


class FindingQueries(Reading):
    """Finds sessions."""

    async def sessions(
        self,
        definition: str,
        state: str,
        text: str,
        before: int | None,
        limit: int,
        *,
        version: str = "",
        states: Collection[str] | None = None,
        phone: str = "",
        recipient: str = "",
    ) -> list[Session]:
        """
        Return sessions, the newest first, at most *limit*; those after a cursor have an id smaller than *before*.

        An empty *definition*, *state* or *version* is any; *states* are several to choose from if no *state* is said.

        *text* is whatever is known of a session: its key or the beginning of it, another name, an order's number or a
        tracking number. *phone* is the same text as a phone number's digits with the country's code: it leads to what
        is its person's. *recipient* is the hash under which it is kept whom sessions are for. Any of them suffices;
        empty ones lead nowhere, and if all are empty nothing is searched for.
        """
        chosen = (state,) if state else None if states is None else tuple(states)
        sought = Sought(definition, version, chosen, text, before, limit, phone, recipient)

        def ask(connection: Connection) -> list[Session]:
            ids = _ids(connection, sought) if text or not (phone or recipient) else set()
            return _sessions(connection, ids | _of_others(connection, sought), limit)

        return await self._connected(ask)

    async def find(self, text: str, phone: str = "", recipient: str = "", limit: int = 50) -> list[Session]:
        """Return the newest sessions of any definition that a search leads to (`sessions`): none for nothing."""
        if not (text or phone or recipient):
            return []
        return await self.sessions("", "", text, None, limit, phone=phone, recipient=recipient)

    async def orders(
        self, text: str, state: str, before: int | None, limit: int, *, case_states: Mapping[str, Collection[str]]
    ) -> list[OrderItem]:
        """
        Return orders, the newest first; those after a cursor have an id smaller than *before*.

        An empty *text* or *state* is any; a text is an order's id or number, or the beginning of one. *case_states* are
        the states, by definition, of members of an order's family that are counted as its open cases.
        """
        states = (state,) if state else None
        sought = Sought(definition=_ORDER, states=states, text=text, before=before, limit=limit)

        def ask(connection: Connection) -> list[OrderItem]:
            ids = _ids(connection, sought)
            if text:
                ids |= _numbered(connection, sought)
            return _with_documents(connection, _sessions(connection, ids, limit), case_states)

        return await self._connected(ask)

    async def orders_of(
        self, order_ids: Sequence[str], *, case_states: Mapping[str, Collection[str]]
    ) -> list[OrderItem]:
        """Return the orders of exactly these ids, in their order, without those that are not here."""

        def ask(connection: Connection) -> list[OrderItem]:
            own = INSTANCE.c.definition == _ORDER, INSTANCE.c.key.in_(order_ids)
            ids = connection.scalars(select(INSTANCE.c.id).where(*own)).all()
            return _with_documents(connection, _sessions(connection, ids, len(ids)), case_states)

        by_id = {item.session.key: item for item in await self._connected(ask)}
        return [by_id[order_id] for order_id in dict.fromkeys(order_ids) if order_id in by_id]


def _sessions(connection: Connection, ids: Collection[int], limit: int) -> list[Session]:
    """Return the newest of the sessions of these ids."""
    chosen = sorted(ids, reverse=True)[:limit]
    asked = select(*(INSTANCE.c[name] for name in Session.__struct_fields__)).where(INSTANCE.c.id.in_(chosen))
    return [Session(*row) for row in connection.execute(asked.order_by(INSTANCE.c.id.desc()))]


def newest(connection: Connection, sought: Sought) -> list[int]:
    """Return the ids of the newest sessions that are sought, the newest first."""
    return sorted(_ids(connection, sought), reverse=True)[: sought.limit]


def _ids(connection: Connection, sought: Sought) -> set[int]:
    """Return the ids of at least the newest sessions that are sought."""
    if not sought.text:
        return {row for place in _places(connection, sought) for row in connection.scalars(_of_place(sought, place))}
    return _named(connection, sought) | _begun(connection, sought)


def _of_place(sought: Sought, *conditions: ColumnElement[bool]) -> Select[int]:
    """Return what asks for the newest ids among the sessions of a place."""
    asked = select(INSTANCE.c.id).where(*_before(sought), *conditions)
    return asked.order_by(INSTANCE.c.id.desc()).limit(sought.limit)


def _before(sought: Sought) -> tuple[ColumnElement[bool], ...]:
    """Return what must be true of what comes after a cursor."""
    return () if sought.before is None else (INSTANCE.c.id < sought.before,)


def _places(connection: Connection, sought: Sought) -> list[ColumnElement[bool]]:
    """Return where to look, each by an index that has the newest first."""
    if not sought.is_narrowed:
        return [INSTANCE.c.definition == sought.definition if sought.definition else true()]
    sources, targets = (
        select(TALLY.c.definition, TALLY.c.version, TALLY.c[end].label("state"), (sign * TALLY.c.taken).label("taken"))
        for end, sign in (("source", -1), ("target", 1))
    )
    there = union_all(sources, targets).subquery()
    asked = select(there.c.definition, there.c.version, there.c.state).group_by(*there.c[:3])
    if sought.definition:
        asked = asked.where(there.c.definition == sought.definition)
    if sought.version:
        asked = asked.where(there.c.version == sought.version)
    if sought.states is not None:
        asked = asked.where(there.c.state.in_(sought.states))
    return [
        and_(INSTANCE.c.definition == definition, INSTANCE.c.version == version, INSTANCE.c.state == state)
        for definition, version, state in connection.execute(asked.having(func.sum(there.c.taken) > 0))
    ]


# By key and other names


def _begun(connection: Connection, sought: Sought) -> set[int]:
    """Return the ids of at least the newest sessions whose keys begin with a text."""
    names = [sought.definition] if sought.definition else _definitions(connection)
    of_names = [select(INSTANCE.c.id).where(INSTANCE.c.definition == name, *_begins(sought)) for name in names]
    if _many(connection, of_names):
        places = _places(connection, sought)
        if sought.is_narrowed:
            key = INSTANCE.c.key + "" >= sought.text, INSTANCE.c.key + "" < sought.text + _LAST
            return {row for place in places for row in connection.scalars(_of_place(sought, place, *key))}
        found = _among_newest(connection, sought, places)
        if len(found) >= sought.limit:
            return found
    return {row for each in of_names for row in _looked_through(connection, sought, each)}


def _looked_through(connection: Connection, sought: Sought, asked: Select[int]) -> set[int]:
    """Return the ids of the newest that are sought among those that are *asked* for, by a look at each of them."""
    newest_first = (INSTANCE.c.id + 0).desc()  # an expression keeps the database from an index other than theirs
    return {*connection.scalars(asked.where(*sought.unindexed).order_by(newest_first).limit(sought.limit))}


def _begins(sought: Sought) -> tuple[ColumnElement[bool], ...]:
    """Return what must be true of keys that begin with a text."""
    return INSTANCE.c.key >= sought.text, INSTANCE.c.key < sought.text + _LAST


def _among_newest(connection: Connection, sought: Sought, places: list[ColumnElement[bool]]) -> set[int]:
    """Return the ids of those of the newest sessions whose keys begin with a text."""
    last = select(INSTANCE.c.id, INSTANCE.c.key).where(*_before(sought), *places)
    walked = last.order_by(INSTANCE.c.id.desc()).limit(NEWEST).subquery()
    begins = walked.c.key >= sought.text, walked.c.key < sought.text + _LAST
    return {*connection.scalars(select(walked.c.id).where(*begins))}


def _many(connection: Connection, asked: Iterable[Select[int]]) -> bool:
    """Return whether there are more rows than are looked at one by one."""
    room = MANY
    for each in asked:
        room -= connection.scalar(select(func.count()).select_from(each.limit(room + 1).subquery())) or 0
        if room < 0:
            return True
    return False


def _definitions(connection: Connection) -> list[str]:
    """Return the names of the definitions that have sessions, or had."""
    return [*connection.scalars(select(TALLY.c.definition).distinct())]


def _named(connection: Connection, sought: Sought) -> set[int]:
    """Return the ids of the sessions that have a text as another name."""
    kinds = texts(connection, ALIAS.c.kind)
    asked = _by_name(ALIAS.c.kind.in_(kinds), ALIAS.c.value == sought.text).where(*sought.conditions)
    return {*connection.scalars(asked)}


def aliased(kind: str, text: str) -> Select[int]:
    """Return what asks for the ids of the sessions that have an alias of that kind: *text*, a slash and anything."""
    begins = ALIAS.c.value >= f"{text}/", ALIAS.c.value < f"{text}/{_LAST}"
    return _by_name(ALIAS.c.kind == kind, *begins)


def _by_name(*conditions: ColumnElement[bool]) -> Select[int]:
    same = (INSTANCE.c.definition == ALIAS.c.definition) & (INSTANCE.c.key == ALIAS.c.instance_key)
    return select(INSTANCE.c.id).select_from(ALIAS).join(INSTANCE, same).where(*conditions)


# By orders and persons


def _of_others(connection: Connection, sought: Sought) -> set[int]:
    """Return the ids of at least the newest sessions that are sought by whom or what they belong to."""
    ids: set[int] = set()
    if sought.text:
        ids |= _of_orders(connection, sought)
        ids |= _looked_through(connection, sought, aliased(TRACKED, sought.text))
    if sought.phone:
        ids |= _of_persons(connection, sought)
    if sought.recipient:
        ids |= _looked_through(connection, sought, aliased(FOR_RECIPIENT, sought.recipient))
    return ids


def _numbered(connection: Connection, sought: Sought) -> set[int]:
    """Return the ids of at least the newest orders whose numbers begin with a text."""
    begins = ORDER.c.customer_order_number >= sought.text, ORDER.c.customer_order_number < sought.text + _LAST
    few = [*connection.scalars(select(ORDER.c.order_id).where(*begins).limit(FEW + 1))]
    if len(few) <= FEW:
        own = select(INSTANCE.c.id).where(INSTANCE.c.key.in_(few), *sought.conditions)
        return {*connection.scalars(own)}
    # Very many begin so: the newest orders are looked at one by one, with their documents.
    number = select(ORDER.c.order_id).where(ORDER.c.order_id == INSTANCE.c.key, *begins).exists()
    return {*connection.scalars(_of_place(sought, *sought.conditions, number))}


def _of_orders(connection: Connection, sought: Sought) -> set[int]:
    """Return the ids of the newest of the orders of a number and all that belongs to them."""
    of_number = select(ORDER.c.order_id).where(ORDER.c.customer_order_number == sought.text).limit(FEW)
    return _of_families(connection, sought, [*connection.scalars(of_number)])


def _of_families(connection: Connection, sought: Sought, order_ids: Sequence[str]) -> set[int]:
    """Return the ids of the newest of orders and all that belongs to them."""
    families = [f"{_ORDER}/{order_id}" for order_id in order_ids]
    return _looked_through(connection, sought, select(INSTANCE.c.id).where(INSTANCE.c.family.in_(families)))


def _of_persons(connection: Connection, sought: Sought) -> set[int]:
    """Return the ids of the newest orders and subscriptions of those who have, or had, a phone number."""
    accounts = PERSON_ALIAS.c.account_id.in_([*connection.scalars(select(ACCOUNT.c.account_id))])
    asked = select(PERSON_ALIAS.c.account_id, PERSON_ALIAS.c.person_id).where(
        accounts, PERSON_ALIAS.c.value == sought.phone
    )
    of_kinds = (connection.execute(asked.where(PERSON_ALIAS.c.kind == kind)) for kind in _PHONES)
    ids: set[int] = set()
    for account_id, person_id in {tuple(row) for rows in of_kinds for row in rows}:
        theirs = PERSON_ALIAS.c.account_id == account_id, PERSON_ALIAS.c.person_id == person_id
        names = select(PERSON_ALIAS.c.kind, PERSON_ALIAS.c.value).where(*theirs)
        orders = names.where(PERSON_ALIAS.c.kind == _ORDER).limit(FEW)
        ids |= _of_families(connection, sought, [order_id for _, order_id in connection.execute(orders)])
        former = connection.execute(names.where(PERSON_ALIAS.c.kind == _PERSON))
        for begins in (f"{account_id}:{person}:" for person in (person_id, *(value for _, value in former))):
            key = INSTANCE.c.key >= begins, INSTANCE.c.key < begins + _LAST
            own = select(INSTANCE.c.id).where(INSTANCE.c.definition == _SUBSCRIPTION, *key)
            ids |= _looked_through(connection, sought, own)
    return ids


def _with_documents(
    connection: Connection, sessions: Sequence[Session], case_states: Mapping[str, Collection[str]]
) -> list[OrderItem]:
    """Return orders with what their documents and their families say."""
    keys = [session.key for session in sessions]
    columns = ORDER.c.order_id, ORDER.c.account_id, ORDER.c.customer_order_number
    rows = connection.execute(select(*columns).where(ORDER.c.order_id.in_(keys)))
    documents = {order_id: (account_id, number) for order_id, account_id, number in rows}
    families = [f"{_ORDER}/{key}" for key in keys]
    members = select(INSTANCE.c.family, INSTANCE.c.definition, INSTANCE.c.state)
    cases = [
        family
        for family, definition, state in connection.execute(members.where(INSTANCE.c.family.in_(families)))
        if state in case_states.get(definition, ())
    ]
    items = []
    for session in sessions:
        account_id, number = documents.get(session.key, ("", ""))
        items.append(OrderItem(session, account_id, number, cases.count(f"{_ORDER}/{session.key}")))
    return items

"""
The one description of the tables: statements, migrations and documentation are made from it or tested against it.

Rule 1: these classes are tables only, never wire types and never domain types.
Rule 2: times are integer microseconds since 1970 in UTC; states are text; JSON is text that SQLite can look into.
Rule 3: what belongs to one instance hangs on `instance.id`, which the one writer assigns.
"""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, MetaData, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

METADATA: MetaData = SQLModel.metadata
METADATA.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

STRICT = {"sqlite_strict": True}

# SQLite's rowid is an INTEGER and nothing else; strict tables know no BIGINT.
_INTEGER: Any = BigInteger().with_variant(Integer(), "sqlite")


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def _integer(**options: Any) -> Any:
    return Field(sa_type=_INTEGER, **options)


class InstanceRow(SQLModel, table=True):
    """One run of a definition, found by (definition, key). `revision` is checked by every write."""

    __tablename__: ClassVar[str] = "instance"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("definition", "key"),
        Index(None, "definition"),
        Index(None, "definition", "version", "state"),
        Index(None, "family"),
        Index(None, "deadline", sqlite_where=text("deadline IS NOT NULL")),
        STRICT,
    )

    id: int = _integer(primary_key=True)
    definition: str = _text()
    key: str = _text()
    version: str = _text()
    state: str = _text()
    revision: int = _integer()
    entry: int = _integer()
    steps: int = _integer()
    path: str = _text()
    context: str = _text()
    family: str | None = _text(nullable=True)
    deadline: int | None = _integer(nullable=True)
    timers: str = _text(sa_column_kwargs={"server_default": "[]"})
    created_at: int = _integer()
    updated_at: int = _integer()


class JournalRow(SQLModel, table=True):
    """One step, as it came. Append-only; `seq` counts the steps of an instance without a gap."""

    __tablename__: ClassVar[str] = "journal"
    # The rows of an instance lie together: a history is one look, and a step writes in one place.
    __table_args__: ClassVar[Any] = ({**STRICT, "sqlite_with_rowid": False},)

    instance_id: int = _integer(primary_key=True)
    seq: int = _integer(primary_key=True)
    event: str = _text()
    event_id: str = _text()
    source_state: str = _text()
    target_state: str = _text()
    occurred_at: int = _integer()
    recorded_at: int = _integer()
    actor: str = _text()
    inferred: int = _integer()
    outcome: str = _text()
    data: str = _text()
    effects: str = _text()


class TallyRow(SQLModel, table=True):
    """
    How often an edge was taken by the sessions of a version, which is also where they are (storage/tally.py).

    There is one writer, which adds up what a transaction takes: a row for each edge is enough, none for each worker.
    """

    __tablename__: ClassVar[str] = "tally"
    __table_args__: ClassVar[Any] = ({**STRICT, "sqlite_with_rowid": False},)

    definition: str = _text(primary_key=True)
    version: str = _text(primary_key=True)
    source: str = _text(primary_key=True)
    event: str = _text(primary_key=True)
    target: str = _text(primary_key=True)
    taken: int = _integer()


class InboxRow(SQLModel, table=True):
    """
    An event's identity: what is here has happened and happens no second time.

    Where it was answered, the answer is beside it; without its `body` it can only be made again and compared.
    """

    __tablename__: ClassVar[str] = "inbox"
    __table_args__: ClassVar[Any] = (UniqueConstraint("source", "event_id"), STRICT)

    id: int = _integer(primary_key=True)
    source: str = _text()
    event_id: str = _text()
    recorded_at: int = _integer()
    status: int | None = _integer(nullable=True)
    digest: bytes | None
    body: bytes | None
    definition: str | None = _text(nullable=True)
    key: str | None = _text(nullable=True)
    revision: int | None = _integer(nullable=True)


class EffectRow(SQLModel, table=True):
    """
    A wish for the outside world, kept for ever as the record of what became of it.

    `number` counts effects in the order of their commits. Those of a `lane` are called one after the other; an empty
    one means that nobody has looked yet whom it is for. It is not called before `due`; `called_at` is its last
    attempt's time.
    """

    __tablename__: ClassVar[str] = "effect"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("number"),
        Index(None, "status", "due"),
        Index(None, "status", "number"),
        Index(None, "lane", "status", "number"),
        Index(None, "lane", "called_at"),
        Index(None, "name", "number"),
        Index(None, "instance_id"),
        STRICT,
    )

    key: str = _text(primary_key=True)
    number: int = _integer()
    instance_id: int = _integer()
    seq: int = _integer()
    name: str = _text()
    status: str = _text()
    reason: str = _text()
    created_at: int = _integer()
    updated_at: int = _integer()
    lane: str = _text(sa_column_kwargs={"server_default": ""})
    attempts: int = _integer(sa_column_kwargs={"server_default": "0"})
    rounds: int = _integer(sa_column_kwargs={"server_default": "0"})
    due: int = _integer(sa_column_kwargs={"server_default": "0"})
    called_at: int | None = _integer(nullable=True)
    outcome: str = _text(sa_column_kwargs={"server_default": ""})


class FactRow(SQLModel, table=True):
    """Something an outside party saw, once, whoever reported it."""

    __tablename__: ClassVar[str] = "fact"
    __table_args__: ClassVar[Any] = (STRICT,)

    instance_id: int = _integer(primary_key=True)
    name: str = _text(primary_key=True)
    at: int = _integer(primary_key=True)
    received_at: int = _integer()
    source: str = _text()
    details: str = _text()


class VersionRow(SQLModel, table=True):
    """A version of a definition: what runs, and the document it was compiled from. Instances are pinned to it."""

    __tablename__: ClassVar[str] = "definition_version"
    __table_args__: ClassVar[Any] = (STRICT,)

    name: str = _text(primary_key=True)
    version: str = _text(primary_key=True)
    compiled: str = _text()
    source: str = _text()
    created_at: int = _integer()


class AliasRow(SQLModel, table=True):
    """Another name of an instance: the wamid of the message that carries it, say."""

    __tablename__: ClassVar[str] = "alias"
    __table_args__: ClassVar[Any] = (STRICT,)

    kind: str = _text(primary_key=True)
    value: str = _text(primary_key=True)
    definition: str = _text()
    instance_key: str = _text()


class AccountRow(SQLModel, table=True):
    """A merchant's brand account."""

    __tablename__: ClassVar[str] = "account"
    __table_args__: ClassVar[Any] = (UniqueConstraint("slug"), STRICT)

    account_id: str = _text(primary_key=True)
    slug: str = _text()
    name: str = _text()
    timezone: str = _text()
    settings: str = _text()


class CustomerRow(SQLModel, table=True):
    """A person as one account knows them."""

    __tablename__: ClassVar[str] = "customer"
    __table_args__: ClassVar[Any] = (Index(None, "account_id", "person_id", "phone", "email"), STRICT)

    account_id: str = _text(primary_key=True)
    phone: str = _text(primary_key=True)
    email: str = _text(primary_key=True)
    person_id: str = _text()
    name: str = _text()


class PersonAliasRow(SQLModel, table=True):
    """A name of a person as one account knows them: a phone number, an e-mail address, a business-scoped id."""

    __tablename__: ClassVar[str] = "person_alias"
    __table_args__: ClassVar[Any] = (Index(None, "account_id", "person_id", "kind", "value"), STRICT)

    account_id: str = _text(primary_key=True)
    kind: str = _text(primary_key=True)
    value: str = _text(primary_key=True)
    person_id: str = _text()


class ConversationRow(SQLModel, table=True):
    """What is going on between one of our numbers and one person: when they last wrote, and what it began with."""

    __tablename__: ClassVar[str] = "conversation"
    __table_args__: ClassVar[Any] = (STRICT,)

    phone_number_id: str = _text(primary_key=True)
    person: str = _text(primary_key=True)
    last_inbound_at: int = _integer()
    root: str = _text()
    updated_at: int = _integer()


class OrderRow(SQLModel, table=True):
    """An order's document as the merchant put it; its state is its instance's."""

    __tablename__: ClassVar[str] = "order_document"
    __table_args__: ClassVar[Any] = (Index(None, "customer_order_number"), STRICT)

    order_id: str = _text(primary_key=True)
    account_id: str = _text()
    customer_order_number: str = _text()
    document: str = _text()
    updated_at: int = _integer()


class ParkedFactRow(SQLModel, table=True):
    """A fact whose shipment or status word is not known, kept until it is."""

    __tablename__: ClassVar[str] = "parked_fact"
    __table_args__: ClassVar[Any] = (
        Index(None, "order_ref"),
        Index(None, "reason", "received_at", "source", "event_id"),
        STRICT,
    )

    source: str = _text(primary_key=True)
    event_id: str = _text(primary_key=True)
    order_ref: str = _text()
    reason: str = _text()
    event: str = _text()
    received_at: int = _integer()


class DeliveryRow(SQLModel, table=True):
    """The raw body of a webhook call, by its own SHA-256, before anything was made of it."""

    __tablename__: ClassVar[str] = "delivery"
    __table_args__: ClassVar[Any] = (
        Index(None, "status", "received_at"),
        # Of very many calls that were set aside it is counted why, without reading any: they are long.
        Index(None, "status", "reason", "received_at", "digest", sqlite_where=text("status = 'quarantined'")),
        STRICT,
    )

    digest: str = _text(primary_key=True)
    source: str = _text()
    received_at: int = _integer()
    status: str = _text()
    reason: str = _text()
    body: bytes


class StaffRow(SQLModel, table=True):
    """A member of staff: their role, and the hash of the token that they sign in with."""

    __tablename__: ClassVar[str] = "staff"
    __table_args__: ClassVar[Any] = (UniqueConstraint("token_hash"), STRICT)

    name: str = _text(primary_key=True)
    role: str = _text()
    token_hash: str = _text()
    created_at: int = _integer()
    disabled_at: int | None = _integer(nullable=True)


class StaffSessionRow(SQLModel, table=True):
    """That somebody of staff is signed in, by the hash of what their browser holds."""

    __tablename__: ClassVar[str] = "staff_session"
    __table_args__: ClassVar[Any] = (Index(None, "name"), Index(None, "expires_at"), STRICT)

    id_hash: str = _text(primary_key=True)
    name: str = _text()
    csrf: str = _text()
    created_at: int = _integer()
    expires_at: int = _integer()


class AuditRow(SQLModel, table=True):
    """What somebody of staff did, append-only. The `id` begins with the time: its order is theirs."""

    __tablename__: ClassVar[str] = "audit"
    __table_args__: ClassVar[Any] = (Index(None, "subject", "id"), Index(None, "who", "id"), STRICT)

    id: str = _text(primary_key=True)
    at: int = _integer()
    who: str = _text()
    action: str = _text()
    subject: str = _text()
    reason: str = _text()
    details: str = _text()


def table_of(row: type[SQLModel]) -> Table:
    """Return the table that a class describes."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table

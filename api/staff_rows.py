"""The records of who works here and of what they did. Each is one table's row, field by column (storage/tables.py)."""

from typing import ClassVar

from engine.ports import Row


class Staff(Row, frozen=True):
    """A member of staff; *disabled_at* is since when their token opens nothing, None while it does."""

    table: ClassVar[str] = "staff"
    key: ClassVar[tuple[str, ...]] = ("name",)

    name: str
    role: str
    token_hash: str
    created_at: int
    disabled_at: int | None = None


class StaffSession(Row, frozen=True):
    """That somebody of staff is signed in until *expires_at*, by the hash of what their browser holds."""

    table: ClassVar[str] = "staff_session"
    key: ClassVar[tuple[str, ...]] = ("id_hash",)

    id_hash: str
    name: str
    csrf: str
    created_at: int
    expires_at: int


class AuditEntry(Row, frozen=True):
    """
    What somebody of staff did, to what, and why; *details* are JSON.

    The *id* is the time as twenty digits and something random: its order is that of the times.
    """

    table: ClassVar[str] = "audit"
    key: ClassVar[tuple[str, ...]] = ("id",)

    id: str
    at: int
    who: str
    action: str
    subject: str
    reason: str
    details: str

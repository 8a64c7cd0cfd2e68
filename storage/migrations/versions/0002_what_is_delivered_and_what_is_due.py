"""
What is delivered and what is due.

Effects get what their delivery needs, sessions the timers that run for them. What was asked for before there was
anybody to deliver it is held (`dead`, for the reason `held`) until staff release it: it may be long out of date.

Revision: 0002, after 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INTEGER: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = "key, instance_id, seq, name, status, reason, created_at, updated_at"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "conversation",
        sa.Column("phone_number_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("last_inbound_at", INTEGER, nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("phone_number_id", "person", name=op.f("pk_conversation")),
        sqlite_strict=True,
    )
    op.create_table(
        "person_alias",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "kind", "value", name=op.f("pk_person_alias")),
        sqlite_strict=True,
    )
    names = ["account_id", "person_id", "kind", "value"]
    op.create_index(op.f(f"ix_person_alias_{'_'.join(names)}"), "person_alias", names)
    op.drop_index(op.f("ix_customer_person_id"), "customer")
    names = ["account_id", "person_id", "phone", "email"]
    op.create_index(op.f(f"ix_customer_{'_'.join(names)}"), "customer", names)
    op.create_index(op.f("ix_parked_fact_reason"), "parked_fact", ["reason"])
    op.add_column("instance", sa.Column("timers", sa.Text(), server_default="[]", nullable=False))
    op.create_index(
        op.f("ix_instance_deadline"), "instance", ["deadline"], sqlite_where=sa.text("deadline IS NOT NULL")
    )
    _renew_effects()


def _renew_effects() -> None:
    """Make the table of effects anew: SQLite cannot give a table that has rows a column that must be unique."""
    op.drop_index(op.f("ix_effect_status_created_at"), "effect")
    op.drop_index(op.f("ix_effect_instance_id"), "effect")
    op.rename_table("effect", "effect_before")
    op.create_table(
        "effect",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("instance_id", INTEGER, nullable=False),
        sa.Column("seq", INTEGER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.Column("lane", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", INTEGER, server_default="0", nullable=False),
        sa.Column("rounds", INTEGER, server_default="0", nullable=False),
        sa.Column("due", INTEGER, server_default="0", nullable=False),
        sa.Column("called_at", INTEGER, nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_effect")),
        sa.UniqueConstraint("number", name=op.f("uq_effect_number")),
        sqlite_strict=True,
    )
    lane = ["lane", "status", "number"], ["lane", "called_at"]
    for columns in (["status", "due"], ["status", "number"], *lane, ["name", "number"], ["instance_id"]):
        op.create_index(op.f(f"ix_effect_{'_'.join(columns)}"), "effect", columns)
    copied = f"INSERT INTO effect ({KEPT}, number) SELECT {KEPT}, row_number() OVER (ORDER BY created_at, key)"
    op.execute(f"{copied} FROM effect_before")
    op.execute("UPDATE effect SET status = 'dead', reason = 'held' WHERE status = 'pending'")
    op.drop_table("effect_before")

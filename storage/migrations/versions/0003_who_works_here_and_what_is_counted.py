"""
Who works here, what is counted, and what waits for people.

What was there before is counted once: each step of the journal is an edge taken, and where these do not add up to the
states in which the sessions are (their births; what moved without a step), the difference comes from nowhere or goes
there. Shipments are found by their tracking numbers from now on, and what waits for people by its reason.

Revision: 0003, after 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INTEGER: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

STEPS = """
    INSERT INTO tally
    SELECT instance.definition, instance.version, source_state, event, target_state, count(*)
    FROM journal JOIN instance ON instance.id = journal.instance_id GROUP BY 1, 2, 3, 4, 5
"""

THE_REST = """
    INSERT INTO tally
    SELECT definition, version, iif(missing > 0, '', state), '', iif(missing > 0, state, ''), abs(missing)
    FROM (
        SELECT definition, version, state, sum(sessions) AS missing
        FROM (
            SELECT definition, version, state, count(*) AS sessions FROM instance GROUP BY 1, 2, 3
            UNION ALL SELECT definition, version, target, -sum(taken) FROM tally GROUP BY 1, 2, 3
            UNION ALL SELECT definition, version, source, sum(taken) FROM tally GROUP BY 1, 2, 3
        )
        GROUP BY 1, 2, 3
    )
    WHERE missing != 0 AND state != ''
"""

TRACKED = """
    INSERT OR IGNORE INTO alias
    SELECT 'tracking', substr(key, instr(key, ':') + 1) || '/' || definition || '/' || key, definition, key
    FROM instance WHERE definition = 'shipment' AND instr(key, ':') > 0
"""


def upgrade() -> None:
    """Bring the schema to this revision."""
    _add_staff()
    _add_tally()
    columns = ["definition", "version", "state"]
    op.create_index(op.f(f"ix_instance_{'_'.join(columns)}"), "instance", columns)
    _order_what_waits()
    op.execute(TRACKED)


def _order_what_waits() -> None:
    """Put what waits for people into order by reason and time."""
    columns = ["status", "reason", "received_at", "digest"]
    set_aside = sa.text("status = 'quarantined'")
    op.create_index(op.f(f"ix_delivery_{'_'.join(columns)}"), "delivery", columns, sqlite_where=set_aside)
    op.drop_index(op.f("ix_parked_fact_reason"), "parked_fact")
    columns = ["reason", "received_at", "source", "event_id"]
    op.create_index(op.f(f"ix_parked_fact_{'_'.join(columns)}"), "parked_fact", columns)


def _add_tally() -> None:
    """Add how often each edge was taken, and count what is there."""
    op.create_table(
        "tally",
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("taken", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("definition", "version", "source", "event", "target", name=op.f("pk_tally")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(STEPS)
    op.execute(THE_REST)


def _add_staff() -> None:
    """Add who works here, who of them is signed in, and what they did."""
    op.create_table(
        "staff",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("disabled_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_staff")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_token_hash")),
        sqlite_strict=True,
    )
    op.create_table(
        "staff_session",
        sa.Column("id_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("expires_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_staff_session")),
        sqlite_strict=True,
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_strict=True,
    )
    for table, *names in (
        ("staff_session", "name"),
        ("staff_session", "expires_at"),
        ("audit", "subject", "id"),
        ("audit", "who", "id"),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(names)}"), table, names)

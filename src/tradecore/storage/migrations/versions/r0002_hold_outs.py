"""Openings of hold-outs with their outcomes, and the spans of the data of trials. Rows are only added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the three tables, and the triggers that refuse to change or delete a row."""
    op.create_table(
        "hold_out_openings",
        sa.Column("id", _KEY, primary_key=True, autoincrement=True),
        sa.Column("dataset", sa.String(128), nullable=False),
        sa.Column("span_start", sa.BigInteger(), nullable=False),
        sa.Column("span_end", sa.BigInteger(), nullable=False),
        sa.Column("candidate", sa.String(128), nullable=False),
        sa.Column("strategy", sa.String(128), nullable=False),
        sa.Column("protocol", sa.String(128), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("dataset", "span_start", "span_end", "candidate", name="one_opening_per_candidate"),
    )
    op.create_table(
        "hold_out_outcomes",
        sa.Column("id", _KEY, primary_key=True, autoincrement=True),
        sa.Column("opening", _KEY, sa.ForeignKey("hold_out_openings.id"), nullable=False, unique=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "dataset_spans",
        sa.Column("id", _KEY, primary_key=True, autoincrement=True),
        sa.Column("dataset", sa.String(128), nullable=False, index=True),
        sa.Column("pair", sa.String(64), nullable=False),
        sa.Column("timeframe", sa.String(16), nullable=False),
        sa.Column("source", sa.String(256), nullable=False),
        sa.Column("span_start", sa.BigInteger(), nullable=False),
        sa.Column("span_end", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("dataset", "pair", "timeframe", "source", "span_start", "span_end", name="one_span_once"),
    )
    for table in ("hold_out_openings", "hold_out_outcomes", "dataset_spans"):
        _refuse_changes(table)


def _refuse_changes(table: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the lab''s record is append-only'); END"
        )

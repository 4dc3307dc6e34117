"""The trial ledger: each configuration once per dataset, and every evaluation of it. Rows are only added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make `trials` and `evaluations`, and the triggers that refuse to change or delete a row."""
    op.create_table(
        "trials",
        sa.Column("id", _KEY, primary_key=True, autoincrement=True),
        sa.Column("dataset", sa.String(128), nullable=False),
        sa.Column("strategy", sa.String(128), nullable=False),
        sa.Column("config", sa.String(128), nullable=False),
        sa.UniqueConstraint("dataset", "strategy", "config", name="one_trial_per_configuration"),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", _KEY, primary_key=True, autoincrement=True),
        sa.Column("trial", _KEY, sa.ForeignKey("trials.id"), nullable=False, index=True),
        sa.Column("protocol", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("sharpe", sa.Double(), nullable=True),
        sa.Column("n_obs", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
    )
    refuse = _refuse_on_postgresql if op.get_context().dialect.name == "postgresql" else _refuse_on_sqlite
    for table in ("trials", "evaluations"):
        refuse(table)


def _refuse_on_sqlite(table: str) -> None:
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END"
        )


def _refuse_on_postgresql(table: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the trial ledger is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

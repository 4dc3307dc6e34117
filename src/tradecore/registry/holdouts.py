"""Openings of hold-outs: who looked at the locked bars of which data, when, and what came out. Written for ever.

A hold-out is worth something only while nobody knows it, so every look counts, also one whose outcome was lost. The
opening is recorded before the first bar is read, the outcome after the last; a kill between them leaves an opening.
Called by `backtest.holdout`. Invariant: rows are added and never changed or removed; a candidate has one opening and at
most one outcome on one stretch of one dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, StateRefusedError
from tradecore.core.types import Nanoseconds
from tradecore.registry.spans import overlapping, record_spans
from tradecore.storage.database import open_database, reading, writing

_meta = sa.MetaData()
_openings = sa.Table(
    "hold_out_openings",
    _meta,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("dataset", sa.String),
    sa.Column("span_start", sa.BigInteger),
    sa.Column("span_end", sa.BigInteger),
    sa.Column("candidate", sa.String),
    sa.Column("strategy", sa.String),
    sa.Column("protocol", sa.String),
    sa.Column("run", sa.String),
    sa.Column("time", sa.BigInteger),
)
_outcomes = sa.Table(
    "hold_out_outcomes",
    _meta,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("opening", sa.BigInteger, sa.ForeignKey("hold_out_openings.id")),
    sa.Column("outcome", sa.Text),
    sa.Column("time", sa.BigInteger),
)
_KEY = ("dataset", "span_start", "span_end", "candidate")
_REST = ("strategy", "protocol", "run", "time")


@dataclass(frozen=True, slots=True)
class Look:
    """What makes an opening: which bars, which candidate."""

    dataset: str
    """Hash of the data the hold-out was cut from."""
    span_start: Nanoseconds
    span_end: Nanoseconds
    """Open time of the first locked bar, and the end of the last, UTC ns."""
    candidate: str
    """Hash of code, everything chosen about it, and the protocol."""
    strategy: str = ""
    """Hash of the strategy's code."""
    protocol: str = ""
    """Fingerprint of the protocol."""
    run: str = ""
    """Id of the run that asked; empty when there is none."""

    def __post_init__(self) -> None:
        if not self.dataset or not self.candidate or self.span_end <= self.span_start:
            raise DataError(
                f"hold-out of dataset {self.dataset!r} for candidate {self.candidate!r} from {self.span_start} to "
                f"{self.span_end}: expected both hashes and a span that is not empty"
            )


@dataclass(frozen=True, slots=True)
class Opening:
    """One recorded opening."""

    id: int
    look: Look
    time: Nanoseconds
    outcome: str | None
    """As it was recorded, JSON; None when the run ended before it was."""


class HoldOutLedger:
    """The openings in one lab database. Any number of processes may ask at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, location: Path | str) -> HoldOutLedger:
        """Open the ledger in the database at a path or URL. Errors: as `storage.database.open_database`."""
        return cls(open_database(location))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def find(self, look: Look) -> Opening | None:
        """Return the opening of this candidate on these bars; None when it never had one."""
        with reading(self._engine) as connection:
            return _found(connection, look)

    def record(self, look: Look, bars: Sequence[Bars], time: Nanoseconds) -> Opening:
        """Record an opening, on the disk when this returns, and return it; an earlier one of the same is returned.

        `bars` are the data whose newest part is opened. Errors: StateRefusedError when it cannot be written.
        """
        row = {name: getattr(look, name) for name in (*_KEY, *_REST) if name != "time"} | {"time": time}
        with writing(self._engine) as connection:
            record_spans(connection, look.dataset, bars)
            connection.execute(self._insert(_openings), [row])
            found = _found(connection, look)
        assert found is not None
        return found

    def settle(self, opening: Opening, outcome: str, time: Nanoseconds) -> None:
        """Record what an opening showed. Again with the same outcome it is as if once.

        Errors: StateRefusedError when another outcome is on record, or it cannot be written.
        """
        with writing(self._engine) as connection:
            connection.execute(self._insert(_outcomes), [{"opening": opening.id, "outcome": outcome, "time": time}])
            query = sa.select(_outcomes.c.outcome).where(_outcomes.c.opening == opening.id)
            kept = connection.execute(query).scalar_one()
        if kept != outcome:
            raise StateRefusedError(
                f"hold-out opening {opening.id}: another outcome is on record for the same candidate and bars; the "
                "strategy is not deterministic, or the code beneath it changed: look at run "
                f"{opening.look.run or 'unknown'} before trusting either"
            )

    def openings(self, dataset: str) -> list[Opening]:
        """Return every opening on a dataset, oldest first."""
        with reading(self._engine) as connection:
            query = _joined().where(_openings.c.dataset == dataset).order_by(_openings.c.id)
            return [_opening(row) for row in connection.execute(query).mappings()]

    def looks(self, bars: Sequence[Bars], start: Nanoseconds, end: Nanoseconds) -> int:
        """Return how often any candidate was shown bars of this market between two moments, under whatever hash.

        The market is the pair and the source, of any timeframe: who saw the hours of a month has seen its minutes.
        """
        with reading(self._engine) as connection:
            names = overlapping(connection, bars, start, end, has_timeframe=False)
            query = sa.select(sa.func.count()).select_from(_openings)
            query = query.where(
                _openings.c.dataset.in_(names), _openings.c.span_start < end, _openings.c.span_end > start
            )
            return int(connection.execute(query).scalar_one())

    def _insert(self, table: sa.Table) -> sa.Insert:
        if self._engine.dialect.name == "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing()
        return sqlite.insert(table).on_conflict_do_nothing()


def _found(connection: Connection, look: Look) -> Opening | None:
    query = _joined().where(*(_openings.c[name] == getattr(look, name) for name in _KEY))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _opening(row)


def _joined() -> sa.Select[Any]:
    outer = _openings.outerjoin(_outcomes, _outcomes.c.opening == _openings.c.id)
    return sa.select(_openings, _outcomes.c.outcome).select_from(outer)


def _opening(row: Any) -> Opening:
    look = Look(*(row[name] for name in (*_KEY, "strategy", "protocol", "run")))
    return Opening(int(row["id"]), look, int(row["time"]), row["outcome"])

"""The trial ledger: every evaluation of any configuration on a dataset, counted for ever.

Significance is computed with this count (law 10): the best of many tries looks good by luck alone, and only the number
of tries says how good luck can look. Not a store of results (runs are). Called by whoever evaluates: `backtest`,
sweeps, optimisers. Invariant: rows are added and never changed or removed, by this code or, on the database's own word,
by any other; the same configuration on the same dataset is one trial however often it is evaluated.

Source: Bailey & Lopez de Prado (2014), The Deflated Sharpe Ratio: N is the number of trials, and V their variance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, NothingThereError
from tradecore.core.types import FloatArray, Nanoseconds
from tradecore.registry.spans import overlapping, record_spans
from tradecore.storage.database import open_database, reading, writing

_meta = sa.MetaData()
_trials = sa.Table(
    "trials",
    _meta,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("dataset", sa.String),
    sa.Column("strategy", sa.String),
    sa.Column("config", sa.String),
)
_evaluations = sa.Table(
    "evaluations",
    _meta,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("trial", sa.BigInteger, sa.ForeignKey("trials.id")),
    sa.Column("protocol", sa.String),
    sa.Column("kind", sa.String),
    sa.Column("run", sa.String),
    sa.Column("sharpe", sa.Double),
    sa.Column("n_obs", sa.BigInteger),
    sa.Column("time", sa.BigInteger),
)
_KEY = ("dataset", "strategy", "config")
_REST = ("protocol", "kind", "run", "sharpe", "n_obs", "time")
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluation of one configuration on one dataset."""

    dataset: str
    """The manifest's hash, or the content hash of bars that were never stored."""
    strategy: str
    """Hash of the strategy's code."""
    config: str
    """Hash of everything else that was chosen: parameters, features, costs, timeframe."""
    protocol: str
    """How it was evaluated: `backtest`, `walk_forward`, `holdout`."""
    kind: str
    """What asked for it: `run`, `sweep`, `baseline`, `optimiser`."""
    run: str
    """Id of the run that holds the evidence; empty when there is none."""
    sharpe: float | None
    """Mean over standard deviation of one observation's return, not annualised; None where it is not defined.

    All trials of a dataset must observe alike (`backtest`: UTC days), or their spread means nothing.
    """
    n_obs: int
    """How many returns it was computed from."""
    time: Nanoseconds

    def __post_init__(self) -> None:
        for name in (*_KEY, "protocol", "kind"):
            if not getattr(self, name):
                raise DataError(f"a trial has no {name}; expected its hash or name, so that trials can be told apart")
        if self.sharpe is not None and not math.isfinite(self.sharpe):
            raise DataError(f"trial {self.config}: Sharpe ratio {self.sharpe}; record None where it is not defined")
        if self.n_obs < 0:
            raise DataError(f"trial {self.config}: {self.n_obs} observations, expected 0 or more")


class TrialLedger:
    """The ledger in one lab database. Any number of processes may record at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, location: Path | str) -> TrialLedger:
        """Open the ledger in the database at a path or URL. Errors: as `storage.database.open_database`."""
        return cls(open_database(location))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def record(self, trial: Trial) -> bool:
        """Record one evaluation; return whether the configuration was new on its dataset. Errors: as `record_many`."""
        return self.record_many((trial,)) == 1

    def record_many(self, trials: Iterable[Trial], bars: Sequence[Bars] = ()) -> int:
        """Record evaluations, all or none; return how many configurations were new on their dataset.

        `bars` are the data of all of them, when they are at hand: what stretch of which market the hash stands for is
        noted with them, so that `count_market` finds them.
        Errors: StateRefusedError when the database cannot be written.
        """
        rows = [{name: getattr(trial, name) for name in (*_KEY, *_REST)} for trial in trials]
        if not rows:
            return 0
        key: dict[str, sa.BindParameter[str]] = {name: sa.bindparam(f"of_{name}") for name in _KEY}
        found = sa.select(_trials.c.id).where(*(_trials.c[name] == key[name] for name in _KEY)).scalar_subquery()
        insert = sa.insert(_evaluations).values(trial=found, **{name: sa.bindparam(name) for name in _REST})
        with writing(self._engine) as connection:
            for dataset in {row["dataset"] for row in rows} if bars else ():
                record_spans(connection, dataset, bars)
            before = connection.execute(sa.select(sa.func.count()).select_from(_trials)).scalar_one()
            for start in range(0, len(rows), _CHUNK):
                part = rows[start : start + _CHUNK]
                keys = list(dict.fromkeys(tuple(row[name] for name in _KEY) for row in part))
                connection.execute(self._add_trials(), [dict(zip(_KEY, one, strict=True)) for one in keys])
                named = [
                    {**{name: row[name] for name in _REST}, **{f"of_{name}": row[name] for name in _KEY}}
                    for row in part
                ]
                connection.execute(insert, named)
            after = connection.execute(sa.select(sa.func.count()).select_from(_trials)).scalar_one()
        return int(after - before)

    def count(self, dataset: str) -> int:
        """Return how many different configurations were ever evaluated on a dataset."""
        query = sa.select(sa.func.count()).select_from(_trials).where(_trials.c.dataset == dataset, self._seen())
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def count_market(self, bars: Sequence[Bars]) -> int:
        """Return how many different configurations were evaluated on any data of these markets whose span overlaps.

        One more day of bars is another hash and begins its own count; this one goes on. A market is a pair, a timeframe
        and a source; trials recorded without their bars are not found.
        """
        with reading(self._engine) as connection:
            names: dict[str, None] = {}
            for one in bars:
                start, end = int(one.open_time[0]), one.end_time
                names |= dict.fromkeys(overlapping(connection, (one,), start, end))
            here = _trials.c.dataset.in_(list(names)), self._seen()
            query = sa.select(_trials.c.strategy, _trials.c.config).where(*here).distinct()
            return int(connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())

    def sharpes(self, dataset: str) -> FloatArray:
        """Return the Sharpe ratio of every configuration at its newest evaluation that has one, (n,), n <= count.

        Units: per observation, not annualised, as the deflated Sharpe ratio wants them. Oldest configuration first.
        """
        newest = (
            sa.select(sa.func.max(_evaluations.c.id))
            .join(_trials, _trials.c.id == _evaluations.c.trial)
            .where(_trials.c.dataset == dataset, _evaluations.c.sharpe.is_not(None), self._known())
            .group_by(_evaluations.c.trial)
        )
        query = sa.select(_evaluations.c.sharpe).where(_evaluations.c.id.in_(newest)).order_by(_evaluations.c.trial)
        with reading(self._engine) as connection:
            return np.array(connection.execute(query).scalars().all(), np.float64)

    def of_run(self, run: str) -> set[tuple[str, str, str]]:
        """Return (dataset, strategy, config) of every configuration that a run has recorded."""
        query = (
            sa.select(*(_trials.c[name] for name in _KEY))
            .join(_evaluations, _trials.c.id == _evaluations.c.trial)
            .where(_evaluations.c.run == run)
        )
        with reading(self._engine) as connection:
            return {(row[0], row[1], row[2]) for row in connection.execute(query)}

    def as_of(self, run: str) -> PastLedger:
        """Return the ledger as it was when a run had recorded its last evaluation: what its figures were made with.

        Errors: NothingThereError when the run recorded none.
        """
        query = sa.select(sa.func.max(_evaluations.c.id)).where(_evaluations.c.run == run)
        with reading(self._engine) as connection:
            last = connection.execute(query).scalar_one()
        if last is None:
            raise NothingThereError(f"run {run} recorded no trial in this ledger; it cannot be judged as it was")
        return PastLedger(self._engine, int(last))

    def for_dataset(self, dataset: str, strategy: str | None = None) -> list[Trial]:
        """Return every evaluation on a dataset, oldest first, of one strategy or of all."""
        query = (
            sa.select(*(_trials.c[name] for name in _KEY), *(_evaluations.c[name] for name in _REST))
            .join(_trials, _trials.c.id == _evaluations.c.trial)
            .where(_trials.c.dataset == dataset)
            .order_by(_evaluations.c.id)
        )
        if strategy is not None:
            query = query.where(_trials.c.strategy == strategy)
        with reading(self._engine) as connection:
            return [Trial(**row) for row in connection.execute(query).mappings()]

    def datasets(self) -> dict[str, int]:
        """Return the count of configurations of every dataset in the ledger."""
        query = sa.select(_trials.c.dataset, sa.func.count()).group_by(_trials.c.dataset).order_by(_trials.c.dataset)
        with reading(self._engine) as connection:
            return {dataset: int(count) for dataset, count in connection.execute(query)}

    def _known(self) -> sa.ColumnElement[bool]:
        """Return which evaluations this ledger knows."""
        return sa.true()

    def _seen(self) -> sa.ColumnElement[bool]:
        """Return which trials this ledger knows."""
        return sa.true()

    def _add_trials(self) -> sa.Insert:
        if self._engine.dialect.name == "postgresql":
            return postgresql.insert(_trials).on_conflict_do_nothing()
        return sqlite.insert(_trials).on_conflict_do_nothing()


class PastLedger(TrialLedger):
    """The ledger at a moment of its past. What is recorded here is in the real one already and is not written again."""

    def __init__(self, engine: Engine, last: int) -> None:
        super().__init__(engine)
        self._last = last

    def record_many(self, trials: Iterable[Trial], bars: Sequence[Bars] = ()) -> int:
        """Take the evaluations and write nothing."""
        for _ in trials:
            pass
        return 0

    def of_run(self, run: str) -> set[tuple[str, str, str]]:
        """Return nothing: a run that is repeated begins anew."""
        return set()

    def _known(self) -> sa.ColumnElement[bool]:
        return _evaluations.c.id <= self._last

    def _seen(self) -> sa.ColumnElement[bool]:
        return _trials.c.id.in_(sa.select(_evaluations.c.trial).where(self._known()))

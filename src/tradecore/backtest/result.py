"""What a backtest gives back: the record, its figures, and everything needed to have it again. Prints and renders well.

One type for a plain run and a walk-forward: a walk-forward has folds, baselines, evidence and a verdict besides.
Nothing is computed here but tables; `backtest.run` and `backtest.evaluate` fill it in, `control` stores it, notebooks
show it.
"""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np

from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import ChosenFold
from tradecore.core.bars import Bars
from tradecore.core.orders import FillReason, Liquidity
from tradecore.core.track import Track
from tradecore.core.types import IntArray, Side, iso
from tradecore.engine.decisions import ArrayJournal
from tradecore.stats.gates import Evidence, Verdict
from tradecore.stats.metrics import Value

if TYPE_CHECKING:
    import polars as pl

    from tradecore.backtest.findings import Findings
    from tradecore.backtest.holdout import HoldOut
    from tradecore.reports.save import Saved

HEADLINES = (
    "total_return",
    "cagr",
    "sharpe",
    "max_drawdown",
    "trades",
    "win_rate",
    "profit_factor",
    "exposure",
    "fees",
)
"""The figures a summary shows; all are in `metrics`."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Result:
    """One tested strategy. `metrics` by name, fractions as fractions; None where a figure is not defined."""

    strategy: str
    text: str
    """The first line of the strategy's docstring."""
    params: Mapping[str, Any]
    kind: str
    """`backtest`, `walk_forward` or `evaluate`."""
    bars: tuple[Bars, ...]
    """What the record was made on, warm-up included."""
    settings: Settings
    track: Track
    journal: ArrayJournal
    metrics: Mapping[str, Value]
    notices: tuple[str, ...] = ()
    """What a reader must know before any number."""
    folds: tuple[ChosenFold, ...] = ()
    baselines: Mapping[str, Track] = field(default_factory=dict)
    baseline_metrics: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    costed: Mapping[float, Track] = field(default_factory=dict)
    """The same decisions at multiples of the costs."""
    evidence: Evidence | None = None
    verdict: Verdict | None = None
    hold_out: HoldOut | None = None
    """The locked part of history; None where none was locked."""
    findings: Findings | None = None
    """What an evaluation found besides."""
    run: str = ""
    """Id of the run that keeps it; empty when it was not stored."""
    command: str = ""

    @property
    def dataset(self) -> str:
        """The hash that names the data: the manifest's, or of the bars themselves when they were never stored."""
        return dataset_of(self.bars)

    @property
    def trades(self) -> pl.DataFrame:
        """Closed round trips, one row each, as a Polars frame."""
        frame = _frame(self.track.trades, self.track)
        return frame.drop("entry_bar", "exit_bar")

    @property
    def fills(self) -> pl.DataFrame:
        """Every execution, one row each, as a Polars frame."""
        return _frame(self.track.fills, self.track).drop("bar")

    @property
    def curve(self) -> pl.DataFrame:
        """The account after every bar, as a Polars frame."""
        import polars as pl

        curve = self.track.curve
        columns: dict[str, Any] = {"time": _moments(curve.time)}
        columns |= {
            name: getattr(curve, name) for name in ("equity", "cash", "flow", "worst", "exposure", "is_carried")
        }
        return pl.DataFrame(columns)

    def save(self, folder: Path | str) -> Saved:
        """Write report.html, report.json and the pictures into a folder; return where they lie."""
        from tradecore.backtest.report import tear_sheet
        from tradecore.reports.save import save

        return save(tear_sheet(self), Path(folder))

    def show(self) -> Path:
        """Open the report in a browser and return its path."""
        page = self.save(mkdtemp(prefix="tradecore-")).html
        webbrowser.open(page.as_uri())
        return page

    def with_run(self, run: str, command: str) -> Result:
        """Return the same result, named by the run that keeps it."""
        return replace(self, run=run, command=command)

    def to_json(self) -> dict[str, Any]:
        """Return the result without its arrays, as strict JSON material."""
        return {
            "kind": self.kind, "strategy": self.strategy, "params": dict(self.params), "dataset": self.dataset,
            "pairs": [str(pair) for pair in self.track.pairs], "timeframe": str(self.track.timeframe),
            "start": iso(int(self.track.curve.time[0])),
            "end": iso(int(self.track.curve.time[-1]) + self.track.timeframe.ns),
            "is_synthetic": any(one.is_synthetic for one in self.bars), "notices": list(self.notices),
            "metrics": dict(self.metrics),
            "baselines": {name: dict(one) for name, one in self.baseline_metrics.items()},
            "decisions": self.journal.counts(), "verdict": self.verdict.verdict if self.verdict else None,
            "reasons": list(self.verdict.reasons) if self.verdict else [],
            "folds": [
                {"number": one.number, "test": [iso(moment) for moment in one.test], "params": dict(one.params)}
                for one in self.folds
            ],
            "hold_out": None if self.hold_out is None else self.hold_out.as_dict(),
            "findings": None if self.findings is None else self.findings.as_dict(),
        }  # fmt: skip

    def __str__(self) -> str:
        pairs = ", ".join(str(pair) for pair in self.track.pairs)
        first, last = (iso(int(moment))[:10] for moment in self.track.curve.time[[0, -1]])
        span = f"{first} to {last}"
        lines = [f"{self.strategy} on {pairs} {self.track.timeframe}, {span}"]
        lines += [f"  ! {notice}" for notice in self.notices]
        if self.verdict:
            lines.append(f"  verdict: {self.verdict.verdict.upper()}")
            lines += [f"  - {gate.text}" for gate in self.verdict.gates if not gate.passed]
        lines += [f"  {name.replace('_', ' '):<16}{_shown(self.metrics.get(name)):>14}" for name in HEADLINES]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from tradecore.backtest.report import tear_sheet
        from tradecore.reports.html import fragment

        return fragment(tear_sheet(self))


def dataset_of(bars: tuple[Bars, ...] | list[Bars]) -> str:
    """Return the one hash that names the data of several pairs: their manifests' hashes, or the bars' own, joined."""
    import hashlib

    names = sorted(f"{one.pair} {one.timeframe} {one.dataset or one.content_hash()}" for one in bars)
    if len(bars) == 1:
        return bars[0].dataset or bars[0].content_hash()
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _shown(value: Value) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"


def _moments(times: IntArray) -> np.ndarray:
    return times.astype("datetime64[ns]")


def _frame(records: np.ndarray, track: Track) -> pl.DataFrame:
    """Return a record array as a frame, codes written as words."""
    import polars as pl

    words = {"side": Side, "liquidity": Liquidity, "reason": FillReason, "exit_reason": FillReason}
    columns: dict[str, Any] = {}
    for name in records.dtype.names or ():
        values = records[name]
        if name == "pair":
            columns[name] = [str(track.pairs[index]) for index in values.tolist()]
        elif name in words:
            columns[name] = [words[name](code).name.lower() for code in values.tolist()]
        else:
            columns[name] = _moments(values) if name.endswith("time") else np.ascontiguousarray(values)
    return pl.DataFrame(columns)

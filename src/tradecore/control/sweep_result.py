"""A sweep as scripts and notebooks get it: it prints, renders, gives its table, measures any candidate, and shows maps.

For `tradecore.sweep`; the command line keeps a run instead (`control.sweeps`). Invariant: whoever prints it reads what
the best is worth before the figures of the best.
"""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np

from tradecore.backtest.candidates import Make, combinations, drawn, drawn_from, named, values_of
from tradecore.backtest.evaluate import SYNTHETIC, Ledgered, backtest
from tradecore.backtest.figures import NAMES, ranked
from tradecore.backtest.result import Result, dataset_of
from tradecore.backtest.run import Settings
from tradecore.backtest.selection import Selection, holding_sharpe, own_sharpes, select, trials_of
from tradecore.backtest.sweep import Swept, sweep
from tradecore.control.sweep_report import luck, sheet_of
from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.seeds import generator

if TYPE_CHECKING:
    import polars as pl

    from tradecore.reports.save import Saved

NO_EVIDENCE = "The best of a sweep is no evidence of an edge: it was chosen because it looked good on these very bars."
_SHOWN = ("sharpe", "total_return", "max_drawdown", "trades", "fees")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which candidates to try: a grid, or `sample` of it, or of the declared ranges where there is none."""

    grid: Mapping[str, Sequence[Any] | str] = field(default_factory=dict)
    sample: int | None = None
    seed: int = 0

    def candidates(self, make: Make) -> list[Mapping[str, Any]]:
        """Return the parameter sets. Errors: UsageError when there is nothing to try."""
        grid = {name: values_of(name, one) if isinstance(one, str) else one for name, one in self.grid.items()}
        if self.sample is None:
            if not grid:
                raise UsageError("nothing to sweep: give a grid, as in grid={'fast': range(5, 50, 5)}, or sample=500")
            return combinations(grid)
        rng = generator(self.seed, "sweep")
        return drawn(grid, self.sample, rng) if grid else drawn_from(make().params, self.sample, rng)


@dataclass(frozen=True, slots=True, eq=False)
class SweepResult:
    """Many candidates on the same bars, and what the best of them is worth."""

    swept: Swept
    selection: Selection
    bars: tuple[Bars, ...]
    settings: Settings
    by: str
    make: Make

    def __len__(self) -> int:
        return len(self.swept)

    @property
    def table(self) -> pl.DataFrame:
        """Every candidate with its figures as a Polars frame, best first; null where a figure is not defined."""
        import polars as pl

        order = ranked(self.swept.figures, self.by)
        rows = [{**self.swept.candidates[place], **self.swept.row(place)} for place in order]
        return pl.DataFrame(rows, infer_schema_length=None)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the best candidate. Errors: UsageError when none has the figure."""
        best = self.swept.best(1, self.by)
        if not best:
            raise UsageError(f"no candidate has a {self.by}: none of them traded; widen the grid or take more bars")
        return dict(self.swept.candidates[best[0]])

    def best(self, count: int = 10) -> list[Result]:
        """Return single runs of the best candidates, with all their metrics."""
        places = self.swept.best(count, self.by)
        return [backtest(self.make(**self.swept.candidates[at]), self.bars, self.settings) for at in places]

    def save(self, folder: Path | str) -> Saved:
        """Write report.html, report.json and the pictures into a folder; return where they lie."""
        from tradecore.reports.sweep_sheet import save

        places = self.swept.best(10, self.by)
        full = {place: one.metrics for place, one in zip(places, self.best(10), strict=True)}
        document = {
            "strategy": self.swept.strategy, "by": self.by, "selection": self.selection.as_dict(),
            "best": [{"params": dict(self.swept.candidates[at]), "metrics": dict(full[at])} for at in places],
        }  # fmt: skip
        sheet = sheet_of(
            self.swept, self.selection, self.bars, full, self.by, notices=self._notices(), document=document,
            facts={"Data": dataset_of(self.bars), "Seed": str(self.settings.seed)},
        )  # fmt: skip
        return save(sheet, Path(folder))

    def show(self) -> Path:
        """Open the report in a browser and return its path."""
        page = self.save(mkdtemp(prefix="tradecore-")).html
        webbrowser.open(page.as_uri())
        return page

    def __str__(self) -> str:
        lines = [f"{self.swept.strategy}: {len(self):,} parameter sets"]
        lines += [f"  ! {notice}" for notice in self._notices()]
        lines += [f"  {line}" for line in (*luck(self.selection), NO_EVIDENCE)]
        for place in self.swept.best(5, self.by):
            row = self.swept.row(place)
            figures = "  ".join(f"{name} {_plain(row[name])}" for name in _SHOWN)
            lines.append(f"  {named(self.swept.candidates[place]):<28} {figures}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def _notices(self) -> tuple[str, ...]:
        return (SYNTHETIC,) if any(one.is_synthetic for one in self.bars) else ()


def run_sweep(
    make: Make, bars: Sequence[Bars], choice: Choice, settings: Settings, *, by: str = "sharpe",
    workers: int | None = None, counted: Ledgered | None = None,
) -> SweepResult:  # fmt: skip
    """Sweep without a run: every candidate is counted in the ledger where there is one, else only this call's are."""
    if by not in NAMES:
        raise UsageError(f"candidates cannot be ranked by {by!r}; see SweepResult.table for the figures there are")
    swept = sweep(make, bars, settings, choice.candidates(make), workers=workers)
    if counted is None:
        trials, sharpes = len(swept), own_sharpes(swept)
    else:
        made = [make(**params) for params in swept.candidates]
        ledger, dataset = counted.ledger, dataset_of(list(bars))
        ledger.record_many(trials_of(made, bars, settings, swept.daily, counted.run, counted.clock.now()), bars)
        trials, sharpes = max(ledger.count(dataset), ledger.count_market(bars)), ledger.sharpes(dataset)
    return SweepResult(
        swept, select(swept, trials, sharpes, by, holding_sharpe(bars, settings)), tuple(bars), settings, by, make
    )


def _plain(value: float | int | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int | np.integer) else f"{value:,.3f}"

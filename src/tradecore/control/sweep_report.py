"""What a finished sweep shows in its report: words, table, maps and marks. Called by `control.sweeps` and Python.

It arranges and measures nothing; `reports.sweep_sheet` draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tradecore.backtest.candidates import named
from tradecore.backtest.selection import Selection
from tradecore.backtest.sweep import Swept
from tradecore.core.bars import Bars
from tradecore.core.types import iso
from tradecore.reports.surface import surfaces
from tradecore.reports.sweep_sheet import SweepSheet

COLUMNS = (
    "sharpe", "total_return", "cagr", "max_drawdown", "calmar", "trades", "win_rate", "profit_factor", "exposure",
    "fees", "cost_share", "break_even_cost",
)  # fmt: skip
"""The metrics of the best candidates that the report shows."""


def luck(one: Selection) -> list[str]:
    """Return in words how the best stands against luck."""
    said = []
    if one.sharpe is not None and one.expected_best is not None:
        said.append(
            f"The best has a Sharpe ratio of {one.sharpe:.2f}; the best of {one.trials:,} worthless ones is expected "
            f"to show {one.expected_best:.2f}."
        )
    if one.holding is not None:
        said.append(
            f"Buying and holding over the same bars showed {one.holding:.2f}; that is luck of the market alone."
        )
    if one.deflated is not None:
        said.append(f"After that count the probability that it has any edge is {one.deflated:.1%} (deflated Sharpe).")
    if one.overfitting is not None:
        said.append(
            f"What is best in one half of the days is below the median in the other half {one.overfitting:.0%} of the "
            "time (0 % would be sound, 50 % is a coin)."
        )
    if one.effective is not None:
        ideas = "one idea" if one.effective == 1 else f"{one.effective:,} ideas"
        said.append(f"By the days on which they earn and lose, {one.tried:,} candidates are {ideas}.")
    return said


def sheet_of(
    swept: Swept, selection: Selection, bars: Sequence[Bars], best: Mapping[int, Mapping[str, Any]], by: str,
    **words: Any,
) -> SweepSheet:  # fmt: skip
    """Return the report of a sweep. `best` holds the metrics of the best candidates by place; `words` are further
    fields of `SweepSheet`."""
    first = bars[0]
    pairs = ", ".join(str(one.pair) for one in bars)
    span = f"{iso(int(first.open_time[0]))[:10]} to {iso(first.end_time)[:10]}"
    refused = f", {len(swept.refused):,} refused" if swept.refused else ""
    marks = [(selection.expected_best, "best of as many worthless ones")] if selection.expected_best else []
    if by == "sharpe" and selection.sharpe is not None:
        marks.append((selection.sharpe, "the best of this sweep"))
    if by == "sharpe" and selection.holding is not None:
        marks.append((selection.holding, "buying and holding"))
    names = list(swept.candidates[0])
    columns = {name: [one[name] for one in swept.candidates] for name in names}
    return SweepSheet(
        title=f"{swept.strategy}: {len(swept):,} parameter sets on {pairs}",
        subtitle=f"{first.timeframe} bars, {span}{refused}; this data has now seen {selection.trials:,} configurations",
        luck=tuple(luck(selection)),
        best=[(named(swept.candidates[place]), metrics) for place, metrics in best.items()],
        columns=COLUMNS if by in COLUMNS else (by, *COLUMNS),
        surfaces=surfaces(columns, swept.figures, by),
        values=swept.figures[by].astype(np.float64), figure=by,
        marks=marks if by == "sharpe" else (), is_synthetic=any(one.is_synthetic for one in bars), **words,
    )  # fmt: skip

"""How a tested strategy is shown in a terminal: beside its baselines, with the verdict and its gates, bad news first.

Called by `backtest` and `hello`. Shows what a `Result` says; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.backtest.result import Result
    from tradecore.control.backtests import Kept

COLUMNS = {
    "total_return": "return",
    "sharpe": "Sharpe",
    "max_drawdown": "drawdown",
    "trades": "trades",
    "exposure": "exposure",
    "fees": "fees",
}
"""The figures shown, with labels short enough for 80 columns."""


def show_result(screen: Screen, kept: Kept) -> None:
    """Print a kept result, and answer with its JSON: the result's own, and where it is kept."""
    for line in heading(kept.result):
        screen.paragraph(line)
    screen.say()
    show_figures(screen, kept.result)
    show_gates(screen, kept.result)
    screen.say(f"\nrun     {kept.run.id}")
    screen.say(f"report  {kept.report.html}")
    screen.say(f"again   {kept.result.command}")
    screen.answer({**kept.result.to_json(), "run": kept.run.id, "report": kept.report.html})


def heading(result: Result) -> list[str]:
    """Return what was tested on what and when, then what a reader must know first, one sentence each."""
    from tradecore.core.types import iso

    curve = result.track.curve
    pairs = ", ".join(str(pair) for pair in result.track.pairs)
    span = f"{iso(int(curve.time[0]))[:10]} to {iso(int(curve.time[-1]))[:10]}"
    return [f"{result.strategy} on {pairs} {result.track.timeframe}, {span}", *(f"! {text}" for text in result.notices)]


def show_figures(screen: Screen, result: Result) -> None:
    """Print the candidate's main figures above those of its baselines."""
    from tradecore.reports.tables import comparison

    rows = {result.strategy: result.metrics, **result.baseline_metrics}
    names = [name.replace("_", " ") for name in rows]
    table = comparison(rows, tuple(COLUMNS)).text_rows()
    cells = [(name, *row[1:]) for name, row in zip(names, table, strict=True)]
    screen.table(("", *COLUMNS.values()), cells, right=tuple(COLUMNS.values()), fold=("",))


def show_gates(screen: Screen, result: Result) -> None:
    """Print the verdict and every gate it stands on, those that failed first; nothing where there is no verdict."""
    if result.verdict is None:
        return
    gates = sorted(result.verdict.gates, key=lambda gate: gate.passed)
    screen.say()
    screen.table(
        ("gate", "", "why"), [(gate.name.replace("_", " "), "ok" if gate.passed else "no", gate.text) for gate in gates]
    )
    screen.say(
        f"\nverdict: {result.verdict.verdict.upper()}", "bold green" if result.verdict.is_edge else "bold yellow"
    )

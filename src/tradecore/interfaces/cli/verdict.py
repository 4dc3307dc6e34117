"""How a tested strategy is shown in a terminal: beside its baselines, with the verdict and its gates, bad news first.

Called by `backtest` and `hello`. Shows what a `Result` says; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.backtest.result import Result
    from tradecore.control.backtests import Kept
    from tradecore.reports.evaluation import EvaluationSheet

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


def show_evaluation(screen: Screen, kept: Kept) -> None:
    """Print an evaluation, bad news first: verdict, what failed, what would have to be true; then the figures."""
    from tradecore.backtest.evaluation_report import evaluation_sheet

    result, found = kept.result, evaluation_sheet(kept.result)
    verdict = result.verdict
    assert verdict is not None
    for line in heading(result):
        screen.paragraph(line)
    screen.say(f"\nverdict: {verdict.verdict.upper()}", "bold green" if verdict.is_edge else "bold yellow")
    failed = [gate for gate in verdict.gates if not gate.passed]
    if failed:
        screen.table(("failed", "why"), [(gate.name.replace("_", " "), gate.text) for gate in failed])
    if found is not None and found.wanted:
        screen.say("\nwhat would have to be true")
        for text in found.wanted:
            screen.paragraph(f"- {text}")
    screen.say()
    show_figures(screen, result)
    if found is not None:
        _show_found(screen, found)
    passed = [gate.name.replace("_", " ") for gate in verdict.gates if gate.passed]
    if passed:
        screen.say()
        screen.paragraph(f"passed: {', '.join(passed)}")
    screen.say(f"\nrun     {kept.run.id}")
    screen.say(f"report  {kept.report.html}")
    screen.say(f"again   {result.command}")
    screen.answer({**result.to_json(), "run": kept.run.id, "report": kept.report.html})


def _show_found(screen: Screen, found: EvaluationSheet) -> None:
    """Print what-if, regimes, luck and the hold-out."""
    columns = ("if something were otherwise", "return", "Sharpe", "trades")
    screen.say()
    screen.table(columns, found.what_if_rows(), right=columns[1:], fold=columns[:1])
    screen.paragraph(found.break_even_text)
    if found.regimes:
        names = ("market", "days", "share", "return", "Sharpe", "loss")
        screen.say()
        screen.table(names, found.regime_rows(), right=names[1:], fold=names[:1])
    screen.say()
    for text in (*found.luck, *((found.chance_text,) if found.chance is not None else ())):
        screen.paragraph(text)
    if found.hold_out is not None:
        screen.say()
        screen.paragraph(f"hold-out: {found.hold_out.text}")
    screen.say(f"\n{found.protocol}, {found.fingerprint[:12]}")


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

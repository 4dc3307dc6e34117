"""The comparison of several runs."""

from __future__ import annotations

import pytest

from tradecore.core.errors import UsageError
from tradecore.reports.tables import comparison

RUNS = {
    "ema_cross": {"total_return": 0.1, "max_drawdown": 0.3, "trades": 40},
    "buy_and_hold": {"total_return": 0.4, "max_drawdown": 0.6},
    "cash": {"total_return": 0.0, "max_drawdown": 0.0, "sharpe": None},
}


def test_runs_stand_in_the_order_given_with_the_metrics_asked_for() -> None:
    table = comparison(RUNS, ["max_drawdown", "total_return"])
    assert [column.label for column in table.columns] == ["Run", "Max drawdown", "Total return"]
    assert [row[0] for row in table.rows] == list(RUNS)
    assert table.rows[0] == ("ema_cross", 0.3, 0.1)


def test_without_a_choice_every_metric_is_shown() -> None:
    assert [column.name for column in comparison(RUNS).columns] == [
        "run",
        "total_return",
        "max_drawdown",
        "trades",
        "sharpe",
    ]


def test_a_run_that_lacks_a_metric_has_a_dash() -> None:
    assert comparison(RUNS, ["trades"]).text_rows() == [["ema_cross", "40"], ["buy_and_hold", "–"], ["cash", "–"]]


def test_numbers_stay_numbers_in_json() -> None:
    assert comparison(RUNS, ["sharpe", "total_return"]).as_json()[2] == {
        "run": "cash",
        "sharpe": None,
        "total_return": 0.0,
    }


def test_the_best_is_the_highest_or_the_lowest_as_the_metric_wants() -> None:
    table = comparison(RUNS)
    assert table.best["total_return"] == 1
    assert table.best["max_drawdown"] == 2
    assert "trades" not in table.best


def test_a_tie_has_no_best() -> None:
    assert comparison({"a": {"sharpe": 1.0}, "b": {"sharpe": 1.0}}).best == {}


def test_a_metric_that_no_run_has_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"'sharp' is in none of the runs; expected some of: total_return"):
        comparison(RUNS, ["sharp"])


def test_html_is_escaped_and_marks_the_best() -> None:
    table = comparison({"<script>": {"sharpe": 1.0}, "b": {"sharpe": 0.5}})
    assert "&lt;script&gt;" in table.to_html()
    assert "<script>" not in table._repr_html_()
    assert "<td class=best>1.00</td>" in table.to_html()


def test_a_table_prints_with_figures_under_their_names() -> None:
    lines = str(comparison(RUNS, ["trades"])).splitlines()
    assert lines == ["Run           Trades", "ema_cross         40", "buy_and_hold       –", "cash               –"]

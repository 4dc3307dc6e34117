"""`tradecore backtest` and `hello` from the outside, on small synthetic markets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradecore.interfaces.cli.main import run

Type = Callable[..., dict[str, Any]]
VENUE = ("--venue", "synthetic-planted-1")


@pytest.fixture
def market(answer: Type) -> None:
    """Put four months of a synthetic market into the workspace."""
    answer("data", "synth", "planted", "--days", "120", "--seed", "1", "--timeframe", "1h")


@pytest.mark.slow
def test_a_run_leaves_figures_a_report_and_no_verdict(answer: Type, market: None) -> None:
    result = answer("backtest", "run", "ema-rsi-volume", *VENUE)
    assert result["verdict"] is None
    assert result["is_synthetic"]
    assert Path(result["report"]).is_file()
    assert answer("runs", "show")["metrics"]["trades"] == result["metrics"]["trades"]


@pytest.mark.slow
def test_a_run_takes_parameters_span_and_costs(answer: Type, market: None) -> None:
    words = ("backtest", "run", "ema-rsi-volume", *VENUE, "--param", "fast=5", "--from", "2023-02-01")
    result = answer(*words)
    assert result["params"]["fast"] == 5
    assert result["start"] == "2023-02-01T00:00:00Z"
    free = answer("--set", "costs.taker_fee=0", "--set", "costs.maker_fee=0", *words)
    assert (free["metrics"]["fees"], result["metrics"]["fees"] > 0) == (0, True)


def test_money_that_comes_and_goes_is_no_return(answer: Type, market: None) -> None:
    flows = ("--flow", "2023-02-01=5000", "--flow", "2023-03-01=-100")
    result = answer("backtest", "run", "cash", *VENUE, *flows)
    assert result["metrics"]["total_return"] == 0.0
    assert result["metrics"]["time_under_water"] == 0.0
    assert result["metrics"]["final_equity"] == 14_900.0


@pytest.mark.parametrize("flow", ["2023-02-01=much", "someday=5", "2023-02-01", "2029-01-01=5"])
def test_a_cash_flow_that_cannot_be_meant_is_refused(answer: Type, market: None, flow: str) -> None:
    assert answer("backtest", "run", "cash", *VENUE, "--flow", flow, code=64)["kind"] == "UsageError"


@pytest.mark.slow
def test_two_runs_are_compared(answer: Type, market: None) -> None:
    ids = [answer("backtest", "run", name, *VENUE)["run"] for name in ("buy-and-hold", "breakout")]
    table = answer("backtest", "compare", *ids)["runs"]
    assert [row["run"].split()[0] for row in table] == ids
    assert "metric 'luck'" in answer("backtest", "compare", *ids, "--metric", "luck", code=64)["error"]


SEER = """
from tradecore.strategy.contract import Strategy


class Seer(Strategy):
    timeframe = "1h"

    def decide(self, market, account):
        whole = market.bars(2).close.base  # behind the view lies the whole history
        rises = whole[min(market.index + 1, len(whole) - 1)] > market.close
        if rises and not account.position:
            return self.buy(0.5, reason="it will rise")
        if not rises and account.position:
            return self.close("it will fall")
        return self.hold("waiting")
"""


@pytest.mark.slow
def test_a_strategy_that_looks_ahead_ends_with_4(answer: Type, market: None, workspace: Path) -> None:
    (workspace / "strategies" / "seer.py").write_text(SEER)
    words = ("backtest", "lookahead", "strategies/seer.py", *VENUE, "--cuts", "3")
    assert not answer(*words, code=4)["ok"]
    assert answer("backtest", "lookahead", "ema-rsi-volume", *VENUE, "--cuts", "3")["ok"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("backtest", "run", "no-such-thing"), 2),
        (("backtest", "run", "breakout"), 2),
        (("backtest", "run", "breakout", "--param", "fast"), 64),
        (("backtest", "run", "breakout", "--pair", "BTCUSD"), 64),
        (("backtest", "run", "breakout", "--timeframe", "7x"), 64),
        (("backtest", "run", "breakout", "--from", "yesterday"), 64),
        (("backtest", "run", "breakout", "--from", "2023-05-01", "--to", "2023-04-01"), 64),
        (("backtest", "run", "breakout", "--cash", "-5", *VENUE), 64),
        (("backtest", "walk-forward", "breakout", "--folds", "2"), 64),
        (("backtest", "compare", "latest"), 2),
    ],
)
def test_what_cannot_be_meant_or_is_not_there_has_its_exit_code(
    words: tuple[str, ...], code: int, answer: Type
) -> None:
    if "--cash" in words:
        answer("data", "synth", "planted", "--days", "30", "--seed", "1", "--timeframe", "1h")
    assert answer(*words, code=code)["exit_code"] == code


@pytest.mark.slow
def test_an_honest_test_ends_in_a_verdict_that_80_columns_can_show(
    market: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["backtest", "walk-forward", "ema-rsi-volume", *VENUE, "--folds", "3"]) == 0
    text = capsys.readouterr().out
    assert "! SYNTHETIC MARKET" in text
    assert "verdict: NO EVIDENCE OF EDGE" in text
    table = [line for line in text.splitlines() if line.startswith(("EmaRsi", "buy and hold", "─"))]
    assert max(map(len, table)) <= 80

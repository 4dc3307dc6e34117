"""The whole road on traded prices: import, walk forward, verdict, and the same figures again from the recorded command.

What is held here is that it works and is exact, not how any strategy did: a verdict on real prices is not a test's
business.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import backtests, data
from tradecore.control.backtests import Ask, Kept
from tradecore.control.config import make_workspace
from tradecore.control.data import Where
from tradecore.control.lab import Lab
from tradecore.interfaces.cli.main import run as type_command
from tradecore.registry.tracks import load_track

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
TWO_YEARS = "candles/bitfinex/BTCUSD_1m_2017-2018.parquet"
QUARTERS = ("BTC", "ETH", "SOL")
GRID = {"fast": ("5", "9"), "slow": ("21", "34")}


@pytest.fixture(scope="module")
def lab(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Return a workspace with two years of minutes of one pair and ten months of quarters of three."""
    opened = open_lab(make_workspace(tmp_path_factory.mktemp("real") / "lab").root)
    data.import_path(opened, real_data / TWO_YEARS, Where("BTC/USD"))
    for base in QUARTERS:
        data.import_path(opened, real_data / f"candles/binance/{base}USDT_15m_2025-01_2025-10.parquet", Where())
    return opened


@pytest.fixture(scope="module")
def honest(lab: Lab) -> Kept:
    return backtests.walk_forward(lab, Ask("ema-rsi-volume", ("BTC/USD",), "bitfinex", "1h", grid=GRID, seed=11))


def test_two_years_of_minutes_end_in_a_verdict_with_its_reasons(honest: Kept) -> None:
    result = honest.result
    assert result.notices == ()
    assert result.verdict is not None
    assert result.verdict.verdict in {"edge", "no evidence of edge"}
    assert (result.verdict.verdict == "edge") == all(gate.passed for gate in result.verdict.gates)
    assert all(np.isfinite(gate.value) for gate in result.verdict.gates if gate.value is not None)
    assert len(result.folds) == 6
    assert result.evidence is not None
    assert (result.evidence.trials, result.evidence.problems) == (4, ())
    assert result.evidence.days > 300
    assert set(result.baselines) == {"cash", "buy_and_hold", "vol_target", "momentum", "ma_cross"}


def test_buy_and_hold_is_what_the_prices_did_less_one_entry(honest: Kept) -> None:
    result, bars = honest.result, honest.result.bars[0]
    fill = result.baselines["buy_and_hold"].fills[0]
    held = float(result.baselines["buy_and_hold"].fills["quantity"].sum())
    spent = float((result.baselines["buy_and_hold"].fills["price"] * result.baselines["buy_and_hold"].fills["quantity"]
                   + result.baselines["buy_and_hold"].fills["fee"]).sum())  # fmt: skip
    assert fill["price"] == pytest.approx(bars.open[np.searchsorted(bars.open_time, fill["time"])] * 1.0006)
    assert result.baselines["buy_and_hold"].curve.equity[-1] == pytest.approx(10_000.0 - spent + held * bars.close[-1])


def test_the_recorded_command_gives_the_same_figures_to_the_bit(
    honest: Kept, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(honest.result.command)[1:]
    assert type_command([*words, "--workspace", str(lab.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    again = lab.runs.get(told["run"])
    assert again.id != honest.run.id
    assert again.record.metrics == honest.run.record.metrics
    assert [one.dataset for one in again.record.data] == [one.dataset for one in honest.run.record.data]
    assert json.loads(again.read("verdict.json")) == json.loads(honest.run.read("verdict.json"))
    for name in ("candidate", *honest.result.baselines):
        one, two = load_track(again, name), load_track(honest.run, name)
        assert one.curve.equity.tobytes() == two.curve.equity.tobytes()
        assert one.fills.tobytes() == two.fills.tobytes()


def test_three_pairs_of_quarters_are_one_account(lab: Lab) -> None:
    pairs = tuple(f"{base}/USDT" for base in QUARTERS)
    kept = backtests.run(lab, Ask("ema-rsi-volume", pairs, "binance", "15m", start="2025-06-01", seed=1))
    track = kept.result.track
    assert [str(pair) for pair in track.pairs] == list(pairs)
    assert set(track.fills["pair"].tolist()) == {0, 1, 2}
    moved = track.fills["side"] * track.fills["quantity"]
    cash = 10_000.0 - float((moved * track.fills["price"] + track.fills["fee"]).sum())
    worth = sum(
        float(moved[track.fills["pair"] == p].sum()) * bars.close[-1] for p, bars in enumerate(kept.result.bars)
    )
    assert track.curve.cash[-1] == pytest.approx(cash)
    assert track.curve.equity[-1] == pytest.approx(cash + worth)
    assert len(kept.run.record.data) == 3

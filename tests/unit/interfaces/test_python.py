"""The Python API: few names, light to import, and the same verbs as the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest

import tradecore as tc
from tradecore.backtest.result import Result
from tradecore.core.bars import Bars
from tradecore.core.errors import ConfigError, DataError, NothingThereError, UsageError
from tradecore.features.catalogue import names
from tradecore.features.feature import Feature
from tradecore.strategy.ensemble import Ensemble
from tradecore.strategy.loading import load
from tradecore.strategy.parameters import Int


class Steady(tc.Strategy):
    """Hold while the price rises."""

    params: ClassVar = {"span": Int(24, 2, 200)}

    def features(self, p: Any) -> dict[str, Feature]:
        return {"mean": tc.sma(p.span)}

    def decide(self, market: Any, account: Any) -> Any:
        if account.position:
            return self.close("below") if market.close < market.mean else self.hold("in")
        return self.buy(0.5, reason="above") if market.close > market.mean else self.hold("out")


@pytest.fixture(scope="module")
def bars() -> Bars:
    return tc.synthetic("planted", days=60, seed=3)


@pytest.fixture(scope="module")
def tested(bars: Bars) -> Result:
    return tc.walk_forward(Steady, bars, grid={"span": (12, 48)}, folds=3)


def test_importing_it_loads_nothing_heavy() -> None:
    ask = (
        "import sys, tradecore\n"
        "assert tradecore.__all__ and dir(tradecore)\n"
        "print(*(name for name in ('numpy', 'numba', 'polars', 'pydantic', 'matplotlib', 'sqlalchemy', 'httpx') "
        "if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_there_are_few_public_names_and_each_is_there() -> None:
    assert len(tc.__all__) <= 14
    assert sorted(tc.__all__) == tc.__all__
    for name in tc.__all__:
        assert getattr(tc, name) is not None
        assert name in dir(tc)


@pytest.mark.parametrize("name", names())
def test_every_indicator_of_the_catalogue_is_at_the_top(name: str) -> None:
    assert isinstance(getattr(tc, name)(), Feature)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="emma"):
        tc.emma  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute '_hidden'"):
        tc._hidden  # noqa: B018


def test_a_synthetic_market_is_marked_and_reproducible(bars: Bars) -> None:
    assert bars.is_synthetic
    assert (str(bars.pair), str(bars.timeframe), len(bars)) == ("BTC/USD", "1h", 60 * 24)
    assert tc.synthetic("planted", days=60, seed=3).content_hash() == bars.content_hash()
    assert tc.synthetic("planted", days=60, seed=4).content_hash() != bars.content_hash()
    other = tc.synthetic("gbm", pair="eth/eur", timeframe="4h", days=2)
    assert (str(other.pair), str(other.timeframe), len(other)) == ("ETH/EUR", "4h", 12)


@pytest.mark.parametrize("given", [{"kind": "sideways"}, {"pair": "BTCUSD"}, {"timeframe": "7x"}])
def test_a_market_that_cannot_be_meant_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        tc.synthetic(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "strategy", ["buy-and-hold", load("buy-and-hold"), type(load("buy-and-hold"))], ids=["name", "instance", "class"]
)
def test_a_strategy_is_named_made_or_a_class(strategy: Any, bars: Bars) -> None:
    result = tc.run(strategy, bars)
    assert (result.strategy, result.verdict, len(result.fills)) == ("BuyAndHold", None, 1)


def test_a_strategy_that_was_made_keeps_its_parameters(bars: Bars) -> None:
    assert tc.run(Steady(span=100), bars).params == {"span": 100}
    assert tc.run(Steady, bars).params == {"span": 24}


def test_an_honest_test_prints_its_verdict(tested: Result) -> None:
    assert tested.verdict is not None
    assert f"verdict: {tested.verdict.verdict.upper()}" in str(tested)
    assert len(tested.folds) == 3
    assert tested.evidence is not None
    assert tested.evidence.trials == 2
    assert any("counted for this call alone" in notice for notice in tested.notices)


@pytest.mark.slow
def test_a_lab_counts_the_trials_of_every_call(bars: Bars, workspace: Path) -> None:
    lab = tc.lab(workspace)
    counts = []
    for span in (12, 48, 12):
        result = tc.walk_forward(Steady(span=span), bars, folds=3, lab=lab)
        assert result.params == {"span": span}
        assert result.evidence is not None
        counts.append(result.evidence.trials)
    assert counts == [1, 2, 2]


class Once(Steady):
    """Buy one time and remember it for ever."""

    def __init__(self, **given: object) -> None:
        super().__init__(**given)
        self.bought = False

    def decide(self, market: Any, account: Any) -> Any:
        if self.bought:
            return self.hold("done for good")
        self.bought = True
        return self.buy(0.5, reason="the only time")


@pytest.mark.parametrize("candidate", [Once(), Ensemble([Once()])], ids=["one", "ensemble"])
def test_a_strategy_that_was_made_is_walked_with_ones_made_anew(candidate: tc.Strategy, bars: Bars) -> None:
    one, two = (tc.walk_forward(candidate, bars, folds=3) for _ in range(2))
    assert one.metrics == two.metrics
    assert len(one.fills) == len(two.fills) > 0


def test_an_ensemble_has_no_parameters_to_choose_among(bars: Bars) -> None:
    with pytest.raises(UsageError, match="an ensemble has no parameter span"):
        tc.walk_forward(Ensemble([Steady(), Once()]), bars, folds=3, grid={"span": (1, 2)})


def test_what_cannot_be_tested_is_a_typed_error(bars: Bars) -> None:
    with pytest.raises(NothingThereError, match="no strategy 'no-such-thing'"):
        tc.run("no-such-thing", bars)
    with pytest.raises(ConfigError, match="unknown parameter speed"):
        tc.walk_forward(Steady, bars, grid={"speed": (1, 2)})
    with pytest.raises(UsageError, match="at least one pair"):
        tc.run(Steady)
    with pytest.raises(DataError, match="needs"):
        tc.walk_forward(Steady, bars[:50])
    with pytest.raises(NothingThereError):
        tc.lab("/nowhere/at/all")


def test_results_are_compared_by_name_and_numbered_where_names_are_alike(tested: Result, bars: Bars) -> None:
    other = tc.run("buy-and-hold", bars)
    table = tc.compare(tested, other, metrics=("sharpe", "trades"))
    assert [row["run"] for row in table.as_json()] == ["Steady", "BuyAndHold"]
    assert [row["trades"] for row in table.as_json()] == [tested.metrics["trades"], 0]
    assert "<table" in table._repr_html_()
    assert [row["run"] for row in tc.compare(other, other).as_json()] == ["BuyAndHold 1", "BuyAndHold 2"]


def test_a_metric_that_there_is_not_is_refused(tested: Result) -> None:
    with pytest.raises(UsageError, match="no metric luck"):
        tc.compare(tested, metrics=("sharpe", "luck"))


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Write two days of minutes of one pair as Parquet."""
    made = tc.synthetic("gbm", timeframe="1m", days=2)
    columns = {name: getattr(made, name) for name in ("open", "high", "low", "close", "volume")}
    folder = tmp_path / "kraken"
    folder.mkdir()
    pl.DataFrame({"timestamp": made.open_time // 1_000_000, **columns}).write_parquet(folder / "BTCUSD_1m.parquet")
    return folder / "BTCUSD_1m.parquet"


def test_a_file_is_read_as_it_is_or_at_a_longer_timeframe(stored: Path) -> None:
    minutes, hours = tc.read(stored), tc.read(str(stored), timeframe="1h")
    assert (str(minutes.pair), str(minutes.timeframe), len(minutes)) == ("BTC/USD", "1m", 2880)
    assert (str(hours.timeframe), len(hours)) == ("1h", 48)
    assert hours.high.max() == minutes.high.max()
    assert minutes.volume.sum() == pytest.approx(hours.volume.sum())


def test_a_file_that_was_read_leaves_nothing_behind(stored: Path) -> None:
    before = sorted(stored.parent.rglob("*"))
    bars = tc.read(stored)
    assert sorted(stored.parent.rglob("*")) == before
    assert bars.close.sum() > 0  # the bars outlive the folder they were read through


def test_the_same_file_has_the_same_name_and_result_every_time(stored: Path) -> None:
    one, two = (tc.run("buy-and-hold", tc.read(stored, timeframe="1h")) for _ in range(2))
    assert one.dataset == two.dataset
    assert one.metrics == two.metrics


def test_of_a_folder_of_several_pairs_one_is_chosen(stored: Path) -> None:
    frame = pl.read_parquet(stored)
    frame.with_columns(pl.col("open", "high", "low", "close") * 2.0).write_parquet(stored.parent / "ETHUSD_1m.parquet")
    with pytest.raises(UsageError, match="holds BTC/USD, ETH/USD; choose one with pair="):
        tc.read(stored.parent)
    one, two = tc.read(stored.parent, pair="BTC/USD"), tc.read(stored.parent, pair="eth/usd")
    assert [str(bars.pair) for bars in (one, two)] == ["BTC/USD", "ETH/USD"]
    assert two.close.tolist() == (one.close * 2.0).tolist()
    with pytest.raises(NothingThereError, match="holds no bars of DOGE/USD"):
        tc.read(stored.parent, pair="DOGE/USD")


def test_of_a_file_the_pair_says_what_it_holds(stored: Path) -> None:
    assert str(tc.read(stored, pair="BTC/EUR").pair) == "BTC/EUR"


def test_a_file_that_is_not_there_or_is_none_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(NothingThereError):
        tc.read(tmp_path / "nowhere.parquet")
    bad = tmp_path / "kraken-BTCUSD.parquet"
    bad.write_bytes(b"no parquet")
    with pytest.raises((DataError, UsageError)):
        tc.read(bad)

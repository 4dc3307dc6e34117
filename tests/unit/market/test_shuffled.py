"""Shuffled bars: the same returns in another order, no drift, every bar as it was, and a name that says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.types import DAY_NS, HOUR_NS, FloatArray, Pair, Timeframe
from tradecore.market import synthetic
from tradecore.market.shuffled import shuffle

BTC, HOUR = Pair("BTC", "USD"), Timeframe.parse("1h")


@pytest.fixture(scope="module")
def source() -> Bars:
    """Return 400 days with gaps and jumps that went up a long way."""
    made = synthetic.make("regimes", pair=BTC, timeframe=HOUR, bars=400 * 24, seed=2, gap_rate=0.02)
    rise = np.exp(np.linspace(0.0, 2.0, len(made)))
    prices = (getattr(made, name) * rise for name in ("open", "high", "low", "close"))
    return Bars(BTC, HOUR, made.open_time, *prices, made.volume, "somewhere")


def log_returns(bars: Bars) -> FloatArray:
    return np.asarray(np.diff(np.log(bars.close)))


def test_the_returns_are_those_of_the_source_less_one_constant(source: Bars) -> None:
    shuffled = shuffle(source, seed=1, block_days=4)
    assert len(shuffled) == len(source)
    mine = np.log(shuffled.close / np.concatenate((source.open[:1], shuffled.close[:-1])))
    real = np.log(source.close / np.concatenate((source.open[:1], source.close[:-1])))
    apart = np.sort(real) - np.sort(mine)
    np.testing.assert_allclose(apart, apart[0], atol=1e-12)
    assert apart[0] > 0  # the source rose


def test_the_simple_returns_add_up_to_zero(source: Bars) -> None:
    shuffled = shuffle(source, seed=1)
    simple = shuffled.close / np.concatenate((source.open[:1], shuffled.close[:-1])) - 1
    assert abs(simple.sum()) < 1e-9
    rose = source.close[1:] / source.close[:-1] - 1
    assert rose.sum() > 1


def test_every_bar_keeps_its_shape_and_volume(source: Bars) -> None:
    shuffled = shuffle(source, seed=1)

    def shapes(bars: Bars) -> FloatArray:
        columns = (bars.volume, bars.open / bars.close, bars.high / bars.close, bars.low / bars.close)
        return np.stack(columns)[:, np.argsort(bars.volume, kind="stable")]

    np.testing.assert_allclose(shapes(shuffled), shapes(source), rtol=1e-12)


def test_blocks_keep_their_days_together_and_their_hours_of_day(source: Bars) -> None:
    shuffled = shuffle(source, seed=1, block_days=5)
    block = 17
    begin = int(source.open_time[0]) // DAY_NS * DAY_NS + block * 5 * DAY_NS
    part = source.between(begin, begin + 5 * DAY_NS)
    (place,) = np.flatnonzero(shuffled.volume == part.volume[0])
    moved = shuffled[int(place) : int(place) + len(part)]
    np.testing.assert_array_equal(moved.volume, part.volume)
    np.testing.assert_array_equal(moved.open_time - moved.open_time[0], part.open_time - part.open_time[0])
    assert (int(moved.open_time[0]) - int(part.open_time[0])) % DAY_NS == 0
    np.testing.assert_allclose(np.ptp(log_returns(moved) - log_returns(part)), 0, atol=1e-12)


def test_trends_of_weeks_are_gone(source: Bars) -> None:
    wave = np.exp(0.5 * np.sin(np.arange(len(source)) * HOUR_NS / DAY_NS / 60 * 2 * np.pi))
    prices = (getattr(source, name) * wave for name in ("open", "high", "low", "close"))
    waving = Bars(BTC, HOUR, source.open_time, *prices, source.volume, "somewhere")

    def memory(bars: Bars) -> float:
        blocks = np.add.reduceat(log_returns(bars), np.arange(0, len(bars) - 1, 240))
        return float(np.corrcoef(blocks[1:], blocks[:-1])[0, 1])

    after = [memory(shuffle(waving, seed=seed)) for seed in range(10)]
    assert memory(waving) > np.mean(after) + 0.15
    assert abs(np.mean(after)) < 0.15


def test_the_source_says_that_it_is_no_history(source: Bars) -> None:
    shuffled = shuffle(source, seed=9, block_days=5)
    assert shuffled.is_synthetic
    assert shuffled.source == "synthetic:shuffled:blocks=5d:seed=9:from somewhere"


def test_a_seed_gives_the_same_bytes_and_another_seed_another_order(source: Bars) -> None:
    assert shuffle(source, seed=1).content_hash() == shuffle(source, seed=1).content_hash()
    assert shuffle(source, seed=1).content_hash() != shuffle(source, seed=2).content_hash()


def test_so_many_days_are_drawn_without_repeats(source: Bars) -> None:
    shuffled = shuffle(source, seed=1, block_days=5, days=100)
    span = shuffled.end_time - int(shuffled.open_time[0])
    assert 99 * DAY_NS < span <= 100 * DAY_NS
    assert len(np.unique(shuffled.volume)) > 0.99 * len(shuffled)


@pytest.mark.parametrize("asked", [{"block_days": 0}, {"block_days": 60}, {"days": 1000}, {"days": 20}])
def test_too_little_to_shuffle_is_refused(source: Bars, asked: dict[str, int]) -> None:
    with pytest.raises(DataError, match="blocks of"):
        shuffle(source, seed=1, **asked)


def test_daily_and_empty_bars_are_refused(source: Bars) -> None:
    day = synthetic.make("gbm", pair=BTC, timeframe=Timeframe.parse("1d"), bars=400, seed=1)
    for bars in (day, source[:0]):
        with pytest.raises(DataError):
            shuffle(bars, seed=1)


@pytest.mark.real_data
def test_real_hours_are_shuffled_with_their_gaps(real_data: Path) -> None:
    from tradecore.interfaces.python import read

    bars = read(real_data / "candles" / "kraken" / "BTCUSD_1h_full.parquet", pair="BTC/USD", timeframe="1h")
    shuffled = shuffle(bars, seed=1, days=730)
    assert shuffled.is_synthetic
    assert 0.7 * 730 * 24 < len(shuffled) < 730 * 24

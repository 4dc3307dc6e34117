"""Frames: several pairs on one clock, features computed once, and the tape the venue reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.engine.frame import HistoryFrame
from tradecore.features import bollinger, sma

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")


def bars_of(hours: Sequence[int], pair: Pair = BTC, price: float = 10.0) -> Bars:
    close = price + np.arange(len(hours), dtype=np.float64)
    return Bars(
        pair, Timeframe(HOUR_NS), np.array(hours) * HOUR_NS, close, close + 1.0, close - 1.0, close,
        np.full(len(close), 7.0), source="test",
    )  # fmt: skip


def test_the_clock_is_every_moment_at_which_some_pair_has_a_bar() -> None:
    frame = HistoryFrame([bars_of([0, 1, 4]), bars_of([1, 2, 4], ETH)], {})
    assert (frame.clock // HOUR_NS).tolist() == [0, 1, 2, 4]
    assert [rows.tolist() for rows in frame.rows] == [[0, 1, 1, 2], [-1, 0, 1, 2]]
    assert frame.pairs == (BTC, ETH)


def test_a_feature_with_several_outputs_is_several_columns() -> None:
    frame = HistoryFrame([bars_of(range(9))], {"mean": sma(3), "band": bollinger(4)})
    assert frame.names[0] == "mean"
    assert len(frame.names) > 2
    assert all(name.startswith("band_") for name in frame.names[1:])
    for column in frame.columns[0].values():
        assert column.shape == (9,)
        assert column.flags.c_contiguous
        assert not column.flags.writeable


def test_a_feature_is_computed_for_every_pair_from_its_own_bars() -> None:
    frame = HistoryFrame([bars_of(range(4)), bars_of(range(4), ETH, 100.0)], {"mean": sma(2)})
    assert [columns["mean"].tolist()[1:] for columns in frame.columns] == [[10.5, 11.5, 12.5], [100.5, 101.5, 102.5]]


def test_the_first_decision_waits_for_every_pair_and_every_feature() -> None:
    assert HistoryFrame([bars_of(range(9))], {}).first_decision() == 0
    assert HistoryFrame([bars_of(range(9))], {"a": sma(3), "b": sma(5)}).first_decision() == 4
    late = [bars_of(range(9)), bars_of(range(4, 9), ETH)]
    assert HistoryFrame(late, {"a": sma(3)}).first_decision() == 6
    assert HistoryFrame(late, {"a": sma(6)}).first_decision() == 9  # never


def test_a_clock_cut_to_a_later_start_keeps_the_features_of_all_history() -> None:
    whole = HistoryFrame([bars_of(range(9))], {"mean": sma(3)})
    part = whole.starting(4 * HOUR_NS)
    assert (part.clock // HOUR_NS).tolist() == [4, 5, 6, 7, 8]
    assert part.rows[0].tolist() == [4, 5, 6, 7, 8]
    assert part.columns is whole.columns
    assert (len(whole.clock), part.first_decision()) == (9, 0)


def test_a_start_between_two_bars_takes_the_later() -> None:
    assert int(HistoryFrame([bars_of([0, 3, 6])], {}).starting(HOUR_NS).clock[0]) == 3 * HOUR_NS


def test_a_start_after_the_last_bar_is_refused_with_the_last() -> None:
    with pytest.raises(DataError, match="no bars from 1970-01-01T09:00:00Z on; the last opens at 1970-01-01T08:00:00Z"):
        HistoryFrame([bars_of(range(9))], {}).starting(9 * HOUR_NS)


def test_the_tape_of_several_pairs_has_no_real_bar_where_a_pair_has_none() -> None:
    tape = HistoryFrame([bars_of([0, 1, 4]), bars_of([1, 4], ETH, 50.0)], {}).tape()
    assert tape.real.tolist() == [[True, True, True], [False, True, True]]
    assert tape.close.tolist() == [[10.0, 11.0, 12.0], [1.0, 50.0, 51.0]]
    assert not tape.close.flags.writeable


@pytest.mark.parametrize("pairs", [1, 2])
def test_the_tape_of_a_later_start_holds_only_what_is_played(pairs: int) -> None:
    bars = [bars_of(range(6)), bars_of(range(2, 6), ETH, 50.0)][:pairs]
    tape = HistoryFrame(bars, {}).starting(3 * HOUR_NS).tape({3 * HOUR_NS: 5.0})
    assert tape.close.shape == (pairs, 3)
    assert tape.close[0].tolist() == [13.0, 14.0, 15.0]
    assert tape.flow.tolist() == [5.0, 0.0, 0.0]


def test_flows_are_booked_at_the_first_bar_from_their_moment_and_add_up() -> None:
    tape = HistoryFrame([bars_of([0, 3, 6])], {}).tape({0: 1.0, HOUR_NS: 5.0, 2 * HOUR_NS: -2.0, 6 * HOUR_NS: 4.0})
    assert tape.flow.tolist() == [1.0, 3.0, 4.0]
    with pytest.raises(UsageError, match="a cash flow lies after the last bar"):
        HistoryFrame([bars_of([0, 3, 6])], {}).tape({7 * HOUR_NS: 1.0})


def test_filled_gaps_are_not_real_on_the_tape() -> None:
    bars = bars_of(range(3))
    filled = Bars(
        BTC, bars.timeframe, bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume, source="test",
        is_real=np.array([True, False, True]),
    )  # fmt: skip
    assert HistoryFrame([filled], {}).tape().real.tolist() == [[True, False, True]]


def test_pairs_of_unlike_timeframes_name_both() -> None:
    day = Bars(ETH, Timeframe.parse("1d"), *([np.array(v)] for v in (0, 1.0, 1.0, 1.0, 1.0, 1.0)), source="t")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="BTC/USD has 1h bars, ETH/USD 1d: a session has one timeframe"):
        HistoryFrame([bars_of([0]), day], {})


def test_a_pair_without_bars_says_how_to_see_what_there_is() -> None:
    with pytest.raises(DataError, match=r"BTC/USD 1h: no bars in the chosen span; .* tradecore data list"):
        HistoryFrame([bars_of([0])[0:0]], {})

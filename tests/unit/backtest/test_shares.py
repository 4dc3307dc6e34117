"""Wanted shares from any source: what is taken, what is refused, what comes of it."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.backtest.run import Settings
from tradecore.backtest.shares import play_shares
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.risk.rules import Limits


def test_one_pair_holds_what_was_wanted(planted: Bars) -> None:
    shares = np.zeros((1, 3000))
    shares[0, 100:200] = 0.5
    done = play_shares(shares, [planted])
    assert done.track.fills["bar"].tolist() == [101, 201]
    assert done.track.curve.exposure[150] == pytest.approx(0.5, abs=0.1)
    assert done.journal.counts() == {"scans": 3000, "hold": 2998, "buy": 1, "sell": 0, "close": 1, "faults": 0}


def test_several_pairs_share_one_account(two_pairs: tuple[Bars, ...]) -> None:
    done = play_shares(np.full((2, 2000), 0.5), two_pairs)
    assert done.track.fills["pair"].tolist() == [0, 1]
    assert done.track.curve.exposure[-1] == pytest.approx(1.0, abs=0.02)


def test_limits_meet_the_signals_of_several_pairs(two_pairs: tuple[Bars, ...]) -> None:
    done = play_shares(np.full((2, 2000), 0.5), two_pairs, Settings(limits=Limits(no_new_risk=True)))
    assert not len(done.track.fills)
    assert done.journal.top_blockers() == [("no_new_risk", 4000)]


@pytest.mark.parametrize("shape", [(3000,), (2, 3000), (1, 2999)])
def test_another_shape_is_refused(shape: tuple[int, ...], planted: Bars) -> None:
    with pytest.raises(UsageError, match="pairs by moments"):
        play_shares(np.zeros(shape), [planted])


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_refused(value: float, planted: Bars) -> None:
    with pytest.raises(UsageError, match=r"expected values in \[0, 1\]"):
        play_shares(np.full((1, 3000), value), [planted])


def test_no_bars_are_no_session(planted: Bars) -> None:
    with pytest.raises(DataError, match="no bars"):
        play_shares(np.zeros((1, 0)), [planted[:0]])

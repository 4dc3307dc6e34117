"""Kill -9 while a hold-out is opened: a look that may have happened is always on record."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tradecore.backtest import holdout
from tradecore.backtest.evaluate import Ledgered, Protocol, evaluate
from tradecore.backtest.protocol import Profile
from tradecore.backtest.walk_forward import Plan
from tradecore.core.bars import Bars
from tradecore.core.types import Pair, Timeframe
from tradecore.market.synthetic import make
from tradecore.registry.holdouts import HoldOutLedger
from tradecore.registry.trials import TrialLedger
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FORCED = Protocol(
    Plan(folds=3), random_traders=0, lookahead_cuts=0, hold_out=0.2, opens_hold_out=True,
    profile=Profile(cost_multiples=()),
)  # fmt: skip


@pytest.fixture(scope="module")
def market() -> Bars:
    return make("planted", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=1500, seed=7)


def in_a_child(work: Callable[[], None]) -> int:
    """Run the work in a fork and return the signal that ended it, 0 for none."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def evaluated(path: Path, market: Bars, make_strategy: Callable[..., Strategy]) -> Any:
    counted = Ledgered(TrialLedger.open(path), "run00001", hold_outs=HoldOutLedger.open(path))
    return evaluate(make_strategy, (market,), protocol=FORCED, counted=counted).hold_out


def doomed(path: Path, market: Bars, is_after: bool) -> Callable[..., Strategy]:
    """Return a maker whose strategy kills its process at the first locked bar it is shown, or after the last."""
    border = int(market.open_time[1200])

    def made(**params: object) -> Strategy:
        strategy = load("ma-cross", fast=5, slow=20, **params)

        def features(_self: Strategy, p: Any) -> Any:
            return type(strategy).__mro__[1].features(strategy, p)  # type: ignore[attr-defined]

        def decide(self: Strategy, shown: Any, account: Any) -> Any:
            last = int(market.open_time[-1])
            if shown.time > (last if is_after else border):
                os.kill(os.getpid(), signal.SIGKILL)
            return self.hold("waiting")

        kind = type(strategy)
        strategy.__class__ = type(kind.__name__, (kind,), {
            "features": features, "decide": decide, "exposure": None, "__module__": kind.__module__,
        })  # fmt: skip
        return strategy

    return made


@pytest.mark.parametrize("is_after", [False, True], ids=["at the first locked bar", "after the last"])
def test_a_kill_while_it_is_open_leaves_the_opening_and_the_next_run_ends_it(
    tmp_path: Path, market: Bars, is_after: bool
) -> None:
    path = tmp_path / "lab.db"
    TrialLedger.open(path).close()
    assert in_a_child(lambda: evaluated(path, market, doomed(path, market, is_after)) and None) == -signal.SIGKILL
    ledger = HoldOutLedger.open(path)
    looks = partial(ledger.looks, [market], int(market.open_time[1200]), market.end_time)
    (opening,) = ledger.openings(holdout.dataset_of((market,)))
    assert opening.outcome is None
    assert looks() == 1
    found = evaluated(path, market, partial(load, "ma-cross", fast=5, slow=20))
    assert found.status == "on record"
    assert found.outcome is not None
    assert looks() == 1


def test_before_it_is_open_a_kill_leaves_no_opening(tmp_path: Path, market: Bars) -> None:
    path = tmp_path / "lab.db"
    TrialLedger.open(path).close()

    def work() -> None:
        def made(**params: object) -> Strategy:
            os.kill(os.getpid(), signal.SIGKILL)
            return load("ma-cross", **params)

        evaluated(path, market, made)

    assert in_a_child(work) == -signal.SIGKILL
    assert HoldOutLedger.open(path).looks([market], 0, market.end_time) == 0

"""Made-up markets, a strategy that is quick to decide, and one finished honest test for many questions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

from tradecore.backtest.evaluate import Ledgered, Protocol, evaluate
from tradecore.backtest.result import Result
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan, Walk, walk
from tradecore.core.bars import Bars
from tradecore.core.clock import ManualClock
from tradecore.core.orders import Signal
from tradecore.core.types import Pair, Timeframe
from tradecore.features import sma
from tradecore.features.feature import Feature
from tradecore.market.synthetic import make, make_many
from tradecore.registry.trials import TrialLedger
from tradecore.stats.gates import EvidenceLimits
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Int
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market

HOUR = Timeframe.parse("1h")
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
GRID = {"span": (24, 72)}


class Trend(Strategy):
    """Hold while the price is above its mean. It remembers nothing, so that a hand-over to itself changes nothing."""

    params: ClassVar = {"span": Int(48, 2, 400)}

    def features(self, p: Any) -> Mapping[str, Feature]:
        return {"mean": sma(p.span)}

    def decide(self, market: Market, account: Account) -> Answer:
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        if account.position:
            return self.close("below") if market.close < market.mean else self.hold("in the trend")
        if market.close <= market.mean * 1.01:
            return self.hold("below")
        return self.buy(0.5 / len(market.pairs), reason="above")


class Tested(NamedTuple):
    """An honest test, what it was made from, and the ledger it was counted in."""

    result: Result
    protocol: Protocol
    settings: Settings
    ledger: TrialLedger
    clock: ManualClock


@pytest.fixture(scope="session")
def trend() -> type[Strategy]:
    return Trend


@pytest.fixture(scope="session")
def planted() -> Bars:
    return make("planted", pair=BTC, timeframe=HOUR, bars=3000, seed=7)


@pytest.fixture(scope="session")
def noise() -> Bars:
    return make("noise", pair=BTC, timeframe=HOUR, bars=3000, seed=7)


@pytest.fixture(scope="session")
def two_pairs() -> tuple[Bars, ...]:
    return tuple(make_many("planted", (BTC, ETH), timeframe=HOUR, bars=2000, seed=3).values())


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan(folds=3, grid=GRID)


@pytest.fixture(scope="session")
def protocol(plan: Plan) -> Protocol:
    """Return limits that four months of bars can meet."""
    return Protocol(plan, EvidenceLimits(min_days=30, min_trades=5), random_traders=3, lookahead_cuts=2)


@pytest.fixture(scope="session")
def walked(planted: Bars, plan: Plan) -> Walk:
    return walk(Trend, (planted,), Settings(), plan)


@pytest.fixture(scope="session")
def tested(planted: Bars, protocol: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Tested:
    location: Path = tmp_path_factory.mktemp("ledger") / "lab.db"
    ledger, clock, settings = TrialLedger.open(location), ManualClock(1), Settings(seed=3)
    counted = Ledgered(ledger, "run00001", clock)
    result = evaluate(Trend, (planted,), settings, protocol, counted=counted)
    return Tested(result, protocol, settings, ledger, clock)

"""One pair's rules, as the venue lists them, for tests that need no venue."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradecore.core.types import Pair
from tradecore.venues.kraken.listing import FeeTier, PairRules
from tradecore.venues.kraken.names import KrakenNames


@pytest.fixture
def btc_usd() -> PairRules:
    return PairRules(
        pair=Pair("BTC", "USD"),
        names=KrakenNames("XXBTZUSD", "XBTUSD", "XBT/USD"),
        socket_name="BTC/USD",
        price_decimals=1,
        lot_decimals=8,
        cost_decimals=5,
        tick=Decimal("0.1"),
        order_min=Decimal("0.0001"),
        cost_min=Decimal("0.5"),
        status="online",
        taker_fees=(FeeTier(Decimal(0), 0.004),),
        maker_fees=(FeeTier(Decimal(0), 0.0025),),
        tokenised=False,
    )

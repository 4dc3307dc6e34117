"""What the private side of the fake Kraken asks of its market side, and nothing more.

Accounts, matching and the private endpoints see the market only through `MarketSide`; faults only through
`FaultSwitch`. `core.FakeKraken` gives both; tests of the private side give small ones of their own.
Invariant: money and prices cross here as Decimal, never as float.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, TypeAlias

from tradecore.core.types import Pair, Side

Level: TypeAlias = tuple[Decimal, Decimal]
"""A price and the amount offered there."""
FeeTier: TypeAlias = tuple[Decimal, Decimal]
"""A 30-day volume in USD and the percent that holds from there on."""


class PairRules(Protocol):
    """What the venue demands of orders in one pair, and how it spells the pair."""

    @property
    def pair(self) -> Pair:
        """The pair by the names people use."""
        ...

    @property
    def key(self) -> str:
        """The pair in REST results: XXBTZUSD."""
        ...

    @property
    def altname(self) -> str:
        """The pair in descriptions of orders: XBTUSD."""
        ...

    @property
    def base_key(self) -> str:
        """The base asset in REST results: XXBT."""
        ...

    @property
    def quote_key(self) -> str:
        """The quote asset in REST results: ZUSD."""
        ...

    @property
    def price_decimals(self) -> int:
        """How many decimals a price may have."""
        ...

    @property
    def lot_decimals(self) -> int:
        """How many decimals a volume may have."""
        ...

    @property
    def cost_decimals(self) -> int:
        """How many decimals a cost is shown with."""
        ...

    @property
    def tick(self) -> Decimal:
        """The step between prices."""
        ...

    @property
    def order_min(self) -> Decimal:
        """The smallest volume of an order."""
        ...

    @property
    def cost_min(self) -> Decimal:
        """The smallest cost of an order."""
        ...

    @property
    def taker_fees(self) -> Sequence[FeeTier]:
        """Percents by 30-day volume for fills that take."""
        ...

    @property
    def maker_fees(self) -> Sequence[FeeTier]:
        """Percents by 30-day volume for fills that rested."""
        ...

    @property
    def tokenised(self) -> bool:
        """Whether the base is a tokenised stock, which requests must say."""
        ...


class MarketSide(Protocol):
    """The market as orders meet it."""

    @property
    def status(self) -> str:
        """online, cancel_only, post_only, limit_only or maintenance."""
        ...

    def find_pair(self, name: str) -> Pair:
        """Read any of the venue's spellings. Errors: Said("EQuery:Unknown asset pair")."""
        ...

    def pair_rules(self, pair: Pair) -> PairRules:
        """Return the rules of a listed pair. Errors: Said("EQuery:Unknown asset pair")."""
        ...

    def asset_key(self, asset: str) -> str:
        """Return how REST results spell an asset: BTC is XXBT."""
        ...

    def asset_decimals(self, asset: str) -> int:
        """Return how many decimals a balance of the asset has."""
        ...

    def last(self, pair: Pair) -> Decimal:
        """Return the price of the newest trade."""
        ...

    def best(self, pair: Pair) -> tuple[Decimal, Decimal]:
        """Return the best bid and the best ask."""
        ...

    def offers(self, pair: Pair, side: Side) -> Sequence[Level]:
        """Return the levels that a taker on `side` meets, best first: asks for a buyer, bids for a seller."""
        ...


class FaultSwitch(Protocol):
    """Says whether a named fault strikes now; a fault that is off never strikes."""

    def hit(self, name: str, endpoint: str = "") -> bool:
        """Draw once for the fault `name` at `endpoint`."""
        ...

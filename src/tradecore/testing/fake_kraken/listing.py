"""What the fake venue lists: assets and pairs with their spellings, precisions, minima and fees, as Kraken has them.

Figures are those of recorded replies where there were any. Independent of the client's own naming on purpose: the
fake is there to find its mistakes. Invariant: every spelling of a pair leads to one pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Protocol

from tradecore.core.types import Pair
from tradecore.testing.fake_kraken.said import Said

UNKNOWN_PAIR = "EQuery:Unknown asset pair"

_VOLUMES = (0, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000)
_TAKER = ("0.4", "0.35", "0.24", "0.22", "0.2", "0.18", "0.16", "0.14", "0.12", "0.1")
_MAKER = ("0.25", "0.2", "0.14", "0.12", "0.1", "0.08", "0.06", "0.04", "0.02", "0.0")

FeeTiers = tuple[tuple[Decimal, Decimal], ...]
TAKER_FEES: FeeTiers = tuple((Decimal(volume), Decimal(fee)) for volume, fee in zip(_VOLUMES, _TAKER, strict=True))
MAKER_FEES: FeeTiers = tuple((Decimal(volume), Decimal(fee)) for volume, fee in zip(_VOLUMES, _MAKER, strict=True))


@dataclass(frozen=True, slots=True)
class ListedAsset:
    """An asset: `key` in REST results, `altname` in names of pairs, `name` on sockets and in our words."""

    key: str
    altname: str
    name: str
    decimals: int
    display_decimals: int
    collateral_value: float | None = None
    margin_rate: float | None = None
    aclass: str = "currency"


@dataclass(frozen=True, slots=True)
class ListedPair:
    """A pair and the rules of its orders. `symbol` is its name on sockets, `wsname` on the old ones."""

    pair: Pair
    symbol: str
    key: str
    altname: str
    wsname: str
    base_key: str
    quote_key: str
    price_decimals: int
    cost_decimals: int
    tick: Decimal
    order_min: Decimal
    cost_min: Decimal
    taker_fees: FeeTiers = TAKER_FEES
    maker_fees: FeeTiers = MAKER_FEES
    lot_decimals: int = 8
    status: str = "online"
    tokenised: bool = False

    @property
    def shown_decimals(self) -> int:
        """Decimals of prices in Trades, Ticker, Depth and Spread: five at least."""
        return max(5, self.price_decimals)


class HasClass(Protocol):
    """A pair of which it is known whether its base is a tokenised stock."""

    @property
    def tokenised(self) -> bool:
        """Whether it is."""
        ...


_ASSETS = (
    ListedAsset("XXBT", "XBT", "BTC", 10, 5, 1.0, 0.01),
    ListedAsset("XETH", "ETH", "ETH", 10, 5, 1.0, 0.02),
    ListedAsset("SOL", "SOL", "SOL", 10, 5, 0.9, 0.02),
    ListedAsset("XXRP", "XRP", "XRP", 8, 5, 0.9, 0.02),
    ListedAsset("ADA", "ADA", "ADA", 8, 6, 0.9, 0.02),
    ListedAsset("XXDG", "XDG", "DOGE", 8, 2, 0.9, 0.02),
    ListedAsset("LINK", "LINK", "LINK", 10, 5, 0.7, 0.02),
    ListedAsset("DOT", "DOT", "DOT", 10, 8, 0.9, 0.02),
    ListedAsset("XLTC", "LTC", "LTC", 10, 5, 0.7, 0.02),
    ListedAsset("USDT", "USDT", "USDT", 8, 4, 0.9, 0.02),
    ListedAsset("ZUSD", "USD", "USD", 4, 2, 1.0, 0.025),
    ListedAsset("ZEUR", "EUR", "EUR", 4, 2, 1.0, 0.02),
    ListedAsset("AAPLx", "AAPLx", "AAPLx", 8, 5, aclass="tokenized_asset"),
)
ASSETS: Mapping[str, ListedAsset] = MappingProxyType({asset.name.upper(): asset for asset in _ASSETS})
"""Every listed asset by our name for it."""

# base, quote, price decimals, cost decimals, smallest volume, smallest cost
_PAIRS = (
    ("BTC", "USD", 1, 5, "0.00005", "0.5"),
    ("ETH", "USD", 2, 5, "0.002", "0.5"),
    ("SOL", "USD", 2, 5, "0.05", "0.5"),
    ("XRP", "USD", 5, 8, "2", "0.5"),
    ("ADA", "USD", 6, 6, "10", "0.5"),
    ("DOGE", "USD", 7, 9, "60", "0.5"),
    ("LINK", "USD", 5, 6, "0.2", "0.5"),
    ("DOT", "USD", 4, 5, "0.6", "0.5"),
    ("LTC", "USD", 2, 5, "0.05", "0.5"),
    ("BTC", "EUR", 1, 5, "0.00005", "0.45"),
    ("ETH", "BTC", 5, 10, "0.002", "0.00002"),
    ("BTC", "USDT", 1, 5, "0.00005", "0.5"),
    ("USDT", "USD", 5, 8, "5", "0.5"),
    ("AAPLX", "USD", 2, 5, "0.00000001", "0.5"),
)
# Old pairs join the long codes of their assets; DOGE/USD and all newer ones join the short ones.
_SHORT_KEYS = {("DOGE", "USD"), ("BTC", "USDT")}


def _listed(base: str, quote: str, decimals: int, cost_decimals: int, order_min: str, cost_min: str) -> ListedPair:
    left, right = ASSETS[base], ASSETS[quote]
    long = len(left.key) == 4 and len(right.key) == 4 and left.key[0] in "XZ" and right.key[0] in "XZ"
    key = left.key + right.key if long and (base, quote) not in _SHORT_KEYS else left.altname + right.altname
    if (base, quote) == ("USDT", "USD"):
        key = "USDTZUSD"
    tokenised = left.aclass != "currency"
    return ListedPair(
        pair=Pair(base, quote),
        symbol=f"{left.name}/{right.name}",
        key=key,
        altname=left.altname + right.altname,
        wsname=f"{left.altname}/{right.altname}",
        base_key=left.key,
        quote_key=right.key,
        price_decimals=decimals,
        cost_decimals=cost_decimals,
        tick=Decimal(1).scaleb(-decimals),
        order_min=Decimal(order_min),
        cost_min=Decimal(cost_min),
        taker_fees=((Decimal(0), Decimal("0.1")),) if tokenised else TAKER_FEES,
        maker_fees=((Decimal(0), Decimal("-0.02")),) if tokenised else MAKER_FEES,
        tokenised=tokenised,
    )


PAIRS: Mapping[Pair, ListedPair] = MappingProxyType(
    {listed.pair: listed for listed in (_listed(*row) for row in _PAIRS)}
)
"""Every listed pair, in the venue's order."""

_SPELLINGS = {
    name.upper(): listed.pair
    for listed in PAIRS.values()
    for name in (listed.key, listed.altname, listed.wsname, listed.symbol, listed.symbol.replace("/", ""))
}
_SYMBOLS = {listed.symbol: listed for listed in PAIRS.values()}


def find_pair(name: str) -> ListedPair:
    """Read any spelling of a listed pair. Errors: Said for one that is not listed."""
    pair = _SPELLINGS.get(name.strip().upper())
    if pair is None:
        raise Said(UNKNOWN_PAIR)
    return PAIRS[pair]


def find_symbol(name: str) -> ListedPair | None:
    """Return the pair of a socket's symbol, BTC/USD; sockets know no other spelling."""
    return _SYMBOLS.get(name)


def check_class(listed: HasClass, arguments: Mapping[str, Any]) -> None:
    """Refuse a REST request that names a pair without its class, or with another. Errors: Said; its words a guess."""
    if (arguments.get("asset_class") == "tokenized_asset") != listed.tokenised:
        raise Said("EGeneral:Invalid arguments:asset_class")


def asset_row(asset: ListedAsset) -> dict[str, Any]:
    """Return an asset as the Assets call shows it."""
    row: dict[str, Any] = {
        "aclass": asset.aclass,
        "altname": asset.altname,
        "decimals": asset.decimals,
        "display_decimals": asset.display_decimals,
    }
    if asset.collateral_value is not None:
        row |= {"collateral_value": asset.collateral_value, "margin_rate": asset.margin_rate}
    return row | {"status": "enabled"}


def pair_row(listed: ListedPair) -> dict[str, Any]:
    """Return a pair as the AssetPairs call shows it."""
    leverage = [2, 3] if listed.tokenised else [2, 3, 4, 5]
    return {
        "altname": listed.altname,
        "wsname": listed.wsname,
        "aclass_base": "tokenized_asset" if listed.tokenised else "currency",
        "base": listed.base_key,
        "aclass_quote": "currency",
        "quote": listed.quote_key,
        "lot": "unit",
        "cost_decimals": listed.cost_decimals,
        "pair_decimals": listed.price_decimals,
        "lot_decimals": listed.lot_decimals,
        "lot_multiplier": 1,
        "leverage_buy": leverage,
        "leverage_sell": leverage,
        "fees": _fee_rows(listed.taker_fees),
        "fees_maker": _fee_rows(listed.maker_fees),
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": plain(listed.order_min),
        "costmin": plain(listed.cost_min),
        "tick_size": plain(listed.tick),
        "status": listed.status,
        "long_position_limit": 80,
        "short_position_limit": 80,
    } | ({"execution_venue": "international"} if listed.tokenised else {})


def plain(value: Decimal) -> str:
    """Return a number without an exponent: 1E-7 is 0.0000001."""
    return format(value, "f")


def _fee_rows(tiers: FeeTiers) -> list[list[float]]:
    return [[int(volume), float(fee)] for volume, fee in tiers]

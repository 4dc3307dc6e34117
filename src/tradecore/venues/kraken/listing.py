"""What Kraken lists, in its own words: every pair with its spellings, precisions, minima, state and fees; every asset.

Made from the venue's AssetPairs and Assets, in both directions: from our pair to each of its names, and from any of its
names to our pair. Ordinary and tokenised assets are asked for apart and read into one. Our names are capitals
(`core.types.Pair`), so the tokenised AAPLx is AAPLX here and AAPLx on the wire; should that ever be the name of another
listed pair, the tokenised one is left out and counted. A pair whose row is broken is left out and counted too, never
half read. The client, order formatting and fees call it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from tradecore.core.errors import ReplyError, UnknownPairError, UsageError, VenueError
from tradecore.core.types import Pair, Rate
from tradecore.venues.kraken.fields import Fields, json_number
from tradecore.venues.kraken.names import KrakenNames, asset_from_kraken, pair_from_kraken
from tradecore.venues.kraken.replies import result_of

STATES = (
    "online",
    "cancel_only",
    "post_only",
    "limit_only",
    "reduce_only",
    "delisted",
    "maintenance",
    "work_in_progress",
)
MOST_DECIMALS = 18
TOKENISED = "tokenized_asset"
"""The venue's word for the class of tokenised assets: stocks, as AAPLx."""
DEEPEST_REBATE = Decimal("-0.1")
"""Percent: makers may be paid, but not more than this."""


@dataclass(frozen=True, slots=True)
class FeeTier:
    """From this 30-day volume on, this rate. Volume in quote of the schedule, rate a fraction of the notional."""

    volume: Decimal
    rate: Rate


@dataclass(frozen=True, slots=True)
class PairRules:
    """One pair as the venue lists it: its names there and the rules an order must keep."""

    pair: Pair
    names: KrakenNames
    socket_name: str
    """Its name on WebSocket v2: BTC/USD, AAPLx/USD."""
    price_decimals: int
    lot_decimals: int
    cost_decimals: int
    tick: Decimal
    order_min: Decimal
    """Least quantity, base."""
    cost_min: Decimal
    """Least price x quantity, quote."""
    status: str
    taker_fees: tuple[FeeTier, ...]
    maker_fees: tuple[FeeTier, ...]
    tokenised: bool

    @property
    def rest_name(self) -> dict[str, str]:
        """How REST is told that it is this pair: a tokenised one is known there by its class beside its name."""
        return {"pair": self.names.altname} | ({"asset_class": TOKENISED} if self.tokenised else {})

    @property
    def lot(self) -> Decimal:
        """The step of a quantity, base."""
        return Decimal(1).scaleb(-self.lot_decimals)


@dataclass(frozen=True, slots=True)
class AssetInfo:
    """One asset as the venue lists it."""

    key: str
    """Its name in balances: XXBT."""
    altname: str
    name: str
    """Its name here: BTC."""
    decimals: int
    display_decimals: int
    status: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything the venue lists, by our names; what could not be read is counted with its reason."""

    pairs: Mapping[Pair, PairRules]
    assets: Mapping[str, AssetInfo] = field(default_factory=lambda: MappingProxyType({}))
    """By the venue's key: XXBT."""
    quarantined: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    """What the venue refused to list: its tokenised assets, where it does not know the class; with its words."""
    _by_name: Mapping[str, Pair] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names: dict[str, Pair] = {}
        for pair, rules in self.pairs.items():
            spellings = (rules.names.key, rules.names.altname, rules.names.wsname, rules.socket_name, str(pair))
            names |= {name.upper(): pair for name in spellings}
        object.__setattr__(self, "_by_name", names)

    def rules(self, pair: Pair) -> PairRules:
        """Return a pair's names and rules. Errors: UnknownPairError when the venue does not list it."""
        found = self.pairs.get(pair)
        if found is None:
            raise UnknownPairError(f"{pair}: Kraken does not list it; the pairs there are: tradecore venue pairs")
        return found

    def pair_named(self, name: str) -> Pair:
        """Return the pair of any of the venue's spellings. Errors: UsageError for a name it does not list."""
        found = self._by_name.get(name.strip().upper())
        if found is None:
            raise UsageError(f"pair name {name!r}: Kraken does not list it; expected a name as in XBTUSD or BTC/USD")
        return found


@dataclass(frozen=True, slots=True)
class TokenisedReplies:
    """What the venue answered when it was asked for tokenised assets, and how it refused where it did."""

    pairs: bytes | None = None
    assets: bytes | None = None
    refused: tuple[str, ...] = ()


def read_listing(
    pairs: bytes, assets: bytes | None = None, tokenised: TokenisedReplies | None = None
) -> tuple[Listing, tuple[str, ...]]:
    """Return the listing in an AssetPairs reply, and in the other replies where given, with the venue's warnings.

    Errors: the venue's refusal; ReplyError when not one row can be read.
    """
    tokenised = tokenised or TokenisedReplies()
    read: dict[Pair, PairRules] = {}
    bad: list[str] = []
    warnings = _read_pairs(pairs, read, bad)
    if not read:
        raise ReplyError(f"AssetPairs reply: no pair can be read; first: {(bad or ['none'])[0]}")
    held = {} if assets is None else _assets(assets, bad)
    if assets is not None and not held:
        raise ReplyError(f"Assets reply: no asset can be read; first: {(bad or ['it is empty'])[-1]}")
    if tokenised.pairs is not None:
        warnings += _read_pairs(tokenised.pairs, read, bad)
    if tokenised.assets is not None:
        held = _assets(tokenised.assets, bad) | held
    return Listing(MappingProxyType(read), MappingProxyType(held), tuple(bad), tokenised.refused), warnings


def _read_pairs(body: bytes, read: dict[Pair, PairRules], bad: list[str]) -> tuple[str, ...]:
    """Add the pairs of an AssetPairs reply to those read before; return the venue's warnings."""
    result, warnings = result_of(body, "AssetPairs")
    rows = Fields.of(result, "AssetPairs reply")
    # Ordinary pairs first: should a tokenised one fold to the same name, the ordinary one has it.
    for key in sorted(rows.values, key=lambda name: _is_tokenised(rows.values[name])):
        try:
            rules = _pair_rules(key, rows.inner(key))
            # The same row twice is no clash: a venue that knows no classes answers both questions alike.
            if read.get(rules.pair, rules) != rules:
                raise ReplyError(f"AssetPairs: {key} has the name {rules.pair} of {read[rules.pair].names.key}")
            read[rules.pair] = rules
        except VenueError as error:
            bad.append(str(error))
    return warnings


def _is_tokenised(row: Any) -> bool:
    return isinstance(row, Mapping) and row.get("aclass_base") == TOKENISED


def _pair_rules(key: str, row: Fields) -> PairRules:
    wsname = row.text("wsname")
    base, slash, quote = wsname.partition("/")
    try:
        pair = pair_from_kraken(wsname)
    except UsageError as error:
        raise ReplyError(f"AssetPairs: {key}: {error}") from None
    if not slash:
        row.refuse("wsname", "BASE/QUOTE")
    for name, asset in (("base", pair.base), ("quote", pair.quote)):
        held = asset_from_kraken(row.text(name))
        if f"{held.name}.{held.kind}".rstrip(".") != asset:
            row.refuse(name, f"the asset {asset} of its wsname {wsname}")
    altname = row.text("altname")
    if altname.upper() != (base + quote).upper() and not re.fullmatch(r"[A-Za-z0-9.]{3,24}", altname):
        row.refuse("altname", "letters and digits")
    return PairRules(
        pair=pair,
        names=KrakenNames(key, altname, wsname),
        socket_name="/".join({"XBT": "BTC", "XDG": "DOGE"}.get(asset, asset) for asset in (base, quote)),
        price_decimals=row.whole("pair_decimals", MOST_DECIMALS),
        lot_decimals=row.whole("lot_decimals", MOST_DECIMALS),
        cost_decimals=row.whole("cost_decimals", MOST_DECIMALS),
        tick=row.positive("tick_size"),
        order_min=row.positive("ordermin"),
        cost_min=row.positive("costmin"),
        status=row.text("status", STATES),
        taker_fees=_tiers(row, "fees", Decimal(0)),
        maker_fees=_tiers(row, "fees_maker", DEEPEST_REBATE),
        tokenised=row.text("aclass_base", ("currency", TOKENISED)) == TOKENISED,
    )


def _tiers(row: Fields, key: str, least: Decimal) -> tuple[FeeTier, ...]:
    """Return a fee schedule: percents of the notional by volume, from volume zero up, never dearer with more."""
    tiers: list[tuple[Decimal, Decimal]] = []
    for one in row.items(key):
        pair: Sequence[Any] = one if isinstance(one, list) and len(one) == 2 else (None, None)
        volume, percent = json_number(pair[0]), json_number(pair[1])
        if volume is None or percent is None or not least <= percent < 10:
            row.refuse(key, "rows of a volume and a percent")
        tiers.append((volume, percent))
    rising = all(a[0] < b[0] and a[1] >= b[1] for a, b in pairwise(tiers))
    if not tiers or tiers[0][0] != 0 or not rising:
        row.refuse(key, "volumes that rise from zero, fees that fall")
    return tuple(FeeTier(volume, float(percent / 100)) for volume, percent in tiers)


def _assets(body: bytes, bad: list[str]) -> dict[str, AssetInfo]:
    result, _ = result_of(body, "Assets")
    read: dict[str, AssetInfo] = {}
    for key in Fields.of(result, "Assets reply").values:
        try:
            row = Fields.of(result[key], f"Assets reply, {key}")
            altname = row.text("altname")
            decimals = row.whole("decimals", MOST_DECIMALS)
            shown = row.whole("display_decimals", MOST_DECIMALS)
            name = asset_from_kraken(altname).name
            read[key] = AssetInfo(key, altname, name, decimals, shown, row.text("status"))
        except VenueError as error:
            bad.append(str(error))
    return read

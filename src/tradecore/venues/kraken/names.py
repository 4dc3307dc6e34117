"""Names of pairs on Kraken, in both directions: XBT is BTC, XDG is DOGE, and old assets carry an X or a Z in front.

It knows spelling, not listings: whether the venue trades a pair, and how it spells a tokenised one, is the venue's
answer (`listing`). Importers and the client call it. Invariant: a name made from a pair is read back as the same pair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tradecore.core.errors import UsageError
from tradecore.core.types import Pair

DEFAULT_PAIRS = tuple(Pair(base, "USD") for base in ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LINK", "DOT", "LTC"))
"""The pairs a fresh workspace starts with."""

_TO_KRAKEN = {"BTC": "XBT", "DOGE": "XDG"}
_FROM_KRAKEN = {theirs: ours for ours, theirs in _TO_KRAKEN.items()}

_LEGACY = {
    code[1:]: code
    for code in (
        *("XXBT", "XETH", "XXRP", "XLTC", "XXDG", "XETC", "XXLM", "XXMR", "XZEC", "XREP", "XMLN", "XICN"),
        *("ZUSD", "ZEUR", "ZGBP", "ZCAD", "ZJPY", "ZAUD"),
    )
}
_PLAIN = {code: plain for plain, code in _LEGACY.items()}

_QUOTES = (
    *("USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "AED"),
    *("USDT", "USDC", "DAI", "PYUSD", "USDG", "RLUSD", "USDR", "EURQ", "USDQ", "EURR"),
    *("XBT", "BTC", "ETH", "DOT", "SOL"),
)


@dataclass(frozen=True, slots=True)
class KrakenNames:
    """How Kraken spells one pair: `key` names it in REST results, `altname` in archives, `wsname` on sockets v1."""

    key: str
    altname: str
    wsname: str


def kraken_names(pair: Pair) -> KrakenNames:
    """Return Kraken's spellings of a pair.

    >>> kraken_names(Pair.parse("BTC/USD"))
    KrakenNames(key='XXBTZUSD', altname='XBTUSD', wsname='XBT/USD')
    """
    base, quote = (_TO_KRAKEN.get(asset, asset) for asset in (pair.base, pair.quote))
    old = base in _LEGACY and quote in _LEGACY and not (base == "XDG" and quote != "XBT")
    key = _LEGACY[base] + _LEGACY[quote] if old else base + quote
    return KrakenNames(key, base + quote, f"{base}/{quote}")


def pair_from_kraken(name: str) -> Pair:
    """Read a pair from any of Kraken's spellings: XXBTZUSD, XBTUSD, XBT/USD, BTC/USD.

    Errors: UsageError when the name does not split into a base and a known quote.

    >>> pair_from_kraken("XXDGXXBT")
    Pair('DOGE/BTC')
    """
    text = name.strip().upper()
    if "/" in text:
        base, _, quote = text.partition("/")
        return _pair(name, base, quote)
    if len(text) == 8 and text[:4] in _PLAIN and text[4:] in _PLAIN:
        return _pair(name, _PLAIN[text[:4]], _PLAIN[text[4:]])
    for quote in sorted(_QUOTES, key=len, reverse=True):
        if text.endswith(quote) and len(text) - len(quote) >= 1 and text != quote:
            return _pair(name, text[: -len(quote)], quote)
    raise UsageError(_unknown(name))


@dataclass(frozen=True, slots=True)
class Holding:
    """An asset as balances name it: `name` is ours, `kind` says how it is held."""

    name: str
    kind: str
    """Empty for what can be traded; else the venue's letter: F and B earn, M earns interest, S is staked, T is
    tokenised, and so on."""


def asset_from_kraken(code: str) -> Holding:
    """Read an asset from any of Kraken's spellings in balances and listings.

    >>> asset_from_kraken("XXBT"), asset_from_kraken("ETH2.S")
    (Holding(name='BTC', kind=''), Holding(name='ETH2', kind='S'))
    """
    text, _, kind = code.strip().upper().partition(".")
    plain = _PLAIN.get(text, text)
    return Holding(_FROM_KRAKEN.get(plain, plain), kind)


def _pair(name: str, base: str, quote: str) -> Pair:
    ours = [_FROM_KRAKEN.get(_PLAIN.get(asset, asset), _PLAIN.get(asset, asset)) for asset in (base, quote)]
    if not all(re.fullmatch(r"[A-Z0-9][A-Z0-9.]{0,15}", asset) for asset in ours) or ours[0] == ours[1]:
        raise UsageError(_unknown(name))
    return Pair(*ours)


def _unknown(name: str) -> str:
    return (
        f"pair name {name!r}: not a Kraken pair; expected a base and a known quote, as in XBTUSD, XXBTZUSD or BTC/USD; "
        "name the pair yourself, as in --pair BTC/USD"
    )

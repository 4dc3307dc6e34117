"""What the venue lists is known by every name, with its rules; what cannot be read is counted."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.errors import ReplyError, UnknownPairError, UsageError
from tradecore.core.types import Pair
from tradecore.venues.kraken.listing import read_listing
from tradecore.venues.kraken.names import Holding, asset_from_kraken

PAIR: dict[str, Any] = {
    **{"altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT", "quote": "ZUSD"},
    **{"cost_decimals": 5, "pair_decimals": 1, "lot_decimals": 8, "ordermin": "0.00005", "costmin": "0.5"},
    **{"fees": [[0, 0.4], [10000, 0.35]], "fees_maker": [[0, 0.25], [10000, 0.2]], "tick_size": "0.1"},
    "status": "online",
}
DOGE = {**PAIR, "altname": "XDGUSD", "wsname": "XDG/USD", "base": "XXDG"}
APPLE = {**PAIR, "altname": "AAPLxUSD", "wsname": "AAPLx/USD", "base": "AAPLx", "aclass_base": "tokenized_asset"}
ASSET = {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"}


def listed(assets: dict[str, Any] | None = None, **pairs: Any) -> Any:
    held = None if assets is None else json.dumps({"error": [], "result": assets}).encode()
    return read_listing(json.dumps({"error": [], "result": pairs}).encode(), held)[0]


def test_a_pair_is_found_by_each_of_its_names() -> None:
    listing = listed(XXBTZUSD=PAIR, XDGUSD=DOGE, AAPLxUSD=APPLE)
    for name in ("XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD", "xbtusd"):
        assert listing.pair_named(name) == Pair("BTC", "USD")
    for name in ("XDGUSD", "XDG/USD", "DOGE/USD"):
        assert listing.pair_named(name) == Pair("DOGE", "USD")
    for name in ("AAPLxUSD", "AAPLx/USD", "AAPLX/USD"):
        assert listing.pair_named(name) == Pair("AAPLX", "USD")
    with pytest.raises(UsageError, match="does not list"):
        listing.pair_named("NOTHING")


def test_a_pair_knows_its_names_on_the_wire() -> None:
    listing = listed(XDGUSD=DOGE, AAPLxUSD=APPLE)
    doge, apple = listing.rules(Pair("DOGE", "USD")), listing.rules(Pair("AAPLX", "USD"))
    assert (doge.names.altname, doge.socket_name, doge.tokenised) == ("XDGUSD", "DOGE/USD", False)
    assert (apple.names.altname, apple.socket_name, apple.tokenised) == ("AAPLxUSD", "AAPLx/USD", True)
    with pytest.raises(UnknownPairError):
        listing.rules(Pair("BTC", "USD"))


def test_rules_are_exact_and_fees_are_fractions() -> None:
    rules = listed(XXBTZUSD=PAIR).rules(Pair("BTC", "USD"))
    assert (rules.tick, rules.lot, rules.order_min, rules.cost_min) == (
        *(Decimal("0.1"), Decimal("0.00000001"), Decimal("0.00005"), Decimal("0.5")),
    )
    assert [(tier.volume, tier.rate) for tier in rules.taker_fees] == [(0, 0.004), (10000, 0.0035)]
    assert rules.maker_fees[0].rate == 0.0025


@pytest.mark.parametrize(
    "change",
    [
        {"tick_size": "0"},
        {"tick_size": None},
        {"ordermin": "-1"},
        {"costmin": 0.5},
        {"fees": []},
        {"fees": [[1, 0.4]]},
        {"fees": [[0, 0.4], [10, 0.5]]},
        {"fees": [[0, -0.1]]},
        {"fees": [[0, "0.4"]]},
        {"fees_maker": [[0, -5]]},
        {"lot_decimals": -1},
        {"lot_decimals": 8.0},
        {"status": "strange"},
        {"wsname": "XBTUSD"},
        {"wsname": "ETH/USD"},
        {"base": "XETH"},
        {"aclass_base": "house"},
        {"altname": "<b>"},
    ],
)
def test_a_pair_that_cannot_be_read_is_counted_and_its_neighbour_kept(change: dict[str, Any]) -> None:
    listing = listed(XXBTZUSD={**PAIR, **change}, XDGUSD=DOGE)
    assert list(listing.pairs) == [Pair("DOGE", "USD")]
    assert len(listing.quarantined) == 1


def test_a_tokenised_asset_never_takes_the_name_of_another() -> None:
    listing = listed(AAPLxUSD=APPLE, AAPLXUSD={**PAIR, "altname": "AAPLXUSD", "wsname": "AAPLX/USD", "base": "AAPLX"})
    assert not listing.rules(Pair("AAPLX", "USD")).tokenised
    assert "has the name AAPLX/USD" in listing.quarantined[0]


def test_no_pair_at_all_is_an_error() -> None:
    for pairs in ({}, {"XXBTZUSD": None}):
        with pytest.raises(ReplyError, match="no pair"):
            listed(**pairs)


def test_assets_have_our_names() -> None:
    listing = listed({"XXBT": ASSET, "BAD": None}, XXBTZUSD=PAIR)
    assert (listing.assets["XXBT"].name, listing.assets["XXBT"].decimals) == ("BTC", 10)
    assert len(listing.quarantined) == 1
    with pytest.raises(ReplyError, match="no asset"):
        listed({}, XXBTZUSD=PAIR)


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        *(("XXBT", "BTC", ""), ("XBT", "BTC", ""), ("XXDG", "DOGE", ""), ("ZUSD", "USD", ""), ("ETH2.S", "ETH2", "S")),
        *(("XBT.F", "BTC", "F"), ("USD.M", "USD", "M"), ("DOT.B", "DOT", "B"), ("AAPLx.T", "AAPLX", "T")),
        *(("USDT", "USDT", ""), ("XTZ", "XTZ", ""), ("SOL03.S", "SOL03", "S")),
    ],
)
def test_balances_name_an_asset_and_how_it_is_held(code: str, name: str, kind: str) -> None:
    assert asset_from_kraken(code) == Holding(name, kind)


@pytest.mark.real_data
def test_the_venues_own_listings_are_read_without_a_loss(real_data: Path) -> None:
    for file in ("http_asset_pairs", "http_asset_pairs_tokenized"):
        body = (real_data / "fixtures" / "kraken" / f"{file}.json").read_bytes()
        listing, _ = read_listing(body)
        assert listing.quarantined == ()
    assert listing.rules(Pair("AAPLX", "USD")).maker_fees[0].rate == -0.0002


@pytest.mark.real_data
def test_every_pair_the_venue_names_on_its_socket_has_the_name_we_give_it(real_data: Path) -> None:
    """1,100 names of the recorded instrument snapshot: spelling alone gives each its pair, and each pair its name."""
    text = (real_data / "fixtures" / "kraken" / "ws_instrument_snapshot_full.json").read_text()
    pairs = json.loads(text)["data"]["pairs"]
    rows = {
        one["symbol"].replace("/", ""): {**PAIR, "wsname": one["symbol"], "altname": one["symbol"].replace("/", "")}
        | {"base": one["base"], "quote": one["quote"]}
        for one in pairs
    }
    listing = listed(**rows)
    assert len(listing.pairs) + len(listing.quarantined) == len(rows)
    assert len(listing.quarantined) == 0, listing.quarantined[:5]
    assert {rules.socket_name for rules in listing.pairs.values()} == {one["symbol"] for one in pairs}

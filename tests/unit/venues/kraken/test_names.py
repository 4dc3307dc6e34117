"""Kraken's spellings are read and written, and a name that is none is refused."""

from __future__ import annotations

import pytest

from tradecore.core.errors import UsageError
from tradecore.core.types import Pair
from tradecore.venues.kraken.names import DEFAULT_PAIRS, kraken_names, pair_from_kraken


def test_the_nine_default_pairs_are_those_of_the_product() -> None:
    assert [str(pair) for pair in DEFAULT_PAIRS] == [
        *("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD", "LINK/USD", "DOT/USD", "LTC/USD")
    ]


@pytest.mark.parametrize(
    ("pair", "key", "altname", "wsname"),
    [
        ("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD"),
        ("ETH/BTC", "XETHXXBT", "ETHXBT", "ETH/XBT"),
        ("DOGE/USD", "XDGUSD", "XDGUSD", "XDG/USD"),
        ("DOGE/BTC", "XXDGXXBT", "XDGXBT", "XDG/XBT"),
        ("SOL/USD", "SOLUSD", "SOLUSD", "SOL/USD"),
        ("BTC/USDT", "XBTUSDT", "XBTUSDT", "XBT/USDT"),
        ("LTC/EUR", "XLTCZEUR", "LTCEUR", "LTC/EUR"),
    ],
)
def test_every_spelling_of_a_pair_is_written_and_read_back(pair: str, key: str, altname: str, wsname: str) -> None:
    names = kraken_names(Pair.parse(pair))
    assert (names.key, names.altname, names.wsname) == (key, altname, wsname)
    for name in (key, altname, wsname, pair, altname.lower()):
        assert pair_from_kraken(name) == Pair.parse(pair)


@pytest.mark.parametrize("pair", DEFAULT_PAIRS, ids=str)
def test_the_default_pairs_survive_both_directions(pair: Pair) -> None:
    names = kraken_names(pair)
    assert {pair_from_kraken(name) for name in (names.key, names.altname, names.wsname)} == {pair}


@pytest.mark.parametrize(
    ("name", "pair"), [("XTZUSD", "XTZ/USD"), ("USDTUSD", "USDT/USD"), ("USDCUSDT", "USDC/USDT"), ("BCHEUR", "BCH/EUR")]
)
def test_names_that_look_like_a_prefix_or_a_longer_quote_are_split_rightly(name: str, pair: str) -> None:
    assert pair_from_kraken(name) == Pair.parse(pair)


@pytest.mark.parametrize("name", ["", "USD", "NOTHING", "XBT", "BTC/", "/USD", "USD/USD", "XBT USD", "XBTUSD/EUR/"])
def test_a_name_that_is_no_pair_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(UsageError, match="as in XBTUSD"):
        pair_from_kraken(name)

"""Numbers and signatures on the wire: exact for any value, and the same as two foreign clients make them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.errors import UsageError
from tradecore.core.types import Pair
from tradecore.venues.kraken.listing import PairRules
from tradecore.venues.kraken.names import KrakenNames, kraken_names, pair_from_kraken
from tradecore.venues.kraken.orders import deadline_text, exact, price_text, quantity_text
from tradecore.venues.kraken.replies import parse_trades
from tradecore.venues.kraken.signing import Credentials

PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
RULES = PairRules(
    pair=Pair("BTC", "USD"),
    names=KrakenNames("XXBTZUSD", "XBTUSD", "XBT/USD"),
    socket_name="BTC/USD",
    price_decimals=5,
    lot_decimals=8,
    cost_decimals=5,
    tick=Decimal("0.1"),
    order_min=Decimal(1),
    cost_min=Decimal(1),
    status="online",
    taker_fees=(),
    maker_fees=(),
    tokenised=False,
)

decimals = st.decimals(allow_nan=True, allow_infinity=True)
secrets = st.binary(min_size=16, max_size=64).map(lambda raw: base64.b64encode(raw).decode())
paths = st.sampled_from(["Balance", "AddOrder", "QueryOrders", "AddOrderBatch"]).map(lambda name: f"/0/private/{name}")
forms = st.dictionaries(
    st.sampled_from(["pair", "type", "price", "volume", "userref", "oflags"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12).filter(lambda text: "%" not in text),
)


@given(decimals, st.integers(0, 18))
def test_a_number_is_written_exactly_or_refused(value: Decimal, places: int) -> None:
    try:
        text = exact(value, places)
    except UsageError:
        too_fine = value.is_finite() and value != 0 and value.normalize().as_tuple().exponent < -places  # type: ignore[operator]
        assert not value.is_finite() or too_fine or abs(value.adjusted()) > 30
        return
    assert PLAIN.fullmatch(text)
    assert Decimal(text) == value
    assert len(text.partition(".")[2]) == places


@given(st.integers(1, 10**18), st.integers(1, 10**6), st.integers(0, 12))
def test_a_price_on_the_tick_is_written_and_one_beside_it_is_not(steps: int, tick: int, places: int) -> None:
    unit = Decimal(1).scaleb(-places)
    rules = replace(RULES, tick=tick * unit, price_decimals=places)
    price = steps * tick * unit
    assert Decimal(price_text(price, rules)) == price
    if tick > 1:
        with pytest.raises(UsageError):
            price_text(price + unit, rules)


@given(st.integers(1, 10**25), st.integers(0, 12))
def test_a_quantity_on_the_lot_is_written_and_a_finer_one_is_not(lots: int, places: int) -> None:
    rules = replace(RULES, lot_decimals=places)
    quantity = lots * rules.lot
    assert Decimal(quantity_text(quantity, rules)) == quantity
    with pytest.raises(UsageError):
        quantity_text(quantity + rules.lot / 10, rules)


@given(st.integers(1_600_000_000 * 10**9, 2_000_000_000 * 10**9))
def test_a_deadline_is_rfc3339_to_the_millisecond(moment: int) -> None:
    text = deadline_text(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**12), st.integers(1, 10**10), st.integers(0, 10**15)), min_size=1, max_size=30
    ).map(sorted)
)
def test_trades_come_back_as_they_were_written(rows: list[tuple[int, int, int]]) -> None:
    """Times to the seventh decimal, which a float cannot hold, and prices and amounts in plain text."""
    start = 1_700_000_000 * 10**7
    shown = [
        [f"{price / 10:.5f}", f"{amount / 10**8:.8f}", Moment(start + tenth), "b", "l", "", index + 1]
        for index, (tenth, price, amount) in enumerate(rows)
    ]
    last = (start + rows[-1][0]) * 100
    body = json.dumps({"error": [], "result": {"XXBTZUSD": shown, "last": str(last)}}, cls=Exact)
    page = parse_trades(re.sub(r'"@([0-9.]+)@"', r"\1", body).encode())
    assert page.time.tolist() == [(start + tenth) * 100 for tenth, _, _ in rows]
    assert page.price.tolist() == [float(f"{price / 10:.5f}") for _, price, _ in rows]


class Moment:
    """Tenths of a microsecond, written as the venue writes seconds."""

    def __init__(self, tenths: int) -> None:
        self.text = f"{tenths // 10**7}.{tenths % 10**7:07d}"


class Exact(json.JSONEncoder):
    """Writes a moment as a JSON number with all its digits."""

    def default(self, value: Any) -> Any:
        return f"@{value.text}@" if isinstance(value, Moment) else super().default(value)


assets = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=8)


@given(assets, st.sampled_from(["USD", "EUR", "GBP", "USDT", "USDC", "BTC", "ETH"]))
def test_a_pair_survives_its_names_with_a_slash(base: str, quote: str) -> None:
    if base == quote or base in ("XBT", "XDG") or (len(base) == 4 and base[0] in "XZ"):
        return  # those are other spellings of other assets
    pair = Pair(base, quote)
    assert pair_from_kraken(kraken_names(pair).wsname) == pair


@given(secrets, paths, st.integers(1, 1 << 62), forms)
def test_a_signature_is_that_of_the_python_sdk(secret: str, path: str, nonce: int, form: dict[str, str]) -> None:
    sdk = pytest.importorskip("kraken.spot")
    user = sdk.User(key="key", secret=secret)
    body = urlencode({"nonce": nonce, **form})
    theirs = user._get_kraken_signature(url_path=path, data=body, nonce=nonce)
    assert Credentials("key", secret).sign(path, nonce, body.encode()) == theirs


@given(secrets, st.sampled_from(["Balance", "AddOrder", "AddOrderBatch"]), forms)
def test_a_signature_is_that_of_ccxt(secret: str, call: str, form: dict[str, str]) -> None:
    ccxt = pytest.importorskip("ccxt")
    theirs = ccxt.kraken({"apiKey": "key", "secret": secret}).sign(call, ["private"], "POST", form)
    fields = json.loads(theirs["body"]) if theirs["body"].startswith("{") else dict(parse_qsl(theirs["body"]))
    nonce = int(fields["nonce"])
    ours = Credentials("key", secret).sign(f"/0/private/{call}", nonce, theirs["body"].encode())
    assert ours == theirs["headers"]["API-Sign"]

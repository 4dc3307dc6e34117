"""Whatever is asked of the fake venue, it answers as a venue does: in JSON, with a result or an error, and goes on."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from urllib.parse import urlencode

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tradecore.core.clock import ManualClock
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.fake_kraken.private_rest import PERMISSIONS, signature
from tradecore.testing.fake_kraken.wire import HttpRequest

START = 1_700_000_000 * SECOND_NS
TAPE = Tape.synthetic(1, START, 300)
FREE = FakeSettings(public_limit=None, pair_limit=None, message_limit=None, connect_limit=None)

ENDPOINTS = ("Time", "SystemStatus", "Assets", "AssetPairs", "Ticker", "OHLC", "Trades", "Depth", "Spread", "Else")
VALUES = st.one_of(
    st.sampled_from(["XBTUSD", "BTC/USD", "ETHUSD", "", "0", "-1", "1e400", "nan", "inf", "1.5", "10", "1700000000"]),
    st.integers(-(2**70), 2**70).map(str),
    st.text(max_size=8),
)
NAMES = st.sampled_from(["pair", "since", "count", "interval", "asset", "assetVersion", "from", "to"])
PARAMS = st.dictionaries(NAMES, VALUES, max_size=4)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 1001), st.floats(-2, 30), st.sampled_from(["BTC/USD", "x"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "symbol"]), inner, max_size=2),
    max_leaves=4,
)


def venue() -> FakeKraken:
    return FakeKraken({Pair("BTC", "USD"): TAPE}, ManualClock(int(TAPE.time[-1])), FREE)


FAKE = venue()


@settings(max_examples=400, deadline=None)
@given(endpoint=st.sampled_from(ENDPOINTS), params=PARAMS)
@example(endpoint="Trades", params={"pair": "XBTUSD", "since": "1e999999999"})
def test_any_public_call_has_an_answer(endpoint: str, params: dict[str, str]) -> None:
    reply = FAKE.http(HttpRequest("GET", f"/0/public/{endpoint}", urlencode(params)))
    answer = json.loads(reply.body)
    assert reply.status == 200
    assert (answer["error"] == []) == ("result" in answer)


@settings(max_examples=200, deadline=None)
@given(params=PARAMS, length=st.sampled_from(["1m", "1w", "5m"]), kind=st.sampled_from(["trade", "spot"]))
def test_any_chart_call_has_an_answer(params: dict[str, str], length: str, kind: str) -> None:
    path = f"/api/charts/v1/{kind}/PF_XBTUSD/{length}"
    answer = json.loads(FAKE.http(HttpRequest("GET", path, urlencode(params))).body)
    assert ("candles" in answer) != ("errors" in answer)
    assert len(answer.get("candles", ())) <= 2000


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(["subscribe", "unsubscribe", "ping", "add_order", None, 3]),
    channel=st.one_of(st.sampled_from(["ticker", "trade", "ohlc", "book", "instrument"]), JSON),
    params=st.dictionaries(st.sampled_from(["symbol", "depth", "interval", "snapshot", "event_trigger"]), JSON),
    path=st.sampled_from(["/v2", "/v2-auth"]),
)
def test_any_message_has_an_acknowledgement(method: Any, channel: Any, params: dict[str, Any], path: str) -> None:
    got: list[str] = []
    connection = FAKE.connect(path, got.append, lambda: None)
    connection.receive(json.dumps({"method": method, "params": {"channel": channel, **params}, "req_id": 5}))
    connection.closed()
    assert any(json.loads(text).get("req_id") == 5 for text in got)


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40), path=st.sampled_from(["/v2", "/v2-auth"]))
@example(text="[" * 3_000, path="/v2")
@example(text="[" * 3_000, path="/v2-auth")
def test_any_text_is_answered(text: str, path: str) -> None:
    got: list[str] = []
    connection = FAKE.connect(path, got.append, lambda: None)
    connection.receive(text)
    connection.closed()
    assert len(got) == 2


ORDER = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "100"}
FORM = st.dictionaries(
    st.sampled_from([
        *("pair", "type", "ordertype", "volume", "price", "price2", "txid", "cl_ord_id", "userref", "timeout", "start"),
        *("end", "ofs", "deadline", "expiretm", "oflags", "timeinforce", "close[ordertype]", "close[price]", "orders"),
        *("orders[0][price]", "asset", "order_qty", "limit_price", "displayvol"),
    ]),
    st.one_of(VALUES, st.sampled_from(["limit", "market", "buy", "0.01", "+1%", "#5", "GTC", "true"])),
    max_size=7,
)  # fmt: skip
PRIVATE = venue()
PRIVATE.private.add_key(PRIVATE.private.add_account("someone"))
PRIVATE.private.rest.limited = False
NONCES = count(1)


@settings(max_examples=400, deadline=None)
@given(endpoint=st.sampled_from(sorted(PERMISSIONS)), form=FORM, sound=st.booleans())
@example(endpoint="AddOrderBatch", form={"orders": "350"}, sound=True)
def test_any_signed_call_has_an_answer(endpoint: str, form: dict[str, str], sound: bool) -> None:
    path, nonce = f"/0/private/{endpoint}", str(next(NONCES))
    body = urlencode({**(ORDER if sound else {}), **form, "nonce": nonce}).encode()
    headers = {
        "api-key": DEFAULT_KEY,
        "api-sign": signature(DEFAULT_SECRET, path, nonce, body),
        "content-type": "application/x-www-form-urlencoded",
    }
    answer = json.loads(PRIVATE.http(HttpRequest("POST", path, "", headers, body)).body)
    assert (answer["error"] == []) == ("result" in answer)

"""Every REST reply the client reads, broken in every way: a typed error, a counted quarantine, or the same value.

Never another exception, never a zero for what is missing. Where a field takes any value of its kind (free text, a
number that may be anything), a changed one may be read as what it is; those places are listed by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.core.errors import OutcomeUnknownError, VenueError
from tradecore.core.types import Pair, Timeframe
from tradecore.testing.broken_payloads import broken, truncated
from tradecore.venues.kraken import account, order_answers
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Done, Refused, Unknown
from tradecore.venues.kraken.futures import parse_candles
from tradecore.venues.kraken.limits import Pace, PaceSettings
from tradecore.venues.kraken.listing import Listing, read_listing
from tradecore.venues.kraken.names import pair_from_kraken
from tradecore.venues.kraken.public import KrakenPublic, _system_state
from tradecore.venues.kraken.replies import parse_ohlc, parse_trades, result_of
from tradecore.venues.kraken.transport import Reply

pytestmark = pytest.mark.real_data

ROWS_KEPT = 12
MINUTE = Timeframe.parse("1m")


class Still:
    """A clock that stands."""

    def now(self) -> int:
        return 0


def result(read: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    return lambda body: read(result_of(body, "call")[0])


def write(read: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    def parse(body: bytes) -> Any:
        answer = order_answers.judged(Reply(200, body), "call", read, 0.0)
        if isinstance(answer, Done):
            return answer.value
        # Whatever breaks a write's answer, nobody knows what became of it; a refusal takes the venue's own words.
        assert isinstance(answer, Unknown) or (isinstance(answer, Refused) and answer.error.words)
        raise answer.error

    return parse


def public() -> KrakenPublic:
    return KrakenPublic(None, Addresses(), Still(), Pace(Still(), PaceSettings(0)))  # type: ignore[arg-type]


def orders(key: str | None) -> Callable[[bytes], Any]:
    return result(lambda found: account.read_orders(found[key] if key else found, pair_from_kraken, "orders"))


def open_orders(found: Any) -> Any:
    inside = account.Fields.of(found, "OpenOrders reply").inner("open")
    return account.read_orders(inside.values, pair_from_kraken, "OpenOrders reply")


def page(read: Callable[[Any, Callable[[str], Pair]], Any]) -> Callable[[bytes], Any]:
    return result(lambda found: read(found, pair_from_kraken))


def assets(body: bytes) -> Listing:
    return read_listing(ONE_PAIR, body)[0]


XBT_USDT, XBT_USD = Pair("BTC", "USDT"), Pair("BTC", "USD")
ONE_PAIR = json.dumps(
    {
        "error": [],
        "result": {
            "XXBTZUSD": {
                **{"altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT"},
                "quote": "ZUSD",
                **{"cost_decimals": 5, "pair_decimals": 1, "lot_decimals": 8, "fees": [[0, 0.4]]},
                **{"fees_maker": [[0, 0.25]], "ordermin": "0.0001", "costmin": "0.5", "tick_size": "0.1"},
                "status": "online",
            }
        },
    }
).encode()

DOCS = "kraken_docs_examples/Endpoints__Spot__"


@dataclass(frozen=True)
class Case:
    """A recorded reply, how it is read, and where another value is another value and no fault."""

    file: str
    read: Callable[[bytes], Any]
    free: tuple[str, ...] = ()


UNKNOWN_WORD, SIGNED = "is an unknown word", "is (negative|'-1')"
A_ROW_LESS = r"has lost its (first|last) item"
A_KEY_LESS = r"^\.result(\.(open|closed|trades|ledger))?\.(?!count)[A-Za-z0-9.\-]+ is missing$"
"""A map of things by name: one less is one less, and nobody's zero."""
PAIRS_FREE = (
    rf"\.altname {UNKNOWN_WORD}",
    r"\.fees(_maker)? has lost its last item",
    r"AAPLxUSD\.fees_maker.* negative",
    A_KEY_LESS,
)
ORDER_FREE = (
    rf"\.(reason|ordertype|price|price2|descr) {UNKNOWN_WORD}",
    r"\.descr\.(price|price2) is ",
    r"\.(reason|trades) is null",
    r"\.(reason|trades) is missing",
    r"\.reason is empty text",
    rf"\.trades {A_ROW_LESS}",
    r"\.trades is a list",
    r"\.trades\[0\] is an unknown word",
    r"\.count is (null|missing)",
    r"\.oflags",
    r"\.reason is other text",
    A_KEY_LESS,
)
TRADES_FREE = (A_KEY_LESS, r"\.count is missing", rf"\.ordertype {UNKNOWN_WORD}", rf"\.fee {SIGNED}")
"""A maker may be paid, so that a fee has either sign."""
LEDGER_FREE = (
    A_KEY_LESS,
    r"\.count is missing",
    rf"\.(refid|type|asset) {UNKNOWN_WORD}",
    rf"\.(amount|balance) {SIGNED}",
)
TICKER_FREE = (r"\.[bcp] (has first and last swapped|runs backwards)",)
"""Places in a list of unlike numbers: nothing in the reply says which is which, but where one bounds the other."""
BATCH_FREE = (r"\.orders (has first and last swapped|runs backwards)", rf"\.order {UNKNOWN_WORD}")
HOUR = Timeframe.parse("1h")
CASES = {
    "SystemStatus": Case("kraken/http_system_status.json", _system_state),
    "Time": Case(
        "kraken/http_server_time.json", lambda b: account.Fields.of(result_of(b, "Time")[0], "").seconds("unixtime")
    ),
    "AssetPairs": Case("kraken/http_asset_pairs.json", lambda b: read_listing(b)[0], PAIRS_FREE),
    "AssetPairs, tokenised": Case("kraken/http_asset_pairs_tokenized.json", lambda b: read_listing(b)[0], PAIRS_FREE),
    "AssetPairs, docs": Case(DOCS + "ExchangeData__GetSymbols.txt", lambda b: read_listing(b)[0], PAIRS_FREE),
    "Assets, docs": Case(
        DOCS + "ExchangeData__GetAssets.txt", assets, (rf"\.(altname|status) {UNKNOWN_WORD}", A_KEY_LESS)
    ),
    "Ticker": Case("kraken/http_ticker.json", lambda b: public()._ticker(b, XBT_USDT), TICKER_FREE),
    "Ticker, docs": Case(DOCS + "ExchangeData__GetTicker.txt", lambda b: public()._ticker(b, XBT_USD), TICKER_FREE),
    "Depth": Case("kraken/http_order_book.json", lambda b: public()._depth(b, XBT_USDT), (A_ROW_LESS,)),
    "Depth, docs": Case(DOCS + "ExchangeData__GetOrderBook.txt", lambda b: public()._depth(b, XBT_USD), (A_ROW_LESS,)),
    "Trades": Case("kraken/http_trades.json", parse_trades, (A_ROW_LESS,)),
    "Trades, docs": Case(DOCS + "ExchangeData__GetTradeHistory.txt", parse_trades, (A_ROW_LESS,)),
    "OHLC": Case("kraken/http_ohlc.json", lambda b: parse_ohlc(b, MINUTE), (A_ROW_LESS,)),
    "OHLC, docs": Case(DOCS + "ExchangeData__GetKlines.txt", lambda b: parse_ohlc(b, MINUTE), (A_ROW_LESS,)),
    "Charts": Case(
        "kraken/http_futures_candles_trade.json", lambda b: parse_candles(b, "PF_XBTUSD", HOUR), (A_ROW_LESS,)
    ),
    "Charts, mark": Case(
        "kraken/http_futures_candles_mark.json", lambda b: parse_candles(b, "PF_XBTUSD", HOUR), (A_ROW_LESS,)
    ),
    "Charts, index": Case(
        "kraken/http_futures_candles_spot.json", lambda b: parse_candles(b, "PF_XBTUSD", HOUR), (A_ROW_LESS,)
    ),
    "Balance": Case(
        "kraken/http_spot_balance.json",
        result(account.read_balances),
        (A_KEY_LESS, r"\.(balance|hold_trade) is (huge)"),
    ),
    "Balance, docs": Case(
        DOCS + "Account__GetBalances.txt",
        result(account.read_balances),
        (A_KEY_LESS, r"\.(balance|hold_trade) is (huge)"),
    ),
    "BalanceEx, docs": Case(
        DOCS + "Account__GetAvailableBalances.txt",
        result(account.read_balances),
        (A_KEY_LESS, r"\.(balance|hold_trade) is (huge)"),
    ),
    "TradeBalance": Case(
        "kraken/http_spot_trade_balance.json", result(account.read_trade_balance), (rf"\.n {SIGNED}",)
    ),
    "TradeBalance, docs": Case(
        DOCS + "Account__GetTradeBalance.txt", result(account.read_trade_balance), (rf"\.n {SIGNED}",)
    ),
    "OpenOrders": Case("kraken/http_open_orders.json", result(open_orders), ORDER_FREE),
    "OpenOrders, docs": Case(DOCS + "Trading__GetOpenOrders.txt", result(open_orders), ORDER_FREE),
    "ClosedOrders": Case("kraken/http_closed_orders.json", page(account.read_orders_page), ORDER_FREE),
    "ClosedOrders, docs": Case(DOCS + "Trading__GetClosedOrders.txt", page(account.read_orders_page), ORDER_FREE),
    "QueryOrders, docs": Case(DOCS + "Trading__GetOrders.txt", orders(None), ORDER_FREE),
    "QueryOrders, docs 2": Case(DOCS + "Trading__GetOrders2.txt", orders(None), ORDER_FREE),
    "TradesHistory": Case("kraken/http_trades_history.json", page(account.read_trades_page), TRADES_FREE),
    "TradesHistory, docs": Case(DOCS + "Trading__GetUserTrades.txt", page(account.read_trades_page), TRADES_FREE),
    "QueryTrades, docs": Case(
        DOCS + "Trading__GetUserTradeDetails.txt",
        result(lambda r: account.read_trades(r, pair_from_kraken, "QueryTrades")),
        TRADES_FREE,
    ),
    "TradeVolume, docs": Case(
        DOCS + "Account__GetTradeVolume.txt", page(account.read_fees), (rf"\.currency {UNKNOWN_WORD}",)
    ),
    "Ledgers, docs": Case(DOCS + "Account__GetLedgerInfo.txt", result(account.read_ledger_page), LEDGER_FREE),
    "GetApiKeyInfo, docs": Case(
        DOCS + "Account__GetApiKeyInfo.txt",
        result(account.read_key_info),
        (rf"\.(api_key_name|permissions\[.\]) {UNKNOWN_WORD}", A_ROW_LESS),
    ),
    "AddOrder": Case(
        "kraken/http_add_order_spot.json",
        write(lambda r: order_answers.read_placed(r, False)),
        (rf"\.order {UNKNOWN_WORD}",),
    ),
    "AddOrder, docs": Case(
        DOCS + "Trading__PlaceOrder.txt",
        write(lambda r: order_answers.read_placed(r, False)),
        (rf"\.order {UNKNOWN_WORD}",),
    ),
    "AddOrderBatch, docs": Case(
        DOCS + "Trading__PlaceMultipleOrders.txt", write(lambda r: order_answers.read_batch(r, 2, False)), BATCH_FREE
    ),
    "CancelOrder": Case("kraken/http_cancel_order_spot.json", write(order_answers.read_cancelled)),
    "CancelAll, docs": Case(DOCS + "Trading__CancelAllOrders.txt", write(order_answers.read_cancelled)),
    "CancelAllOrdersAfter, docs": Case(DOCS + "Trading__CancelAllOrdersAfter.txt", write(order_answers.read_switch)),
}


def payload_of(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    payload = json.loads(text[text.index("{") :])
    found = payload.get("result")
    if isinstance(found, Mapping):
        # Long pages are cut: what is broken are the first rows, and a thousand more would only cost time.
        payload["result"] = {key: one[:ROWS_KEPT] if isinstance(one, list) else one for key, one in found.items()}
    return payload


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value


@pytest.mark.parametrize("name", CASES)
def test_a_reply_broken_in_any_way_is_refused_or_counted_or_changes_nothing(name: str, real_data: Path) -> None:
    case = CASES[name]
    payload = payload_of(real_data / "fixtures" / case.file)
    whole = plain(case.read(json.dumps(payload).encode()))
    tried, read_otherwise = 0, []
    for how, changed in broken(payload):
        tried += 1
        try:
            value = case.read(json.dumps(changed).encode())
        except (VenueError, OutcomeUnknownError):
            continue
        if plain(value) != whole and not getattr(value, "quarantined", ()):
            read_otherwise.append(how)
    assert tried > 20
    unexpected = [how for how in read_otherwise if not any(re.search(free, how) for free in case.free)]
    assert not unexpected, "\n".join(unexpected)


@pytest.mark.parametrize("name", CASES)
def test_a_body_cut_short_is_refused(name: str, real_data: Path) -> None:
    case = CASES[name]
    body = json.dumps(payload_of(real_data / "fixtures" / case.file)).encode()
    for _, cut in truncated(body):
        with pytest.raises((VenueError, OutcomeUnknownError)):
            case.read(cut)
    for other in (b"<html>520</html>", b"\xff\xfe\x00", b"[" * 20_000, b'"text"', b"null", b"7"):
        with pytest.raises((VenueError, OutcomeUnknownError)):
            case.read(other)

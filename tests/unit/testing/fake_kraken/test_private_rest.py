"""Who may ask the fake venue what, and how its private answers look."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest

from tradecore.core.types import DAY_NS, Pair, Side
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.fake_kraken.private_rest import FORBIDDEN, signature
from tradecore.testing.fake_kraken.said import Said

D = Decimal
OTHER_SECRET = base64.b64encode(b"another").decode()


def test_the_published_example_of_a_signature_is_reproduced():
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    secret = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    expected = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    assert signature(secret, "/0/private/AddOrder", "1616492376594", body) == expected


@pytest.mark.parametrize(
    ("key", "secret", "nonce", "words"),
    [
        ("nobody", DEFAULT_SECRET, 1, "EAPI:Invalid key"),
        (DEFAULT_KEY, OTHER_SECRET, 1, "EAPI:Invalid signature"),
        (DEFAULT_KEY, DEFAULT_SECRET, "", "EAPI:Invalid nonce"),
        (DEFAULT_KEY, DEFAULT_SECRET, -4, "EAPI:Invalid nonce"),
        (DEFAULT_KEY, DEFAULT_SECRET, 2**64, "EAPI:Invalid nonce"),
    ],
)
def test_a_call_without_the_right_key_signature_and_nonce_is_refused(bench, key, secret, nonce, words):
    with pytest.raises(Said, match=words):
        bench.call_as(key, secret, "Balance", {"nonce": nonce})


def test_a_nonce_must_be_above_the_newest_one_of_its_key(bench):
    bench.call_as(DEFAULT_KEY, DEFAULT_SECRET, "Balance", {"nonce": 10})
    for used in (10, 9):
        with pytest.raises(Said, match="EAPI:Invalid nonce"):
            bench.call_as(DEFAULT_KEY, DEFAULT_SECRET, "Balance", {"nonce": used})
    bench.api.add_key(bench.account, "second")
    bench.call_as("second", DEFAULT_SECRET, "Balance", {"nonce": 1})


def test_a_good_nonce_is_called_used_on_command(bench):
    bench.faults.on("nonce_replay", times=1)
    with pytest.raises(Said, match="EAPI:Invalid nonce"):
        bench.call("Balance")
    bench.call("Balance")


def test_many_wrong_keys_in_a_row_lock_out_for_a_while(bench):
    for _ in range(20):
        with pytest.raises(Said, match="EAPI:Invalid key"):
            bench.call_as("nobody", DEFAULT_SECRET, "Balance", {"nonce": 1})
    with pytest.raises(Said, match="EGeneral:Temporary lockout"):
        bench.call("Balance")
    bench.wait(900)
    bench.call("Balance")


@pytest.mark.parametrize("endpoint", sorted(FORBIDDEN))
def test_no_key_may_move_money_out(bench, endpoint):
    with pytest.raises(Said, match="EGeneral:Permission denied"):
        bench.call(endpoint, asset="XBT", key="cold", amount="1")


def test_a_key_may_do_what_it_was_made_for_and_nothing_else(bench):
    bench.api.add_key(bench.account, "reader", permissions=frozenset({"query-funds"}))
    bench.call_as("reader", DEFAULT_SECRET, "Balance", {"nonce": 1})
    for nonce, endpoint in enumerate(("AddOrder", "OpenOrders", "CancelAll", "GetWebSocketsToken", "Ledgers"), 2):
        with pytest.raises(Said, match="EGeneral:Permission denied"):
            bench.call_as("reader", DEFAULT_SECRET, endpoint, {"nonce": nonce})
    assert bench.call_as("reader", DEFAULT_SECRET, "GetApiKeyInfo", {"nonce": 9})["permissions"] == ["query-funds"]


def test_the_private_counter_refuses_and_recovers_with_time(bench):
    bench.call("TradesHistory")
    for _ in range(18):
        bench.call("Balance")
    with pytest.raises(Said, match="EAPI:Rate limit exceeded"):
        bench.call("Balance")
    bench.order("buy", "0.1", "49000")
    bench.wait(1)
    bench.call("Balance")


def test_the_engines_counter_makes_quick_cancels_dear_but_never_refuses_them(bench):
    counter = bench.api.matching.counter(bench.account, Pair("BTC", "USD"))
    for number in range(19):
        order_id = bench.order("buy", "0.01", "49000")
        bench.call("CancelOrder", txid=order_id)
        assert counter.value(bench.clock.now()) == (number + 1) * 9
    for _ in range(9):
        order_id = bench.order("buy", "0.01", "49000")
    with pytest.raises(Said, match="EOrder:Rate limit exceeded"):
        bench.order("buy", "0.01", "49000")
    assert bench.call("CancelOrder", txid=order_id) == {"count": 1}


def test_an_old_order_costs_nothing_to_cancel(bench):
    order_id = bench.order("buy", "0.01", "49000")
    bench.wait(301)
    bench.call("CancelOrder", txid=order_id)
    assert bench.api.matching.counter(bench.account, Pair("BTC", "USD")).value(bench.clock.now()) == 0


def test_too_many_open_orders_of_a_pair_are_refused(bench):
    bench.account.tier = "starter"
    for _ in range(60):
        bench.order("buy", "0.01", "30000")
        bench.wait(2)
    with pytest.raises(Said, match="EOrder:Orders limit exceeded"):
        bench.order("buy", "0.01", "30000")


def test_balances_are_texts_with_the_decimals_of_their_asset(bench):
    bench.order("buy", "0.5", "40000")
    assert bench.call("Balance") == {"ZUSD": "100000.0000", "XXBT": "2.0000000000", "XETH": "20.0000000000"}
    assert bench.call("BalanceEx")["ZUSD"] == {"balance": "100000.0000", "hold_trade": "20080.0000"}


def test_a_stale_read_shows_balances_and_orders_of_then(bench):
    before = bench.clock.now()
    bench.wait(5)
    bench.order("buy", "1")
    bench.order("buy", "0.1", "40000")
    assert bench.call("Balance", as_of=before)["XXBT"] == "2.0000000000"
    assert bench.call("OpenOrders", as_of=before) == {"open": {}}
    assert len(bench.call("OpenOrders")["open"]) == 1


def test_a_body_may_be_a_form_or_json(bench):
    close = {"ordertype": "stop-loss", "price": 48000}
    answer = bench.call(
        "AddOrder", as_json=True, pair="XBTUSD", type="buy", ordertype="limit", volume=0.1, price=49000.5, close=close
    )
    assert answer["descr"] == {
        "order": "buy 0.10000000 XBTUSD @ limit 49000.5",
        "close": "close position @ stop loss 48000.0",
    }
    with pytest.raises(Said, match="EGeneral:Invalid arguments"):
        bench.api.rest.answer("/0/private/Balance", {"Content-Type": "application/json"}, b"{")


def test_an_open_order_has_the_venues_fields(bench):
    order_id = bench.order("buy", "1.25", "30010", userref="42")
    row = bench.call("OpenOrders")["open"][order_id]
    assert row["descr"] == {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "price": "30010.0",
        "price2": "0",
        "leverage": "none",
        "order": "buy 1.25000000 XBTUSD @ limit 30010.0",
        "close": "",
    }
    assert {name: row[name] for name in ("userref", "status", "vol", "vol_exec", "cost", "fee", "price", "oflags")} == {
        "userref": 42,
        "status": "open",
        "vol": "1.25000000",
        "vol_exec": "0.00000000",
        "cost": "0.00000",
        "fee": "0.00000",
        "price": "0.00000",
        "oflags": "fciq",
    }


def test_a_batch_answers_each_order_by_itself(bench):
    orders = [
        {"ordertype": "limit", "type": "buy", "volume": "0.1", "price": "49000"},
        {"ordertype": "limit", "type": "buy", "volume": "9", "price": "49000"},
    ]
    rows = bench.call("AddOrderBatch", as_json=True, pair="XBTUSD", orders=orders)["orders"]
    assert (rows[0]["txid"], rows[1]) == (next(iter(bench.account.open)), {"error": "EOrder:Insufficient funds"})
    for wrong in ([], orders[:1], orders * 8):
        with pytest.raises(Said, match="EGeneral:Invalid arguments:orders"):
            bench.call("AddOrderBatch", as_json=True, pair="XBTUSD", orders=wrong)


def test_closed_orders_and_trades_come_in_pages_of_fifty_newest_first(bench):
    for _ in range(60):
        bench.order("buy", "0.0001")
        bench.trade("50000", "0.1")
    first, second = bench.call("TradesHistory"), bench.call("TradesHistory", ofs="50")
    assert (len(first["trades"]), len(second["trades"]), first["count"]) == (50, 10, 60)
    times = [row["time"] for row in (*first["trades"].values(), *second["trades"].values())]
    assert times == sorted(times, reverse=True)
    bench.wait(60)
    assert len(bench.call("ClosedOrders", ofs="50")["closed"]) == 10
    last = next(iter(first["trades"]))
    assert bench.call("TradesHistory", start=last)["count"] == 0
    assert bench.call("QueryTrades", txid=last)[last]["pair"] == "XXBTZUSD"


def test_fees_fall_with_the_volume_of_thirty_days(bench):
    fees = bench.call("TradeVolume", pair="XBTUSD")
    assert fees["fees"]["XXBTZUSD"] | {"volume": fees["volume"]} == {
        "fee": "0.4000",
        "minfee": "0.1000",
        "maxfee": "0.4000",
        "nextfee": "0.3500",
        "nextvolume": "10000.0000",
        "tiervolume": "0.0000",
        "volume": "0.0000",
    }
    bench.order("buy", "1")
    assert bench.call("TradeVolume", pair="XBTUSD")["fees_maker"]["XXBTZUSD"]["fee"] == "0.1400"
    bench.clock.move_to(bench.clock.now() + 30 * DAY_NS)
    assert bench.call("TradeVolume", pair="XBTUSD")["fees"]["XXBTZUSD"]["fee"] == "0.4000"


def test_every_change_of_a_balance_is_in_the_ledger(bench):
    bench.order("buy", "0.1")
    entries = bench.call("Ledgers", type="trade")["ledger"]
    assert sorted((row["asset"], row["amount"], row["fee"]) for row in entries.values()) == [
        ("XXBT", "0.1000000000", "0.0000000000"),
        ("ZUSD", "-5000.0100", "20.0000"),
    ]
    assert bench.call("Ledgers", asset="XXBT")["count"] == 2
    one = next(iter(entries))
    assert bench.call("QueryLedgers", id=one) == {one: entries[one]}


def test_the_account_is_valued_in_dollars(bench):
    bench.order("sell", "1", "60000")
    assert bench.call("TradeBalance")["eb"] == "1200000.0000"  # 100 000 + 22 coins, all at the one price of the bench
    assert bench.call("TradeBalance")["mf"] == "1150000.0000"


def test_several_accounts_know_nothing_of_one_another(bench):
    bob = bench.api.add_account("bob", {"USD": D(1000)})
    bench.api.add_key(bob, "bobs", OTHER_SECRET)
    bench.order("buy", "0.1", "49000")
    assert bench.call_as("bobs", OTHER_SECRET, "OpenOrders", {"nonce": 1}) == {"open": {}}
    assert bench.call_as("bobs", OTHER_SECRET, "Balance", {"nonce": 2}) == {"ZUSD": "1000.0000"}
    bench.trade("48000", "1", Side.SELL)
    assert not bob.fills


def test_secrets_are_not_shown(bench):
    key, _ = bench.api.rest.key_named(DEFAULT_KEY)
    assert DEFAULT_SECRET not in repr(key)

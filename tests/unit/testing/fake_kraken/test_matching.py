"""How orders of the fake venue meet its book and its tape."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tradecore.core.types import SECOND_NS, Pair, Side, iso
from tradecore.testing.fake_kraken.said import Said

D = Decimal


def refused(bench: Any, side: str, volume: str, price: str | None = None, **more: Any) -> str:
    with pytest.raises(Said) as caught:
        bench.order(side, volume, price, **more)
    return caught.value.words


def test_a_market_order_walks_the_book_and_pays_the_takers_fee(bench):
    bench.market.depth = D("0.1")
    order = bench.row(bench.order("buy", "0.15"))
    assert (order["status"], order["vol_exec"]) == ("closed", "0.15000000")
    assert D(order["cost"]) == D("5000.01") + D("2500.505")
    assert D(order["fee"]) == D("20.0000") + D("10.0020")
    assert bench.account.balances["BTC"] == D("2.15")
    assert bench.account.balances["USD"] == D(100_000) - D("7500.515") - D("30.0020")


def test_a_market_order_that_empties_the_book_is_filled_in_part_and_cancelled(bench):
    bench.account.deposit("BTC", D(10), bench.clock.now())
    order = bench.row(bench.order("sell", "5"))
    assert (order["status"], order["vol_exec"], order["reason"]) == ("canceled", "4.00000000", "Insufficient liquidity")


def test_what_was_taken_from_a_level_stays_taken_until_the_tape_moves(bench):
    bench.order("buy", "1")
    second = bench.row(bench.order("buy", "0.1"))
    assert D(second["price"]) == D("50010.1")
    bench.trade("50000", "0.1")
    assert D(bench.row(bench.order("buy", "0.1"))["price"]) == D("50000.1")


def test_a_resting_limit_order_is_filled_at_its_own_price_as_maker(bench):
    order_id = bench.order("buy", "0.5", "49000")
    bench.trade("48900", "3")
    order = bench.row(order_id)
    assert (order["status"], D(order["price"])) == ("closed", D(49000))
    assert D(order["fee"]) == D(49000) / 2 * D("0.0025")


def test_a_tape_trade_fills_no_more_than_its_own_amount_and_the_better_price_first(bench):
    bench.account.deposit("USD", D(100_000), bench.clock.now())
    low, high, late = (bench.order("buy", *terms) for terms in (("1", "48000"), ("0.4", "48500"), ("1", "48000")))
    bench.trade("47900", "1")
    assert [D(bench.row(order)["vol_exec"]) for order in (high, low, late)] == [D("0.4"), D("0.6"), D(0)]


def test_a_trade_at_the_limit_fills_only_when_its_taker_came_from_the_other_side(bench):
    order_id = bench.order("buy", "0.5", "49000")
    bench.trade("49000", "1", Side.BUY)
    assert D(bench.row(order_id)["vol_exec"]) == 0
    bench.trade("49000", "0.2", Side.SELL)
    assert D(bench.row(order_id)["vol_exec"]) == D("0.2")


def test_a_limit_order_that_crosses_takes_first_and_rests_with_the_rest(bench):
    order_id = bench.order("buy", "1.5", "50000.1")
    order = bench.row(order_id)
    assert (order["status"], order["vol_exec"]) == ("open", "1.00000000")
    bench.trade("49000", "9")
    fills = bench.call("QueryTrades", txid=",".join(bench.row(order_id)["trades"]))
    assert [fill["maker"] for fill in fills.values()] == [False, True]


def test_post_only_is_refused_when_it_would_take(bench):
    assert refused(bench, "buy", "0.1", "50000.1", oflags="post") == "EOrder:Post only order"
    assert bench.row(bench.order("buy", "0.1", "50000", oflags="post"))["oflags"] == "post,fciq"


def test_immediate_or_cancel_takes_what_is_there_and_ends(bench):
    order = bench.row(bench.order("buy", "1.8", "50000.1", timeinforce="IOC"))
    assert (order["status"], order["vol_exec"]) == ("canceled", "1.00000000")


def test_fill_or_kill_takes_all_or_nothing(bench):
    assert D(bench.row(bench.order("buy", "1.5", "50000.1", timeinforce="FOK"))["vol_exec"]) == 0
    assert bench.row(bench.order("buy", "1.5", "50010.1", timeinforce="FOK"))["status"] == "closed"


def test_a_good_till_date_order_expires_on_the_clock(bench):
    order_id = bench.order("buy", "0.1", "49000", timeinforce="GTD", expiretm="+60")
    assert bench.api.next_due() == bench.clock.now() + 60 * SECOND_NS
    bench.wait(59)
    assert bench.row(order_id)["status"] == "open"
    bench.wait(1)
    assert bench.row(order_id)["status"] == "expired"
    assert bench.account.holds() == {}


@pytest.mark.parametrize(
    ("side", "kind", "price", "quiet", "hit"),
    [
        ("sell", "stop-loss", "49000", "49000.1", "49000"),
        ("buy", "stop-loss", "51000", "50999.9", "51000"),
        ("sell", "take-profit", "51000", "50999.9", "51000"),
        ("buy", "take-profit", "49000", "49000.1", "49000"),
    ],
)
def test_a_conditional_order_waits_for_its_trigger_and_then_takes(bench, side, kind, price, quiet, hit):
    order_id = bench.order(side, "0.5", price, ordertype=kind)
    bench.trade(quiet, "1")
    assert bench.row(order_id)["status"] == "open"
    bench.trade(hit, "1")
    assert bench.row(order_id)["status"] == "closed"


def test_a_stop_that_the_market_has_run_away_from_is_cancelled_when_it_cannot_pay(bench):
    order_id = bench.order("buy", "1.9", "51000", ordertype="stop-loss")
    bench.market.ask = D(55000)
    bench.trade("55000", "1", Side.BUY)
    order = bench.row(order_id)
    assert (order["status"], order["reason"], order["vol_exec"]) == ("canceled", "Insufficient funds", "1.00000000")
    assert bench.account.balances["USD"] > 0


def test_a_triggered_limit_form_rests_at_its_limit(bench):
    order_id = bench.order("sell", "0.5", "49000", ordertype="stop-loss-limit", price2="50500")
    bench.trade("48999", "1")
    order = bench.row(order_id)
    assert (order["status"], D(order["vol_exec"])) == ("open", D(0))
    bench.trade("50600", "1", Side.BUY)
    assert D(bench.row(order_id)["price"]) == D(50500)


def test_a_trailing_stop_follows_the_best_price(bench):
    order_id = bench.order("sell", "0.5", "+100", ordertype="trailing-stop")
    for price in ("50500", "50401"):
        bench.trade(price, "1")
    assert D(bench.row(order_id)["stopprice"]) == D(50400)
    assert bench.row(order_id)["status"] == "open"
    bench.trade("50400", "1")
    assert bench.row(order_id)["status"] == "closed"


def test_a_relative_price_is_taken_from_the_last_trade_and_lands_on_the_tick(bench):
    assert D(bench.row(bench.order("buy", "0.1", "-1%"))["descr"]["price"]) == D(49500)
    assert D(bench.row(bench.order("buy", "0.1", "#33.33"))["descr"]["price"]) == D("49966.7")


def test_what_follows_an_order_comes_when_it_is_filled_and_for_what_was_filled(bench):
    bench.order(
        "buy",
        "0.5",
        "49000",
        **{"close[ordertype]": "stop-loss-limit", "close[price]": "48000", "close[price2]": "47900"},
    )
    bench.trade("48950", "1")
    (follower,) = bench.account.open.values()
    assert (follower.side, follower.volume, follower.trigger) == (Side.SELL, D("0.5"), D(48000))
    assert (
        bench.row(follower.order_id)["descr"]["order"] == "sell 0.50000000 XBTUSD @ stop loss 48000.0 -> limit 47900.0"
    )


def test_a_quote_amount_buys_what_it_pays_for(bench):
    order = bench.row(bench.order("buy", "500", oflags="viqc"))
    assert D(order["vol_exec"]) == D("0.00999998")


def test_fees_in_base_are_taken_from_the_base(bench):
    bench.order("buy", "1", oflags="fcib")
    assert bench.account.balances["BTC"] == D(3) - D("0.004")
    assert bench.account.balances["USD"] == D(100_000) - D("50000.1")


def test_open_orders_hold_what_they_may_cost_and_no_more(bench):
    bench.order("buy", "1", "40000")
    bench.order("sell", "1.5", "60000")
    assert bench.account.holds() == {"USD": D("40160.0000"), "BTC": D("1.5")}
    assert refused(bench, "buy", "1.5", "40000") == "EOrder:Insufficient funds"
    assert refused(bench, "sell", "0.50000001", "60000") == "EOrder:Insufficient funds"
    bench.order("sell", "0.5", "60000")


@pytest.mark.parametrize(
    ("volume", "price", "words"),
    [
        ("0.00004", "49000", "EOrder:Order minimum not met"),
        ("0.00005", "5000", "EOrder:Cost minimum not met"),
        ("0.1", "49000.05", "EOrder:Invalid price:XBTUSD price can only be specified up to 1 decimals."),
        ("0.1", "-0.5x", "EGeneral:Invalid arguments:price"),
        ("0.123456789", "49000", "EGeneral:Invalid arguments:volume"),
        ("0", "49000", "EGeneral:Invalid arguments:volume"),
        ("nan", "49000", "EGeneral:Invalid arguments:volume"),
        ("3", "49000", "EOrder:Insufficient funds"),
    ],
)
def test_an_order_against_the_rules_is_refused_in_the_venues_words(bench, volume, price, words):
    assert refused(bench, "buy", volume, price) == words


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "settle-position"}, "EGeneral:Invalid arguments:ordertype"),
        ({"leverage": "3:1"}, "EGeneral:Invalid arguments:leverage"),
        ({"reduce_only": "true"}, "EOrder:Reduce only:No position exists"),
        ({"userref": "7", "cl_ord_id": "a"}, "EGeneral:Invalid arguments:userref and cl_ord_id are mutually exclusive"),
        ({"cl_ord_id": "nineteen-letters-xx"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"deadline": "yesterday"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2023-11-14T22:13:19Z"}, "EService:Deadline elapsed"),
        ({"deadline": "2023-11-14T22:20:00Z"}, "EGeneral:Invalid arguments:deadline"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
    ],
)
def test_a_wish_the_venue_does_not_grant_is_refused(bench, more, words):
    assert refused(bench, "buy", "0.1", "49000", **more) == words


def test_a_deadline_in_the_near_future_is_accepted(bench):
    deadline = iso(bench.clock.now() + 5 * SECOND_NS + 123_456_789)
    assert bench.row(bench.order("buy", "0.1", "49000", deadline=deadline))["status"] == "open"


def test_a_clients_id_is_unique_among_open_orders_only(bench):
    first = bench.order("buy", "0.1", "49000", cl_ord_id="mine")
    assert refused(bench, "buy", "0.1", "49000", cl_ord_id="mine") == "EOrder:cl_ord_id already in use"
    bench.call("CancelOrder", cl_ord_id="mine")
    second = bench.order("buy", "0.1", "49000", cl_ord_id="mine")
    assert first != second
    assert set(bench.call("QueryOrders", cl_ord_id="mine")) == {first, second}


def test_validate_answers_and_places_nothing(bench):
    answer = bench.call(
        "AddOrder", pair="XBTUSD", type="buy", ordertype="limit", volume="0.1", price="49000", validate="true"
    )
    assert answer == {"descr": {"order": "buy 0.10000000 XBTUSD @ limit 49000.0"}}
    assert not bench.account.open


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("cancel_only", "EService:Market in cancel_only mode"),
        ("post_only", "EService:Market in post_only mode"),
        ("maintenance", "EService:Unavailable"),
    ],
)
def test_a_market_that_is_not_online_takes_only_what_it_says(bench, mode, words):
    resting = bench.order("buy", "0.1", "48000")
    bench.faults.on(mode)
    assert refused(bench, "buy", "0.1", "49000") == words
    if mode == "post_only":
        bench.order("buy", "0.1", "49000", oflags="post")
    if mode != "maintenance":
        assert bench.call("CancelOrder", txid=resting) == {"count": 1}


def test_nothing_is_matched_while_the_market_is_halted(bench):
    resting = bench.order("buy", "0.1", "48000")
    stop = bench.order("sell", "0.1", "48000", ordertype="stop-loss")
    bench.faults.on("cancel_only")
    bench.trade("47000", "1")
    assert [bench.row(order_id)["status"] for order_id in (resting, stop)] == ["open", "open"]
    with pytest.raises(Said, match="EService:Market in cancel_only mode"):
        bench.call("AmendOrder", txid=resting, limit_price="48100")
    bench.faults.off()
    bench.trade("47000", "1")
    assert [bench.row(order_id)["status"] for order_id in (resting, stop)] == ["closed", "closed"]


def test_an_edit_that_the_rate_limit_refuses_leaves_the_old_order(bench):
    order_id = bench.order("buy", "0.1", "48000")
    bench.api.matching.counter(bench.account, Pair("BTC", "USD")).force(178, bench.clock.now())
    with pytest.raises(Said, match="EOrder:Rate limit exceeded"):
        bench.call("EditOrder", txid=order_id, pair="XBTUSD", volume="0.2")
    assert list(bench.account.open) == [order_id]


def test_an_amended_order_keeps_its_id_and_its_fills(bench):
    order_id = bench.order("buy", "1", "49000")
    bench.trade("48000", "0.4")
    assert set(bench.call("AmendOrder", txid=order_id, order_qty="0.8", limit_price="48500")) == {"amend_id"}
    order = bench.row(order_id)
    assert (D(order["vol"]), D(order["vol_exec"]), D(order["descr"]["price"])) == (D("0.8"), D("0.4"), D(48500))
    with pytest.raises(Said, match="EGeneral:Invalid arguments:order_qty"):
        bench.call("AmendOrder", txid=order_id, order_qty="0.3")
    with pytest.raises(Said, match="EOrder:Insufficient funds"):
        bench.call("AmendOrder", txid=order_id, order_qty="9")
    assert D(bench.row(order_id)["vol"]) == D("0.8")


def test_an_edited_order_gets_a_new_id_and_the_old_one_stays_when_the_new_one_is_refused(bench):
    old = bench.order("buy", "1", "49000", userref="5")
    answer = bench.call("EditOrder", txid=old, pair="XBTUSD", volume="0.5")
    assert (answer["originaltxid"], answer["olduserref"]) == (old, "5")
    assert bench.row(old)["status"] == "canceled"
    assert D(bench.row(answer["txid"])["vol"]) == D("0.5")
    with pytest.raises(Said, match="EOrder:Insufficient funds"):
        bench.call("EditOrder", txid=answer["txid"], pair="XBTUSD", volume="50")
    assert list(bench.account.open) == [answer["txid"]]


def test_orders_are_cancelled_by_id_client_id_or_userref(bench):
    first = bench.order("buy", "0.1", "49000")
    bench.order("buy", "0.1", "49000", userref="7")
    bench.order("buy", "0.1", "49000", userref="7")
    assert bench.call("CancelOrder", txid="7") == {"count": 2}
    assert bench.call("CancelOrder", txid=first) == {"count": 1}
    with pytest.raises(Said, match="EOrder:Unknown order"):
        bench.call("CancelOrder", txid=first)


def test_the_dead_mans_switch_cancels_everything_once_and_stays_off(bench):
    bench.order("buy", "0.1", "49000")
    answer = bench.call("CancelAllOrdersAfter", timeout="60")
    assert answer == {"currentTime": "2023-11-14T22:13:20Z", "triggerTime": "2023-11-14T22:14:20Z"}
    bench.wait(30)
    bench.call("CancelAllOrdersAfter", timeout="60")
    bench.wait(59)
    assert len(bench.account.open) == 1
    bench.wait(1)
    assert not bench.account.open
    bench.order("buy", "0.1", "49000")
    bench.wait(1000)
    assert len(bench.account.open) == 1


def test_the_dead_mans_switch_is_disarmed_by_zero(bench):
    bench.order("buy", "0.1", "49000")
    bench.call("CancelAllOrdersAfter", timeout="60")
    assert bench.call("CancelAllOrdersAfter", timeout="0")["triggerTime"] == "0"
    bench.wait(100)
    assert len(bench.account.open) == 1


def test_the_dead_mans_switch_fires_when_maintenance_ends(bench):
    bench.order("buy", "0.1", "49000")
    bench.call("CancelAllOrdersAfter", timeout="60")
    bench.faults.on("maintenance")
    bench.wait(100)
    assert len(bench.account.open) == 1
    bench.faults.off()
    bench.wait(1)
    assert not bench.account.open


def test_an_order_may_start_later_and_holds_its_funds_until_then(bench):
    order_id = bench.order("buy", "0.5", "51000", starttm="+30")
    assert bench.row(order_id)["status"] == "pending"
    assert bench.account.holds()["USD"] == D("25602.0000")
    bench.wait(29)
    assert bench.row(order_id)["vol_exec"] == "0.00000000"
    bench.wait(1)
    assert bench.row(order_id)["status"] == "closed"


def test_an_amendment_that_crosses_takes_unless_it_is_post_only(bench):
    order_id = bench.order("buy", "0.5", "49000")
    with pytest.raises(Said, match="EOrder:Post only order"):
        bench.call("AmendOrder", txid=order_id, limit_price="50001", post_only="true")
    assert D(bench.row(order_id)["descr"]["price"]) == D(49000)
    bench.call("AmendOrder", txid=order_id, limit_price="50001")
    assert bench.row(order_id)["status"] == "closed"


def test_a_larger_amount_loses_the_place_in_the_queue_and_a_smaller_one_keeps_it(bench):
    first, second = bench.order("buy", "0.5", "49000"), bench.order("buy", "0.5", "49000")
    bench.call("AmendOrder", txid=first, order_qty="0.4")
    bench.trade("48900", "0.1")
    assert D(bench.row(first)["vol_exec"]) == D("0.1")
    bench.call("AmendOrder", txid=first, order_qty="0.6")
    bench.trade("48900", "0.1")
    assert (D(bench.row(first)["vol_exec"]), D(bench.row(second)["vol_exec"])) == (D("0.1"), D("0.1"))


def test_an_order_with_a_clients_id_is_amended_not_edited(bench):
    order_id = bench.order("buy", "0.5", "49000", cl_ord_id="mine")
    with pytest.raises(Said, match="EOrder:Invalid order"):
        bench.call("EditOrder", txid=order_id, pair="XBTUSD", volume="0.4")
    bench.call("AmendOrder", cl_ord_id="mine", order_qty="0.4")
    assert D(bench.row(order_id)["vol"]) == D("0.4")


def test_a_follower_that_cannot_be_paid_is_kept_as_cancelled_with_the_reason(bench):
    close = {"close[ordertype]": "limit", "close[price]": "60000"}
    bench.order("sell", "2", "51000")
    bench.order("buy", "0.5", "49000", oflags="fcib", **close)
    bench.trade("48900", "1")
    follower = list(bench.account.orders.values())[-1]
    assert (follower.state, follower.reason) == ("canceled", "EOrder:Insufficient funds")


def test_fills_come_with_dust_on_command(bench):
    bench.faults.on("dust")
    order_id = bench.order("buy", "0.1", "49000")
    bench.trade("48000", "5")
    assert D(bench.row(order_id)["vol_exec"]) == D("0.06666666")


def test_a_cancel_may_come_too_late_on_command(bench):
    bench.faults.on("fill_after_cancel")
    order_id = bench.order("buy", "0.1", "49000")
    bench.call("CancelOrder", txid=order_id)
    order = bench.row(order_id)
    assert (order["status"], D(order["vol_exec"])) == ("canceled", D("0.05"))

"""Orders are written exactly as they were decided, or refused before they cost anything."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tradecore.core.errors import OrderMinimumError, UsageError
from tradecore.core.types import Side, parse_time
from tradecore.venues.kraken.listing import PairRules
from tradecore.venues.kraken.orders import (
    Amendment,
    NewOrder,
    OrderType,
    TimeInForce,
    check_cl_ord_id,
    deadline_text,
    exact,
    price_text,
    quantity_text,
)

DEADLINE = parse_time("2026-01-02T03:04:05.678901Z")


def new(rules: PairRules, **more: Any) -> NewOrder:
    given = {
        **{"side": Side.BUY, "order_type": OrderType.LIMIT, "quantity": Decimal("1.25"), "limit": Decimal("27500")},
        **{"cl_ord_id": "abc-1", "deadline": DEADLINE},
    }
    return NewOrder(rules=rules, **{**given, **more})  # type: ignore[arg-type]


def test_a_limit_order_has_exactly_these_fields(btc_usd: PairRules) -> None:
    assert new(btc_usd, post_only=True).form() == {
        **{"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "1.25000000", "price": "27500.0"},
        **{"cl_ord_id": "abc-1", "deadline": "2026-01-02T03:04:05.678Z", "timeinforce": "GTC", "oflags": "fciq,post"},
    }


def test_a_market_order_names_no_price_and_no_time_in_force(btc_usd: PairRules) -> None:
    form = new(btc_usd, order_type=OrderType.MARKET, limit=None, side=Side.SELL).form()
    assert form["type"] == "sell"
    assert not {"price", "price2", "timeinforce"} & set(form)


def test_a_stop_with_a_limit_names_the_trigger_first(btc_usd: PairRules) -> None:
    form = new(btc_usd, order_type=OrderType.STOP_LOSS_LIMIT, trigger=Decimal("26000"), limit=Decimal("25900")).form()
    assert (form["price"], form["price2"]) == ("26000.0", "25900.0")
    form = new(btc_usd, order_type=OrderType.STOP_LOSS, trigger=Decimal("26000"), limit=None).form()
    assert (form["price"], form.get("price2")) == ("26000.0", None)


def test_in_a_batch_pair_and_deadline_stand_outside(btc_usd: PairRules) -> None:
    assert not {"pair", "deadline"} & set(new(btc_usd, time_in_force=TimeInForce.IOC).form(alone=False))


@pytest.mark.parametrize(
    "more",
    [
        {"limit": None},
        {"trigger": Decimal(1)},
        {"order_type": OrderType.MARKET},
        {"order_type": OrderType.STOP_LOSS, "limit": None},
        {"order_type": OrderType.STOP_LOSS_LIMIT},
        {"order_type": OrderType.TAKE_PROFIT, "limit": None, "trigger": Decimal(1), "post_only": True},
        {"limit": Decimal("27500.05")},
        {"limit": Decimal("0")},
        {"limit": Decimal("-27500")},
        {"limit": Decimal("NaN")},
        {"limit": Decimal("Infinity")},
        {"quantity": Decimal("0.123456789")},
        {"quantity": Decimal(0)},
        {"quantity": Decimal(-1)},
        {"quantity": 1.25},
        {"quantity": Decimal("1e40")},
        {"cl_ord_id": ""},
        {"cl_ord_id": "longer than eighteen"},
        {"cl_ord_id": "line\nbreak"},
    ],
)
def test_an_order_that_cannot_be_written_exactly_is_refused(btc_usd: PairRules, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        new(btc_usd, **more)


def test_an_order_below_a_minimum_is_refused_before_it_is_sent(btc_usd: PairRules) -> None:
    with pytest.raises(OrderMinimumError, match=r"at least 0\.0001"):
        new(btc_usd, quantity=Decimal("0.00009"))
    with pytest.raises(OrderMinimumError, match=r"expected 0\.5"):
        new(btc_usd, quantity=Decimal("0.0001"), limit=Decimal("4999.9"))
    new(btc_usd, quantity=Decimal("0.0001"), limit=Decimal("5000"))


def test_a_tick_that_is_no_power_of_ten_is_kept(btc_usd: PairRules) -> None:
    rules = replace(btc_usd, tick=Decimal("0.5"))
    assert price_text(Decimal("100.5"), rules) == "100.5"
    with pytest.raises(UsageError, match=r"steps of 0\.5"):
        price_text(Decimal("100.4"), rules)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        ("1", 0, "1"),
        ("1", 8, "1.00000000"),
        ("1E+3", 1, "1000.0"),
        ("1E-8", 8, "0.00000001"),
        ("0.10", 1, "0.1"),
        ("-0.5", 1, "-0.5"),
        ("-0", 2, "0.00"),
        ("0E-99", 2, "0.00"),
        ("123456789012345678901234567890.12345678", 8, "123456789012345678901234567890.12345678"),
    ],
)
def test_numbers_are_written_in_plain_digits(value: str, decimals: int, text: str) -> None:
    assert exact(Decimal(value), decimals) == text


@pytest.mark.parametrize("value", ["0.1", "1e-9", "NaN", "sNaN", "-Infinity", "1e999999", "1e-999999"])
def test_numbers_that_would_need_rounding_are_refused(value: str) -> None:
    with pytest.raises(UsageError):
        exact(Decimal(value), 0)


def test_ids_are_uuids_hex_or_short_text() -> None:
    for good in ("6d1b345e-2821-40e2-ad83-4ecb18a06876", "6d1b345e282140e2ad834ecb18a06876", "arb-20240509-00010"):
        assert check_cl_ord_id(good) == good
    for bad in ("6d1b345e-2821-40e2-ad83-4ecb18a0687", "ä", " a", "a" * 19, "<script>"):
        with pytest.raises(UsageError):
            check_cl_ord_id(bad)


def test_a_deadline_is_never_written_later_than_it_is() -> None:
    assert deadline_text(DEADLINE) == "2026-01-02T03:04:05.678Z"
    assert deadline_text(DEADLINE - DEADLINE % 10**9) == "2026-01-02T03:04:05.000Z"


def test_an_amendment_names_one_order_and_something_new(btc_usd: PairRules) -> None:
    change = Amendment(btc_usd, DEADLINE, cl_ord_id="abc-1", limit=Decimal("100.1"), post_only=True)
    assert change.form() == {
        **{"cl_ord_id": "abc-1", "limit_price": "100.1", "post_only": "true", "deadline": "2026-01-02T03:04:05.678Z"}
    }
    for given in ({}, {"cl_ord_id": "a", "txid": "b"}, {"txid": "b", "limit": None}):
        with pytest.raises(UsageError):
            Amendment(btc_usd, DEADLINE, **{"limit": Decimal(1), **given})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="steps"):
        Amendment(btc_usd, DEADLINE, txid="b", quantity=Decimal(0))


def test_a_quantity_is_on_the_lot(btc_usd: PairRules) -> None:
    rules = replace(btc_usd, lot_decimals=2)
    assert quantity_text(Decimal("1.5"), rules) == "1.50"
    with pytest.raises(UsageError, match="2 decimals"):
        quantity_text(Decimal("1.505"), rules)

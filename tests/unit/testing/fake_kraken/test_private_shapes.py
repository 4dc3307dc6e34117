"""The fake's private answers have every field of the documented examples, and numbers of the same kind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real_data


def example(real_data: Path, name: str) -> Any:
    """Return the `result` of a documented example."""
    text = (real_data / "fixtures" / "kraken_docs_examples" / name).read_text(encoding="utf-8")
    return json.loads(text[text.index("{") :])["result"]


def kind(value: Any) -> str:
    """Return what a value is on the wire: a decimal text, another text, a number, a container."""
    if isinstance(value, str):
        return "decimal" if re.fullmatch(r"-?\d+(\.\d+)?", value) else "text"
    return {bool: "flag", int: "number", float: "number"}.get(type(value), type(value).__name__)


def differences(documented: dict[str, Any], ours: dict[str, Any], *free: str) -> list[str]:
    """Return where our fields are missing or of another kind; `free` ones may hold anything."""
    missing = [name for name in documented if name not in ours]
    other = [
        f"{name}: {kind(documented[name])} and {kind(ours[name])}"
        for name in documented.keys() & ours.keys()
        if name not in free and kind(documented[name]) != kind(ours[name])
    ]
    return missing + sorted(other)


def first(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the first row of rows by id."""
    return dict(next(iter(rows.values())))


def test_orders_look_as_documented(bench, real_data):
    order_id = bench.order("buy", "0.5", "49000", userref="1")
    documented = first(example(real_data, "Endpoints__Spot__Trading__GetOpenOrders.txt")["open"])
    bench.trade("48000", "0.2")
    ours = bench.call("OpenOrders", trades="true")["open"][order_id]
    assert differences(documented, ours, "refid") == []
    assert differences(documented["descr"], ours["descr"]) == []
    bench.call("CancelOrder", txid=order_id)
    stop = bench.order("buy", "0.1", "51000", ordertype="stop-loss-limit", price2="51000")
    bench.call("CancelOrder", txid=stop)
    documented = first(example(real_data, "Endpoints__Spot__Trading__GetClosedOrders.txt")["closed"])
    assert differences(documented, bench.call("ClosedOrders")["closed"][stop], "refid") == []


def test_fills_and_ledger_entries_look_as_documented(bench, real_data):
    bench.order("buy", "0.5")
    documented = first(example(real_data, "Endpoints__Spot__Trading__GetUserTrades.txt")["trades"])
    assert differences(documented, first(bench.call("TradesHistory")["trades"])) == []
    documented = first(example(real_data, "Endpoints__Spot__Account__GetLedgerInfo.txt")["ledger"])
    assert differences(documented, first(bench.call("Ledgers")["ledger"])) == []


def test_fees_and_values_look_as_documented(bench, real_data):
    documented = example(real_data, "Endpoints__Spot__Account__GetTradeVolume.txt")
    ours = bench.call("TradeVolume", pair="XBTUSD")
    assert differences(documented, ours) == []
    assert differences(documented["fees"]["XXBTZUSD"], ours["fees"]["XXBTZUSD"], "nextfee", "nextvolume") == []
    documented = example(real_data, "Endpoints__Spot__Account__GetTradeBalance.txt")
    assert differences(documented, bench.call("TradeBalance"), "ml") in ([], ["ml"])
    documented = example(real_data, "Endpoints__Spot__Account__GetApiKeyInfo.txt")
    assert differences(documented, bench.call("GetApiKeyInfo"), "iban", "api_key") == []


def test_answers_to_order_calls_look_as_documented(bench, real_data):
    documented = example(real_data, "Endpoints__Spot__Trading__PlaceOrder.txt")
    close = {"close[ordertype]": "stop-loss-limit", "close[price]": "22000", "close[price2]": "21000"}
    ours = bench.call("AddOrder", pair="XBTUSD", type="buy", ordertype="limit", volume="1", price="25000.1", **close)
    assert differences(documented, ours) == []
    assert (
        ours["descr"]["close"] == "close position @ stop loss 22000.0 -> limit 21000.0" == documented["descr"]["close"]
    )
    plain = bench.order("buy", "1", "25000")
    documented = example(real_data, "Endpoints__Spot__Trading__EditOrder.txt")
    assert differences(documented, bench.call("EditOrder", txid=plain, pair="XBTUSD", volume="1.25")) == []
    documented = example(real_data, "Endpoints__Spot__Trading__CancelAllOrdersAfter.txt")
    assert differences(documented, bench.call("CancelAllOrdersAfter", timeout="60")) == []
    documented = example(real_data, "Endpoints__Spot__Trading__CancelAllOrders.txt")
    assert differences(documented, bench.call("CancelAll")) == []

"""Other people's engines, the same bars, the same rules: every trade and the final equity to 1e-9.

The golden files were written by `benchmarks/oracles/make_golden.py`, which runs the peers; here only tradecore runs.
The bars are made again from their seed, and their sha256 must be the one in the file before anything is compared.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tradecore.core.orders import FillReason, Intent, Liquidity, OrderState, SizeKind
from tradecore.core.track import Track
from tradecore.core.types import Pair, Side, Timeframe
from tradecore.sim.model import VenueModel
from tradecore.sim.state import Tape
from tradecore.venues.simulated import SimulatedVenue

GOLDEN = Path(__file__).with_name("peers")
ORACLES = Path(__file__).resolve().parents[2] / "benchmarks" / "oracles"
FILES = tuple(sorted(path.name for path in GOLDEN.glob("*.json")))
PAIR = Pair("BTC", "USD")
CLOSE = 1e-9


@cache
def bars_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tradecore_oracle_bars", ORACLES / "bars.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def golden(name: str) -> dict[str, Any]:
    text = (GOLDEN / name).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text, parse_constant=lambda word: pytest.fail(f"{name} holds {word}"))
    return content


@cache
def bars(name: str) -> dict[str, np.ndarray]:
    oracle = bars_module()
    made: dict[str, np.ndarray] = oracle.make_bars(oracle.Case(**golden(name)["case"]))
    return made


def tape_of(market: dict[str, np.ndarray]) -> Tape:
    count = len(market["open"])
    prices = [market[field].reshape(1, -1).copy() for field in ("open", "high", "low", "close", "volume")]
    arrays = [market["open_time"].copy(), *prices, np.ones((1, count), np.bool_), np.zeros(count)]
    for array in arrays:
        array.flags.writeable = False  # as every tape in the product: another signature would compile again
    return Tape(*arrays)


@cache
def tradecore_run(name: str) -> Track:
    """Play the peer's rules through the simulated venue, one bar and one decision at a time."""
    oracle, told, market = bars_module(), golden(name), bars(name)
    rules = oracle.Rules(**told["rules"])
    long, flat = oracle.wanted(market, rules)
    model = VenueModel(
        maker_fee=rules.fee_rate, taker_fee=rules.fee_rate, half_spread=0.0, slippage=rules.slippage,
        participation=np.inf, lot=told["convention"]["lot"], min_notional=0.0,
    )  # fmt: skip
    venue = SimulatedVenue((PAIR,), Timeframe.parse("1m"), tape_of(market), model, rules.start_cash)
    holding, sent = False, 0
    for index in range(len(long)):
        venue.advance(index)
        if not holding and long[index]:
            venue.submit(Intent(sent, PAIR, Side.BUY, size=rules.size_fraction))
        elif holding and flat[index]:
            venue.submit(Intent(sent, PAIR, Side.SELL, size_kind=SizeKind.ALL, reduce_only=True))
        else:
            continue
        holding, sent = not holding, sent + 1
    return venue.track()


@pytest.mark.parametrize("name", FILES)
def test_the_bars_are_the_ones_the_peer_saw(name: str) -> None:
    assert bars_module().sha256(bars(name)) == golden(name)["bars_sha256"]


@pytest.mark.parametrize("name", FILES)
def test_every_trade_equals_the_peers(name: str) -> None:
    ours, theirs = tradecore_run(name).trades, golden(name)["trades"]
    assert len(ours) == len(theirs) > 100
    for field in ("entry_bar", "exit_bar"):
        assert ours[field].tolist() == [trade[field] for trade in theirs]
    for field in ("entry_price", "exit_price", "quantity", "fees"):
        np.testing.assert_allclose(ours[field], [trade[field] for trade in theirs], rtol=CLOSE, err_msg=field)
    # A net result is a small difference of large sums, so its error is measured against what was traded.
    notional = float((ours["quantity"] * ours["entry_price"]).max())
    np.testing.assert_allclose(ours["net"], [trade["net"] for trade in theirs], rtol=CLOSE, atol=1e-12 * notional)


@pytest.mark.parametrize("name", FILES)
def test_final_equity_and_the_open_position_equal_the_peers(name: str) -> None:
    track, told = tradecore_run(name), golden(name)
    assert track.curve.equity[-1] == pytest.approx(told["final_equity"], rel=CLOSE)
    if told["final_cash"] is not None:
        assert track.curve.cash[-1] == pytest.approx(told["final_cash"], rel=CLOSE)
    (still_open,) = told["open_position"]
    entry = track.fills[-1]
    assert (int(entry["side"]), int(entry["bar"])) == (1, still_open["entry_bar"])
    assert entry["price"] == pytest.approx(still_open["entry_price"], rel=CLOSE)
    assert entry["quantity"] == pytest.approx(still_open["quantity"], rel=CLOSE)


@pytest.mark.parametrize("name", FILES)
def test_every_order_filled_whole_as_a_taker_one_bar_after_its_decision(name: str) -> None:
    track = tradecore_run(name)
    assert set(track.fills["liquidity"].tolist()) == {int(Liquidity.TAKER)}
    assert set(track.fills["reason"].tolist()) == {int(FillReason.SIGNAL)}
    assert set(track.orders["state"].tolist()) == {int(OrderState.FILLED)}


def test_both_peers_and_both_markets_are_there() -> None:
    assert FILES == ("backtesting_a.json", "backtesting_b.json", "vectorbt_a.json", "vectorbt_b.json")

"""From signal to intent: what can be meant passes, what cannot is a fault that names field, value and range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tradecore.core.errors import FaultError
from tradecore.core.orders import Action, At, Base, OrderKind, Quote, Signal, SizeKind
from tradecore.core.types import Pair, Side
from tradecore.engine.signals import checked, intent_of, is_exit, signals_of

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
PAIRS = {"BTC/USD": BTC, "ETH/USD": ETH}
BUY, SELL, CLOSE, HOLD = (Signal(action) for action in (Action.BUY, Action.SELL, Action.CLOSE, Action.HOLD))


def test_nothing_is_an_answer() -> None:
    assert signals_of(None, PAIRS, None) == signals_of(None, PAIRS, BTC) == signals_of({}, PAIRS, None) == []


def test_one_signal_answers_for_the_only_pair() -> None:
    assert signals_of(BUY, {"BTC/USD": BTC}, BTC) == [(BTC, BUY)]


def test_several_pairs_are_answered_by_name_or_by_pair() -> None:
    assert signals_of({"ETH/USD": BUY, BTC: HOLD}, PAIRS, None) == [(ETH, BUY), (BTC, HOLD)]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (BUY, "one signal for a session of several pairs"),
        ("buy", r"decide answered with str, expected a signal: self\.buy"),
        ([BUY], "decide answered with list"),
        ({"DOGE/USD": BUY}, "signal for unknown pair DOGE/USD; this session has BTC/USD, ETH/USD"),
        ({"BTC/USD": None}, "BTC/USD: NoneType is not a signal"),
        ({"BTC/USD": replace(BUY, size=7.0)}, r"size is 7\.0"),
    ],
)
def test_what_is_no_answer_is_a_fault(answer: object, told: str) -> None:
    with pytest.raises(FaultError, match=told):
        signals_of(answer, PAIRS, None)


def test_an_unknown_name_is_cut_before_it_is_told() -> None:
    with pytest.raises(FaultError) as caught:
        signals_of({"X" * 10_000: BUY}, PAIRS, None)
    assert len(str(caught.value)) < 200


GOOD: list[dict[str, Any]] = [
    {"size": 1.0}, {"size": 1}, {"size": Quote(1e-9)}, {"size": Base(5)}, {"confidence": 0.0}, {"confidence": 1.0},
    {"reason": "x" * 200}, {"regime": "x" * 200}, {"slippage_tolerance": 0.0}, {"slippage_tolerance": 0.99},
    {"trail": 0.5}, {"stop": -0.99}, {"target": 0.01}, {"stop": At(5.0)}, {"target": At(5.0)}, {"limit": 0.02},
    {"limit": -0.02}, {"trigger": 0.02}, {"limit": At(1.0)},
]  # fmt: skip


@pytest.mark.parametrize("fields", GOOD)
def test_what_can_be_meant_passes_unchanged(fields: dict[str, Any]) -> None:
    signal = replace(BUY, **fields)
    assert checked(signal) is signal


NAN, INF = float("nan"), float("inf")
BAD: list[dict[str, Any]] = [
    *({"size": value} for value in (0.0, -0.1, 1.01, NAN, INF, "1", None, Quote(0.0), Quote(INF), Base(NAN), Base(-1))),
    *({"confidence": value} for value in (-0.01, 1.01, NAN)),
    *({"reason": value} for value in ("x" * 201, 7, None)),
    *({"regime": value} for value in ("x" * 201, 7, None)),
    *({"slippage_tolerance": value} for value in (-0.01, 1.0, NAN)),
    *({"trail": value} for value in (0.0, 1.0, -0.1, NAN)),
    *({"stop": value} for value in (0.0, 0.01, -1.0, NAN, At(0.0), At(NAN), At(-1.0), "5", 61_000.0)),
    *({"target": value} for value in (0.0, -0.01, 1.0, NAN, At(INF))),
    *({"limit": value} for value in (1.0, -1.0, NAN, At(0.0), 61_000.0)),
    *({"trigger": value} for value in (1.0, NAN, At(-2.0))),
]


@pytest.mark.parametrize("fields", BAD, ids=str)
def test_what_cannot_be_meant_is_a_fault_that_names_field_and_range(fields: dict[str, Any]) -> None:
    (name,) = fields
    with pytest.raises(FaultError, match=f"^{name} is .*, expected "):
        checked(replace(BUY, **fields))


def test_limit_and_trigger_exclude_one_another() -> None:
    with pytest.raises(FaultError, match="limit and trigger is 'both given', expected one of them"):
        checked(replace(BUY, limit=-0.01, trigger=0.01))


def test_stop_and_target_of_a_short_lie_on_the_other_side() -> None:
    assert checked(replace(SELL, stop=0.02, target=-0.05)).stop == 0.02
    for fields in ({"stop": -0.02}, {"target": 0.05}):
        with pytest.raises(FaultError, match="a signed fraction"):
            checked(replace(SELL, **fields))


def test_an_action_that_is_none_is_a_fault() -> None:
    with pytest.raises(FaultError, match="action is 'buy it', expected one of buy, sell, close, hold"):
        checked(replace(BUY, action="buy it"))  # type: ignore[arg-type]


def test_a_hold_with_too_long_a_reason_is_a_fault_like_any_other() -> None:
    with pytest.raises(FaultError, match="reason is"):
        checked(replace(HOLD, reason="x" * 201))
    assert checked(HOLD) is HOLD


@pytest.mark.parametrize(
    ("signal", "position", "exits"),
    [
        (CLOSE, 0.0, True), (CLOSE, 2.0, True), (SELL, 2.0, True), (SELL, 0.0, False), (SELL, -2.0, False),
        (BUY, -2.0, True), (BUY, 0.0, False), (BUY, 2.0, False),
    ],
)  # fmt: skip
def test_an_exit_is_what_reduces_a_position(signal: Signal, position: float, exits: bool) -> None:
    assert is_exit(signal, position) is exits


@pytest.mark.parametrize(("position", "side"), [(2.0, Side.SELL), (-2.0, Side.BUY)])
def test_closing_takes_the_whole_position_from_its_own_side(position: float, side: Side) -> None:
    intent = intent_of(CLOSE, 5, BTC, position, 10.0, 99)
    assert (intent.side, intent.size_kind, intent.kind, intent.reduce_only) == (
        side,
        SizeKind.ALL,
        OrderKind.MARKET,
        True,
    )


@pytest.mark.parametrize(
    ("size", "kind", "amount"),
    [(0.25, SizeKind.FRACTION, 0.25), (Quote(50.0), SizeKind.QUOTE, 50.0), (Base(2.0), SizeKind.BASE, 2.0)],
)
def test_a_size_keeps_what_it_counts(size: Any, kind: SizeKind, amount: float) -> None:
    intent = intent_of(replace(BUY, size=size), 1, BTC, 0.0, 10.0, 99)
    assert (intent.size_kind, intent.size) == (kind, amount)


def test_a_limit_and_a_trigger_refer_to_the_close_and_a_price_stands() -> None:
    limit = intent_of(replace(BUY, limit=-0.1), 1, BTC, 0.0, 10.0, 99)
    trigger = intent_of(replace(SELL, trigger=-0.2), 2, BTC, 1.0, 10.0, 99)
    fixed = intent_of(replace(BUY, limit=At(8.5)), 3, BTC, 0.0, 10.0, 99)
    assert (limit.kind, limit.price) == (OrderKind.LIMIT, 9.0)
    assert (trigger.kind, trigger.price, trigger.reduce_only) == (OrderKind.STOP, 8.0, True)
    assert (fixed.kind, fixed.price) == (OrderKind.LIMIT, 8.5)


def test_an_intent_carries_its_number_its_moment_and_everything_said() -> None:
    said = replace(BUY, stop=-0.1, target=0.2, trail=0.05, slippage_tolerance=0.01, reason="so")
    intent = intent_of(said, 7, ETH, 0.0, 10.0, 99)
    assert (intent.pair, intent.side, intent.reduce_only, intent.reason) == (ETH, Side.BUY, False, "so")
    assert (intent.stop, intent.target, intent.trail, intent.slippage) == (-0.1, 0.2, 0.05, 0.01)
    assert (intent.id, intent.decided_at) == (7, 99)

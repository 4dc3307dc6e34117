"""The contract: what a strategy says of itself, what it proposes, and what it remembers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from tradecore.core.errors import ConfigError, StrategyError
from tradecore.core.orders import Action, At, Base, Quote
from tradecore.strategy.contract import STATE_LIMIT, Strategy, export_state
from tradecore.strategy.parameters import Int


class Counting(Strategy):
    """Counts bars."""

    params: ClassVar = {"fast": Int(9, 2, 50)}

    def __init__(self, **given: object) -> None:
        super().__init__(**given)
        self.bars = 0
        self.levels: dict[str, list[float]] = {"high": [1.5]}
        self._cache = object()


def test_parameters_are_bound_by_name_and_read_from_p() -> None:
    assert Counting().p.fast == 9
    assert Counting(fast="12").p._asdict() == {"fast": 12}
    with pytest.raises(AttributeError):
        Counting().p.fast = 3
    with pytest.raises(ConfigError, match="unknown parameter slow"):
        Counting(slow=3)


def test_a_strategy_without_parameters_takes_none() -> None:
    assert Strategy().p._asdict() == {}


def test_a_strategy_is_known_by_its_class() -> None:
    assert (Counting.name(), Counting().name()) == ("Counting", "Counting")


def test_a_strategy_that_does_not_decide_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Counting has no decide\(market, account\)"):
        Counting().decide(None, None)  # type: ignore[arg-type]


def test_it_needs_no_feature_and_no_pair_unless_it_says_so() -> None:
    assert (Strategy().features(None), Strategy.pairs, Strategy.timeframe) == ({}, (), "1h")


def test_every_proposal_carries_what_it_was_given() -> None:
    made = Strategy()
    given: dict[str, Any] = {
        "limit": At(10.0), "stop": -0.1, "target": 0.2, "trail": 0.05, "slippage_tolerance": 0.01,
        "confidence": 0.4, "regime": "calm", "reason": "so",
    }  # fmt: skip
    for signal, action in ((made.buy(Quote(5.0), **given), Action.BUY), (made.sell(Base(2.0), **given), Action.SELL)):
        assert signal.action is action
        assert {name: getattr(signal, name) for name in given} == given
    assert made.buy(0.5, trigger=0.01).trigger == 0.01
    assert made.sell(trigger=-0.01).trigger == -0.01
    assert made.buy().size == 1.0


def test_closing_and_holding_say_why() -> None:
    made = Strategy()
    close, hold = made.close("enough", limit=0.01, confidence=0.3, regime="r"), made.hold("thin", confidence=0.2)
    assert (close.action, close.reason, close.limit, close.confidence, close.regime) == (
        Action.CLOSE, "enough", 0.01, 0.3, "r",
    )  # fmt: skip
    assert (hold.action, hold.reason, hold.confidence) == (Action.HOLD, "thin", 0.2)


def test_what_it_remembers_is_its_public_attributes_and_comes_back() -> None:
    one, two = Counting(), Counting()
    one.bars = 7
    assert one.state() == {"bars": 7, "levels": {"high": [1.5]}}
    two.restore(one.state())
    assert (two.bars, export_state(two)) == (7, export_state(one))


def test_state_is_canonical_json() -> None:
    one = Counting()
    one.zeta, one.alpha = 1, [None, True, "x"]  # type: ignore[attr-defined]
    assert export_state(one) == '{"alpha":[null,true,"x"],"bars":0,"levels":{"high":[1.5]},"zeta":1}'


@pytest.mark.parametrize("value", [np.float64("nan"), float("inf"), object(), {1, 2}, np.zeros(3), np.int64(3)])
def test_state_that_is_no_json_is_refused_with_what_would_be(value: object) -> None:
    one = Counting()
    one.odd = value  # type: ignore[attr-defined]
    with pytest.raises(StrategyError, match=r"Counting: state is not JSON .* keep numbers, text, lists and dicts"):
        export_state(one)


def test_state_may_fill_its_limit_and_not_a_byte_more() -> None:
    one = Strategy()
    frame = len('{"text":""}')
    one.text = "x" * (STATE_LIMIT - frame)  # type: ignore[attr-defined]
    assert len(export_state(one)) == STATE_LIMIT
    one.text += "x"  # type: ignore[attr-defined]
    with pytest.raises(StrategyError, match="state is 65,537 bytes, the limit is 65,536"):
        export_state(one)


def test_a_limit_of_bytes_counts_bytes_of_what_is_not_ascii() -> None:
    one = Strategy()
    one.text = "é" * (STATE_LIMIT // 2)  # type: ignore[attr-defined]
    with pytest.raises(StrategyError, match="the limit is"):
        export_state(one)


def test_randomness_asked_twice_in_one_decision_is_the_same_stream() -> None:
    one = Strategy()
    one._seed, one._now = 5, 1_700_000_000_000_000_000
    assert one.rng.random() == one.rng.random()
    first = one.rng.random()
    one._now += 1
    second = one.rng.random()
    one._seed = 6
    assert len({first, second, one.rng.random()}) == 3

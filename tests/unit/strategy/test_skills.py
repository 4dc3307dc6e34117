"""The skills that strategies share: exposure from conditions, sizes, the calendar."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.errors import StrategyError
from tradecore.core.types import DAY_NS, parse_time
from tradecore.strategy.skills.calendar import hour, period, weekday
from tradecore.strategy.skills.exposure import latch, shifted
from tradecore.strategy.skills.sizing import kelly_share, risk_share, volatility_share


def one_by_one(enter: np.ndarray, leave: np.ndarray) -> list[float]:  # type: ignore[type-arg]
    wanted, inside = [], False
    for goes_in, goes_out in zip(enter, leave, strict=True):
        inside = not goes_out if inside else bool(goes_in)
        wanted.append(float(inside))
    return wanted


@pytest.mark.parametrize("both", [False, True])
def test_latch_is_what_a_decide_that_asks_for_its_position_does(both: bool) -> None:
    rng = np.random.default_rng(3)
    enter, leave = rng.random(500) < 0.1, rng.random(500) < 0.1
    if not both:
        leave &= ~enter
    assert latch(enter, leave).tolist() == one_by_one(enter, leave)


def test_a_shift_towards_the_future_is_refused() -> None:
    with pytest.raises(StrategyError, match="shows the future"):
        shifted(np.arange(3.0), -1)


def test_a_shift_longer_than_the_column_leaves_nothing() -> None:
    assert np.isnan(shifted(np.arange(3.0), 5)).all()


def test_sizes_never_exceed_their_most() -> None:
    assert volatility_share(0.0, 0.2) == 1.0
    assert volatility_share(0.1, 0.2, most=0.5) == 0.5
    assert risk_share(100.0, 99.9, 0.01) == 1.0
    assert kelly_share(0.4, 1.0) == 0.0


@pytest.mark.parametrize(
    "call",
    [lambda: volatility_share(float("nan"), 0.2), lambda: risk_share(1.0, 1.0, 0.1), lambda: kelly_share(1.5, 1.0)],
)
def test_sizes_refuse_what_is_no_answer(call: object) -> None:
    with pytest.raises(StrategyError):
        call()  # type: ignore[operator]


def test_the_calendar_is_that_of_utc() -> None:
    moment = parse_time("2024-02-29T13:59:00Z")
    assert (hour(moment), weekday(moment)) == (13, 3)
    assert period(moment + DAY_NS, 1) == period(moment, 1) + 1

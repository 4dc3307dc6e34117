"""The equity curve: returns are time-weighted, whatever money comes and goes."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.track import Curve


def curve(equity: list[float], flow: list[float], start: float = 100.0) -> Curve:
    zeros = np.zeros(len(equity))
    return Curve(
        np.arange(len(equity)), np.array(equity), zeros, np.array(flow), zeros, zeros, zeros.astype(np.bool_), start
    )


def test_a_deposit_is_no_return():
    assert curve([100, 200], [0, 100]).returns().tolist() == [0.0, 0.0]


def test_a_withdrawal_is_no_loss():
    assert curve([100, 60], [0, -50]).returns() == pytest.approx([0.0, 0.2])


def test_wealth_is_what_one_unit_became():
    assert curve([110, 121], [0, 0]).wealth() == pytest.approx([1.1, 1.21])


def test_an_empty_account_earns_nothing():
    assert curve([0, 0], [-100, 0]).returns().tolist() == [0.0, 0.0]

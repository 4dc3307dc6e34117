"""The arithmetic of money, with Decimal, compiled, and as a CUDA device function: one source, three readers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import config

from tradecore.portfolio import accounting
from tradecore.sim import fills

D = Decimal


def test_a_round_trip_in_decimal_counts_each_fee_once():
    fee = accounting.fee_of(D("100"), D("0.004"))
    paid = accounting.cash_change(1, D("100"), fee)
    quantity, cost = accounting.enter(D(0), D(0), 1, D(2), paid)
    assert (quantity, cost) == (D(2), D("100.400"))
    fee = accounting.fee_of(D("120"), D("0.004"))
    got = accounting.cash_change(-1, D("120"), fee)
    left, cost, realised = accounting.leave(quantity, cost, -1, D(2), got)
    assert (left, cost) == (0, 0)
    assert realised == D("120") - D("0.480") - D("100.400")


def test_a_partial_exit_takes_cost_in_proportion():
    left, cost, realised = accounting.leave(D(4), D(400), -1, D(1), D(110))
    assert (left, cost, realised) == (D(3), D(300), D(10))


def test_a_short_keeps_its_proceeds_as_negative_cost_and_gains_when_it_is_bought_back_cheaper():
    quantity, cost = accounting.enter(D(0), D(0), -1, D(1), accounting.cash_change(-1, D(100), D(1)))
    assert (quantity, cost) == (D(-1), D(-99))
    assert accounting.unrealised_of(quantity, cost, D(90)) == D(9)
    left, cost, realised = accounting.leave(quantity, cost, 1, D(1), accounting.cash_change(1, D(90), D(1)))
    assert (left, cost, realised) == (0, 0, D(8))


def test_a_closed_position_leaves_no_residue_of_rounding():
    quantity, cost = accounting.enter(0.0, 0.0, 1, 0.3, -0.1 * 0.3)
    for part in (0.1, 0.1):
        quantity, cost, _ = accounting.leave(quantity, cost, -1, part, 0.01)
    assert accounting.leave(quantity, cost, -1, quantity, 0.01)[:2] == (0.0, 0.0)


def test_affordable_quantity_pays_its_own_fee():
    quantity = accounting.affordable_quantity(Fraction(1000), Fraction(30), Fraction(4, 1000))
    notional = accounting.notional_of(quantity, Fraction(30))
    assert notional + accounting.fee_of(notional, Fraction(4, 1000)) == 1000


amounts = st.decimals(min_value="0.0001", max_value="1000000", places=4)


@given(st.lists(st.tuples(st.sampled_from([1, -1]), amounts, amounts), max_size=30), amounts)
def test_equity_is_deposits_plus_realised_plus_unrealised_after_any_fills(orders, price):
    cash = deposits = Fraction(10**6)
    quantity = cost = realised = Fraction(0)
    for side, size, at in orders:
        filled = Fraction(size) if quantity * side >= 0 else min(Fraction(size), abs(quantity))
        notional = accounting.notional_of(filled, Fraction(at))
        change = accounting.cash_change(side, notional, accounting.fee_of(notional, Fraction(4, 1000)))
        if quantity * side >= 0:
            quantity, cost = accounting.enter(quantity, cost, side, filled, change)
        else:
            quantity, cost, gain = accounting.leave(quantity, cost, side, filled, change)
            realised += gain
        cash += change
    mark = Fraction(price)
    assert cash + quantity * mark == deposits + realised + accounting.unrealised_of(quantity, cost, mark)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled while coverage is measured")
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("fee_of", (120.0, 0.004)),
        ("cash_change", (-1, 120.0, 0.48)),
        ("affordable_quantity", (1000.0, 30.0, 0.004)),
        ("enter", (1.5, 30.0, 1, 0.5, -10.0)),
        ("leave", (1.5, 30.0, -1, 0.5, 12.0)),
        ("unrealised_of", (1.5, 30.0, 25.0)),
    ],
)
def test_the_compiled_function_is_the_plain_one(name: str, values: tuple[float, ...]):
    compiled = getattr(fills, name)
    assert compiled.py_func is getattr(accounting, name)
    assert compiled(*values) == getattr(accounting, name)(*values)


CUDA = """
import json, numpy as np
from numba import cuda
from tradecore.portfolio import accounting
change, enter, leave = (cuda.jit(device=True)(f) for f in (accounting.cash_change, accounting.enter, accounting.leave))

@cuda.jit
def round_trip(out):
    i = cuda.grid(1)
    if i < out.shape[0]:
        quantity, cost = enter(0.0, 0.0, 1, 2.0, change(1, 100.0 + i, 0.4))
        left, cost, realised = leave(quantity, cost, -1, 2.0, change(-1, 120.0, 0.48))
        out[i, 0], out[i, 1], out[i, 2] = left, cost, realised

out = np.zeros((4, 3))
round_trip[1, 4](out)
print(json.dumps(out.tolist()))
"""


def test_the_same_source_runs_as_a_cuda_device_function():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CUDA], env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = json.loads(done.stdout)
    assert rows == [[0.0, 0.0, pytest.approx(120 - 0.48 - (100 + i + 0.4))] for i in range(4)]

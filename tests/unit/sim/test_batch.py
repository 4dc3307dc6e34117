"""A batch refuses what it cannot do; that it equals single venues is held in tests/property/test_sim.py."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.errors import UsageError
from tradecore.core.orders import SizeKind
from tradecore.core.types import MINUTE_NS, Pair
from tradecore.sim.batch import Batch
from tradecore.sim.model import VenueModel
from tradecore.sim.state import Tape

PAIRS = (Pair("BTC", "USD"),)


def tape(count: int = 4) -> Tape:
    price = np.full((1, count), 10.0)
    real = np.ones((1, count), np.bool_)
    return Tape(np.arange(count) * MINUTE_NS, price, price, price, price, price * 1e6, real, np.zeros(count))


def buy(batch: Batch, times: int) -> None:
    one = np.zeros(1, np.int64)
    for _ in range(times):
        batch.submit(one, one, one + 1, one + int(SizeKind.FRACTION), np.full(1, 0.1))


def test_a_batch_has_at_least_one_environment():
    with pytest.raises(UsageError, match="at least one"):
        Batch(PAIRS, tape(), VenueModel(), 100.0, 0)


def test_a_batch_is_long_only():
    with pytest.raises(UsageError, match="long-only"):
        Batch(PAIRS, tape(), VenueModel(allow_short=True), 100.0, 1)


def test_an_environment_without_room_for_an_order_says_so():
    batch = Batch(PAIRS, tape(), VenueModel(latency_bars=9), 100.0, 1)
    with pytest.raises(UsageError, match="resting orders"):
        buy(batch, 99)


def test_an_environment_at_the_end_of_the_tape_must_be_reset():
    batch = Batch(PAIRS, tape(2), VenueModel(), 100.0, 1)
    batch.step()
    batch.step()
    with pytest.raises(UsageError, match="reset"):
        batch.step()


def test_a_reset_environment_is_as_new():
    batch = Batch(PAIRS, tape(), VenueModel(), 100.0, 2)
    buy(batch, 1)
    batch.step()
    assert batch.positions["quantity"][0, 0] > 0.0
    batch.reset(np.array([0]), np.array([2]))
    assert batch.positions["quantity"][0, 0] == 0.0
    assert batch.account["cash"].tolist() == [100.0, 100.0]
    assert batch.cursor.tolist() == [2, 1]

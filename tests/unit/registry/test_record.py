"""A run's record: what can be written in it, and how a machine, its code and its data are described."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.orders import Action
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.registry import record


def _bars(dataset: str = "") -> Bars:
    flat = np.full(3, 100.0)
    times = np.arange(3, dtype=np.int64) * HOUR_NS
    return Bars(Pair("BTC", "USD"), Timeframe(HOUR_NS), times, flat, flat, flat, flat, flat, "synthetic:test", dataset)


@dataclass(frozen=True)
class _Costs:
    fee_rate: float
    pair: Pair


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Pair("BTC", "USD"), "BTC/USD"),
        (Timeframe(HOUR_NS), "1h"),
        (Path("a/b"), "a/b"),
        (Decimal("0.10"), "0.10"),
        (Action.BUY, "buy"),
        (np.float64(1.5), 1.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (True, True),
        (None, None),
        ((1, "x"), [1, "x"]),
        ({"b", "a"}, ["a", "b"]),
        (np.array([1.0, np.nan]), [1.0, None]),
        (_Costs(0.004, Pair("BTC", "USD")), {"fee_rate": 0.004, "pair": "BTC/USD"}),
        (float("inf"), None),
    ],
)
def test_values_of_the_trade_are_written_plainly(value: object, written: object) -> None:
    assert record.plain(value) == written
    assert type(record.plain(value)) is type(written)


def test_what_has_no_plain_form_is_refused_by_its_place() -> None:
    with pytest.raises(DataError, match=r"arguments\.deep\[1\] is a object"):
        record.plain_mapping({"deep": [1, object()]}, "arguments")


def test_bars_are_described_by_the_hash_of_their_manifest_or_of_their_content() -> None:
    stored, made = record.describe_data([_bars("abc"), _bars()])
    assert stored.dataset == "abc"
    assert made.dataset == _bars().content_hash()
    assert (made.pair, made.timeframe, made.bars, made.is_synthetic) == ("BTC/USD", "1h", 3, True)
    assert (made.start, made.end) == ("1970-01-01T00:00:00Z", "1970-01-01T03:00:00Z")


def test_code_hash_is_the_same_twice_and_versions_name_what_numbers_depend_on() -> None:
    assert record.describe_code() == record.describe_code()
    assert len(record.describe_code().hash) == 64
    assert set(record.describe_versions()) == {"python", "tradecore", "numpy", "numba"}


def test_this_process_is_alive_and_one_that_took_its_number_later_is_not_it() -> None:
    host = record.describe_host()
    assert not record.is_process_gone(host)
    assert record.is_process_gone(host.model_copy(update={"process_started": host.process_started - 100}))


def test_a_process_on_another_machine_is_never_called_gone() -> None:
    host = record.describe_host().model_copy(update={"name": "elsewhere", "process_started": 0.0})
    assert not record.is_process_gone(host)

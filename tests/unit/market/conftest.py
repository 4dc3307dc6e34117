"""Small archives made by hand, and the day they are about."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.types import Pair, Timeframe, parse_time
from tradecore.market.lake import Lake

BTC = Pair.parse("BTC/USD")
M1 = Timeframe.parse("1m")
DAY = 1_672_531_200
"""2023-01-01T00:00:00Z in seconds."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", clock=ManualClock(parse_time("2024-01-01")))


@pytest.fixture
def ohlcvt() -> Callable[..., str]:
    """Return the text of an OHLCVT archive: one bar per given minute of 2023-01-01, its price the minute's number."""

    def make(minutes: Sequence[int], step: int = 60) -> str:
        lines = [f"{DAY + m * step},{100 + m},{102 + m},{99 + m},{101 + m},{1 + m / 10},{m + 1}" for m in minutes]
        return "".join(line + "\n" for line in lines)

    return make


@pytest.fixture
def trades_csv() -> Callable[..., str]:
    """Return the text of a trades archive from (second, price, volume) of 2023-01-01."""

    def make(rows: Sequence[tuple[float, float, float]]) -> str:
        return "".join(f"{DAY + second},{price},{volume}\n" for second, price, volume in rows)

    return make


@pytest.fixture
def zip_of(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, **members: str) -> Path:
        path = tmp_path / name
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in members.items():
                archive.writestr(f"{member}.csv", text)
        path.write_bytes(buffer.getvalue())
        return path

    return make


@pytest.fixture
def bars_parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write a Parquet file of 1-minute bars; keyword columns replace those made."""

    def make(name: str = "BTCUSD_1m.parquet", minutes: Sequence[int] = range(10), **columns: object) -> Path:
        path = tmp_path / name
        data = {
            "timestamp": [(DAY + m * 60) * 1000 for m in minutes],
            "open": [100.0 + m for m in minutes],
            "high": [102.0 + m for m in minutes],
            "low": [99.0 + m for m in minutes],
            "close": [101.0 + m for m in minutes],
            "volume": [1.0 + m for m in minutes],
        }
        pl.DataFrame({**data, **columns}).write_parquet(path)
        return path

    return make

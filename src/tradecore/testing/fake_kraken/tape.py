"""The trades that the fake venue plays: one pair's tape, from a file, from arrays, or made by a seed.

A tape is what happened, before any clock: the market cuts it at now. Tests and the command line make it.
Invariants: `time` (the venue's inner cursor, nanoseconds) never falls; trade ids rise; prices and amounts are positive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tradecore.core.errors import DataError, NothingThereError, UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS, BoolArray, FloatArray, IntArray, Nanoseconds

Ties = Literal["kept", "spread"]

_TIME_UNITS = {"time": 1, "time_ns": 1, "timestamp": 1_000_000}


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Trades, oldest first.

    Shape: all (N,). `time` ns, the inner cursor that `since` and `last` speak of; `shown_time` ns, what rows show;
    `side` +1 when the taker bought, -1 when it sold; `limit` whether the taker's order was a limit order.
    """

    time: IntArray
    shown_time: IntArray
    price: FloatArray
    amount: FloatArray
    side: IntArray
    limit: BoolArray
    trade_id: IntArray

    def __post_init__(self) -> None:
        names = ("time", "shown_time", "price", "amount", "side", "limit", "trade_id")
        lengths = {name: len(getattr(self, name)) for name in names}
        if len(set(lengths.values())) != 1:
            raise DataError(f"tape: columns of different lengths {lengths}; expected one row per trade in each")
        if np.any(np.diff(self.time) < 0) or np.any(np.diff(self.trade_id) <= 0):
            raise DataError("tape: times fall or trade ids do not rise; expected trades in the venue's order")
        if not (np.all(self.price > 0) and np.all(self.amount > 0) and np.all(np.abs(self.side) == 1)):
            raise DataError("tape: a price or amount is not positive, or a side is not +1 or -1; look at the source")

    def __len__(self) -> int:
        return len(self.time)

    def shifted(self, by: Nanoseconds) -> Tape:
        """Return the same trades at other times."""
        return replace(self, time=self.time + by, shown_time=self.shown_time + by)

    def shown_to(self, decimals: int) -> Tape:
        """Return the same trades with times shown to so many decimals of a second: old rows show four."""
        unit = 10 ** (9 - decimals)
        return replace(self, shown_time=self.shown_time // unit * unit)

    @classmethod
    def of_arrays(cls, time: Any, price: Any, amount: Any, side: Any, **more: Any) -> Tape:
        """Return a tape of given columns. Left out: `shown_time` = time, `limit` = False, `trade_id` from 1 up.

        Errors: DataError when the columns break the rules of a tape.
        """
        inner = np.asarray(time, np.int64)
        ids = more.pop("trade_id", None)
        shown = more.pop("shown_time", None)
        limit = more.pop("limit", None)
        if more:
            raise UsageError(f"tape: unknown columns {sorted(more)}; expected shown_time, limit or trade_id")
        return cls(
            inner,
            inner if shown is None else np.asarray(shown, np.int64),
            np.asarray(price, np.float64),
            np.asarray(amount, np.float64),
            np.asarray(side, np.int64),
            np.zeros(len(inner), np.bool_) if limit is None else np.asarray(limit, np.bool_),
            np.arange(1, len(inner) + 1, dtype=np.int64) if ids is None else np.asarray(ids, np.int64),
        )

    @classmethod
    def from_parquet(cls, path: Path | str, ties: Ties = "spread") -> Tape:
        """Read trades from a Parquet file: the lake's own, or one with `timestamp` in milliseconds.

        Trades that share a time get inner cursors one nanosecond apart (`spread`), as at the venue, or share it too
        (`kept`). Errors: NothingThereError without the file, DataError when it or its columns
        are not what they must be.
        """
        import polars as pl

        if not Path(path).is_file():
            raise NothingThereError(f"tape {path}: no such file; expected a Parquet file of trades")
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"tape {path}: cannot be read ({error}); expected a Parquet file of trades") from error
        column = next((name for name in _TIME_UNITS if name in frame.columns), None)
        missing = [name for name in ("trade_id", "price", "amount", "side") if name not in frame.columns]
        if column is None or missing:
            raise DataError(
                f"{Path(path).name}: columns {frame.columns}; expected a time, trade_id, price, amount, side"
            )
        holes = [name for name in (column, "trade_id", "price", "amount", "side") if frame[name].null_count()]
        if holes:
            raise DataError(
                f"{Path(path).name}: rows without {', '.join(holes)}; expected trades with ids, as from REST"
            )
        shown = frame[column].cast(pl.Int64).to_numpy() * _TIME_UNITS[column]
        side = frame["side"]
        sign = np.where(side.is_in(["buy", "b"]).to_numpy(), 1, -1) if side.dtype == pl.String else side.to_numpy()
        kind = next((name for name in ("type", "order_type") if name in frame.columns), None)
        limit = None if kind is None else frame[kind].is_in(["limit", "l"]).to_numpy()
        return cls.of_arrays(
            spread(shown) if ties == "spread" else shown,
            frame["price"].to_numpy(),
            frame["amount"].to_numpy(),
            sign,
            shown_time=shown,
            limit=limit,
            trade_id=frame["trade_id"].to_numpy(),
        )

    @classmethod
    def synthetic(
        cls,
        seed: int,
        start: Nanoseconds,
        trades: int,
        *,
        per_second: float = 0.5,
        first_price: float = 60_000.0,
        decimals: int = 1,
        tie_share: float = 0.4,
        ties: Ties = "spread",
        first_id: int = 1,
    ) -> Tape:
        """Make a tape: a random walk of prices, bursts of trades at one moment, amounts over four decades.

        Units: `per_second` trades on average; `tie_share` the share of trades at the moment of their predecessor.
        """
        rng = generator(seed, "tape")
        tied = rng.random(trades) < tie_share
        gap = rng.exponential(SECOND_NS / per_second / max(1 - tie_share, 1e-9), trades)
        gap = np.where(tied, 0, gap + 1000).astype(np.int64)
        if trades:
            gap[0] = 0
        shown = start + np.cumsum(gap, dtype=np.int64)
        side = np.where(rng.random(trades) < 0.5, 1, -1).astype(np.int64)
        # Trades of one burst are one taker eating levels: one side, prices that only move away.
        head = np.maximum.accumulate(np.where(tied, 0, np.arange(trades))) if trades else np.zeros(0, np.int64)
        side = side[head] if trades else side
        step = rng.normal(0.0, 1e-4, trades)
        log_price = np.cumsum(np.where(tied, np.abs(step) * side * 0.1, step))
        tick = 10.0**-decimals
        price = np.maximum(np.rint(first_price * np.exp(log_price) / tick), 1.0) / 10.0**decimals
        amount = np.maximum(np.rint(rng.lognormal(-3.0, 1.6, trades) * 1e8), 1000.0) / 1e8
        return cls.of_arrays(
            spread(shown) if ties == "spread" else shown,
            price,
            amount,
            side,
            shown_time=shown,
            limit=rng.random(trades) < 0.4,
            trade_id=np.arange(first_id, first_id + trades, dtype=np.int64),
        )


def spread(time: IntArray) -> IntArray:
    """Return times in which equal neighbours lie one nanosecond apart and all others stand where they stood.

    >>> spread(np.array([5, 5, 5, 9])).tolist()
    [5, 6, 7, 9]
    """
    ramp = np.arange(len(time), dtype=np.int64)
    return np.maximum.accumulate(time - ramp) + ramp if len(time) else time

"""Trades as arrays, between the venue's page and the lake's table: chosen, joined, packed into bytes and back.

Values only. `chain` and `journal` call it. Invariant: all columns have one length, and what is packed comes back equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradecore.core.types import BoolArray, FloatArray, IntArray
from tradecore.market.frames import TRADE_SCHEMA

_WIDE = (("time", "<i8"), ("trade_id", "<i8"), ("price", "<f8"), ("amount", "<f8"))


@dataclass(frozen=True, slots=True)
class Rows:
    """Trades: time in UTC ns as shown, the venue's id, price in quote, amount in base, side +1 buy or -1 sell."""

    time: IntArray
    trade_id: IntArray
    price: FloatArray
    amount: FloatArray
    side: IntArray

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def none(cls) -> Rows:
        """Return no trades."""
        return cls.unpacked(b"", 0)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """Return the trades of all parts, one after another."""
        if not parts:
            return cls.none()
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in cls.__slots__))

    @classmethod
    def unpacked(cls, data: bytes, count: int) -> Rows:
        """Return what `packed` made."""
        time, trade_id, price, amount = (
            np.frombuffer(data, kind, count, 8 * count * i) for i, (_, kind) in enumerate(_WIDE)
        )
        side = np.frombuffer(data, "i1", count, 8 * count * len(_WIDE)).astype(np.int64)
        return cls(time, trade_id, price, amount, side)

    def where(self, chosen: BoolArray) -> Rows:
        """Return the trades that are chosen."""
        return self if chosen.all() else Rows(*(getattr(self, name)[chosen] for name in Rows.__slots__))

    def by_id(self) -> Rows:
        """Return the trades in the order of their ids, each id once."""
        ids = self.trade_id
        if (ids[1:] > ids[:-1]).all():
            return self
        _, first = np.unique(ids, return_index=True)
        return Rows(*(getattr(self, name)[first] for name in Rows.__slots__))

    def packed(self) -> bytes:
        """Return the columns as bytes, one after another."""
        wide = [getattr(self, name).astype(kind, copy=False).tobytes() for name, kind in _WIDE]
        return b"".join([*wide, self.side.astype("i1").tobytes()])

    def frame(self) -> pl.DataFrame:
        """Return the trades as `frames.TRADE_SCHEMA`, in the order of trading."""
        frame = pl.DataFrame({name: getattr(self, name) for name, _ in _WIDE} | {"side": self.side})
        side = pl.when(pl.col("side") > 0).then(pl.lit("buy")).otherwise(pl.lit("sell"))
        return frame.with_columns(side=side).select(TRADE_SCHEMA.names()).sort(["time", "trade_id"])

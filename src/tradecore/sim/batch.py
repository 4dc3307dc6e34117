"""N portfolios at once on one tape, each at its own bar: accounts over several pairs, with any market orders.

The accounts are rows; what happens to one is `kernel.step`, the same function that a backtest runs, so the two cannot
differ; the property test holds a batch equal to N simulated venues, bit for bit. It is the general batch. Where each
account trades one pair and wishes for a share of equity, as training environments do, `sim.environments` is the fast
one: it steps the scalar lane instead of the kernel's records, draws episodes, and rewards.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tradecore.core.errors import UsageError
from tradecore.core.orders import OrderKind, OrderState, SizeKind
from tradecore.core.types import FloatArray, IntArray, Pair, RecordArray
from tradecore.sim import kernel
from tradecore.sim.compiled import free
from tradecore.sim.model import VenueModel
from tradecore.sim.state import FILLS, OPEN_ORDERS, RESULTS, TRADES, Books, Tape, many_books

_SENT = int(OrderState.SENT)


class Batch:
    """N portfolios in one market. Use: `submit` what each wants, then `step`; read the state arrays."""

    def __init__(self, pairs: Sequence[Pair], tape: Tape, model: VenueModel, cash: float, environments: int) -> None:
        if environments < 1:
            raise UsageError(f"{environments} environments: expected at least one")
        if model.allow_short:
            raise UsageError("a batch is long-only; shorts need the margin calls of a single account")
        self._tape = tape
        self._model = model
        self._cash = cash
        self._fresh = many_books(model.rules(pairs), cash, 1, max_positions=model.max_positions)
        self._books = many_books(model.rules(pairs), cash, environments, max_positions=model.max_positions)
        self.cursor: IntArray = np.zeros(environments, np.int64)
        """(N,) the bar each environment lives through next."""

    @property
    def account(self) -> RecordArray:
        """(N,) `sim.state.ACCOUNT` records: cash, equity, wealth, peak..."""
        return self._books.account[:, 0]

    @property
    def positions(self) -> RecordArray:
        """(N, P) `sim.state.POSITION` records."""
        return self._books.positions

    def reset(self, which: IntArray, starts: IntArray) -> None:
        """Give the environments `which` (K,) a fresh account that lives through bar `starts` (K,) next."""
        for mine, fresh in zip(self._books, self._fresh, strict=True):
            if mine is not self._books.rules:
                mine[which] = fresh[0]
        self.cursor[which] = starts

    def submit(self, which: IntArray, pair: IntArray, side: IntArray, size_kind: IntArray, size: FloatArray) -> None:
        """Send one market order for each environment in `which` (K,), active from the bar it lives through next.

        `side` is +1 or -1, `size_kind` a `core.orders.SizeKind`, all (K,). Closing orders have side -1 and
        SizeKind.ALL.
        Errors: UsageError when an environment has no room for another resting order.
        """
        slots = self._books.counts[which, OPEN_ORDERS]
        if len(which) and int(slots.max()) >= self._books.orders.shape[1]:
            raise UsageError(
                f"an environment has {int(slots.max())} resting orders, the most it may have; step it first"
            )
        order = np.zeros(len(which), self._books.orders.dtype)
        order["pair"], order["side"], order["size_kind"], order["amount"] = pair, side, size_kind, size
        order["kind"], order["slippage"], order["state"] = int(OrderKind.MARKET), np.nan, _SENT
        order["reduce_only"] = size_kind == int(SizeKind.ALL)
        order["active_from"] = self.cursor[which] + self._model.latency_bars
        self._books.orders[which, slots] = order
        self._books.counts[which, OPEN_ORDERS] += 1

    def step(self) -> None:
        """Let each environment live through its next bar. Errors: UsageError when one has no bar left."""
        if int(self.cursor.max()) >= len(self._tape.time):
            raise UsageError("an environment is at the end of the tape; reset it first")
        step_all(self._tape, self._books, self.cursor)
        self.cursor += 1


@free
def step_all(tape: Tape, books: Books, cursor: IntArray) -> None:
    """Let environment i live through bar cursor[i]; the logs hold that bar alone."""
    for i in range(len(cursor)):
        count = books.counts[i]
        count[FILLS] = count[TRADES] = count[RESULTS] = 0
        one = Books(
            books.account[i], books.positions[i], books.rules, books.orders[i], count, books.fills[i], books.trades[i],
            books.results[i], books.equity[i], books.cash[i], books.flow[i], books.worst[i], books.exposure[i],
        )  # fmt: skip
        kernel.step(tape, one, cursor[i])

"""N training environments, each on one pair: random episodes, one compiled call per step, nothing copied but numbers.

The market is `sim.lane`, so an environment and a backtest with the same wishes agree bit for bit; a property test
holds it. An environment tells where it is (pair, bar) and how its account stands; windows stay in the one resident
table (`features.window`). Use it to train and evaluate policies that decide on one pair at a time. For accounts over
several pairs with orders of any kind there is `sim.batch`, which steps the kernel itself and is some twenty times
slower. The shell's gates are not in here: at their defaults they block nothing that an environment can wish.

Invariant: the same seed and the same targets give the same bytes, whatever the number of environments beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import BoolArray, FloatArray, IntArray, RecordArray
from tradecore.sim.episode import COLUMNS, ENDED, ENVIRONMENT, RUINED, Told, World, begin_all, step_all
from tradecore.sim.model import VenueModel
from tradecore.sim.state import records

KEEP = float("nan")
"""The target that wishes nothing: hold what is held, let what is on its way go on."""


@dataclass(frozen=True, slots=True)
class Episodes:
    """What an episode is."""

    cash: float = 10_000.0
    """Starting cash in quote, above 0."""
    length: int = 1024
    """Bars of an episode, from 1."""
    warmup: int = 63
    """Bars of a pair before the first possible beginning: a window needs its length less one, features their own."""
    ruin: float = 0.05
    """Share of the starting cash at which an episode is over, in [0, 1)."""
    band: float = 0.01
    """Changes of the held share up to this are not traded, in [0, 1): prices move it all the time."""

    def __post_init__(self) -> None:
        for name, good, expected in (
            ("cash", 0.0 < self.cash < float("inf"), "an amount above 0 in quote"),
            ("length", self.length >= 1, "a whole number from 1"),
            ("warmup", self.warmup >= 0, "a whole number from 0"),
            ("ruin", 0.0 <= self.ruin < 1.0, "a share in [0, 1)"),
            ("band", 0.0 <= self.band < 1.0, "a share in [0, 1)"),
        ):
            if not good:
                raise UsageError(f"episodes: {name} is {getattr(self, name)!r}, expected {expected}")


class Environments:
    """N accounts on P pairs. Use: `reset`, then `step` with a target for each; read the arrays, which are reused."""

    def __init__(
        self, bars: Sequence[Bars], model: VenueModel, count: int, *, episodes: Episodes | None = None, seed: int = 0
    ) -> None:
        if count < 1:
            raise UsageError(f"{count} environments: expected at least one")
        if model.allow_short:
            raise UsageError("environments are long-only; shorts need the margin calls of a single account")
        self.episodes = episodes or Episodes()
        self._world = _world(bars, model, self.episodes)
        self._lengths = [len(one) for one in bars]
        self._state = records(count, ENVIRONMENT)
        self._told = Told(
            np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros((count, COLUMNS), np.float32),
            np.zeros(count), np.zeros(count, np.int8),
            np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros((count, COLUMNS), np.float32),
            np.zeros(count),
        )  # fmt: skip
        self._seed = seed
        self.reset()

    def __len__(self) -> int:
        return len(self._state)

    @property
    def pair(self) -> IntArray:
        """(N,) the pair each lives on, an index into the bars it was made of."""
        return self._told.pair

    @property
    def bar(self) -> IntArray:
        """(N,) the newest final bar of that pair, an index into the pair's own bars."""
        return self._told.bar

    @property
    def account(self) -> FloatArray:
        """(N, 6) float32 shares: held of equity, unrealised of equity, bars held of the episode, drawdown, bars done of
        the episode, and the side of an order on its way."""
        return self._told.account

    @property
    def reward(self) -> FloatArray:
        """(N,) log of equity after the newest step over equity before, all costs in it."""
        return self._told.reward

    @property
    def is_ruined(self) -> BoolArray:
        """(N,) whether the newest step ended the episode because equity was gone: termination."""
        return self._told.over == RUINED

    @property
    def is_ended(self) -> BoolArray:
        """(N,) whether the newest step ended the episode because its bars were over: truncation."""
        return self._told.over == ENDED

    @property
    def ended(self) -> Told:
        """How each environment's newest finished episode ended: `last_pair`, `last_bar`, `last_account`,
        `last_equity`; what a policy saw last, which `pair`, `bar` and `account` no longer show."""
        return self._told

    @property
    def state(self) -> RecordArray:
        """(N,) `sim.episode.ENVIRONMENT`: the accounts in float64, to be read."""
        return self._state

    def reset(self) -> None:
        """Begin anew everywhere, as if just made: a seed repeats its run."""
        streams = generator(self._seed, "environments")
        self._state[:] = np.zeros(1, ENVIRONMENT)
        self._state["random"] = streams.integers(1, 2**63, len(self), dtype=np.uint64)
        self._told.over[:] = 0
        begin_all(self._world, self._state, self._told, True)

    def place(self, pair: IntArray, bar: IntArray, length: int) -> None:
        """Begin at `bar` (N,) of `pair` (N,), for `length` bars: to evaluate where one says, not where chance does.

        Episodes after these are drawn again.
        Errors: UsageError when one would not lie within its pair's bars.
        """
        for p, t in zip(pair.tolist(), bar.tolist(), strict=True):
            if not 0 <= p < len(self._lengths) or not 0 <= t <= self._lengths[p] - 1 - length or length < 1:
                raise UsageError(f"an episode of {length} bars from bar {t} of pair {p} does not lie within its bars")
        self._state["pair"], self._state["bar"], self._state["last"] = pair, bar, bar + length
        self._told.over[:] = 0
        begin_all(self._world, self._state, self._told, False)

    def step(self, targets: FloatArray) -> None:
        """Let each environment wish for `targets` (N,), the share of equity to hold in [0, 1] or `KEEP`, and live
        through its next bar. One whose episode is over begins another; `reward` is still that of the one that ended.

        Errors: UsageError when a target is no share.
        """
        if targets.shape != (len(self),):
            raise UsageError(f"targets have shape {targets.shape}, expected ({len(self)},)")
        bad = step_all(self._world, self._state, targets, self._told)
        if bad >= 0:
            raise UsageError(f"environment {bad} was given target {targets[bad]!r}, expected [0, 1] or NaN to keep")


def _world(bars: Sequence[Bars], model: VenueModel, episodes: Episodes) -> World:
    if not bars:
        raise UsageError("environments need the bars of at least one pair")
    longest = max(len(one) for one in bars)
    market = np.zeros((len(bars), longest, 4))
    starts = np.zeros(len(bars) + 1, np.int64)
    for p, one in enumerate(bars):
        room = len(one) - episodes.warmup - episodes.length
        if room < 1:
            raise DataError(
                f"{one.pair}: {len(one)} bars, an episode needs {episodes.warmup} before it and {episodes.length} of "
                f"its own, {episodes.warmup + episodes.length + 1} in all; give more bars or shorter episodes"
            )
        starts[p + 1] = starts[p] + room
        for column, values in enumerate((one.open, one.close, one.volume, one.is_real)):
            market[p, : len(one), column] = values
    return World(
        market, starts, model.rules([one.pair for one in bars]), episodes.cash, episodes.ruin * episodes.cash,
        episodes.band, episodes.warmup, episodes.length, model.latency_bars,
    )  # fmt: skip

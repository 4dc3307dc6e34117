"""The compiled kernels made ready: which there are, compiling what a test needs, and saying so while it lasts.

numba compiles a function when it is first called and keeps it on disk, so the price is paid once on a machine: for what
a command needs, when it first needs it, and never in silence. `announced` tells a progress about every function that
is compiled while it is open, and says nothing where all comes from the disk; `prepare` plays a test in small before the
test itself; `compile_all` goes through everything there is (`tradecore doctor --compile`). Nothing here is timed or
judged. Invariant: what runs here leaves nothing behind but the compiled functions.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from tradecore.backtest.processes import cores
from tradecore.control.lab import Progress, no_progress
from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.strategy.contract import Strategy

STAGE = "compiling kernels, once"
BARS = 24 * 40
"""Hours played to reach every kernel: daily figures want more than a month."""


@dataclass(frozen=True, slots=True)
class Work:
    """Things to compile that build on one another: what to call, and how many functions that compiles, about."""

    name: str
    run: Callable[[], object]
    functions: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling everything came to: functions that were compiled now, and the seconds it took."""

    functions: int
    seconds: float


def works() -> tuple[Work, ...]:
    """Return everything that is compiled, the longest work first. Their counts feed the estimate of time only."""
    from tradecore.features import catalogue

    return (
        Work("strategies that decide bar by bar", _decide_and_step, 75),
        Work("strategies with an exposure, figures, sweeps and environments", _play_and_sweep, 110),
        *(Work(f"indicators: {group}", partial(_indicators, group), 11) for group in catalogue.GROUPS),
    )


def compile_all(progress: Progress = no_progress, workers: int | None = None) -> Compiled:
    """Compile everything that is not on disk yet, on `workers` processes (one for each processor by default).

    Works share nothing that takes long to compile, so that no two processes compile the same thing.
    """
    began, todo = time.perf_counter(), works()
    total, done, compiled = sum(one.functions for one in todo), 0, 0
    progress(STAGE, 0, total)
    with ProcessPoolExecutor(min(workers or cores(), len(todo)), get_context("spawn")) as pool:
        running = {pool.submit(_compile, one.name): one for one in todo}
        for one in as_completed(running):
            compiled += one.result()
            done += running[one].functions
            progress(STAGE, done, total)
    return Compiled(compiled, time.perf_counter() - began)


def _compile(name: str) -> int:
    """Do one work in this process and return how many functions were compiled."""
    gc.disable()  # looking through a compiler's many small objects again and again takes a sixth of the time
    with announced(no_progress) as count:
        next(one for one in works() if one.name == name).run()
    return count()


def prepare(strategy: Strategy, bars: Sequence[Bars], progress: Progress = no_progress) -> None:
    """Have ready what a test of this strategy needs: its indicators, its lane or session, and the figures."""
    from tradecore.backtest.lane import has_lane
    from tradecore.features.compute import compute

    in_lane = has_lane(strategy) and len(bars) == 1
    with announced(progress, 80 if in_lane else 100):
        compute(strategy.features(strategy.p), bars[0][:2])
        made = _bars()
        _play(made, lane=in_lane)
        _measure(made)


@contextmanager
def announced(progress: Progress, expected: int = 0) -> Iterator[Callable[[], int]]:
    """Tell `progress` of each function that is compiled in this block; silent when there is none. Yields the count.

    `expected` functions in all, about: with more than that, the rest is unknown and the share stays just below 1.
    """
    from numba.core import event as events

    event: Any = events
    teller = _teller(progress, expected)
    event.register("numba:compile", teller)
    try:
        yield lambda: teller.count
    finally:
        event.unregister("numba:compile", teller)
        if teller.count:
            progress(STAGE, 1, 1)


def _teller(progress: Progress, expected: int) -> Any:
    """Return a listener to numba's compiler. The class is made here, so that importing this loads no numba."""
    from numba.core.event import Event, Listener

    class Teller(Listener):
        def __init__(self) -> None:
            self.count = 0

        def on_start(self, event: Event) -> None:
            self._tell()

        def on_end(self, event: Event) -> None:
            self.count += 1
            self._tell()

        def _tell(self) -> None:
            progress(STAGE, self.count, max(expected, self.count + 1))

    return Teller()


def _play(bars: Bars, *, lane: bool) -> object:
    from tradecore.backtest.run import simulate
    from tradecore.strategy.loading import load

    return simulate(load("ma-cross"), [bars], lane=lane)


def _measure(bars: Bars) -> None:
    from tradecore.backtest.evaluate import backtest
    from tradecore.stats.bootstrap import Bootstrap, resampled_moments
    from tradecore.strategy.loading import load

    backtest(load("buy-and-hold"), [bars])
    rng = generator(0, "kernels")
    resampled_moments(rng.normal(0.0, 0.01, (2, 64)), rng, Bootstrap(samples=100))


def _play_and_sweep() -> None:
    from tradecore.backtest.sweep import sweep
    from tradecore.features.window import gather, table_of
    from tradecore.sim.environments import Environments, Episodes
    from tradecore.sim.model import VenueModel
    from tradecore.strategy.loading import load

    bars = _bars()
    _play(bars, lane=True)
    _measure(bars)
    sweep(partial(load, "ma-cross"), [bars], candidates=({"fast": 5, "slow": 20},), workers=1)
    world = Environments([bars], VenueModel(), 2, episodes=Episodes(length=64, warmup=0))
    world.step(np.array([0.5, np.nan]))
    gather(table_of([{"close": bars.close}]), world.pair, world.bar, np.zeros((2, 1, 1), np.float32))


def _decide_and_step() -> None:
    from tradecore.backtest.run import Settings
    from tradecore.backtest.shares import play_shares
    from tradecore.engine.frame import HistoryFrame
    from tradecore.sim.batch import Batch

    bars = _bars()
    _play(bars, lane=False)
    pair_of = (bars, replace(bars, pair=Pair("ETH", "USD")))
    play_shares(np.abs(np.sin(np.arange(2 * BARS) / 50.0)).reshape(2, BARS) / 2.0, pair_of)
    frame = HistoryFrame([bars], {})
    Batch(frame.pairs, frame.tape({}), Settings().venue, 1e4, 2).step()


def _indicators(group: str) -> None:
    from tradecore.features import catalogue

    bars = _bars()[:2]
    for one in catalogue.standard():
        if one.spec.group == group:
            one.rows(bars)


def _bars() -> Bars:
    """Return a market of hours that rises and falls: every kernel meets what it is for."""
    steps = np.arange(BARS)
    close = 100.0 + 20.0 * np.sin(steps / 30.0) + np.sin(steps * 1.7)
    first = np.append(close[:1], close[:-1])
    high, low = np.maximum(first, close) + 0.5, np.minimum(first, close) - 0.5
    return Bars(
        Pair("BTC", "USD"), Timeframe.parse("1h"), steps * HOUR_NS, first, high, low, close, np.full(BARS, 5.0),
        "synthetic:kernels",
    )  # fmt: skip

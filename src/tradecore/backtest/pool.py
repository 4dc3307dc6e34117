"""Sessions of many parameter sets at once: one after the other here, or spread over worker processes.

Each set gets a session of its own, by `backtest.run.simulate`, so a sweep of any strategy means what a backtest means.
Called by `backtest.sweep` for strategies that have no compiled lane. Invariant: what comes back depends on the
parameter set alone, not on how many workers there are.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from tradecore.backtest.candidates import Make, Params
from tradecore.backtest.figures import figures_of
from tradecore.backtest.processes import each
from tradecore.backtest.run import Settings, simulate
from tradecore.core.bars import PRICES, Bars
from tradecore.core.errors import UsageError
from tradecore.core.types import FloatArray
from tradecore.stats.sample import daily_returns

FEW = 6
"""So few sets are played here: starting a process costs a second or two."""
_ARRAYS = ("open_time", *PRICES, "volume", "is_real")

Played: TypeAlias = "tuple[int, tuple[Any, ...], FloatArray]"
"""The number of a parameter set, its row of figures, and its daily returns."""


def play_sessions(
    make: Make, bars: Sequence[Bars], settings: Settings, work: Sequence[tuple[int, Params]], workers: int
) -> Iterator[Played]:
    """Yield each parameter set's outcome as it comes, in any order.

    Errors: UsageError when the strategy cannot be handed to another process; otherwise as `processes.each`.
    """
    if workers == 1 or len(work) <= FEW:
        for number, params in work:
            yield play_session(make, bars, settings, number, params)
        return
    try:
        pickle.dumps((make, settings))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"the strategy cannot be handed to another process ({error}); save it in a file and name that, or sweep "
            "with workers=1"
        ) from None
    with TemporaryDirectory(prefix="tradecore-sweep-") as folder:
        hand_over(bars, Path(folder))
        yield from each(_play, work, workers, _begin, _Task(make, settings, folder))


def play_session(make: Make, bars: Sequence[Bars], settings: Settings, number: int, params: Params) -> Played:
    """Play one parameter set in a session of its own."""
    done = simulate(make(**params), bars, settings)
    daily = daily_returns(done.track.curve, done.track.timeframe).returns
    return number, figures_of(done.track, done.quarantined), daily


@dataclass(frozen=True, slots=True)
class _Task:
    """What every worker is told once."""

    make: Make
    settings: Settings
    folder: str


def hand_over(bars: Sequence[Bars], folder: Path) -> None:
    """Write bars as plain arrays, which all workers map into memory: they are there once, however many read them."""
    for place, one in enumerate(bars):
        for name in _ARRAYS:
            np.save(folder / f"{place}-{name}.npy", getattr(one, name))
    words = [(one.pair, one.timeframe, one.source, one.dataset) for one in bars]
    (folder / "words.pickle").write_bytes(pickle.dumps(words))


def take_over(folder: Path) -> list[Bars]:
    """Return the bars another process handed over."""
    words = pickle.loads((folder / "words.pickle").read_bytes())
    found = []
    for place, (pair, timeframe, source, dataset) in enumerate(words):
        arrays = {name: np.load(folder / f"{place}-{name}.npy", mmap_mode="r") for name in _ARRAYS}
        found.append(Bars(pair=pair, timeframe=timeframe, source=source, dataset=dataset, **arrays))
    return found


_worker: list[Callable[[int, Params], Played]] = []
"""What this process plays, when it is a worker."""


def _begin(task: _Task) -> None:
    bars = take_over(Path(task.folder))
    _worker.append(lambda number, params: play_session(task.make, bars, task.settings, number, params))


def _play(one: tuple[int, Params]) -> Played:
    return _worker[0](*one)

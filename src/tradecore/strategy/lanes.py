"""What an exposure array means: the buys, sales and closes that bring an account to the shares it asks for.

`exposure` says which share of equity is wanted after each bar; it trades when the wanted share changes, not when prices
move the held one. `Lane` and `ShareLanes` say in a session what that means, bar by bar; the compiled player of
`backtest.lane` gives the same orders, bit for bit, and is what backtests use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError
from tradecore.core.orders import Signal
from tradecore.core.types import FloatArray, IntArray, iso
from tradecore.features.compute import compute, warmup
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.recorder import Wrapper
from tradecore.strategy.skills.exposure import Held
from tradecore.strategy.views import PRICE_COLUMNS, Account, Market

SMALLEST_STEP = 1e-9
"""Changes of the wanted share below this are rounding, not wishes."""
_GLANCE = 3
"""Bars behind a cut in which an exposure may differ without having a memory."""
REASON = "exposure"
"""The reason of every signal of a lane; reasons in words come from `decide`."""


class Changes(NamedTuple):
    """A wanted share as the bars at which it changes, (K,) rising from bar 0, and what is wanted from there, (K,)."""

    at: IntArray
    share: FloatArray


def wanted_share(strategy: Strategy, bars: Bars) -> FloatArray:
    """Return the strategy's exposure over bars, checked.

    Shape:  (T,) in [0, 1]; 0 before every feature has a value. It may be the very array that `exposure` returned.
    Errors: StrategyError when the strategy has no lane, its code raises, or its array has another shape or a value that
            is no share.
    """
    steps, size = _checked(strategy, bars)
    return np.asarray(steps if size is None else Held(steps, size), dtype=np.float64)


def wanted_changes(strategy: Strategy, bars: Bars, start: int = 0) -> Changes:
    """Return the strategy's exposure over bars as the bars where it changes: all that an event-driven player needs.

    They are counted from bar `start`, before which nothing is kept.
    Errors: as `wanted_share`.
    """
    steps, size = _checked(strategy, bars)
    changes = changes_of(steps[start:])
    return changes if size is None else Changes(changes.at, changes.share * size)


def remembers(strategy: Strategy, bars: Bars, cuts: int = 8) -> bool:
    """Say whether an exposure wants something else when the bars before some cut are hidden from it.

    The first bars behind a cut do not count: looking at the bar before, as for a crossing, is no memory.
    Errors: as `wanted_share`.
    """
    wanted = strategy.features(strategy.p)
    columns: Mapping[str, FloatArray] = {name: getattr(bars, name) for name in PRICE_COLUMNS} | compute(wanted, bars)
    whole, warm = wanted_share(strategy, bars), warmup(wanted)
    for cut in np.linspace(warm, len(bars), cuts + 2, dtype=np.int64)[1:-1].tolist():
        part = np.asarray(strategy.exposure({name: column[cut:] for name, column in columns.items()}), np.float64)
        if not np.array_equal(part[_GLANCE:], whole[cut + _GLANCE :]):
            return True
    return False


def changes_of(share: Any) -> Changes:
    """Return where an array of shares (T,), T > 0, changes, and to what."""
    at = np.concatenate([[0], np.flatnonzero(share[1:] != share[:-1]) + 1])
    return Changes(at, share[at].astype(np.float64))


def require_shares(share: Any, name: str, bars: Bars) -> None:
    """Raise StrategyError when an array is not one share of [0, 1] for each of the bars."""
    if share.shape != (len(bars),):
        raise StrategyError(f"{name}: exposure has shape {share.shape}, expected ({len(bars)},), one per bar")
    if share.dtype == np.bool_ or not len(share) or (share.min() >= 0.0 and share.max() <= 1.0):
        return
    first = int(np.argmax(~((share >= 0.0) & (share <= 1.0))))
    moment = iso(int(bars.open_time[first]))
    raise StrategyError(f"{name}: exposure is {share[first]!r} in bar {first} ({moment}), expected [0, 1]")


def _checked(strategy: Strategy, bars: Bars) -> tuple[Any, float | None]:
    """Return the exposure over bars, checked: float64 or bool, or bool and the share that is wanted where it holds."""
    if strategy.exposure is None:
        raise StrategyError(f"{strategy.name()} has no exposure(features); it can only decide bar by bar")
    wanted = strategy.features(strategy.p)
    columns: Mapping[str, FloatArray] = {name: getattr(bars, name) for name in PRICE_COLUMNS} | compute(wanted, bars)
    try:
        share, size = split(strategy.exposure(columns))
    except Exception as error:  # boundary: exposure is the user's code
        raise StrategyError(f"{strategy.name()}: exposure raised {type(error).__name__}: {error}") from error
    warm = warmup(wanted)
    if share.ndim == 1 and share[:warm].any():  # NaN is something too; the strategy's own array stays as it is
        share = share.copy()
        share[:warm] = 0
    require_shares(share, strategy.name(), bars)
    if size is not None and not 0.0 <= size <= 1.0:
        raise StrategyError(f"{strategy.name()}: exposure is Held with a share of {size!r}, expected [0, 1]")
    return share, size


def split(wanted: Any) -> tuple[Any, float | None]:
    """Return what an `exposure` returned as an array of float64 or bool, and the share of a `Held`'s mask."""
    if isinstance(wanted, Held):
        return np.asarray(wanted.mask, np.bool_), float(wanted.share)
    share = np.asarray(wanted)
    return (share if share.dtype == np.bool_ else np.asarray(share, np.float64)), None


def answer(strategy: Strategy, market: Market, account: Account) -> Signal:
    """Answer the newest bar with what the exposure over the bars up to it wants: slow, and unable to see the future.

    Errors: StrategyError for several pairs, or when the last two values are no shares.
    """
    if len(market.pairs) > 1:
        raise StrategyError(f"{strategy.name()}: exposure is for one pair; write decide(market, account) for several")
    seen, warm = market.index + 1, warmup(strategy.features(strategy.p))
    share = np.asarray(strategy.exposure({name: column[:seen] for name, column in market._columns.items()}))
    if share.shape != (seen,):
        raise StrategyError(f"{strategy.name()}: exposure has shape {share.shape}, expected ({seen},), one per bar")
    wanted, before = float(share[-1]), float(share[-2]) if seen - 1 > warm else 0.0
    if not (0.0 <= wanted <= 1.0 and 0.0 <= before <= 1.0):
        raise StrategyError(f"{strategy.name()}: exposure is {before!r}, then {wanted!r}, expected [0, 1]")
    return _signal(strategy, account.position, wanted, before)


class Lane(Wrapper):
    """Decides what a strategy's exposure over known bars says, one bar at a time."""

    def __init__(self, inner: Strategy, bars: Bars) -> None:
        super().__init__(inner)
        self._share = wanted_share(inner, bars)
        self._asked: float | None = None

    def decide(self, market: Market, account: Account) -> Answer:
        """Enter from nothing, close to nothing, and in between trade the change of the wanted share."""
        wanted, asked = float(self._share[market.index]), self._asked
        self._asked = wanted
        return _signal(self, account.position, wanted, asked)


class ShareLanes(Strategy):
    """Decides what wanted shares of several pairs say, each pair by itself, in the order of the pairs."""

    def __init__(self, shares: Mapping[str, FloatArray], clock: IntArray) -> None:
        super().__init__()
        self._shares = dict(shares)
        self._clock = clock
        self._asked: dict[str, float] = {}

    def decide(self, market: Market, account: Account) -> Answer:
        """Answer for every pair as a lane of its own would. `shares` (T,) each are on the session's clock."""
        moment = int(np.searchsorted(self._clock, self._now))
        answers: dict[str, Signal] = {}
        for pair, share in self._shares.items():
            wanted, asked = float(share[moment]), self._asked.get(pair)
            self._asked[pair] = wanted
            answers[pair] = _signal(self, account[pair].position, wanted, asked)
        return answers


def _signal(strategy: Strategy, position: float, wanted: float, asked: float | None) -> Signal:
    """Return what takes a pair from the share `asked` for one bar ago to the one `wanted` now.

    A position that is there before anything was asked was handed over; it is taken as it is.
    """
    if not position:
        return strategy.buy(wanted, reason=REASON) if wanted > SMALLEST_STEP else strategy.hold(REASON)
    if wanted <= SMALLEST_STEP:
        return strategy.close(REASON)
    if asked is not None and asked <= SMALLEST_STEP:  # its close has not come through: it does first, then it is bought
        return strategy.hold(REASON)
    change = wanted - asked if asked is not None else 0.0
    if abs(change) <= SMALLEST_STEP:
        return strategy.hold(REASON)
    return strategy.buy(change, reason=REASON) if change > 0.0 else strategy.sell(-change, reason=REASON)

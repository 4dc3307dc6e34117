"""The contract that everything which decides obeys. Version 1; it can be read in a minute.

A strategy names its features, is shown the market up to the newest final bar and its own account, and answers with a
signal. It proposes; the shell disposes: sizes, gates, orders and stops are the shell's. It has no clock, no I/O and no
randomness but `self.rng`; what it remembers lives on `self` and survives as JSON. Who calls it: `engine.session` alone.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np

from tradecore.core.errors import StrategyError
from tradecore.core.orders import Action, Fill, Level, Signal, Size
from tradecore.features.feature import Feature
from tradecore.strategy.parameters import Parameter, bind
from tradecore.strategy.views import Account, Market

VERSION = 1
STATE_LIMIT = 64 * 1024
"""Bytes of JSON a strategy may remember."""
Answer: TypeAlias = Signal | Mapping[str, Signal] | None
"""One signal for a strategy of one pair; for several, signals by pair name. None is a HOLD without a reason."""


class Strategy:
    """Base of every strategy. Subclass it, say what you need, and write `decide`.

    >>> class Hold(Strategy):
    ...     def decide(self, market, account):
    ...         return self.hold("nothing to do")
    >>> Hold().decide(None, None).reason
    'nothing to do'
    """

    pairs: ClassVar[tuple[str, ...]] = ()
    """The pairs it trades; empty means whichever it is run on."""
    timeframe: ClassVar[str] = "1h"
    params: ClassVar[Mapping[str, Parameter]] = {}

    def __init__(self, **given: object) -> None:
        values = bind(self.params, given)
        self.p: Any = _parameters(tuple(values))(*values.values())
        self._seed, self._now = 0, 0

    @classmethod
    def name(cls) -> str:
        """Return the name it is known by: the class name."""
        return cls.__name__

    def features(self, p: Any) -> Mapping[str, Feature]:
        """Return the features it reads, by the name it reads them under. `p` holds the parameters."""
        return {}

    def decide(self, market: Market, account: Account) -> Answer:
        """Answer the newest final bar with a signal; by itself it answers what `exposure` wants."""
        if self.exposure is None:
            raise NotImplementedError(f"{self.name()} has no decide(market, account)")
        from tradecore.strategy.lanes import answer

        return answer(self, market, account)

    # The compiled lane: `exposure(features) -> (T,) in [0, 1]`, the share of equity wanted after each bar. A strategy
    # whose answer is only that may offer it, and is then played by it; `strategy check` proves that it equals `decide`.
    exposure: ClassVar[Any] = None
    is_latched: ClassVar[bool] = False
    """Whether `exposure` remembers events of earlier bars (`skills.exposure.latch`). Begun in the middle of history, or
    with a position handed over, it would not do what `decide` does; there `decide` is asked."""

    def on_start(self) -> None:
        """Be told that the session begins."""

    def on_stop(self) -> None:
        """Be told that the session ends."""

    def on_fill(self, fill: Fill) -> None:
        """Be told of a fill, exits by stop and target included."""

    def state(self) -> dict[str, Any]:
        """Return what must survive a restart, JSON of at most 64 KB: by default the public attributes set on self."""
        return {key: value for key, value in vars(self).items() if key != "p" and not key.startswith("_")}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        vars(self).update(state)

    @property
    def rng(self) -> np.random.Generator:
        """Randomness seeded by the run and the newest bar: asked twice in one decision, it is the same stream again."""
        return np.random.Generator(np.random.Philox(counter=self._now, key=self._seed))

    def buy(
        self, size: Size = 1.0, *, limit: Level | None = None, trigger: Level | None = None, stop: Level | None = None,
        target: Level | None = None, trail: float | None = None, slippage_tolerance: float | None = None,
        confidence: float = 1.0, regime: str = "", reason: str = "",
    ) -> Signal:  # fmt: skip
        """Propose to buy: `size` is a fraction of equity, `Quote(amount)` or `Base(amount)`; levels as in `Signal`."""
        return Signal(
            Action.BUY, size, limit, trigger, stop, target, trail, slippage_tolerance, confidence, regime, reason
        )

    def sell(
        self, size: Size = 1.0, *, limit: Level | None = None, trigger: Level | None = None, stop: Level | None = None,
        target: Level | None = None, trail: float | None = None, slippage_tolerance: float | None = None,
        confidence: float = 1.0, regime: str = "", reason: str = "",
    ) -> Signal:  # fmt: skip
        """Propose to sell part of what is held, or to go short where the venue allows it; it never does both."""
        return Signal(
            Action.SELL, size, limit, trigger, stop, target, trail, slippage_tolerance, confidence, regime, reason
        )

    def close(
        self, reason: str = "", *, limit: Level | None = None, confidence: float = 1.0, regime: str = ""
    ) -> Signal:
        """Propose to close the position."""
        return Signal(Action.CLOSE, limit=limit, confidence=confidence, regime=regime, reason=reason)

    def hold(self, reason: str = "", *, confidence: float = 1.0, regime: str = "") -> Signal:
        """Propose to do nothing, and say why."""
        if confidence == 1.0 and regime == "" and type(reason) is str:
            return _HOLDS[reason]
        return Signal(Action.HOLD, confidence=confidence, regime=regime, reason=reason)


@cache
def _parameters(names: tuple[str, ...]) -> type[Any]:
    """Return the type of `p` for these names, made once: making it costs more than all else a sweep makes."""
    return namedtuple("Parameters", names)


class _Holds(dict[str, Signal]):
    """One HOLD per reason: it is answered on most bars, and making a value anew takes longer than a whole decision."""

    LIMIT = 4096

    def __missing__(self, reason: str) -> Signal:
        if len(self) >= self.LIMIT:  # reasons with numbers in them are new on every bar
            self.clear()
        made = self[reason] = Signal(Action.HOLD, reason=reason)
        return made


_HOLDS = _Holds()


def export_state(strategy: Strategy) -> str:
    """Return a strategy's state as canonical JSON.

    Errors: StrategyError when it is not JSON or larger than 64 KB.
    """
    try:
        text = json.dumps(strategy.state(), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StrategyError(
            f"{strategy.name()}: state is not JSON ({error}); keep numbers, text, lists and dicts on self"
        ) from None
    if len(text.encode()) > STATE_LIMIT:
        raise StrategyError(
            f"{strategy.name()}: state is {len(text.encode()):,} bytes, the limit is {STATE_LIMIT:,}; keep less on self"
        )
    return text

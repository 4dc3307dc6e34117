"""From signal to intent: is it a signal at all, is it an exit, at which price. Pure functions; `engine.session` calls
them.

What cannot be taken as a decision is a fault with its name. It is never turned into a HOLD.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tradecore.core.errors import FaultError
from tradecore.core.orders import Action, At, Base, Intent, Level, OrderKind, Quote, Signal, SizeKind
from tradecore.core.types import Nanoseconds, Pair, Side

REASON_LENGTH = 200


def signals_of(answer: object, pairs: Mapping[str, Pair], only: Pair | None) -> list[tuple[Pair, Signal]]:
    """Return a strategy's answer as signals by pair; `only` is the pair of a one-pair session.

    Errors: FaultError when the answer is neither a signal, a mapping of pair names to signals, nor None.
    """
    if answer is None:
        return []
    if isinstance(answer, Signal):
        if only is None:
            raise FaultError("one signal for a session of several pairs; answer with a mapping of pair name to signal")
        return [(only, checked(answer))]
    if not isinstance(answer, Mapping):
        raise FaultError(
            f"decide answered with {type(answer).__name__}, expected a signal: self.buy(...), self.hold(...), or None"
        )
    found = []
    for name, signal in answer.items():
        if str(name) not in pairs:
            raise FaultError(f"signal for unknown pair {name!s:.40}; this session has {', '.join(pairs)}")
        if not isinstance(signal, Signal):
            raise FaultError(
                f"{name}: {type(signal).__name__} is not a signal; use self.buy(...), self.close(...), self.hold(...)"
            )
        found.append((pairs[str(name)], checked(signal)))
    return found


def checked(signal: Signal) -> Signal:
    """Return the signal when every number in it can be meant. Errors: FaultError naming field, value and range."""
    if signal.action is Action.HOLD and signal.reason.__class__ is str and len(signal.reason) <= REASON_LENGTH:
        return signal
    if _is_plain(signal):
        return signal
    if not isinstance(signal.action, Action):
        raise FaultError(f"action is {signal.action!r}, expected one of {', '.join(Action)}")
    _check_size(signal)
    _require(0.0 <= signal.confidence <= 1.0, "confidence", signal.confidence, "a number in [0, 1]")
    _require(
        isinstance(signal.reason, str) and len(signal.reason) <= REASON_LENGTH,
        "reason",
        signal.reason,
        "text of at most 200 characters",
    )
    _require(
        isinstance(signal.regime, str) and len(signal.regime) <= REASON_LENGTH,
        "regime",
        signal.regime,
        "text of at most 200 characters",
    )
    if signal.slippage_tolerance is not None:
        _require(
            0.0 <= signal.slippage_tolerance < 1.0,
            "slippage_tolerance",
            signal.slippage_tolerance,
            "a fraction in [0, 1)",
        )
    if signal.trail is not None:
        _require(0.0 < signal.trail < 1.0, "trail", signal.trail, "a fraction in (0, 1)")
    _require(signal.limit is None or signal.trigger is None, "limit and trigger", "both given", "one of them")
    away = 1.0 if signal.action is Action.BUY else -1.0
    _check_level("stop", signal.stop, -away)
    _check_level("target", signal.target, away)
    _check_level("limit", signal.limit, 0.0)
    _check_level("trigger", signal.trigger, 0.0)
    return signal


def _is_plain(signal: Signal) -> bool:
    """Say whether a signal is a market order for a share of equity and nothing else: most are, and soon looked at."""
    return (
        signal.action.__class__ is Action
        and signal.size.__class__ is float
        and 0.0 < signal.size <= 1.0
        and signal.reason.__class__ is str
        and len(signal.reason) <= REASON_LENGTH
        and signal.confidence == 1.0
        and signal.regime == ""
        and signal.limit is signal.trigger is signal.stop is signal.target is signal.trail is None
        and signal.slippage_tolerance is None
    )


def is_exit(signal: Signal, position: float) -> bool:
    """Say whether a signal reduces a position: CLOSE, or a direction against what is held."""
    if signal.action is Action.CLOSE:
        return True
    return (signal.action is Action.SELL and position > 0.0) or (signal.action is Action.BUY and position < 0.0)


def intent_of(signal: Signal, number: int, pair: Pair, position: float, close: float, now: Nanoseconds) -> Intent:
    """Return the intent of a signal that passed the gates. `close` is what fractions of limit and trigger refer to."""
    if signal.action is Action.CLOSE:
        side, kind_of_size, size = (Side.SELL if position > 0.0 else Side.BUY), SizeKind.ALL, 0.0
    else:
        side = Side.BUY if signal.action is Action.BUY else Side.SELL
        kind_of_size, size = _size_of(signal)
    kind, price = OrderKind.MARKET, 0.0
    if signal.limit is not None:
        kind, price = OrderKind.LIMIT, _price_of(signal.limit, close)
    elif signal.trigger is not None:
        kind, price = OrderKind.STOP, _price_of(signal.trigger, close)
    return Intent(
        number, pair, side, kind, kind_of_size, size, price, is_exit(signal, position), signal.stop, signal.target,
        signal.trail, signal.slippage_tolerance, now, signal.reason,
    )  # fmt: skip


def _check_size(signal: Signal) -> None:
    if isinstance(signal.size, Quote | Base):
        _require(0.0 < signal.size.amount < math.inf, "size", signal.size, "an amount above 0")
    else:
        _require(
            isinstance(signal.size, int | float) and 0.0 < signal.size <= 1.0,
            "size",
            signal.size,
            "a fraction of equity in (0, 1], Quote(...) or Base(...)",
        )


def _check_level(name: str, level: Level | None, sign: float) -> None:
    """Refuse a level that is no price and no fraction on its own side of the entry (`sign`; 0 takes both)."""
    if level is None:
        return
    if isinstance(level, At):
        _require(0.0 < level.price < math.inf, name, level, "At(price) with a price above 0")
        return
    good = isinstance(level, int | float) and -1.0 < level < 1.0 and (sign == 0.0 or level * sign > 0.0)
    side = {0.0: "", 1.0: "above 0 ", -1.0: "below 0 "}[sign]
    _require(good, name, level, f"a signed fraction {side}between -1 and 1, or At(price)")


def _require(good: bool, name: str, value: object, expected: str) -> None:
    if not good:
        raise FaultError(f"{name} is {value!r:.80}, expected {expected}")


def _size_of(signal: Signal) -> tuple[SizeKind, float]:
    if isinstance(signal.size, Quote):
        return SizeKind.QUOTE, signal.size.amount
    if isinstance(signal.size, Base):
        return SizeKind.BASE, signal.size.amount
    return SizeKind.FRACTION, float(signal.size)


def _price_of(level: Level, close: float) -> float:
    return level.price if isinstance(level, At) else close * (1.0 + level)

"""The seats of an ensemble: the market under a member's own names, and the paper position that member believes in.

A seat's position follows the member's own signals, filled at the next bar's open and without costs: it exists so that
the member's answers make sense, not to be measured. Only `strategy.ensemble` uses this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradecore.core.errors import FaultError
from tradecore.core.orders import Action, At, Base, Level, Quote, Signal
from tradecore.strategy.contract import Strategy
from tradecore.strategy.views import Account, Market, link, market_class


@dataclass(slots=True)
class Seat:
    """One member's place at one pair."""

    market: Market
    account: Account
    share: float = 0.0
    """The share of equity it wants to hold; 0 is out."""
    confidence: float = 1.0
    signal: Signal | None = None
    """Its entry, with size and levels; None while it is out."""

    def settle(self) -> None:
        """Show the member what its last answer led to, once the next bar has opened."""
        if self.share > 0.0 and not self.account.position:
            price = self.market.open
            self.account.position = self.share * self.account.equity / price
            self.account.entry_price = price
            self.account.cost = self.account.position * price
            self.account.entry_index = self.market.index
        elif self.share <= 0.0 and self.account.position:
            self.account.flatten()

    def hear(self, signal: Signal) -> None:
        """Take the member's answer."""
        if signal.action is Action.HOLD:
            return
        if signal.action is Action.BUY:
            if self.share <= 0.0:
                self.signal, self.confidence = signal, signal.confidence
            self.share = min(1.0, self.share + self._fraction(signal))
        elif signal.action is Action.SELL:
            self.share = max(0.0, self.share - self._fraction(signal))
        else:
            self.share = 0.0
        if self.share < 1e-9:
            self.leave()

    def leave(self) -> None:
        """Want nothing any more."""
        self.share, self.signal, self.confidence = 0.0, None, 1.0

    def _fraction(self, signal: Signal) -> float:
        if isinstance(signal.size, Quote):
            return signal.size.amount / self.account.equity
        if isinstance(signal.size, Base):
            return signal.size.amount * self.market.close / self.account.equity
        return float(signal.size)


class Seats:
    """All seats of an ensemble over one session's views."""

    def __init__(self, market: Market, account: Account, members: Sequence[Strategy], labels: Sequence[str]) -> None:
        self.market = market
        self.active: dict[int, Strategy] = {}
        self.left_out: dict[str, str] = {}
        self._table: dict[int, dict[str, Seat]] = {}
        for place, member in enumerate(members):
            columns = [name for key, feature in member.features(member.p).items() for name in feature.columns(key)]
            why = _mismatch(market, f"m{place}_", columns, getattr(member, "expects", None))
            if why:
                self.left_out[labels[place]] = why
            else:
                self.active[place] = member
                self._table[place] = _seats_of(market, account, f"m{place}_", columns)

    def seat(self, place: int, pair: str) -> Seat:
        """Return one member's seat at one pair."""
        return self._table[place][pair]

    def close(self, pair: str) -> float:
        """Return a pair's newest close."""
        return self.market[pair].close

    def move(self) -> None:
        """Bring every seat to the session's newest bar."""
        for seats in self._table.values():
            for pair, seat in seats.items():
                seat.market._i = self.market[pair]._i
                seat.settle()

    def ask(self, place: int, member: Strategy) -> None:
        """Let one member decide and hear its answer. Errors: FaultError when it is no answer."""
        seats = self._table[place]
        seat = seats[self.market.pair]
        answer = member.decide(seat.market, seat.account)
        if answer is None:
            return
        signals = answer if isinstance(answer, Mapping) else {self.market.pair: answer}
        for pair, signal in signals.items():
            if str(pair) not in seats or not isinstance(signal, Signal):
                given = f"{type(signal).__name__} for {pair!s:.40}"
                raise FaultError(f"{member.name()} answered {given}, expected a signal for a pair of this session")
            seats[str(pair)].hear(signal)

    def flatten(self, pair: str) -> None:
        """Put every member out of a pair."""
        for seats in self._table.values():
            seats[pair].leave()
            seats[pair].account.flatten()

    def state(self) -> dict[str, Any]:
        """Return every seat as JSON."""
        return {
            f"{place} {pair}": _seat_state(seat) for place, seats in self._table.items() for pair, seat in seats.items()
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned, on views that may begin at another bar."""
        for place, seats in self._table.items():
            for pair, seat in seats.items():
                if f"{place} {pair}" in state:
                    _restore_seat(seat, state[f"{place} {pair}"])


def tightest(signals: Sequence[Signal], close: float) -> tuple[Level | None, Level | None, float | None]:
    """Return the nearest stop, target and trail among long entries at a close."""

    def price(level: Level) -> float:
        return level.price if isinstance(level, At) else close * (1.0 + level)

    stops = [signal.stop for signal in signals if signal.stop is not None]
    targets = [signal.target for signal in signals if signal.target is not None]
    trails = [signal.trail for signal in signals if signal.trail is not None]
    return max(stops, key=price, default=None), min(targets, key=price, default=None), min(trails, default=None)


def _mismatch(market: Market, prefix: str, columns: Sequence[str], expects: int | None) -> str:
    """Say why a member cannot read this frame, or nothing."""
    if expects is not None and expects != len(columns):
        return f"made for {expects} features, offered {len(columns)}"
    for pair in market.pairs:
        view = market[pair]
        missing = [name for name in columns if prefix + name not in view._columns]
        if missing:
            return f"{pair} has no {', '.join(missing[:3])}"
        short = [name for name in columns if view._columns[prefix + name].shape != view._columns["close"].shape]
        if short:
            size, bars = len(view._columns[prefix + short[0]]), len(view._columns["close"])
            return f"{pair} {short[0]} has {size} values for {bars} bars"
    return ""


def _seats_of(market: Market, account: Account, prefix: str, columns: Sequence[str]) -> dict[str, Seat]:
    kind = market_class(columns)
    views: dict[str, Market] = {}
    accounts: dict[str, Account] = {}
    for pair in market.pairs:
        outer = market[pair]
        views[pair] = kind(outer._bars, {name: outer._columns[prefix + name] for name in columns}, outer.fees)
        views[pair]._i = outer._i
        accounts[pair] = Account(views[pair], account[pair]._read)
    link(views, accounts)
    return {pair: Seat(views[pair], accounts[pair]) for pair in market.pairs}


def _seat_state(seat: Seat) -> dict[str, Any]:
    account, signal = seat.account, seat.signal
    entry_time = int(seat.market._bars.open_time[account.entry_index]) if account.position else 0
    kept: dict[str, Any] = {
        "share": seat.share, "confidence": seat.confidence, "position": account.position,
        "entry_price": account.entry_price, "cost": account.cost, "entry_time": entry_time,
    }  # fmt: skip
    if signal is not None:
        kept["levels"] = [_level_state(signal.stop), _level_state(signal.target), signal.trail]
    return kept


def _restore_seat(seat: Seat, kept: Mapping[str, Any]) -> None:
    account = seat.account
    seat.share, seat.confidence = kept["share"], kept["confidence"]
    account.position, account.entry_price, account.cost = kept["position"], kept["entry_price"], kept["cost"]
    if account.position:
        account.entry_index = int(np.searchsorted(seat.market._bars.open_time, kept["entry_time"]))
    if "levels" in kept:
        stop, target, trail = kept["levels"]
        seat.signal = Signal(Action.BUY, stop=_level_from(stop), target=_level_from(target), trail=trail)


def _level_state(level: Level | None) -> Any:
    return {"at": level.price} if isinstance(level, At) else level


def _level_from(kept: Any) -> Level | None:
    if isinstance(kept, Mapping):
        return At(float(kept["at"]))
    return None if kept is None else float(kept)

"""The hold-out: the newest bars, which nothing sees before the end of the protocol, and what happened when it opened.

`development` gives everybody the bars before it, as copies; `settle` decides whether it is opened, and has the opening
recorded before the first of its bars is handed to a strategy. Called by `backtest.evaluate`, sweeps and calibration.
Invariant: a candidate opens it once; asked again, the recorded outcome is shown, and nothing is played.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tradecore.backtest.counting import Ledgered, config_hash
from tradecore.backtest.protocol import Protocol
from tradecore.backtest.result import dataset_of
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.training import Make, copied
from tradecore.backtest.walk_forward import ChosenFold
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.track import Track
from tradecore.core.types import Nanoseconds
from tradecore.stats.gates import Gate
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.stats.splits import hold_out as split
from tradecore.strategy.loading import source_hash

if TYPE_CHECKING:
    from tradecore.registry.holdouts import Look


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the candidate did on the locked bars."""

    total_return: float
    sharpe: float | None
    """Annualised, of daily returns; None where it is not defined."""
    trades: int
    track: str
    """Hash of every fill and of the account after every bar."""
    time: tuple[Nanoseconds, ...]
    """The start of each day, UTC ns."""
    returns: tuple[float, ...]
    """One for each day."""

    def to_json(self) -> str:
        """Return the outcome as text that gives it back to the bit."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return json.dumps(values, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Read what `to_json` wrote."""
        kept = json.loads(text)
        return cls(**kept | {"time": tuple(kept["time"]), "returns": tuple(kept["returns"])})


@dataclass(frozen=True, slots=True)
class HoldOut:
    """The locked part of history, and where its lock stands."""

    start: Nanoseconds
    end: Nanoseconds
    """Open time of its first bar and the end of its last, UTC ns."""
    bars: int
    status: Literal["locked", "opened", "on record", "unrecorded"]
    """Not opened; opened now; opened by an earlier evaluation of the same candidate; opened without a ledger."""
    params: dict[str, Any]
    """What the newest training span before it chose."""
    outcome: Outcome | None = None
    opened: Nanoseconds | None = None
    """When it was opened, UTC ns."""
    looks: int = 0
    """How often any candidate was shown bars of this stretch of this market, this opening included."""

    def gate(self) -> Gate:
        """Return the last gate: what was locked must have gained as well. One that stayed locked passes nothing."""
        if self.outcome is None:
            why = "the hold-out stays locked: it is opened only when every other gate passes"
            return Gate("hold_out", False, None, 0.0, why)
        total = self.outcome.total_return
        text = f"total return on the hold-out {total:+.1%}, more than 0 wanted"
        return Gate("hold_out", total > 0.0, total, 0.0, text)

    def as_dict(self) -> dict[str, Any]:
        """Return strict JSON material."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"outcome": None if self.outcome is None else json.loads(self.outcome.to_json())}


def development(bars: Sequence[Bars], protocol: Protocol) -> tuple[Bars, ...]:
    """Return everything before the hold-out, as copies behind which nothing later lies; all bars where none is locked.

    The border is a share of the moments of all pairs together. Errors: DataError when nothing is left.
    """
    if not protocol.hold_out:
        return tuple(bars)
    return copied(bars, border(bars, protocol.hold_out))


def border(bars: Sequence[Bars], fraction: float) -> Nanoseconds:
    """Return the open time of the first locked bar. Errors: as `stats.splits.hold_out`."""
    clock = bars[0].open_time if len(bars) == 1 else np.unique(np.concatenate([one.open_time for one in bars]))
    if not len(clock):
        raise DataError(f"{bars[0].pair} {bars[0].timeframe}: no bars in the chosen span; choose one that has some")
    _, locked = split(len(clock), fraction)
    if locked.start == len(clock):
        raise DataError(f"{len(clock)} bars leave no hold-out of {fraction:.0%}; take a longer span, or no hold-out")
    return int(clock[locked.start])


def settle(
    make: Make, chosen: ChosenFold, bars: Sequence[Bars], settings: Settings, protocol: Protocol,
    counted: Ledgered | None, *, passes: bool,
) -> HoldOut:  # fmt: skip
    """Open the hold-out if that is due, or show what is on record; `passes`: whether every other gate did.

    Errors: StateRefusedError when the opening cannot be recorded, or an outcome contradicts the one on record.
    """
    start, end = chosen.test
    count = max(len(one.between(start)) for one in bars)
    params = dict(chosen.params)
    may_open = passes or protocol.opens_hold_out
    ledger = None if counted is None else counted.hold_outs
    if counted is None or ledger is None:
        if not may_open:
            return HoldOut(start, end, count, "locked", params)
        return HoldOut(start, end, count, "unrecorded", params, _play(make, chosen, bars, settings))
    look = _look(make, bars, settings, protocol, (start, end), counted.run)
    known = ledger.find(look)
    if known is None and not may_open:
        return HoldOut(start, end, count, "locked", params, looks=ledger.looks(bars, start, end))
    opening = known or ledger.record(look, bars, counted.clock.now())
    if opening.outcome is None:  # new, or an earlier run was killed with it open: the same look, brought to its end
        outcome = _play(make, chosen, bars, settings)
        ledger.settle(opening, outcome.to_json(), counted.clock.now())
    else:
        outcome = Outcome.from_json(opening.outcome)
    looks = ledger.looks(bars, start, end)
    status: Literal["opened", "on record"] = "opened" if known is None else "on record"
    return HoldOut(start, end, count, status, params, outcome, opening.time, looks)


def flows_within(settings: Settings, start: Nanoseconds, end: Nanoseconds) -> dict[Nanoseconds, float]:
    """Return the deposits and withdrawals from `start` to before `end`."""
    return {moment: amount for moment, amount in settings.flows.items() if start <= moment < end}


def track_hash(track: Track) -> str:
    """Return the sha256 of every fill and of the account after every bar."""
    digest = hashlib.sha256(track.fills.tobytes())
    for values in (track.curve.time, track.curve.equity, track.curve.cash):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _play(make: Make, chosen: ChosenFold, bars: Sequence[Bars], settings: Settings) -> Outcome:
    """Play the candidate over the locked bars with a fresh account; the bars before them warm its features up."""
    own = replace(settings, flows=flows_within(settings, *chosen.test))
    track = simulate(make(**chosen.params), bars, own, decide_from=chosen.test[0]).track
    days = daily_returns(track.curve, track.timeframe)
    ratio = sharpe_ratio(days.returns)
    yearly = None if ratio is None else ratio * days.per_year**0.5
    total = float(np.prod(1.0 + days.returns)) - 1.0
    return Outcome(
        total, yearly, len(track.trades), track_hash(track), tuple(days.time.tolist()), tuple(days.returns.tolist())
    )


def _look(
    make: Make, bars: Sequence[Bars], settings: Settings, protocol: Protocol, span: tuple[int, int], run: str
) -> Look:
    """Return what names this candidate's look: its code, everything chosen about it, and the protocol."""
    first = make(**protocol.plan.candidates()[0])
    code, print_ = source_hash(first), protocol.fingerprint()
    chosen = [
        code,
        config_hash(first.p._asdict(), settings, bars),
        print_,
        settings.cash,
        sorted(settings.flows.items()),
    ]
    candidate = hashlib.sha256(json.dumps(chosen).encode()).hexdigest()
    from tradecore.registry.holdouts import Look  # with the database, which a plain run never opens

    return Look(dataset_of(tuple(bars)), *span, candidate, code, print_, run)

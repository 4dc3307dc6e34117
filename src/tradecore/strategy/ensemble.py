"""Several strategies as one: their features under names of their own, their signals combined by vote, weights or veto.

Members decide on the same bars but each on its own paper position (`strategy.seats`): a member that said buy sees
itself holding, whether or not the others agreed, so that its next answer makes sense. The ensemble itself holds or
does not hold, long only. Built by `strategy.loading` from text, or by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tradecore.core.errors import StrategyError, UsageError
from tradecore.core.orders import Fill, FillReason, Signal
from tradecore.core.seeds import generator
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.seats import Seat, Seats, tightest
from tradecore.strategy.views import Account, Market

RuleName = Literal["vote", "weights", "veto"]
RULES: tuple[RuleName, ...] = ("vote", "weights", "veto")
_ENDED_BY_SHELL = frozenset({FillReason.STOP, FillReason.TARGET, FillReason.TRAIL, FillReason.LIQUIDATION})


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the members together want of one pair."""

    holds: bool
    score: float
    text: str
    willing: tuple[tuple[Seat, float], ...]
    """The seats whose size and levels count, with their weights."""


class Ensemble(Strategy):
    """Combine members by a rule.

    `vote`: hold while more than `quorum` of the members hold. `weights`: the same, by weight times confidence.
    `veto`: the first member leads and the others guard: it enters only while all hold, and leaves when it wants to.
    A member whose features do not match what the frame offers is left out; the first decision says so, once.
    When a stop or target ends the position, every member starts flat again.
    Errors: UsageError for no members, an unknown rule, bad weights, or members of different timeframes or pairs.
    """

    def __init__(
        self,
        members: Sequence[Strategy],
        rule: RuleName = "vote",
        *,
        weights: Sequence[float] | None = None,
        quorum: float = 0.5,
    ) -> None:
        super().__init__()
        self.members = tuple(members)
        self._rule = rule
        self._weights = tuple(weights) if weights is not None else (1.0,) * len(self.members)
        self._quorum = quorum
        _check(self.members, rule, self._weights, quorum)
        self.timeframe = self.members[0].timeframe  # type: ignore[misc]  # an ensemble's is that of its members
        self.pairs = next((member.pairs for member in self.members if member.pairs), ())  # type: ignore[misc]
        self._labels = _labels(self.members)
        self._seats: Seats | None = None
        self._restored: Mapping[str, Any] | None = None
        self._said = False
        self._given_seed: int | None = None  # the seed from which the members' were drawn

    @property
    def left_out(self) -> Mapping[str, str]:
        """The members that do not decide, with the reason; known from the first decision on."""
        return self._seats.left_out if self._seats else {}

    def describe(self) -> dict[str, object]:
        """Return the rule in full, as it enters the ensemble's hash."""
        return {"rule": self._rule, "weights": list(self._weights), "quorum": self._quorum}

    def copy_of_members(self, copy: Callable[[Strategy], Strategy]) -> Ensemble:
        """Return an ensemble by the same rule of copied members."""
        members = [copy(member) for member in self.members]
        return Ensemble(members, self._rule, weights=self._weights, quorum=self._quorum)

    def features(self, p: Any) -> Mapping[str, Feature]:
        """Return every member's features, each under its member's prefix."""
        return {
            f"{prefix(place)}{key}": feature
            for place, member in enumerate(self.members)
            for key, feature in member.features(member.p).items()
        }

    def decide(self, market: Market, account: Account) -> Answer:
        """Ask every member, then combine."""
        seats = self._seats_at(market, account)
        if self._given_seed != self._seed:
            self._given_seed = self._seed
            for place, member in enumerate(self.members):
                member._seed = int(generator(self._seed, "ensemble", place).integers(1 << 62))
        for place, member in seats.active.items():
            member._now = self._now
            seats.ask(place, member)
        answers = {pair: self._combine(seats, pair, account[pair]) for pair in market.pairs}
        if not self._said:
            self._said = True
            if seats.left_out:
                answers = {pair: _with_notice(signal, seats.left_out) for pair, signal in answers.items()}
        return answers if len(answers) > 1 else answers[market.pair]

    def on_start(self) -> None:
        """Tell every member."""
        for member in self.members:
            member.on_start()

    def on_stop(self) -> None:
        """Tell every member."""
        for member in self.members:
            member.on_stop()

    def on_fill(self, fill: Fill) -> None:
        """Tell every member; after the shell's own exit all of them are flat."""
        if self._seats is not None and fill.reason in _ENDED_BY_SHELL:
            self._seats.flatten(str(fill.pair))
        for member in self.members:
            member.on_fill(fill)

    def state(self) -> dict[str, Any]:
        """Return every member's state and paper position."""
        seats = self._seats.state() if self._seats else dict(self._restored or {})
        return {"members": [member.state() for member in self.members], "seats": seats, "said": self._said}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        for member, part in zip(self.members, state["members"], strict=True):
            member.restore(part)
        self._restored, self._seats, self._said = state["seats"], None, state["said"]

    def _seats_at(self, market: Market, account: Account) -> Seats:
        if self._seats is None or self._seats.market is not market:
            self._seats = Seats(market, account, self.members, self._labels)
            if self._restored:
                self._seats.restore(self._restored)
                self._restored = None
            if not self._seats.active:
                reasons = "; ".join(f"{name}: {why}" for name, why in self._seats.left_out.items())
                raise StrategyError(f"ensemble: every member is left out ({reasons}); give it bars with their features")
        self._seats.move()
        return self._seats

    def _combine(self, seats: Seats, pair: str, account: Account) -> Signal:
        wish = self._wish(seats, pair, bool(account.position))
        if wish.holds == bool(account.position):
            return self.hold(wish.text)
        if not wish.holds:
            return self.close(wish.text)
        total = sum(weight for _, weight in wish.willing)
        size = sum(seat.share * weight for seat, weight in wish.willing) / total
        stop, target, trail = tightest([seat.signal for seat, _ in wish.willing if seat.signal], seats.close(pair))
        return self.buy(
            min(size, 1.0), stop=stop, target=target, trail=trail, confidence=min(wish.score, 1.0), reason=wish.text
        )

    def _wish(self, seats: Seats, pair: str, is_held: bool) -> _Wish:
        table = [(seats.seat(place, pair), self._weights[place]) for place in seats.active]
        willing = tuple((seat, weight) for seat, weight in table if seat.share > 0.0)
        if self._rule == "veto":
            return self._wish_of_leader(seats, pair, is_held, len(willing) == len(table))
        if self._rule == "vote":
            score, text = len(willing) / len(table), f"{len(willing)} of {len(table)} hold"
            willing = tuple((seat, 1.0) for seat, _ in willing)
        else:
            score = sum(weight * seat.confidence for seat, weight in willing) / sum(weight for _, weight in table)
            text = f"{score:.2f} of the weight holds"
        return _Wish(bool(willing) and score > self._quorum, score, text, willing)

    def _wish_of_leader(self, seats: Seats, pair: str, is_held: bool, all_hold: bool) -> _Wish:
        if 0 not in seats.active:
            raise StrategyError(f"ensemble: the leader is left out ({seats.left_out[self._labels[0]]}); nobody leads")
        leader = seats.seat(0, pair)
        if leader.share <= 0.0:
            return _Wish(False, 0.0, "the leader is out", ())
        if is_held or all_hold:
            return _Wish(True, leader.confidence, "the leader holds, nobody objects", ((leader, 1.0),))
        return _Wish(False, 0.0, "vetoed", ())


def prefix(place: int) -> str:
    """Return what stands before a member's feature names."""
    return f"m{place}_"


def _check(members: Sequence[Strategy], rule: str, weights: Sequence[float], quorum: float) -> None:
    if not members:
        raise UsageError("an ensemble needs at least one member, as in ensemble(ema-rsi-volume, breakout)")
    if rule not in RULES:
        raise UsageError(f"ensemble rule is {rule!r}, expected one of {', '.join(RULES)}")
    if len(weights) != len(members) or not all(0.0 < weight < float("inf") for weight in weights):
        raise UsageError(
            f"ensemble weights are {list(weights)}, expected one number above 0 for each of {len(members)} members"
        )
    if isinstance(quorum, bool) or not isinstance(quorum, int | float) or not 0.0 <= quorum < 1.0:
        raise UsageError(f"ensemble quorum is {quorum!r}, expected a fraction from 0 up to, but not, 1")
    for what in ("timeframe", "pairs"):
        found = sorted({str(getattr(member, what)) for member in members if getattr(member, what)})
        if len(found) > 1:
            raise UsageError(f"ensemble members have different {what}: {', '.join(found)}; they must share one")


def _labels(members: Sequence[Strategy]) -> tuple[str, ...]:
    names = [member.name() for member in members]
    return tuple(name if names.count(name) == 1 else f"{name} #{place + 1}" for place, name in enumerate(names))


def _with_notice(signal: Signal, left_out: Mapping[str, str]) -> Signal:
    from dataclasses import replace

    notice = "; ".join(f"left out {name}: {why}" for name, why in left_out.items())
    return replace(signal, reason=f"{notice}; {signal.reason}"[:200])

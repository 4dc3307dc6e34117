"""Random traders with the candidate's own habits: who knows when must beat those who trade as much and know nothing.

Each of them has the candidate's spells of holding, of the same lengths and sizes, and its spells of being out, in an
order drawn by chance, pair by pair: turnover and exposure are matched exactly, timing is not. Called by
`backtest.evaluate`. Invariant: they play the same market at the same costs, from the same first bar to the same last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tradecore.backtest.run import Settings
from tradecore.backtest.shares import play_shares
from tradecore.backtest.walk_forward import Tell, Walk
from tradecore.core.track import Track
from tradecore.core.types import FloatArray, Side
from tradecore.stats.gates import Gate
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.stats.sensitivity import permutation_p_value


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """How random traders did, and where the candidate stands among them."""

    sharpes: FloatArray
    """(N,) annualised Sharpe ratios of the random traders, 0 where one is not defined."""
    mine: float | None
    """The candidate's."""

    @property
    def rank(self) -> float | None:
        """Return the share of random traders the candidate beats; None when there is nothing to rank."""
        if self.mine is None or not len(self.sharpes):
            return None
        return float((self.sharpes < self.mine).mean())

    @property
    def p_value(self) -> float | None:
        """Return how often chance does at least as well, the candidate counted among it."""
        if self.mine is None or not len(self.sharpes):
            return None
        return permutation_p_value(self.mine, self.sharpes)

    def gate(self, wanted: float) -> Gate:
        """Return the gate: enough of them must be beaten."""
        rank, p = self.rank, self.p_value
        if rank is None or p is None:
            why = "no closed trade: random traders cannot be matched to it"
            return Gate("beats_random", False, None, wanted, why)
        better = f"better than {rank:.0%} of {len(self.sharpes):,} random traders of the same turnover"
        text = f"{better} (p = {p:.3f}), at least {wanted:.0%} wanted"
        return Gate("beats_random", rank >= wanted, rank, wanted, text)


def random_traders(walked: Walk, settings: Settings, draws: int, rng: np.random.Generator, *, tell: Tell) -> Chance:
    """Play `draws` random traders over the walk's out-of-sample span; none when the candidate closed no trade."""
    track = walked.simulation.track
    mine = _yearly(track)
    if not draws or not len(track.trades):
        return Chance(np.empty(0), mine)
    start = walked.folds[0].test[0]
    bars = tuple(one.between(start) for one in walked.bars)
    wishes = wanted_shares(track, settings.venue.latency_bars)
    found = np.zeros(draws)
    quiet = replace(settings, flows={moment: amount for moment, amount in settings.flows.items() if moment >= start})
    for draw in range(draws):
        shares = np.stack([shuffled(one, rng) for one in wishes])
        found[draw] = _yearly(play_shares(shares, bars, quiet).track) or 0.0
        tell("random traders", draw + 1, draws)
    return Chance(found, mine)


def wanted_shares(track: Track, latency: int = 0) -> FloatArray:
    """Return the share of equity that a record asked for after each bar, by its fills.

    Shape:  (P, T), 0 where nothing was held; the bar of the decision is the one before the fill, less the latency.
    """
    curve, pairs = track.curve, len(track.pairs)
    asked = np.zeros((pairs, len(curve)))
    held, share = np.zeros(pairs), np.zeros(pairs)
    before = np.concatenate(([curve.start_equity], curve.equity[:-1]))
    for fill in track.fills:
        p, bar = int(fill["pair"]), int(fill["bar"])
        change = float(fill["quantity"]) * int(fill["side"])
        after = held[p] + change
        if abs(after) <= 1e-12 * max(abs(held[p]), abs(change)):
            after = 0.0
        if fill["side"] == Side.BUY:
            share[p] = min(share[p] + change * float(fill["price"]) / before[bar], 1.0)
        else:
            share[p] = share[p] * after / held[p] if held[p] else 0.0
        held[p] = after
        asked[p, max(bar - 1 - latency, 0) :] = share[p] if after else 0.0
    return asked


def shuffled(share: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the wanted share with its spells of holding and of being out in an order by chance, still in turn.

    Spells keep their length and what happens inside them, so exposure and the number of entries stay as they are.
    """
    borders = np.flatnonzero(np.diff(share != 0.0)) + 1
    spells = np.split(share, borders)
    is_held = bool(share[0] != 0.0)
    first, second = spells[0::2], spells[1::2]
    one = [first[place] for place in rng.permutation(len(first))]
    other = [second[place] for place in rng.permutation(len(second))]
    # Which kind comes first is chance too, where both orders are possible.
    if len(one) == len(other) and rng.random() < 0.5:
        one, other = other, one
        is_held = not is_held
    turns = [piece for pair in zip(one, other, strict=False) for piece in pair]
    return np.concatenate([*turns, *one[len(other) :]])


def _yearly(track: Track) -> float | None:
    days = daily_returns(track.curve, track.timeframe)
    ratio = sharpe_ratio(days.returns)
    return None if ratio is None else ratio * days.per_year**0.5

"""Sentinels: what must hold before any figure means something. Each is a gate.

No decision may see the future; the compiled lane and the session must leave the same record; and the record played
twice must be the same to the bit. Called by `backtest.evaluate`.
"""

from __future__ import annotations

import numpy as np

from tradecore.backtest.holdout import track_hash
from tradecore.backtest.lookahead import find_lookahead
from tradecore.backtest.run import Settings, simulate, simulate_shifts
from tradecore.backtest.walk_forward import Make, Tell, Walk, shifts_of
from tradecore.stats.gates import Gate


def lookahead_gate(make: Make, walked: Walk, cuts: int, rng: np.random.Generator, tell: Tell) -> tuple[Gate, ...]:
    """Cut the data at random places and see whether a decision changes; no gate where no cut is asked for."""
    if not cuts:
        return ()
    tell("lookahead", 0, 1)
    found = find_lookahead(lambda: make(**walked.folds[-1].params), walked.bars, cuts=cuts, rng=rng)
    tell("lookahead", 1, 1)
    return (Gate("no_lookahead", found.ok, float(not found.ok), 0.0, found.text),)


def repeat_gate(make: Make, walked: Walk, settings: Settings, tell: Tell) -> Gate:
    """Play the walk's shifts once more and compare every fill and the account after every bar."""
    tell("played twice", 0, 1)
    again = simulate_shifts(shifts_of(make, walked.folds), walked.bars, settings).track
    tell("played twice", 1, 1)
    same = track_hash(again) == track_hash(walked.simulation.track)
    text = "played twice, the record is the same to the bit" if same else (
        "played twice, the record differs: the strategy draws on something besides bars, features and its own rng"
    )  # fmt: skip
    return Gate("deterministic", same, float(not same), 0.0, text)


def lanes_gate(make: Make, walked: Walk, settings: Settings, tell: Tell) -> tuple[Gate, ...]:
    """Play the walk's own shifts, and the last choice from the first bar on, bar by bar and in the compiled lane, and
    compare; no gate for one without an exposure.

    The second is for latched exposures: begun later than the bars they are not played in the lane.
    """
    if walked.shifts[-1].strategy.exposure is None or len(walked.bars) > 1:
        return ()
    tell("both lanes", 0, 2)
    slow = simulate_shifts(shifts_of(make, walked.folds), walked.bars, settings, lane=False).track
    same = track_hash(slow) == track_hash(walked.simulation.track)
    tell("both lanes", 1, 2)
    params = walked.folds[-1].params
    one, other = (simulate(make(**params), walked.bars, settings, lane=lane).track for lane in (None, False))
    same = same and track_hash(one) == track_hash(other)
    tell("both lanes", 2, 2)
    text = "exposure and decide leave the same record on these bars" if same else (
        "exposure and decide leave different records on these bars; find the first: tradecore strategy check"
    )  # fmt: skip
    return (Gate("lanes_agree", same, float(not same), 0.0, text),)

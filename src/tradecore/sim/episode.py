"""One training environment's account and its bar, compiled: wish, fill, mark, reward, end, next beginning.

An environment is a record: which pair it lives on, at which bar, its account, the order on its way. A step is the time
contract of the house: the wish of the close of bar t meets the open of bar t + 1 by `sim.lane`, which is the kernel's
market bit for bit; the account is marked at that bar's close, and the reward is the log of what equity became. A wish
is the share of equity to hold, sent as a strategy would send it: the change as a buy or sale of a fraction of equity,
nothing at all as a close; an order like the one on its way is not sent again, another one takes its place.

Called by `sim.environments` alone. Records instead of one array per field: an environment is three cache lines.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tradecore.core.types import FloatArray, IntArray
from tradecore.sim.codes import ALL, BUY, FRACTION, SELL, SENT
from tradecore.sim.compiled import entry, free, inner
from tradecore.sim.lane import Account, Order, fill_at_open, is_over, terms_in
from tradecore.sim.state import Record, Records

ENVIRONMENT = np.dtype(
    [
        ("pair", "i8"),
        ("bar", "i8"),  # the newest final bar, of the pair's own
        ("first", "i8"),  # the bar the episode began at
        ("last", "i8"),  # the bar it ends with
        ("cash", "f8"),
        ("quantity", "f8"),
        ("cost", "f8"),
        ("mark", "f8"),
        ("realised", "f8"),
        ("equity", "f8"),  # at the mark
        ("peak", "f8"),  # highest equity of the episode
        ("entry_bar", "i8"),  # of the position, where there is one
        ("side", "i8"),  # of the order on its way; 0 = none
        ("size_kind", "i8"),
        ("amount", "f8"),
        ("wanted", "f8"),
        ("filled", "f8"),
        ("state", "i8"),
        ("note", "i8"),
        ("active_from", "i8"),
        ("random", "u8"),  # the state of the environment's own stream of beginnings
    ]
)
SHARE, UNREALISED, HELD, DRAWDOWN, PROGRESS, ON_ITS_WAY = range(6)
"""Columns of what an environment tells of its account."""
COLUMNS = 6
RUINED, ENDED = 1, 2
"""Why an episode is over: its equity is gone, or its bars are."""
OPEN_, CLOSE, VOLUME, REAL = range(4)
"""Columns of `World.bars`."""
_A, _B, _C, _LOW = np.uint64(13), np.uint64(7), np.uint64(17), np.uint64(11)


class World(NamedTuple):
    """What N environments share. Read-only."""

    bars: FloatArray
    """(P, T, 4) open, close, volume, and 1 where the bar is real; one bar is half a cache line."""
    starts: IntArray
    """(P + 1,) how many bars an episode may begin at in the pairs before each."""
    rules: Records
    """(P,) `sim.state.RULES`."""
    cash: float
    ruin: float
    """Equity at which an episode is over."""
    band: float
    """Smallest change of the share that is traded."""
    warmup: int
    length: int
    latency: int


class Told(NamedTuple):
    """What a step tells, reused from step to step."""

    pair: IntArray
    """(N,), and `bar` (N,): where each environment is now, after a new beginning where one was due."""
    bar: IntArray
    account: FloatArray
    """(N, 6) float32: see `COLUMNS`."""
    reward: FloatArray
    """(N,) log of equity after the step over equity before."""
    over: IntArray
    """(N,) int8: 0, RUINED or ENDED."""
    last_pair: IntArray
    """(N,), and the following: where and how the newest episode that was over ended."""
    last_bar: IntArray
    last_account: FloatArray
    last_equity: FloatArray


@free
def step_all(world: World, environments: Records, targets: FloatArray, told: Told) -> int:
    """Let every environment act on its newest bar and live through the next; the ended begin anew.

    Returns -1, or the first environment whose target is no share; then nothing has moved.
    """
    for i in range(len(targets)):
        if targets[i] < 0.0 or targets[i] > 1.0:
            return i
    bars, rules, latency, band, ruin = world.bars, world.rules, world.latency, world.band, world.ruin
    reward, over = told.reward, told.over
    for i in range(len(environments)):
        env = environments[i]
        wish(env, targets[i], band, latency)
        env.bar += 1
        p, t = env.pair, env.bar
        if bars[p, t, REAL] != 0.0:
            if env.side != 0 and t >= env.active_from:
                meet_open(env, rules[p], bars[p, t, OPEN_], bars[p, t, VOLUME], world.cash)
            env.mark = bars[p, t, CLOSE]
        before, equity = env.equity, env.cash + env.quantity * env.mark
        env.equity = equity
        env.peak = max(env.peak, equity)
        reward[i] = math.log(equity / before) if equity != before else 0.0
        over[i] = RUINED if equity <= ruin else (ENDED if t >= env.last else 0)
        if over[i] != 0:
            told.last_pair[i], told.last_bar[i], told.last_equity[i] = p, t, equity
            tell(env, told.last_account, i)
            draw(world, env)
            begin(world, env)
        told.pair[i], told.bar[i] = env.pair, env.bar
        tell(env, told.account, i)
    return -1


@entry
def begin_all(world: World, environments: Records, told: Told, is_drawn: bool) -> None:
    """Begin an episode in every environment: where its own stream says, or at the pair and bar that stand in it."""
    for i in range(len(environments)):
        if is_drawn:
            draw(world, environments[i])
        begin(world, environments[i])
        told.pair[i], told.bar[i] = environments[i].pair, environments[i].bar
        tell(environments[i], told.account, i)


@inner
def draw(world: World, env: Record) -> None:
    """Draw pair and bar of a new episode; every beginning that leaves room for a whole episode is as likely.

    Source: Marsaglia (2003), Xorshift RNGs, the 64-bit triple (13, 7, 17).
    """
    random = env.random
    random ^= random << _A
    random ^= random >> _B
    random ^= random << _C
    env.random = random
    starts = world.starts
    place = np.int64((random >> _LOW) % np.uint64(starts[-1]))
    p = 0
    while place >= starts[p + 1]:
        p += 1
    env.pair = p
    env.bar = world.warmup + place - starts[p]
    env.last = env.bar + world.length


@inner
def begin(world: World, env: Record) -> None:
    """Give an environment a fresh account at its bar."""
    env.first = env.entry_bar = env.bar
    env.cash = env.equity = env.peak = world.cash
    env.quantity = env.cost = env.realised = 0.0
    env.mark = world.bars[env.pair, env.bar, CLOSE]
    env.side = 0


@inner
def wish(env: Record, target: float, band: float, latency: int) -> None:
    """Send what brings the held share to the one wished for. NaN wishes nothing: what is on its way goes on."""
    if math.isnan(target):
        return
    if target <= 0.0:
        if env.quantity > 0.0:
            send(env, SELL, ALL, 0.0, latency)
        elif env.side > 0:  # nothing is held yet: the order that would change that is cancelled
            env.side = 0
        return
    change = target - env.quantity * env.mark / env.equity
    if change > band:
        send(env, BUY, FRACTION, change, latency)
    elif change < -band:
        send(env, SELL, FRACTION, -change, latency)


@inner
def send(env: Record, side: int, size_kind: int, amount: float, latency: int) -> None:
    """Put a market order on its way, unless one like it has not finished yet; another one is replaced."""
    if env.side == side:
        return
    env.side, env.size_kind, env.amount = side, size_kind, amount
    env.wanted = env.filled = 0.0
    env.state, env.note, env.active_from = SENT, 0, env.bar + 1 + latency


@inner
def meet_open(env: Record, rule: Record, open_: float, volume: float, deposits: float) -> None:
    """Let the order on its way meet the open of the newest bar."""
    account = Account(env.cash, env.quantity, env.cost, env.mark, env.realised, deposits, 0.0)
    order = Order(env.side, env.size_kind, env.amount, env.wanted, env.filled, env.state, env.note)
    after, order, _ = fill_at_open(terms_in(rule), account, order, open_, volume)
    if env.quantity == 0.0:
        env.entry_bar = env.bar
    env.cash, env.quantity, env.cost, env.realised = after.cash, after.quantity, after.cost, after.realised
    env.wanted, env.filled, env.state, env.note = order.quantity, order.filled, order.state, order.note
    if is_over(order):
        env.side = 0


@inner
def tell(env: Record, account: FloatArray, i: int) -> None:
    """Write what a policy may know of an account."""
    equity = env.equity
    value = env.quantity * env.mark
    length = env.last - env.first
    account[i, SHARE] = value / equity
    account[i, UNREALISED] = (value - env.cost) / equity
    account[i, HELD] = (env.bar - env.entry_bar) / length if env.quantity > 0.0 else 0.0
    account[i, DRAWDOWN] = 1.0 - equity / env.peak
    account[i, PROGRESS] = (env.bar - env.first) / length
    account[i, ON_ITS_WAY] = env.side

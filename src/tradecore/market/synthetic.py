"""Made-up markets with a seed: what the demo, the tests and a first experiment run on when a person asks for them.

Not a model of any real market, and never a stand-in for missing data: every result names itself `synthetic:...` in its
source. Called by `data synth`, `hello`, `testing` and tests. Invariants: the same arguments give the same bytes, more
bars extend the same market, and in every kind but `planted` and `trending` the price is a martingale, so that no
strategy has an edge; `trending` is one as well where its `edge` is 0.

The law of one bar, the same for every kind (Black & Scholes 1973; Merton 1976 for the jumps):

    log open(t)  = log close(t-1) + J(t)                          J: what happens between bars
    log close(t) = log open(t) + s(t) z(t) - s(t)^2 / 2           z ~ N(0, 1), independent of s
    log high(t)  = (a + sqrt(d^2 - 2 s^2 log U)) / 2              a = log open + log close, d = log close - log open

The last line is the exact law of a Brownian path's maximum between its ends (Shepp 1979; the low is its mirror), so a
stop or limit inside a bar is as fair as the close. J is zero but for jumps N(-q^2/2, q^2) at a Poisson rate: jumps
fall between bars, where a simulator fills at the open and gives nobody the level he asked for. Both exponents have mean
one, so E[close(t) | past] = close(t-1) whatever s(t) does. The kinds differ in s(t):

    gbm      s = volatility x sqrt(bar in years)
    jumps    as gbm, with one jump in five days of 3 %
    noise    s x exp(h) x sqrt((n-2) / chi2(n)), h an Ornstein-Uhlenbeck process with a half-life of two days, n = 5
             (Student tails), one jump in ten days
    regimes  as noise, with calm, active and wild regimes of random length and more jumps: the market of the demo
    trending as noise, in stretches of two days on average (exponential) that are busy and quiet in turn: volume is six
             times as large in busy ones, and log close moves by +m a bar in them and by -m in quiet ones besides; m is
             `edge` standard deviations of a usual day, a day: an edge of any size, all else the same to the bit
    planted  log close = zigzag + X; the zigzag climbs and falls in turn at a steady pace for days, X is an
             Ornstein-Uhlenbeck process driven by 0.45 s(t) z(t); the trends are the edge; volume swells as one begins

Volume is base x (s / mean s) x (0.4 + |z|) x lognormal: heavy-tailed and larger in large moves, and blind to direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import DAY_NS, BoolArray, FloatArray, IntArray, Nanoseconds, Pair, Timeframe, parse_time

DEFAULT_START = parse_time("2023-01-01")
DEMO = "regimes"
"""The kind that `--synthetic` means when no kind is named."""
_START_PRICES = MappingProxyType({"BTC": 20_000.0, "ETH": 1_500.0, "SOL": 25.0, "BNB": 250.0, "LTC": 70.0})
_BOUNDS = (
    ("start_price", 0, 1e9),
    ("volatility", 1e-3, 5),
    ("volume_per_day", 1e-6, 1e12),
    ("gap_rate", 0, 0.5),
    ("edge", 0, 3),
)
_OUTAGE_BARS = 3.0
_MAX_MIX = 6.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What a caller may change about a made-up market; every field is also a keyword of `make`."""

    start_price: float = 0.0
    """Quote per base at the first open; 0 takes a usual price of the base asset, or 100."""
    volatility: float = 0.55
    """Standard deviation of a year's log return; for `planted` 0.45 of it is the noise around the trends."""
    volume_per_day: float = 4_000.0
    """Base units traded in a usual day."""
    gap_rate: float = 0.0
    """Fraction of bars that are missing, in outages of three bars on average."""
    edge: float = 0.3
    """Only for `trending`: its drift a day in standard deviations of a usual day's log return; 0 plants no edge."""

    def __post_init__(self) -> None:
        for name, low, high in _BOUNDS:
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"synthetic market: {name} is {getattr(self, name)!r}, expected {low:g} to {high:g}")


@dataclass(frozen=True, slots=True)
class _Recipe:
    regimes: tuple[tuple[float, float], ...] = ((1.0, 3650.0),)
    """Volatility multiple and mean length in days of each regime."""
    log_vol: float = 0.0
    tail_freedom: float = 0.0
    jumps_per_day: float = 0.0
    jump_size: float = 0.0
    has_trends: bool = False
    drift_days: float = 0.0
    """Mean length of a stretch of one drift, up and busy or down and quiet; 0 drifts nowhere."""


_RECIPES: Mapping[str, _Recipe] = MappingProxyType(
    {
        "gbm": _Recipe(),
        "jumps": _Recipe(jumps_per_day=0.2, jump_size=0.03),
        "noise": _Recipe(log_vol=0.3, tail_freedom=5.0, jumps_per_day=0.1, jump_size=0.02),
        "regimes": _Recipe(((0.5, 12.0), (1.0, 8.0), (2.0, 2.0)), 0.25, 5.0, 0.2, 0.02),
        "trending": _Recipe(log_vol=0.3, tail_freedom=5.0, jumps_per_day=0.1, jump_size=0.02, drift_days=2.0),
        "planted": _Recipe(((0.7, 10.0), (1.2, 6.0)), 0.15, 8.0, has_trends=True),
    }
)
KINDS: tuple[str, ...] = tuple(_RECIPES)

# The planted trends: they turn at levels that lie this far above and below the base (log price), at this pace a day.
# Generous on purpose: a strategy that takes one entry in three must still be seen to have an edge within two years, and
# legs of two to five days are too short for averages of a hundred hours, so that it beats the slow baselines as well.
_SWING = (0.015, 0.07)
_PACE = (0.022, 0.034)
_NOISE_SHARE = 0.45
_NOISE_HALF_LIFE_DAYS = 60.0
_SWELL = 4.0
_SWELL_DAYS = 0.75
# How many times the volume of quiet stretches is traded in the busy ones of `trending`.
_BUSY = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Raw trades in the order they happened.

    Shape: every array (N,); `time` UTC ns, rising; `price` quote; `quantity` base, multiples of 1e-8; `side` +1 when
    the buyer took, -1 when the seller did; `trade_id` contiguous.
    """

    pair: Pair
    source: str
    time: IntArray
    price: FloatArray
    quantity: FloatArray
    side: IntArray
    trade_id: IntArray

    def __len__(self) -> int:
        return len(self.time)


def make(
    kind: str,
    *,
    pair: Pair,
    timeframe: Timeframe,
    bars: int,
    seed: int,
    start: Nanoseconds = DEFAULT_START,
    **options: float,
) -> Bars:
    """Return a made-up market of `bars` slots from `start`, which is moved up to the timeframe's grid.

    Errors: UsageError for an unknown kind or option, or a value out of its range.

    >>> make("noise", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=48, seed=7)
    Bars(BTC/USD 1h, 48 bars, 2023-01-01T00:00:00Z .. 2023-01-02T23:00:00Z, source synthetic:noise:seed=7)
    """
    return make_many(kind, (pair,), timeframe=timeframe, bars=bars, seed=seed, start=start, correlation=0.0, **options)[
        pair
    ]


def make_many(
    kind: str,
    pairs: Sequence[Pair],
    *,
    timeframe: Timeframe,
    bars: int,
    seed: int,
    start: Nanoseconds = DEFAULT_START,
    correlation: float = 0.6,
    **options: float,
) -> dict[Pair, Bars]:
    """Return one market per pair whose z(t) are correlated by `correlation` through one common factor.

    Volatility, jumps, trends and volume are each pair's own, so returns correlate a little less than asked.
    Errors: as `make`.
    """
    recipe = _RECIPES.get(kind)
    if recipe is None:
        raise UsageError(f"synthetic market {kind!r} is unknown, expected one of {', '.join(KINDS)}")
    if bars < 1 or not 0 <= correlation <= 1:
        raise UsageError(f"synthetic market: {bars} bars, correlation {correlation}; expected >= 1 and within 0 to 1")
    unknown = sorted(set(options) - {field.name for field in fields(Shape)})
    if unknown:
        raise UsageError(f"synthetic market: unknown option {unknown[0]!r}, expected one of {', '.join(_options())}")
    if "edge" in options and not recipe.drift_days:
        raise UsageError(
            f"synthetic market {kind!r} has no edge to size; expected the kind trending, or no edge option"
        )
    times = -(-start // timeframe.ns) * timeframe.ns + timeframe.ns * np.arange(bars, dtype=np.int64)
    common = generator(seed, "synthetic", kind, "common").standard_normal(bars) if correlation else np.zeros(bars)
    made = {}
    for pair in pairs:
        z = generator(seed, "synthetic", kind, str(pair), "z").standard_normal(bars)
        mixed = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * z
        made[pair] = _Maker(kind, pair, timeframe, seed, Shape(**options)).bars(recipe, times, mixed)
    return made


def make_trades(bars: Bars, *, seed: int, per_bar: float = 8.0, first_trade_id: int = 1) -> Trades:
    """Return raw trades that aggregate back to exactly these bars: open, high, low, close, and volume to 1e-8 a trade.

    Takers buy at the ask and sell at the bid, so prices bounce between two levels around a path from open to close
    through high and low (Roll 1984). A bar of volume zero yields no trade. `per_bar` is the mean number beyond four.
    Errors: UsageError when `per_bar` is negative or a bar's volume is below 4e-8.
    """
    if per_bar < 0:
        raise UsageError(f"synthetic trades: per_bar is {per_bar}, expected >= 0")
    rng = generator(seed, "synthetic", "trades", str(bars.pair))
    traded = np.flatnonzero(bars.volume > 0)
    counts = 4 + rng.poisson(per_bar, len(traded))
    units = np.rint(bars.volume[traded] * 1e8).astype(np.int64)
    if (units < counts).any():
        counts = np.minimum(counts, units)
    if (counts < 4).any():
        raise UsageError(f"synthetic trades: a bar of {bars.pair} holds less than 4e-8 base: no room for four trades")
    bar = np.repeat(traded, counts)
    first = np.cumsum(counts) - counts
    place = np.arange(len(bar)) - np.repeat(first, counts)
    price, side = _bounce(bars, bar, place, np.repeat(counts, counts), rng)
    offset = rng.random(len(bar)) * bars.timeframe.ns
    time = np.sort(bars.open_time[bar] + offset.astype(np.int64))
    ids = np.arange(first_trade_id, first_trade_id + len(bar), dtype=np.int64)
    return Trades(bars.pair, bars.source, time, price, _split(units, counts, first, rng), side, ids)


def _options() -> list[str]:
    return sorted(field.name for field in fields(Shape))


@dataclass(frozen=True, slots=True)
class _Maker:
    """One pair's streams: each ingredient draws from its own, so that more bars only extend what was there."""

    kind: str
    pair: Pair
    timeframe: Timeframe
    seed: int
    shape: Shape

    def rng(self, part: str) -> np.random.Generator:
        return generator(self.seed, "synthetic", self.kind, str(self.pair), part)

    @property
    def bar_days(self) -> float:
        return self.timeframe.ns / DAY_NS

    def bars(self, recipe: _Recipe, times: IntArray, z: FloatArray) -> Bars:
        count = len(times)
        sigma = self.sigma(recipe, count)
        swell = np.ones(count)
        move = sigma * z - sigma**2 / 2
        jump = self.jumps(recipe, count)
        if recipe.has_trends:
            sigma = sigma * _NOISE_SHARE
            trend, swell = self.trends(count)
            noise = _autoregression(sigma * z, 0.5 ** (self.bar_days / _NOISE_HALF_LIFE_DAYS))
            move = np.diff(trend + noise, prepend=0.0)
        if recipe.drift_days:
            drift, swell = self.drift(recipe.drift_days, count)
            move = move + drift
        base = self.shape.start_price or _START_PRICES.get(self.pair.base, 100.0)
        close = np.log(base) + np.cumsum(move + jump)
        prices = self.prices(close - move, close, sigma)
        volume = self.volume(sigma, z, swell)
        kept = self.kept(count)
        opened, high, low, closed = (values[kept] for values in prices)
        strength = f":edge={self.shape.edge:g}" if recipe.drift_days else ""
        source = f"synthetic:{self.kind}{strength}:seed={self.seed}"
        return Bars(self.pair, self.timeframe, times[kept], opened, high, low, closed, volume[kept], source)

    def sigma(self, recipe: _Recipe, count: int) -> FloatArray:
        """Return the standard deviation of each bar's log return, (count,)."""
        multiples, days = np.array(recipe.regimes).T
        usual = np.sqrt((multiples**2 * days).sum() / days.sum())
        sigma = (multiples / usual)[self.regime(days, count)]
        sigma *= self.shape.volatility * np.sqrt(self.bar_days / 365)
        if recipe.log_vol:
            keep = 0.5 ** (self.bar_days / 2.0)
            shocks = self.rng("log_vol").standard_normal(count) * recipe.log_vol * np.sqrt(1 - keep**2)
            sigma *= np.exp(_autoregression(shocks, keep) - recipe.log_vol**2)
        if recipe.tail_freedom:
            n = recipe.tail_freedom
            sigma *= np.minimum(np.sqrt((n - 2) / self.rng("tails").chisquare(n, count)), _MAX_MIX)
        return np.asarray(sigma, np.float64)

    def regime(self, days: FloatArray, count: int) -> IntArray:
        """Return the regime of each bar, (count,): a Markov chain that moves to any other regime alike."""
        if len(days) == 1:
            return np.zeros(count, np.int64)
        rng, state, ends, states = self.rng("regime"), 0, 0, []
        lengths: list[int] = []
        while ends < count:
            length, turn = rng.random(2)
            lengths.append(1 + int(-np.log1p(-length) * days[state] / self.bar_days))
            states.append(state)
            ends += lengths[-1]
            state = (state + 1 + int(turn * (len(days) - 1))) % len(days)
        return np.repeat(np.array(states), lengths)[:count]

    def jumps(self, recipe: _Recipe, count: int) -> FloatArray:
        if not recipe.jumps_per_day:
            return np.zeros(count)
        happens = self.rng("jump_times").random(count) < -np.expm1(-recipe.jumps_per_day * self.bar_days)
        size = self.rng("jump_sizes").standard_normal(count) * recipe.jump_size - recipe.jump_size**2 / 2
        happens[0] = False
        return np.where(happens, size, 0.0)

    def drift(self, days: float, count: int) -> tuple[FloatArray, FloatArray]:
        """Return what each bar's log price drifts by, up and down in turn, and the swell of volume, each (count,)."""
        rng, ends, lengths = self.rng("drift"), 0, []
        up = rng.random() < 0.5
        while ends < count:
            lengths.append(1 + int(-np.log1p(-rng.random()) * days / self.bar_days))
            ends += lengths[-1]
        rises = np.repeat((np.arange(len(lengths)) % 2 == 0) == up, lengths)[:count]
        size = self.shape.edge * self.shape.volatility / np.sqrt(365) * self.bar_days
        return np.where(rises, size, -size), np.where(rises, _BUSY, 1.0)

    def trends(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Return the planted zigzag in log price and the swell of volume at its turning points, each (count,)."""
        rng = self.rng("trends")
        times, levels = [0.0], [0.0]
        sign = 1.0 if rng.random() < 0.5 else -1.0
        while times[-1] <= count * self.bar_days:
            height, pace = rng.random(2)
            levels.append(sign * (_SWING[0] + height * (_SWING[1] - _SWING[0])))
            times.append(times[-1] + abs(levels[-1] - levels[-2]) / (_PACE[0] + pace * (_PACE[1] - _PACE[0])))
            sign = -sign
        now = np.arange(1, count + 1) * self.bar_days
        since = now - np.array(times)[np.searchsorted(times, now) - 1]
        return np.interp(now, times, levels), 1.0 + (_SWELL - 1.0) * (since / _SWELL_DAYS) * (since < _SWELL_DAYS)

    def prices(self, opened: FloatArray, closed: FloatArray, sigma: FloatArray) -> tuple[FloatArray, ...]:
        """Return open, high, low, close from the log prices at both ends of each bar, rounded to cents, (4, count)."""
        u = self.rng("extremes").random((len(sigma), 2))
        reach = np.sqrt((closed - opened)[:, None] ** 2 - 2 * sigma[:, None] ** 2 * np.log1p(-u))
        high, low = (opened + closed + reach[:, 0]) / 2, (opened + closed - reach[:, 1]) / 2
        # Below one unit of quote a cent is coarse: keep four digits of the bar's low.
        scale = 10.0 ** np.maximum(2.0, 3.0 - np.floor(low / np.log(10)))
        return tuple(np.maximum(np.rint(np.exp(p) * scale), 1.0) / scale for p in (opened, high, low, closed))

    def volume(self, sigma: FloatArray, z: FloatArray, swell: FloatArray) -> FloatArray:
        usual = self.shape.volatility * np.sqrt(self.bar_days / 365)
        spread = np.exp(0.6 * self.rng("volume").standard_normal(len(z)) - 0.18)
        volume = self.shape.volume_per_day * self.bar_days * (sigma / usual) * (0.4 + np.abs(z)) / 1.2 * spread * swell
        return np.asarray(np.maximum(np.rint(volume * 1e8), 1.0) / 1e8)

    def kept(self, count: int) -> BoolArray:
        """Return which bars exist, (count,): outages start at random and last a geometric number of bars."""
        kept = np.ones(count, np.bool_)
        rate = self.shape.gap_rate
        if rate:
            rng = self.rng("outages")
            draws = rng.random((count, 2))
            starts = draws[:, 0] < rate / (_OUTAGE_BARS * (1 - rate) + rate)
            length = 1 + np.floor(np.log1p(-draws[:, 1]) / np.log1p(-1 / _OUTAGE_BARS)).astype(np.int64)
            ends = np.where(starts, np.arange(count) + length, 0)
            kept = np.maximum.accumulate(ends) <= np.arange(count)
            kept[0] = True
        return kept


def _autoregression(shocks: FloatArray, keep: float) -> FloatArray:
    """Return x(t) = keep x(t-1) + shocks(t) from x(-1) = 0, (T,), in blocks short enough not to overflow."""
    size = max(1, min(4096, int(200 / max(-np.log(keep), 1e-12)))) if keep > 0 else 1
    padded = np.zeros(-(-len(shocks) // size) * size)
    padded[: len(shocks)] = shocks
    powers = keep ** np.arange(1, size + 1)
    blocks = np.cumsum(padded.reshape(-1, size) / powers, axis=1) * powers
    carry = 0.0
    for row in range(len(blocks)):
        blocks[row] += carry * powers
        carry = blocks[row, -1]
    values: FloatArray = blocks.reshape(-1)[: len(shocks)]
    return values


def _bounce(
    bars: Bars, bar: IntArray, place: IntArray, counts: IntArray, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Return each trade's price and taker side: open first, close last, high and low between them, the rest bounces."""
    opened, high, low, close = (getattr(bars, name)[bar] for name in ("open", "high", "low", "close"))
    share = place / (counts - 1)
    side = np.where(rng.random(len(bar)) < 0.5, 1, -1).astype(np.int64)
    middle = opened + (close - opened) * share
    price = np.clip(np.rint((middle * (1 + 1e-4 * side)) * 100) / 100, low, high)
    rises = close >= opened
    price = np.where(place == 1, np.where(rises, low, high), price)
    price = np.where(place == counts - 2, np.where(rises, high, low), price)
    price = np.where(place == 0, opened, price)
    return np.where(place == counts - 1, close, price), side


def _split(units: IntArray, counts: IntArray, first: IntArray, rng: np.random.Generator) -> FloatArray:
    """Return quantities that are whole units of 1e-8, at least one each, and sum to each bar's units, (N,)."""
    weight = rng.exponential(size=int(counts.sum()))
    total = np.add.reduceat(weight, first) if len(first) else weight
    spare = np.repeat(units - counts, counts)
    part = 1 + np.floor(spare * weight / np.repeat(total, counts)).astype(np.int64)
    if len(first):
        part[first] += units - np.add.reduceat(part, first)
    quantity: FloatArray = part / 1e8
    return quantity

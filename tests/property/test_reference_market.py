"""Two implementations of one specification, sent the same random orders, bars, costs and cash flows: same outcome.

The reference was written from the specification alone and counts in exact decimals; the other side is the compiled
kernel behind the venue that backtests use. Whatever one fills, refuses or marks, the other must too, to 1e-9. A failure
names its seed; `scenario(seed)` is the whole case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from math import inf

import numpy as np
import pytest

from tradecore.core.events import Filled
from tradecore.core.orders import At, FillReason, Intent, OrderKind, OrderNote, SizeKind
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.core.types import Pair, Side, Timeframe
from tradecore.sim.model import VenueModel
from tradecore.sim.state import Tape
from tradecore.testing.reference_market import Bar, PairRules, ReferenceMarket
from tradecore.venues.simulated import SimulatedVenue

PAIRS = (Pair("BTC", "USD"), Pair("ETH", "USD"), Pair("SOL", "USD"))
MINUTE = Timeframe.parse("1m")
BARS, CASH = 60, 10_000.0
CLOSE = 1e-9
BLOCKS, SEEDS = 10, 30
MARKET_ONLY, MIXED = (0,), (0, 0, 1, 2)


@dataclass(frozen=True)
class Scenario:
    """One random market, its venue, and what is asked of it at every bar."""

    model: VenueModel
    bars: tuple[tuple[Bar, ...], ...]
    """Per bar, per pair."""
    flows: tuple[float, ...]
    intents: tuple[tuple[Intent, ...], ...]
    """What is decided before bar i."""
    cancels: tuple[tuple[int, ...], ...]


def scenario(seed: int) -> Scenario:
    rng = generator(seed, "reference market")
    count = int(rng.integers(1, 4))
    model = random_model(rng)
    series = [random_bars(rng, model.tick or 0.01) for _ in range(count)]
    bars = tuple(tuple(one[index] for one in series) for index in range(BARS))
    flows = tuple(round(float(rng.normal(0, 3000)), 2) if rng.random() < 0.1 else 0.0 for _ in range(BARS))
    # A quiet account lets the venue skip bars; a busy one makes orders meet each other.
    share, kinds = ((0.35, MIXED), (0.06, MIXED), (0.1, MARKET_ONLY))[int(rng.integers(3))]
    intents: list[tuple[Intent, ...]] = []
    for index in range(BARS):
        chosen = [pair for pair in range(count) if rng.random() < share]
        sent = sum(map(len, intents))
        prices = bars[max(index - 1, 0)]
        made = (random_intent(rng, sent + i, PAIRS[pair], prices[pair].close, kinds) for i, pair in enumerate(chosen))
        intents.append(tuple(made))
    cancels = tuple(tuple(rng.integers(0, 40, 1).tolist()) if rng.random() < 0.1 else () for _ in range(BARS))
    return Scenario(model, bars, flows, tuple(intents), cancels)


def random_model(rng: np.random.Generator) -> VenueModel:
    def maybe(low: float, high: float, otherwise: float, digits: int = 5) -> float:
        return round(float(rng.uniform(low, high)), digits) if rng.random() < 0.5 else otherwise

    return VenueModel(
        maker_fee=maybe(0.0, 0.01, 0.0),
        taker_fee=maybe(0.0, 0.02, 0.0),
        half_spread=maybe(0.0, 0.002, 0.0),
        slippage=maybe(0.0, 0.005, 0.0),
        participation=maybe(0.02, 0.9, inf, 3),
        tick=float(rng.choice([0.0, 0.01, 0.5])),
        lot=float(rng.choice([0.0, 0.001, 0.1, 1.0])),
        min_quantity=float(rng.choice([0.0, 0.01, 2.0])),
        min_notional=float(rng.choice([0.01, 10.0, 600.0])),
        max_base=maybe(1.0, 60.0, inf, 3),
        max_quote=maybe(100.0, 6000.0, inf, 2),
        max_positions=int(rng.integers(1, 4)),
        latency_bars=int(rng.choice([0, 0, 1, 3])),
        touch=bool(rng.random() < 0.5),
    )


def random_bars(rng: np.random.Generator, tick: float) -> list[Bar]:
    """Return bars on the tick grid, some of them opening with a gap, without volume, or not real."""
    price, bars = float(rng.uniform(50, 150)), []
    for _ in range(BARS):
        price *= 1.0 + (float(rng.normal(0, 0.05)) if rng.random() < 0.15 else 0.0)
        path = price * np.exp(np.cumsum(rng.normal(0, 0.008, 4)))
        grid = [round(round(float(value) / tick) * tick, 2) for value in (price, *path)]
        price = float(path[-1])
        volume = 0.0 if rng.random() < 0.05 else round(float(rng.uniform(0, 200)), 3)
        bars.append(Bar(grid[0], max(grid), min(grid), grid[-1], volume, bool(rng.random() > 0.1)))
    return bars


def random_intent(rng: np.random.Generator, number: int, pair: Pair, close: float, kinds: tuple[int, ...]) -> Intent:
    def near(spread: float) -> float:
        return round(close * (1.0 + float(rng.normal(0, spread))), 3)

    def sometimes(share: float, low: float, high: float) -> float | None:
        return round(float(rng.uniform(low, high)), 6) if rng.random() < share else None

    side = Side.BUY if rng.random() < 0.55 else Side.SELL
    kind = OrderKind(int(rng.choice(kinds)))
    size_kinds = [SizeKind.FRACTION, SizeKind.QUOTE, SizeKind.BASE] + [SizeKind.ALL] * (side is Side.SELL)
    size_kind = size_kinds[int(rng.integers(len(size_kinds)))]
    top = {SizeKind.FRACTION: 1.0, SizeKind.QUOTE: 6000.0, SizeKind.BASE: 50.0, SizeKind.ALL: 1.0}[size_kind]
    buy = side is Side.BUY
    stop = sometimes(0.4, -0.06, -0.001) if buy else None
    target = sometimes(0.4, 0.001, 0.06) if buy else None
    return Intent(
        number,
        pair,
        side,
        kind,
        size_kind,
        round(float(rng.uniform(0, top)), 6) or 0.5,
        price=0.0 if kind is OrderKind.MARKET else near(0.01),
        reduce_only=not buy and bool(rng.random() < 0.7),
        stop=At(round(close * (1 + stop), 4)) if stop is not None and rng.random() < 0.3 else stop,
        target=At(round(close * (1 + target), 4)) if target is not None and rng.random() < 0.3 else target,
        trail=sometimes(0.25, 0.002, 0.08) if buy else None,
        slippage=sometimes(0.2, 0.0, 0.01),
    )


def play_reference(case: Scenario, number: type[Decimal] | type[float]) -> ReferenceMarket:
    names = {field.name for field in fields(PairRules)}
    rules = PairRules(
        **{field.name: getattr(case.model, field.name) for field in fields(case.model) if field.name in names}
    )
    pairs = PAIRS[: len(case.bars[0])]
    box = ReferenceMarket(
        pairs, [rules] * len(pairs), CASH,
        max_positions=case.model.max_positions, latency_bars=case.model.latency_bars, number=number,
    )  # fmt: skip
    for index, bars in enumerate(case.bars):
        for intent in case.intents[index]:
            box.submit(intent)
        for gone in case.cancels[index]:
            box.cancel(gone)
        box.step(bars, case.flows[index])
    return box


def play_kernel(case: Scenario) -> Track:
    pairs = PAIRS[: len(case.bars[0])]
    columns = [
        np.array([[getattr(bar[pair], name) for bar in case.bars] for pair in range(len(pairs))])
        for name in ("open", "high", "low", "close", "volume", "real")
    ]
    arrays = [np.arange(BARS, dtype=np.int64) * MINUTE.ns, *columns, np.array(case.flows)]
    for array in arrays:
        array.flags.writeable = False
    venue = SimulatedVenue(pairs, MINUTE, Tape(*arrays), case.model, CASH)
    for index in range(BARS):
        for intent in case.intents[index]:
            venue.submit(intent)
        for gone in case.cancels[index]:
            venue.cancel(gone)
        for news in venue.advance(index):
            # The venue is lazy: what happens in a bar must still be told when that bar is final, not later.
            assert not isinstance(news, Filled) or news.fill.time == index * MINUTE.ns
    return venue.track()


@contextmanager
def naming(seed: int) -> Iterator[None]:
    """Put the seed in front of whatever does not agree."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"scenario({seed}): {error}") from error


def assert_same(box: ReferenceMarket, track: Track) -> None:
    account = box.account
    for mine, row in zip(account.fills, track.fills, strict=False):
        told = (mine.bar, mine.pair, mine.order, mine.side, mine.liquidity, mine.reason)
        assert told == tuple(int(row[name]) for name in ("bar", "pair", "order", "side", "liquidity", "reason"))
        for name in ("quantity", "price", "fee"):
            assert float(getattr(mine, name)) == pytest.approx(float(row[name]), rel=CLOSE), (name, mine)
    assert len(account.fills) == len(track.fills)
    ended = track.orders[track.orders["note"] != OrderNote.END_OF_DATA]
    outcomes = {end.order: (end.state, end.note) for end in box.endings}
    assert outcomes == {int(row["order"]): (int(row["state"]), int(row["note"])) for row in ended}
    filled = {end.order: (float(end.wanted), float(end.filled)) for end in box.endings}
    for row in ended:
        assert filled[int(row["order"])] == pytest.approx((float(row["wanted"]), float(row["filled"])), rel=CLOSE)
    assert_same_money(box, track)


def assert_same_money(box: ReferenceMarket, track: Track) -> None:
    account, scale = box.account, CLOSE * float(box.account.deposits)
    for name, curve in (
        ("equity", account.equity_curve),
        ("cash", account.cash_curve),
        ("worst", account.worst_curve),
    ):
        np.testing.assert_allclose(
            getattr(track.curve, name), [float(x) for x in curve], rtol=CLOSE, atol=scale, err_msg=name
        )
    for name in ("deposits", "withdrawals", "realised", "unrealised"):
        assert getattr(track, name) == pytest.approx(float(getattr(account, name)), rel=CLOSE, abs=scale), name
    for mine, row in zip(account.trips, track.trades, strict=True):
        told = (mine.pair, mine.entry_bar, mine.exit_bar)
        assert told == tuple(int(row[name]) for name in ("pair", "entry_bar", "exit_bar"))
        for name in ("quantity", "entry_price", "exit_price", "gross", "fees", "net"):
            assert float(getattr(mine, name)) == pytest.approx(float(row[name]), rel=CLOSE, abs=scale), name


@pytest.mark.parametrize("block", range(BLOCKS))
def test_kernel_does_what_the_reference_does(block: int) -> None:
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        case = scenario(seed)
        with naming(seed):
            assert_same(play_reference(case, Decimal), play_kernel(case))


def test_the_scenarios_reach_every_reason_and_every_note() -> None:
    reasons: Counter[FillReason] = Counter()
    notes: Counter[OrderNote] = Counter()
    for seed in range(60):
        box = play_reference(scenario(seed), Decimal)
        reasons.update(fill.reason for fill in box.account.fills)
        notes.update(ending.note for ending in box.endings)
    assert set(FillReason) - set(reasons) == {FillReason.LIQUIDATION}  # shorts alone are liquidated
    out_of_reach = {OrderNote.END_OF_DATA}
    assert set(OrderNote) - set(notes) == out_of_reach  # other floors write these


def test_the_reference_gives_the_same_in_floats_as_in_decimals() -> None:
    for seed in (1, 2, 3, 4, 5):
        case = scenario(seed)
        exact, quick = play_reference(case, Decimal).account, play_reference(case, float).account
        np.testing.assert_allclose([float(x) for x in exact.equity_curve], quick.equity_curve, rtol=CLOSE)

"""Invariants of the market over random bars, orders, costs and cash flows: money is conserved, and all lanes agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.orders import At, Intent, OrderKind, SizeKind
from tradecore.core.track import Track
from tradecore.core.types import MINUTE_NS, Pair, Side, Timeframe
from tradecore.sim.batch import Batch
from tradecore.sim.model import VenueModel
from tradecore.sim.state import Tape
from tradecore.venues.simulated import SimulatedVenue

PAIRS = (Pair("BTC", "USD"), Pair("ETH", "USD"), Pair("SOL", "USD"))
seeds = st.integers(0, 2**32 - 1)


def random_tape(rng: np.random.Generator, pairs: int, count: int, *, flows: bool = True) -> Tape:
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (pairs, count)), axis=1))
    open_ = np.concatenate([np.full((pairs, 1), 100.0), close[:, :-1]], axis=1) * np.exp(
        rng.normal(0, 0.01, (pairs, count))
    )
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.01, (pairs, count))))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.01, (pairs, count))))
    volume = rng.exponential(50.0, (pairs, count)) * (rng.random((pairs, count)) > 0.1)
    real = rng.random((pairs, count)) > 0.15
    flow = np.where(rng.random(count) < 0.05, rng.normal(0, 800, count), 0.0) if flows else np.zeros(count)
    arrays = (np.arange(count, dtype=np.int64) * MINUTE_NS, open_, high, low, close, volume, real, flow)
    for array in arrays:
        array.flags.writeable = False
    return Tape(*arrays)


def random_model(rng: np.random.Generator, **fixed: Any) -> VenueModel:
    drawn: dict[str, Any] = dict(  # noqa: C408
        maker_fee=rng.choice([0.0, 0.0025]), taker_fee=rng.choice([0.0, 0.004, 0.02]),
        half_spread=rng.choice([0.0, 0.001]), slippage=rng.choice([0.0, 0.002]),
        participation=rng.choice([0.05, 0.5, np.inf]), tick=rng.choice([0.0, 0.01, 0.5]),
        lot=rng.choice([0.0, 0.001, 0.1]), min_quantity=rng.choice([0.0, 0.05]), min_notional=rng.choice([0.0, 5.0]),
        max_base=rng.choice([np.inf, 20.0]), max_quote=rng.choice([np.inf, 3000.0]),
        max_positions=int(rng.choice([1, 2, 9])),
        latency_bars=int(rng.integers(0, 3)), touch=bool(rng.integers(2)), allow_short=bool(rng.integers(2)),
    )  # fmt: skip
    return VenueModel(**{k: v if isinstance(v, bool | int) else float(v) for k, v in (drawn | fixed).items()})


def random_intent(rng: np.random.Generator, number: int, pairs: int, price: float) -> Intent:
    side = Side.BUY if rng.random() < 0.6 else Side.SELL
    away = 1.0 if side is Side.BUY else -1.0
    kind = OrderKind(int(rng.choice([0, 0, 1, 2])))
    size_kind = SizeKind(int(rng.integers(4)))
    size = {
        SizeKind.FRACTION: rng.uniform(0.05, 1.0),
        SizeKind.QUOTE: rng.uniform(1, 4000),
        SizeKind.BASE: rng.uniform(0.01, 40),
    }
    maybe = lambda value: value if rng.random() < 0.5 else None  # noqa: E731
    return Intent(
        number, PAIRS[int(rng.integers(pairs))], side, kind, size_kind, float(size.get(size_kind, 0.0)),
        0.0 if kind is OrderKind.MARKET else float(price * rng.uniform(0.95, 1.05)),
        size_kind is SizeKind.ALL or bool(rng.random() < 0.1),
        stop=maybe(-away * float(rng.uniform(0.005, 0.1))),
        target=maybe(away * float(rng.uniform(0.005, 0.1)) if rng.random() < 0.8 else At(price * (1 + away * 0.05))),
        trail=maybe(float(rng.uniform(0.005, 0.1))), slippage=maybe(float(rng.choice([0.0, 0.01]))),
    )  # fmt: skip


def play(seed: int, pairs: int, count: int = 60, *, eager: bool = False, **fixed: Any) -> Track:
    """Play random orders; `eager` asks for the account after every bar, so that the venue cannot be lazy."""
    rng = np.random.default_rng(seed)
    tape, model = random_tape(rng, pairs, count), random_model(rng, **fixed)
    venue = SimulatedVenue(PAIRS[:pairs], Timeframe(MINUTE_NS), tape, model, 5000.0)
    number = 0
    for t in range(count):
        venue.advance(t)
        if eager:
            venue.account()
        for _ in range(int(rng.random() < 0.3) * int(rng.integers(1, 3))):
            number += 1
            venue.submit(random_intent(rng, number, pairs, float(tape.close[0, t])))
        if number and rng.random() < 0.05:
            venue.cancel(int(rng.integers(1, number + 1)))
    return venue.track()


@given(seeds, st.integers(1, 3))
def test_money_is_conserved(seed: int, pairs: int):
    track = play(seed, pairs)
    total = track.deposits - track.withdrawals + track.realised + track.unrealised
    assert track.curve.equity[-1] == pytest.approx(total, rel=1e-9, abs=1e-6)


@given(seeds, st.integers(1, 3))
def test_cash_and_base_never_go_below_zero_on_a_spot_venue(seed: int, pairs: int):
    track = play(seed, pairs, allow_short=False)
    assert track.curve.cash.min() >= 0.0
    held = np.zeros(pairs)
    for fill in track.fills:
        held[fill["pair"]] += fill["side"] * fill["quantity"]
        assert held[fill["pair"]] >= -1e-9


@given(seeds, st.integers(1, 3))
def test_no_fill_lies_outside_its_bar_but_for_spread_slippage_and_a_tick(seed: int, pairs: int):
    rng = np.random.default_rng(seed)
    tape, model = random_tape(rng, pairs, 60), random_model(rng)
    track = play(seed, pairs)
    reach = model.half_spread + max(model.slippage, 0.01)
    for fill in track.fills:
        p, t = int(fill["pair"]), int(fill["bar"])
        assert tape.real[p, t]
        assert (
            tape.low[p, t] * (1 - reach) - model.tick - 1e-9
            <= fill["price"]
            <= tape.high[p, t] * (1 + reach) + model.tick + 1e-9
        )


@given(seeds, st.integers(1, 3))
def test_fills_of_a_bar_stay_within_the_volume_cap(seed: int, pairs: int):
    rng = np.random.default_rng(seed)
    tape, model = random_tape(rng, pairs, 60), random_model(rng, participation=0.05)
    track = play(seed, pairs, participation=0.05)
    used = np.zeros(tape.volume.shape)
    np.add.at(used, (track.fills["pair"], track.fills["bar"]), track.fills["quantity"])
    assert (used <= tape.volume * 0.05 + max(model.lot, 1e-9)).all()


@given(seeds, st.integers(1, 3))
def test_trades_and_fills_say_the_same_about_fees_and_profit(seed: int, pairs: int):
    track = play(seed, pairs)
    assert track.trades["net"] == pytest.approx(track.trades["gross"] - track.trades["fees"])
    if not track.unrealised and len(track.trades):
        assert track.trades["net"].sum() == pytest.approx(track.realised, abs=1e-6)
        assert track.trades["fees"].sum() == pytest.approx(track.fills["fee"].sum(), abs=1e-9)


@given(seeds, st.integers(1, 3))
def test_a_lazy_venue_does_exactly_what_an_eager_one_does(seed: int, pairs: int):
    lazy, eager = play(seed, pairs), play(seed, pairs, eager=True)
    assert lazy.fills.tobytes() == eager.fills.tobytes()
    assert lazy.curve.equity.tobytes() == eager.curve.equity.tobytes()


@given(seeds, st.integers(1, 2))
@settings(max_examples=30)
def test_a_batch_of_environments_equals_as_many_venues_bit_for_bit(seed: int, pairs: int):
    rng = np.random.default_rng(seed)
    count, many = 40, 5
    tape = random_tape(rng, pairs, count, flows=False)
    model = random_model(rng, allow_short=False, latency_bars=0)
    batch = Batch(PAIRS[:pairs], tape, model, 5000.0, many)
    starts = rng.integers(0, 8, many)
    batch.reset(np.arange(many), starts)
    venues = []
    for start in starts.tolist():
        part = Tape(*(np.ascontiguousarray(array[..., start:]) for array in tape))
        for array in part:
            array.flags.writeable = False
        venues.append(SimulatedVenue(PAIRS[:pairs], Timeframe(MINUTE_NS), part, model, 5000.0))
    for step in range(count - 8):
        wants = [i for i in range(many) if rng.random() < 0.4 and batch._books.counts[i, 0] < 7]
        pair = rng.integers(0, pairs, len(wants))
        kind = rng.choice([int(SizeKind.FRACTION), int(SizeKind.ALL)], len(wants))
        side = np.where(kind == int(SizeKind.ALL), -1, 1)
        size = rng.uniform(0.1, 1.0, len(wants))
        batch.submit(np.array(wants, np.int64), pair, side, kind, size)
        for n, i in enumerate(wants):
            closing = int(kind[n]) == int(SizeKind.ALL)
            venues[i].submit(
                Intent(
                    1,
                    PAIRS[int(pair[n])],
                    Side(int(side[n])),
                    OrderKind.MARKET,
                    SizeKind(int(kind[n])),
                    float(size[n]),
                    reduce_only=closing,
                )
            )
        batch.step()
        for venue in venues:
            venue.advance(step)
        for i, venue in enumerate(venues):
            state = venue.account()
            assert (state.cash, state.equity) == (float(batch.account["cash"][i]), float(batch.account["equity"][i]))

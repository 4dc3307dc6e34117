"""Whatever order, repetition, lateness and holes trades come with: the bars are those of the lake, to the last bit."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.events import BarFinal, BarRevised
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair, Timeframe
from tradecore.market.aggregate import bars_to_bars, trades_to_bars
from tradecore.market.frames import TRADE_SCHEMA
from tradecore.market.live.bar_builder import BarBuilder, Finality
from tradecore.market.live.longer_bars import LongerBars
from tradecore.market.live.ticks import ONE_MINUTE, Tick

PAIR = Pair("BTC", "USD")
START = 1_700_000_040 * SECOND_NS
FIVE = Timeframe(5 * MINUTE_NS)
BEFORE = Tick(99, START - 1, 1.0, 1.0, 1)


@st.composite
def tapes(draw: st.DrawFn) -> list[Tick]:
    """Trades with rising ids (some ids the venue never used) and times that rise or stand still."""
    ticks, number, time = [], 99, START
    for _ in range(draw(st.integers(1, 40))):
        number += draw(st.sampled_from((1, 1, 1, 1, 3)))
        time += draw(st.sampled_from((0, 1, 7 * SECOND_NS, 61 * SECOND_NS, 400 * SECOND_NS)))
        price = draw(st.floats(0.001, 1e6, allow_nan=False, width=64))
        amount = draw(st.floats(1e-8, 1e4, allow_nan=False, width=64))
        ticks.append(Tick(number, time, price, amount, draw(st.sampled_from((1, -1)))))
    return ticks


def table(ticks: list[Tick]) -> pl.DataFrame:
    rows = sorted(ticks)
    return pl.DataFrame(
        {
            "time": [tick.time for tick in rows],
            "trade_id": [tick.trade_id for tick in rows],
            "price": [tick.price for tick in rows],
            "amount": [tick.amount for tick in rows],
            "side": ["buy" if tick.side > 0 else "sell" for tick in rows],
        },
        schema=TRADE_SCHEMA,
    )


def rows_of(bars: dict[int, BarFinal]) -> list[tuple[object, ...]]:
    names = ("open_time", "open", "high", "low", "close", "volume", "count")
    return [tuple(getattr(bars[time], name) for name in names) for time in sorted(bars)]


@settings(max_examples=300, deadline=None)
@given(tapes(), st.data())
def test_any_order_repetition_and_lateness_ends_in_the_bars_of_the_lake(tape: list[Tick], data: st.DataObject) -> None:
    coming = data.draw(st.permutations([*tape, *data.draw(st.lists(st.sampled_from(tape), max_size=10))]))
    early = data.draw(st.integers(0, len(coming)))
    builder = BarBuilder(PAIR, START, after=BEFORE, finality=Finality(revisable_ns=10**18))
    longer = LongerBars(FIVE, START, 10**18)
    minutes: dict[int, BarFinal] = {}
    fives: dict[int, BarFinal] = {}
    newest = -1

    def step(now: int) -> None:
        nonlocal newest
        events = builder.advance(now)
        for event in events:
            bar = event.bar if isinstance(event, BarRevised) else event
            if isinstance(event, BarFinal):
                assert bar.open_time > newest
                assert bar.close_time + 2 * SECOND_NS <= now
                newest = bar.open_time
            else:
                before = minutes.get(bar.open_time)
                assert event.changed
                assert bar.revision == (0 if before is None else before.revision) + 1
            minutes[bar.open_time] = bar
        for event in longer.accept(events, builder.covered_until):
            bar = event.bar if isinstance(event, BarRevised) else event
            fives[bar.open_time] = bar

    for place, tick in enumerate(coming):
        builder.accept([tick])
        if place == early:  # the venue lists all its trades so far as it shows them: later ones are then late
            builder.prove(sorted(coming[: place + 1])[-1].trade_id)
        step(tick.time + data.draw(st.sampled_from((0, 3 * SECOND_NS, 90 * SECOND_NS))))
    builder.prove(max(tape).trade_id)
    assert not builder.has_hole
    builder.alive(tape[-1].time + 600 * SECOND_NS)
    step(tape[-1].time + 600 * SECOND_NS)

    wanted = trades_to_bars(table(tape))
    assert rows_of(minutes) == wanted.rows()
    whole = bars_to_bars(wanted, ONE_MINUTE, FIVE).filter(
        pl.col("open_time").is_between(longer.covered_until - 10**18, longer.covered_until - FIVE.ns)
    )
    first = -(-START // FIVE.ns) * FIVE.ns
    assert rows_of(fives) == whole.filter(pl.col("open_time") >= first).rows()


@settings(max_examples=200, deadline=None)
@given(tapes(), st.data())
def test_no_bar_is_final_while_an_id_before_its_end_is_missing(tape: list[Tick], data: st.DataObject) -> None:
    hole = data.draw(st.integers(0, len(tape) - 1))
    builder = BarBuilder(PAIR, START, after=BEFORE)
    builder.accept(tape[:hole] + tape[hole + 1 :])
    missing = tape[hole]
    later = [tick for tick in tape if tick.trade_id > missing.trade_id]
    far = tape[-1].time + 3600 * SECOND_NS
    builder.alive(far)
    bars = [event for event in builder.advance(far) if isinstance(event, BarFinal)]
    if later:
        assert all(bar.close_time <= missing.time for bar in bars)

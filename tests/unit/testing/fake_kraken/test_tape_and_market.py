"""Tapes, the book that follows from them, and the market at a moment."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.clock import ManualClock
from tradecore.core.errors import DataError, NothingThereError, UsageError
from tradecore.core.types import SECOND_NS, Pair, Side
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, ScaledClock, Tape
from tradecore.testing.fake_kraken.book import Book, Offers, checksum
from tradecore.testing.fake_kraken.listing import PAIRS, find_pair
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.tape import spread

START = 1_700_000_000 * SECOND_NS
BTC = Pair("BTC", "USD")


def test_a_made_tape_keeps_the_rules_and_holds_bursts() -> None:
    tape = Tape.synthetic(5, START, 20_000)
    assert len(tape) == 20_000
    assert (np.diff(tape.time) > 0).all()
    assert 0.3 < (np.diff(tape.shown_time) == 0).mean() < 0.5
    assert np.array_equal(np.rint(tape.price * 10), tape.price * 10)
    rate = len(tape) / ((tape.time[-1] - tape.time[0]) / SECOND_NS)
    assert rate == pytest.approx(0.5, rel=0.05)


def test_a_made_tape_is_that_of_its_seed() -> None:
    one, same, other = (Tape.synthetic(seed, START, 500) for seed in (1, 1, 2))
    assert np.array_equal(one.price, same.price)
    assert not np.array_equal(one.price, other.price)


def test_kept_ties_share_their_cursor() -> None:
    tape = Tape.synthetic(5, START, 2000, ties="kept")
    assert np.array_equal(tape.time, tape.shown_time)
    assert (np.diff(tape.time) == 0).any()


def test_old_rows_show_four_decimals() -> None:
    tape = Tape.of_arrays([START + 123_456_789], [1.0], [1.0], [1]).shown_to(4)
    assert tape.shown_time.tolist() == [START + 123_400_000]
    assert tape.time.tolist() == [START + 123_456_789]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=50))
def test_spread_times_rise_and_move_no_more_than_their_ties(gaps: list[int]) -> None:
    times = np.cumsum(np.array(gaps, np.int64))
    out = spread(times)
    assert (np.diff(out) > 0).all()
    assert (out >= times).all()
    assert (out - times).max() < len(gaps)


@pytest.mark.parametrize(
    "columns",
    [
        {"time": [2, 1]},
        {"price": [0.0, 1.0]},
        {"amount": [1.0, -1.0]},
        {"side": [1, 0]},
        {"trade_id": [3, 3]},
        {"price": [1.0]},
        {"price": [float("nan"), 1.0]},
    ],
)
def test_a_tape_that_breaks_its_rules_is_refused(columns: dict[str, list[float]]) -> None:
    good = {"time": [1, 2], "price": [1.0, 1.0], "amount": [1.0, 1.0], "side": [1, -1]}
    with pytest.raises(DataError, match="tape"):
        Tape.of_arrays(**good | columns)


def test_a_tape_is_read_from_the_lakes_own_columns(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"time": [START, START, START + 5], "trade_id": [4, 5, 6], "price": [1.5, 1.6, 1.7], "amount": [1.0, 2.0, 3.0]}
    ).with_columns(side=pl.Series(["sell", "buy", "b"]))
    frame.write_parquet(tmp_path / "part.parquet")
    spread_out = Tape.from_parquet(tmp_path / "part.parquet")
    kept = Tape.from_parquet(tmp_path / "part.parquet", ties="kept")
    assert spread_out.time.tolist() == [START, START + 1, START + 5]
    assert kept.time.tolist() == spread_out.shown_time.tolist() == [START, START, START + 5]
    assert spread_out.side.tolist() == [-1, 1, 1]


def test_a_file_that_is_no_tape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingThereError, match="no such file"):
        Tape.from_parquet(tmp_path / "missing.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(DataError, match="cannot be read"):
        Tape.from_parquet(tmp_path / "text.parquet")
    pl.DataFrame({"time": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="expected a time, trade_id"):
        Tape.from_parquet(tmp_path / "other.parquet")
    columns = {"time": [1], "trade_id": [None], "price": [1.0], "amount": [1.0], "side": ["buy"]}
    pl.DataFrame(columns).write_parquet(tmp_path / "holes.parquet")
    with pytest.raises(DataError, match="rows without trade_id"):
        Tape.from_parquet(tmp_path / "holes.parquet")


@pytest.mark.real_data
def test_a_recorded_tape_plays(real_data: Path) -> None:
    tape = Tape.from_parquet(real_data / "trades" / "kraken" / "BTCUSDT_2023-11-17_22.parquet")
    fake = FakeKraken({Pair("BTC", "USDT"): tape}, ManualClock(int(tape.time[-1])))
    assert len(tape) == 26_921
    assert fake.market.last(Pair("BTC", "USDT")) == Decimal(str(tape.price[-1]))


@pytest.mark.parametrize("pair", list(PAIRS))
@pytest.mark.parametrize("price", [0.00007, 0.6, 60_000.0])
def test_the_book_is_sound_at_any_price_and_depth(pair: Pair, price: float) -> None:
    decimals = PAIRS[pair].price_decimals
    units = np.array([max(1, round(price * 10**decimals))] * 4, np.int64)
    offers = Offers(units, np.array([1, -1, 1, -1]), decimals, FakeSettings(), seed=1)
    for trade in range(4):
        book = offers.book(trade, 100)
        bids, asks = book
        assert (np.diff(asks[:, 0]) > 0).all()
        assert (np.diff(bids[:, 0]) < 0).all()
        assert bids[0, 0] < asks[0, 0]
        assert (bids > 0).all()
        assert (asks > 0).all()
        assert (asks[:, 1] % 100_000 == 0).all()
        assert len(asks) == 100


def test_the_taker_of_the_last_trade_met_the_best_offer() -> None:
    offers = Offers(np.array([600_000, 600_000]), np.array([1, -1]), 1, FakeSettings(), seed=1)
    assert offers.book(0, 1).asks[0, 0] == 600_000
    assert offers.book(1, 1).bids[0, 0] == 600_000


def test_levels_change_little_from_trade_to_trade() -> None:
    offers = Offers(np.full(2000, 600_000), np.ones(2000, np.int64), 1, FakeSettings(), seed=1)
    one, next_one, far = (offers.book(trade, 500).asks[:, 1] for trade in (0, 1, 1000))
    assert 0 < (one != next_one).sum() < 30
    assert (one != far).sum() > 450


def test_the_checksum_is_that_of_the_documented_way() -> None:
    # Digits of ten asks, then ten bids, price then amount, without point and leading zeros.
    asks = np.array([[452837 + i, 10_000_000 + i] for i in range(10)])
    bids = np.array([[452836 - i, 154_582_015 - i] for i in range(10)])
    import zlib

    text = "".join(
        f"{45283.7 + i / 10:.1f}".replace(".", "") + f"{0.1 + i / 1e8:.8f}".replace(".", "").lstrip("0")
        for i in range(10)
    )
    text += "".join(
        f"{45283.6 - i / 10:.1f}".replace(".", "") + f"{1.54582015 - i / 1e8:.8f}".replace(".", "") for i in range(10)
    )
    assert checksum(Book(bids, asks), 1) == zlib.crc32(text.encode())


def test_the_market_shows_its_side_of_orders() -> None:
    tape = Tape.synthetic(1, START, 100)
    fake = FakeKraken({BTC: tape}, ManualClock(int(tape.time[50])))
    bid, ask = fake.market.best(BTC)
    asks, bids = fake.market.offers(BTC, Side.BUY), fake.market.offers(BTC, Side.SELL)
    assert (bids[0][0], asks[0][0]) == (bid, ask)
    assert len(asks) == len(bids) == 500
    assert fake.market.last(BTC) == Decimal(str(tape.price[50]))
    with fake.market.playing(int(tape.time[10])):
        assert fake.market.last(BTC) == Decimal(str(tape.price[10]))


def test_before_the_first_trade_there_is_no_market() -> None:
    fake = FakeKraken({BTC: Tape.synthetic(1, START, 10)}, ManualClock(START - 1))
    for ask in (fake.market.best, fake.market.last):
        with pytest.raises(Said, match="EService:Unavailable"):
            ask(BTC)


def test_unlisted_pairs_have_no_tape_and_no_rules() -> None:
    tape = Tape.synthetic(1, START, 10)
    with pytest.raises(UsageError, match="not listed"):
        FakeKraken({Pair("FOO", "BAR"): tape}, ManualClock(START))
    with pytest.raises(Said, match="Unknown asset pair"):
        find_pair("FOOBAR")
    with pytest.raises(UsageError, match="vanishes"):
        FakeKraken({BTC: Tape.of_arrays([START], [0.01], [1.0], [1])}, ManualClock(START))


@pytest.mark.parametrize("width", [1, 255, 256, 257, 700, 3000])
def test_extremes_are_those_of_the_prices(width: int) -> None:
    tape = Tape.synthetic(1, START, 3000)
    track = FakeKraken({BTC: tape}, ManualClock(START)).market.tracks[BTC]
    for first in range(0, 3000 - width + 1, 61):
        span = track.price[first : first + width]
        assert track.extremes(first, first + width) == (span.min(), span.max())


def test_a_clock_needs_a_speed() -> None:
    with pytest.raises(UsageError, match="speed"):
        ScaledClock(START, 0)

"""Two records of the same trades meet at a whole minute, and only where every trade is in both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair, Timeframe, iso, parse_time
from tradecore.market.aggregate import trades_to_bars
from tradecore.market.draft import Addition
from tradecore.market.frames import TRADE_SCHEMA
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey, SourceRef, manifest_from_text
from tradecore.market.seams import meet_unproved, settled

BTC = Pair.parse("BTC/USD")
TRADES = DatasetKey("kraken", BTC, None)
BARS = DatasetKey("kraken", BTC, Timeframe.parse("1m"))
START = parse_time("2023-03-31T20:00:00Z")
"""Two hours before a quarter, and a month, ends: the seam lies in one month and the tail in the next."""
END = parse_time("2023-04-01T02:00:00Z")
QUARTER = parse_time("2023-04-01")
FIRST_ID = 5000

ZipOf = Callable[..., Path]


def minute(number: int) -> int:
    return START + number * MINUTE_NS


@pytest.fixture
def tape() -> pl.DataFrame:
    """Return six hours of trades with ids: some at one moment, some minutes without any."""
    generator = np.random.default_rng(5)
    count = 1500
    times = np.sort(START + generator.integers(0, (END - START) // 100, count) * 100)
    times[700:720] = times[700]
    times = times[(times // MINUTE_NS) % 17 != 3]
    count = len(times)
    return pl.DataFrame(
        {
            "time": times,
            "trade_id": FIRST_ID + np.arange(count),
            "price": np.round(20_000 + np.cumsum(generator.normal(0, 3, count)), 1),
            "amount": np.round(generator.exponential(0.1, count) + 1e-4, 8),
            "side": ["buy", "sell"] * (count // 2) + ["buy"] * (count % 2),
        },
        schema=TRADE_SCHEMA,
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return new_lake(tmp_path / "lake")


def new_lake(path: Path) -> Lake:
    return Lake(path, clock=ManualClock(parse_time("2024-01-01")))


def archive(tape: pl.DataFrame, grain: int, *, round_up: bool = False) -> str:
    """Return trades as an archive prints them: whole seconds, or four decimals."""
    decimals = 4 if grain < SECOND_NS else 0
    rows = tape.select("time", "price", "amount").rows()
    shift = grain // 2 if round_up else 0
    return "".join(f"{(time + shift) // grain * grain / SECOND_NS:.{decimals}f},{p},{a}\n" for time, p, a in rows)


def ohlcvt(tape: pl.DataFrame) -> str:
    """Return the bars of trades as an archive prints them."""
    rows = trades_to_bars(tape).rows()
    return "".join(f"{t // SECOND_NS},{o},{h},{low},{c},{round(v, 8)},{n}\n" for t, o, h, low, c, v, n in rows)


def add(lake: Lake, rows: pl.DataFrame, span: tuple[int, int], source: str = "kraken-rest-trades") -> int:
    ref = SourceRef(f"{source} BTC/USD", f"sha of {source}", source)
    with lake.writer(join=True) as writer:
        gained = writer.add_trades(TRADES, Addition(cut(rows, span), span, source, ref))
        writer.commit()
        return gained


def cut(rows: pl.DataFrame, span: tuple[int, int]) -> pl.DataFrame:
    return rows.filter(pl.col("time").is_between(*span))


def stored(lake: Lake) -> pl.DataFrame:
    return pl.concat(list(lake.trades("kraken", BTC)))


def hashes(lake: Lake) -> dict[str, str]:
    assert lake.verify() == ()
    return {str(one.key): one.hash for one in lake.datasets()}


@pytest.mark.parametrize(
    ("grain", "round_up"), [(SECOND_NS, False), (100_000, False), (100_000, True)], ids=["s", "4 digits", "rounded"]
)
def test_the_tail_takes_over_at_a_whole_minute_where_both_have_every_trade(
    lake: Lake, tape: pl.DataFrame, zip_of: ZipOf, grain: int, round_up: bool
) -> None:
    quarter = tape.filter(pl.col("time") < QUARTER - SECOND_NS)
    import_path(lake, zip_of("q1.zip", XBTUSD=archive(quarter, grain, round_up=round_up)))
    since = minute(180) + 30 * SECOND_NS
    add(lake, tape, (since, END - 1))
    seam_at = minute(181)
    rows = stored(lake)
    assert len(rows) == len(tape)
    with_ids = rows.filter(pl.col("trade_id").is_not_null())
    assert with_ids.equals(tape.filter(pl.col("time") >= seam_at))
    assert int(rows.filter(pl.col("trade_id").is_null())["time"].max()) < seam_at  # type: ignore[arg-type]
    manifest = lake.dataset(TRADES).manifest
    assert [one.source for one in manifest.slices] == ["kraken-trades", "kraken-rest-trades"]
    (seam,) = manifest.seams
    assert seam.start == seam_at
    assert seam.first_id == int(with_ids["trade_id"][0])
    assert seam.minutes == 59
    assert seam.trades == len(quarter.filter(pl.col("time") >= seam_at))
    assert manifest.missing_ids == ()
    assert manifest_from_text(manifest.text, "m") == manifest
    assert lake.verify() == ()


def test_bars_come_from_each_side_apart_and_are_those_of_all_trades(
    lake: Lake, tape: pl.DataFrame, zip_of: ZipOf
) -> None:
    quarter = tape.filter(pl.col("time") < QUARTER - SECOND_NS)
    import_path(lake, zip_of("q1.zip", XBTUSD=archive(quarter, SECOND_NS)))
    add(lake, tape, (minute(200), END - 1))
    whole = trades_to_bars(tape)
    (slice_of_archive, slice_of_tail) = lake.dataset(BARS).manifest.slices
    assert (slice_of_archive.end, slice_of_tail.start) == (minute(199), minute(200))
    assert (slice_of_archive.missing, slice_of_tail.missing) == (0, 0)
    bars = lake.bars("kraken", BTC, Timeframe.parse("1m"))
    assert bars.open_time.tolist() == whole["open_time"].to_list()
    tail = whole["open_time"].to_numpy() >= minute(200)
    for name in ("open", "high", "low", "close", "volume"):
        assert (getattr(bars, name)[tail] == whole[name].to_numpy()[tail]).all()
    made = lake.bars_of_trades("kraken", BTC, Timeframe.parse("15m"))
    assert made.volume.sum() == pytest.approx(float(tape["amount"].sum()))


@pytest.mark.parametrize("where", [185, 239])
def test_a_trade_that_is_only_in_one_of_the_two_refuses_the_join_and_names_the_minute(
    lake: Lake, tape: pl.DataFrame, zip_of: ZipOf, where: int
) -> None:
    import_path(lake, zip_of("q1.zip", XBTUSD=archive(tape.filter(pl.col("time") < QUARTER), SECOND_NS)))
    before = hashes(lake)
    lost = tape.filter(pl.col("time") >= minute(where))["trade_id"][0]
    at = int(tape.filter(pl.col("trade_id") == lost)["time"][0])
    expected = rf"minute {iso(at // MINUTE_NS * MINUTE_NS)} has \d+ trades in kraken-trades and \d+ in kraken-rest-tr"
    with pytest.raises(DataError, match=expected):
        add(lake, tape.filter(pl.col("trade_id") != lost), (minute(180), END - 1))
    assert hashes(lake) == before


def test_another_price_in_one_trade_refuses_the_join(lake: Lake, tape: pl.DataFrame, zip_of: ZipOf) -> None:
    import_path(lake, zip_of("q1.zip", XBTUSD=archive(tape.filter(pl.col("time") < QUARTER), SECOND_NS)))
    changed = tape.with_columns(price=pl.col("price") + (pl.col("trade_id") == FIRST_ID + 900) * 0.1)
    with pytest.raises(DataError, match="not the same ones; expected the same trades on both sides"):
        add(lake, changed, (minute(120), END - 1))


def test_ids_with_a_hole_prove_nothing_even_where_the_trades_agree(
    lake: Lake, tape: pl.DataFrame, zip_of: ZipOf
) -> None:
    import_path(lake, zip_of("q1.zip", XBTUSD=archive(tape.filter(pl.col("time") < QUARTER), SECOND_NS)))
    hole = tape.with_columns(trade_id=pl.col("trade_id") + (pl.col("trade_id") > FIRST_ID + 900).cast(pl.Int64))
    with pytest.raises(DataError, match=f"trade {FIRST_ID + 901} is not there"):
        add(lake, hole, (minute(120), END - 1))


def test_records_that_only_touch_are_refused_and_those_that_lie_apart_leave_the_time_between_unknown(
    lake: Lake, tape: pl.DataFrame, zip_of: ZipOf
) -> None:
    quarter = tape.filter(pl.col("time") < QUARTER)
    import_path(lake, zip_of("q1.zip", XBTUSD=archive(quarter, SECOND_NS)))
    with pytest.raises(DataError, match=r"no stretch is in both.*fetch from an hour earlier"):
        add(lake, tape, (int(quarter["time"][-1]) + SECOND_NS, END - 1))
    add(lake, tape, (QUARTER + 30 * MINUTE_NS, END - 1))
    assert lake.dataset(TRADES).manifest.seams == ()
    assert len(lake.dataset(BARS).manifest.slices) == 2
    assert lake.verify() == ()


def test_two_archives_and_the_tail_give_one_lake_in_any_order(
    tmp_path: Path, tape: pl.DataFrame, zip_of: ZipOf
) -> None:
    older, newer = cut(tape, (START, minute(90))), cut(tape, (minute(90) + 1, QUARTER - 1))
    paths = [zip_of("q1.zip", XBTUSD=archive(older, SECOND_NS)), zip_of("q2.zip", XBTUSD=archive(newer, SECOND_NS))]
    span = (minute(60) + 17 * SECOND_NS, END - 1)
    found = set()
    for order in permutations(range(3)):
        lake = new_lake(tmp_path / "-".join(map(str, order)))
        for number in (*order, *order):
            if number == 2:
                add(lake, tape, span)
            else:
                import_path(lake, paths[number], join=True)
        found.add(tuple(hashes(lake).items()))
    assert len(found) == 1


def test_a_tail_in_pieces_of_whole_minutes_gives_the_lake_of_a_tail_at_once(
    tmp_path: Path, tape: pl.DataFrame, zip_of: ZipOf
) -> None:
    path = zip_of("q1.zip", XBTUSD=archive(tape.filter(pl.col("time") < QUARTER), SECOND_NS))
    lakes = [new_lake(tmp_path / name) for name in "ab"]
    edges = [minute(150), minute(163), minute(201), minute(239), QUARTER, minute(300), END]
    for lake, cuts in zip(lakes, ([edges[0], edges[-1]], edges), strict=True):
        import_path(lake, path)
        for first, end in pairwise(cuts):
            add(lake, tape, (first, end - 1))
    assert hashes(lakes[0]) == hashes(lakes[1])
    (seam,) = lakes[1].dataset(TRADES).manifest.seams
    assert seam.minutes == 90


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_archive_of_bars_meets_the_tail_where_every_bar_is_the_same(
    lake: Lake, tape: pl.DataFrame, zip_of: ZipOf, order: Sequence[int]
) -> None:
    quarter = tape.filter(pl.col("time") < QUARTER)
    path = zip_of("bars.zip", XBTUSD_1=ohlcvt(quarter))
    span = (minute(180) + 30 * SECOND_NS, END - 1)
    for number in order:
        _ = add(lake, tape, span) if number else import_path(lake, path, join=True)
    (older, newer) = lake.dataset(BARS).manifest.slices
    assert (older.source, newer.source, newer.start) == ("kraken-ohlcvt", "kraken-rest-trades", minute(181))
    (seam,) = lake.dataset(BARS).manifest.seams
    assert (seam.start, seam.older, seam.newer) == (minute(181), "kraken-ohlcvt", "kraken-rest-trades")
    assert seam.first_id == int(tape.filter(pl.col("time") >= minute(181))["trade_id"][0])
    bars, whole = lake.bars("kraken", BTC, Timeframe.parse("1m")), trades_to_bars(tape)
    assert bars.open_time.tolist() == whole["open_time"].to_list()
    assert bars.close.tolist() == whole["close"].to_list()
    assert lake.verify() == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_archive_of_bars_refuses_a_tail_with_one_trade_less(
    lake: Lake, tape: pl.DataFrame, zip_of: ZipOf, order: Sequence[int]
) -> None:
    path = zip_of("bars.zip", XBTUSD_1=ohlcvt(tape.filter(pl.col("time") < QUARTER)))
    lost = tape.filter(pl.col("time") >= minute(190))["trade_id"][0]
    at = int(tape.filter(pl.col("trade_id") == lost)["time"][0]) // MINUTE_NS * MINUTE_NS

    def do(number: int) -> None:
        if number:
            add(lake, tape.filter(pl.col("trade_id") != lost), (minute(180), END - 1))
        else:
            import_path(lake, path, join=True)

    do(order[0])
    says = rf"minute {iso(at)} has \d+ trades, .* in kraken-ohlcvt and (\d+ trades|no bar)"
    with pytest.raises(DataError, match=says):
        do(order[1])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_live_trades_go_on_by_id_and_those_both_have_are_kept_once(
    tmp_path: Path, lake: Lake, tape: pl.DataFrame, order: Sequence[int]
) -> None:
    heard = tape.with_columns(time=pl.col("time") // 1000 * 1000)
    parts = [
        (tape, (START, minute(200) + 11 * SECOND_NS), "kraken-rest-trades"),
        (heard, (minute(199), minute(300) + SECOND_NS), "kraken-live"),
        (tape, (minute(300), END - 1), "kraken-rest-trades"),
    ]
    for number in (*order, *order):
        add(lake, *parts[number])
    rows = stored(lake)
    assert rows["trade_id"].to_list() == tape["trade_id"].to_list()
    assert [one.source for one in lake.dataset(TRADES).manifest.slices] == [
        "kraken-rest-trades", "kraken-live", "kraken-rest-trades",
    ]  # fmt: skip
    bars, whole = lake.bars("kraken", BTC, Timeframe.parse("1m")), trades_to_bars(tape)
    assert bars.open_time.tolist() == whole["open_time"].to_list()
    assert bars.volume.tolist() == whole["volume"].to_list()
    known = new_lake(tmp_path / "known")
    for part in parts:
        add(known, *part)
    assert hashes(known) == hashes(lake)


@pytest.mark.parametrize(("apart", "is_one"), [(-1_100, True), (1_000, True), (-1_200, False), (2_000, False)])
def test_a_time_cut_by_one_source_and_rounded_up_by_the_other_is_one_time(
    lake: Lake, tape: pl.DataFrame, apart: int, is_one: bool
) -> None:
    span = (minute(190), minute(250))
    heard = tape.with_columns(time=pl.col("time") // SECOND_NS * SECOND_NS + SECOND_NS // 2)
    add(lake, cut(heard, span), span, "kraken-live")
    fetched = cut(heard.with_columns(pl.col("time") + apart), span)
    if is_one:
        assert add(lake, fetched, span) == 0
        assert stored(lake)["time"].to_list() == fetched["time"].to_list()
    else:
        with pytest.raises(DataError, match="is another trade in two sources"):
            add(lake, fetched, span)


def test_one_id_with_two_prices_in_two_sources_is_refused(lake: Lake, tape: pl.DataFrame) -> None:
    add(lake, tape, (START, minute(200)))
    other = tape.with_columns(price=pl.col("price") + 1)
    with pytest.raises(DataError, match="is another trade in two sources"):
        add(lake, other, (minute(190), minute(250)), "kraken-live")


def test_a_second_source_of_trades_is_joined_only_by_name(lake: Lake, tape: pl.DataFrame) -> None:
    add(lake, tape, (START, minute(200)))
    span = (minute(190), minute(250))
    addition = Addition(cut(tape, span), span, "kraken-live", SourceRef("live", "live", "kraken-live"))
    says = "holds trades from kraken-rest-trades, live gives kraken-live; .* join them by name"
    with lake.writer() as writer, pytest.raises(DataError, match=says):
        writer.add_trades(TRADES, addition)


@pytest.mark.parametrize(
    ("plain", "numbered", "left"),
    [
        ([(0, 100)], [(90, 200)], [(120, 200)]),
        ([(0, 59)], [(60, 200)], [(60, 200)]),
        ([(100, 300)], [(0, 130)], [(0, 119)]),
        ([(0, 300)], [(100, 119)], []),
        ([(0, 300)], [(61, 179)], [(120, 179)]),
        ([], [(7, 9)], [(7, 9)]),
    ],
)
def test_no_minute_has_trades_of_both_kinds(
    plain: list[tuple[int, int]], numbered: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    def scaled(runs: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        return tuple((a * SECOND_NS, (b + 1) * SECOND_NS - 1) for a, b in runs)

    assert settled(scaled(plain), scaled(numbered)) == scaled(left)


def test_records_a_whole_minute_apart_do_not_touch() -> None:
    plain = [(0, MINUTE_NS - 1)]
    assert meet_unproved(plain, [(MINUTE_NS, 9 * MINUTE_NS)]) == MINUTE_NS
    assert meet_unproved(plain, [(2 * MINUTE_NS, 9 * MINUTE_NS)]) is None
    assert meet_unproved(plain, [(0, 9 * MINUTE_NS)]) is None


def test_minutes_asked_for_in_which_nothing_traded_are_empty_up_to_the_edges_of_the_span(
    lake: Lake, tape: pl.DataFrame
) -> None:
    span = (minute(-10), minute(100) - 1)
    add(lake, tape, span)
    (one,) = lake.dataset(BARS).manifest.slices
    assert (one.start, one.end, one.missing) == (minute(-10), minute(99), 0)
    add(lake, tape.clear(), (minute(-30), minute(-10) - 1))
    assert lake.dataset(BARS).start == minute(-30)
    add(lake, tape, (minute(100), minute(200) + 30 * SECOND_NS))
    (one,) = lake.dataset(BARS).manifest.slices
    assert (one.start, one.missing, one.source) == (minute(-30), 0, "kraken-rest-trades")
    assert lake.verify() == ()

"""Recorded REST replies become bars and trades, the open bar left out and nanoseconds kept."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tradecore.core.errors import DataError, VenueError
from tradecore.core.types import MINUTE_NS, Pair
from tradecore.market.aggregate import trades_to_bars
from tradecore.market.frames import is_filler
from tradecore.market.sources.kraken_rest import bars_of, read_json, trades_of
from tradecore.market.sources.member import Asked
from tradecore.venues.kraken.replies import parse_ohlc, parse_trades

DAY = 1_672_531_200


def _ohlc(last: int = DAY) -> bytes:
    rows = [[DAY, "10", "12", "9", "11", "10.5", "1.5", 3], [DAY + 60, "11", "11", "11", "11", "0.0", "0.0", 0]]
    return json.dumps({"error": [], "result": {"XXBTZUSD": rows, "last": last}}).encode()


def test_the_open_bar_is_left_out() -> None:
    page = parse_ohlc(_ohlc())
    assert page.pair == Pair.parse("BTC/USD")
    assert bars_of(page).rows() == [(DAY * 10**9, 10.0, 12.0, 9.0, 11.0, 1.5, 3)]


def test_a_filler_bar_is_known_by_its_count() -> None:
    assert is_filler(bars_of(parse_ohlc(_ohlc(DAY + 60)))).to_list() == [False, True]


def test_trades_keep_their_nanoseconds_and_ids() -> None:
    text = b'{"error":[],"result":{"XBTUSDT":[["105.5","0.1",1762795433.9717445,"b","l","",7]],"last":"1762795434"}}'
    text = text.replace(b'"1762795434"', b'"1762795433971744500"')
    assert trades_of(parse_trades(text)).rows() == [(1_762_795_433_971_744_500, 7, 105.5, 0.1, "buy")]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ('{"error":["EService:Unavailable"]}', VenueError, "EService:Unavailable"),
        ("<html>520</html>", DataError, r"reply\.json: .*no JSON"),
        ("[]", DataError, "no list of errors"),
        ('{"error":[],"result":{}}', DataError, "lists of rows"),
        ('{"error":[],"result":{"XBTUSD":[],"last":1}}', DataError, "no rows"),
        ('{"error":[],"result":{"XBTUSD":[[1]],"last":1}}', DataError, "a list of 7 values"),
        (
            '{"error":[],"result":{"XBTUSD":[[1672531200,"a","1","1","1","1","1",1]],"last":1672531200}}',
            DataError,
            "open is 'a'",
        ),
    ],
)
def test_what_is_no_reply_is_refused(text: str, error: type[Exception], says: str, tmp_path: Path) -> None:
    (tmp_path / "reply.json").write_text(text)
    with pytest.raises(error, match=says):
        read_json(tmp_path / "reply.json", Asked())


@pytest.mark.real_data
def test_recorded_trades_rebuild_the_recorded_bars_on_all_272_minutes(real_data: Path) -> None:
    folder = real_data / "fixtures" / "kraken"
    trades = trades_of(parse_trades((folder / "http_trades.json").read_bytes()))
    bars = bars_of(parse_ohlc((folder / "http_ohlc.json").read_bytes()))
    # A minute is complete when it begins after the first trade's minute and ends before the last trade.
    first, last = (int(trades["time"][i]) // MINUTE_NS * MINUTE_NS for i in (0, -1))
    inside = pl.col("open_time").is_between(first, last, closed="none")
    theirs = bars.filter(~is_filler(bars)).filter(inside)
    ours = trades_to_bars(trades).filter(inside)
    assert len(theirs) == 272
    for column in ("open_time", "open", "high", "low", "close", "count"):
        assert ours[column].equals(theirs[column]), column
    assert float((ours["volume"] - theirs["volume"]).abs().max()) < 1e-8  # type: ignore[arg-type]


@pytest.mark.real_data
def test_a_recorded_ohlc_reply_has_720_closed_bars_of_which_216_are_fillers(real_data: Path) -> None:
    path = real_data / "fixtures" / "kraken" / "http_ohlc.json"
    frame = next(iter(read_json(path, Asked()).blocks(None)))
    assert (len(frame), int(is_filler(frame).sum())) == (720, 215)

"""The whole road in one verb, on made-up, fetched and own data; what cannot be had is never replaced."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import backtests, data
from tradecore.control.hello import GRID, STRATEGY, Ask, hello
from tradecore.control.lab import Lab
from tradecore.core.errors import NothingThereError, ReplyError, TradecoreError, UsageError, VenueError
from tradecore.market.synthetic import make
from tradecore.strategy.loading import find_class

Serve = Callable[..., str]


def asking(lab: Lab, address: str) -> Lab:
    return open_lab(lab.root, {"kraken.rest_address": address})


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """Write 1200 hours of a market of one's own as Parquet."""
    bars = make("noise", pair=data.Pair("ETH", "USD"), timeframe=data.Timeframe.parse("30m"), bars=2400, seed=3)
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    folder = tmp_path / "kraken"
    folder.mkdir()
    frame = pl.DataFrame({"timestamp": bars.open_time // 1_000_000, **columns})
    frame.write_parquet(folder / "ETHUSD_30m.parquet")
    return folder / "ETHUSD_30m.parquet"


def test_the_newest_bars_of_kraken_go_the_whole_road(empty: Lab, serve: Serve, reply: bytes) -> None:
    kept = hello(asking(empty, serve(reply)), Ask(online=True))
    bars = kept.result.bars[0]
    assert (str(bars.pair), str(bars.timeframe), bars.source) == ("BTC/USD", "1h", "kraken-rest-ohlc")
    assert len(bars) == 717  # 720 closed hours without the three in which nothing traded; the open one is not final
    assert kept.result.notices == ()
    assert not kept.result.to_json()["is_synthetic"]
    assert kept.result.verdict is not None
    assert kept.run.record.arguments["venue"] == "kraken"
    assert kept.report.html.is_file()
    assert [one.key.venue for one in empty.lake.datasets()] == ["kraken"]


@pytest.mark.slow
def test_asked_again_it_tests_the_same_data_and_says_the_same(empty: Lab, serve: Serve, reply: bytes) -> None:
    lab = asking(empty, serve(reply))
    one, two = (hello(lab, Ask(online=True)) for _ in range(2))
    assert one.result.dataset == two.result.dataset
    assert one.result.metrics == two.result.metrics
    assert two.result.evidence is not None
    assert two.result.evidence.trials == len(GRID["fast"]) * len(GRID["slow"])


def untouched(lab: Lab) -> bool:
    """Tell whether there is neither a run nor a dataset, as before."""
    return not lab.runs.list() and not lab.lake.datasets()


@pytest.mark.parametrize(
    ("body", "status", "error", "told"),
    [
        (b"<html>520: unknown error</html>", 520, VenueError, "status 520"),
        (b"<html>busy</html>", 200, ReplyError, "no JSON"),
        (b'{"error": ["EGeneral:Too many requests"]}', 200, VenueError, "EGeneral:Too many requests"),
        (b'{"error": [], "result": {"XXBTZUSD": [], "last": 1}}', 200, NothingThereError, "no finished bar"),
        (b'{"error": []', 200, ReplyError, "no JSON"),
    ],
    ids=["520", "html", "refusal", "no-rows", "cut-off"],
)
def test_a_bad_answer_is_an_error_and_never_a_synthetic_market(
    body: bytes, status: int, error: type[TradecoreError], told: str, empty: Lab, serve: Serve
) -> None:
    lab = asking(empty, serve(body, status))
    with pytest.raises(error, match=told):
        hello(lab, Ask(online=True))
    assert untouched(lab)


def test_where_nobody_answers_there_is_an_error_and_no_market(empty: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    lab = asking(empty, f"http://127.0.0.1:{port}")
    with pytest.raises(VenueError, match=r"not sent .*refused"):
        hello(lab, Ask(online=True))
    assert untouched(lab)


def test_bars_of_another_pair_than_was_asked_for_are_refused(empty: Lab, serve: Serve, reply: bytes) -> None:
    lab = asking(empty, serve(reply))
    with pytest.raises(ReplyError, match="the reply is about BTC/USD; expected ETH/USD"):
        hello(lab, Ask(online=True, pair="ETH/USD"))
    assert untouched(lab)


@pytest.mark.parametrize("pair", ["eth/usd", pytest.param(None, marks=pytest.mark.slow)])
def test_a_file_of_ones_own_is_tested_at_an_hour(pair: str | None, empty: Lab, own_file: Path) -> None:
    kept = hello(empty, Ask(file=own_file, pair=pair))
    assert [str(one) for one in kept.result.track.pairs] == ["ETH/USD"]
    assert str(kept.result.track.timeframe) == "1h"
    assert len(kept.result.bars[0]) == 1200
    assert np.isfinite(kept.result.metrics["total_return"])
    assert kept.run.record.arguments["venue"] == "kraken"


def test_kraken_and_a_file_exclude_one_another(empty: Lab, own_file: Path) -> None:
    with pytest.raises(UsageError, match="--online and --data were both given"):
        hello(empty, Ask(online=True, file=own_file))
    assert untouched(empty)


def test_a_file_that_is_not_there_is_an_error_and_no_market(empty: Lab, tmp_path: Path) -> None:
    with pytest.raises(NothingThereError):
        hello(empty, Ask(file=tmp_path / "nowhere.parquet"))
    assert untouched(empty)


def test_a_kind_of_market_that_there_is_not_is_refused(empty: Lab) -> None:
    with pytest.raises(UsageError):
        hello(empty, Ask(market="sideways"))
    assert untouched(empty)


def test_the_grid_names_parameters_of_the_strategy_and_holds_its_defaults() -> None:
    declared = find_class(STRATEGY).params
    for name, values in GRID.items():
        assert str(declared[name].default) in values
        assert all(declared[name].bind(name, value) for value in values)


def test_an_interruption_before_the_test_leaves_no_run(empty: Lab, serve: Serve, reply: bytes) -> None:
    def stop(stage: str, done: float, total: float) -> None:
        if stage == "market" and done:
            raise KeyboardInterrupt

    lab = asking(empty, serve(reply))
    with pytest.raises(KeyboardInterrupt):
        hello(lab, Ask(online=True), stop)
    assert lab.runs.list() == []
    assert backtests.read(lab, backtests.Ask(STRATEGY, venue="kraken"), find_class(STRATEGY)())


def test_the_reply_of_the_tests_is_shaped_as_krakens(reply: bytes) -> None:
    told = json.loads(reply)
    rows = told["result"]["XXBTZUSD"]
    assert (len(rows), {len(row) for row in rows}) == (721, {8})
    assert told["result"]["last"] == rows[-2][0]
    assert [row[0] for row in rows if row[7] == 0] == [rows[place][0] for place in (100, 101, 300)]

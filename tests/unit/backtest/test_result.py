"""A result prints, renders, saves and gives its tables, and says what must be known before any number."""

from __future__ import annotations

import json
import shutil
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tradecore.backtest.evaluate import backtest
from tradecore.backtest.result import HEADLINES, Result, dataset_of
from tradecore.core.bars import Bars
from tradecore.stats.metrics import METRICS
from tradecore.strategy.loading import load


@pytest.fixture(scope="module")
def idle(planted: Bars) -> Result:
    """Return the result of a strategy that never traded: where figures are missing."""
    return backtest(load("cash"), [planted])


def strict(value: object) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def test_the_json_is_strict_and_holds_what_was_found(tested: Any) -> None:
    told = strict(tested.result.to_json())
    assert told["verdict"] == "edge"
    assert told["strategy"] == "Trend"
    assert told["dataset"] == tested.result.dataset
    assert told["is_synthetic"] is True
    assert told["metrics"] == dict(tested.result.metrics)
    assert set(told["baselines"]) == set(tested.result.baselines)
    assert [fold["number"] for fold in told["folds"]] == [1, 2, 3]
    assert told["decisions"]["scans"] == len(tested.result.track.curve)


def test_the_span_of_the_json_ends_when_the_last_bar_is_final(tested: Any) -> None:
    told = tested.result.to_json()
    assert told["start"] == told["folds"][0]["test"][0]
    assert told["end"] == told["folds"][-1]["test"][1]


def test_a_figure_that_is_not_defined_is_null_and_a_dash(idle: Result) -> None:
    assert strict(idle.to_json())["metrics"]["win_rate"] is None
    assert "win rate" in str(idle)
    assert "–" in str(idle)


def test_printed_it_says_notices_and_verdict_before_any_figure(tested: Any) -> None:
    lines = str(tested.result).splitlines()
    assert lines[0].startswith("Trend on BTC/USD 1h, 2023-03-")
    assert lines[1].startswith("  ! SYNTHETIC MARKET")
    assert lines[2] == "  verdict: EDGE"
    assert [line[2:18].strip() for line in lines[3:]] == [name.replace("_", " ") for name in HEADLINES]
    assert repr(tested.result) == str(tested.result)


def test_printed_a_verdict_names_every_gate_that_failed(tested: Any) -> None:
    verdict = tested.result.verdict
    gates = tuple(replace(one, passed=False) if one.name == "trades" else one for one in verdict.gates)
    failed = replace(tested.result, verdict=replace(verdict, verdict="no evidence of edge", gates=gates))
    assert "  verdict: NO EVIDENCE OF EDGE\n  - " in str(failed)
    assert next(one.text for one in gates if one.name == "trades") in str(failed)


def test_every_headline_is_a_metric() -> None:
    assert set(HEADLINES) <= {metric.name for metric in METRICS}


def test_trades_are_a_frame_with_words_and_times(tested: Any) -> None:
    frame = tested.result.trades
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == [
        "pair", "side", "entry_time", "exit_time", "quantity", "entry_price", "exit_price", "gross", "fees", "net",
        "best", "worst", "exit_reason",
    ]  # fmt: skip
    assert len(frame) == len(tested.result.track.trades)
    assert frame["pair"].unique().to_list() == ["BTC/USD"]
    assert frame["side"].unique().to_list() == ["buy"]
    assert frame["exit_reason"].unique().to_list() == ["signal"]
    assert frame["entry_time"].dtype == pl.Datetime("ns")
    assert frame["net"].to_numpy() == pytest.approx((frame["gross"] - frame["fees"]).to_numpy())


def test_fills_are_a_frame_with_words_and_times(tested: Any) -> None:
    frame = tested.result.fills
    assert frame.columns == ["time", "pair", "order", "side", "quantity", "price", "fee", "liquidity", "reason"]
    assert set(frame["side"].to_list()) == {"buy", "sell"}
    assert set(frame["liquidity"].to_list()) == {"taker"}
    assert frame["time"].to_numpy().astype(np.int64).tolist() == tested.result.track.fills["time"].tolist()


def test_the_curve_is_a_frame_of_the_account_after_every_bar(tested: Any) -> None:
    frame, curve = tested.result.curve, tested.result.track.curve
    assert frame.columns == ["time", "equity", "cash", "flow", "worst", "exposure", "is_carried"]
    assert frame["equity"].to_numpy().tobytes() == curve.equity.tobytes()
    assert frame["time"].dtype == pl.Datetime("ns")


def test_frames_without_rows_keep_their_columns(idle: Result, tested: Any) -> None:
    assert (len(idle.trades), len(idle.fills)) == (0, 0)
    assert idle.trades.columns == tested.result.trades.columns


def test_a_notebook_is_shown_the_report_with_everything_escaped(tested: Any) -> None:
    shown = replace(tested.result, strategy="<script>alert(1)</script>", text="<b>bold</b>")._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>alert(1)" not in shown
    assert "<b>bold" not in shown
    assert "SYNTHETIC" in shown.upper()


def test_saving_writes_page_document_and_pictures(tested: Any, tmp_path: Path) -> None:
    saved = tested.result.save(tmp_path / "here")
    assert saved.html.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert strict(json.loads(saved.json.read_text(encoding="utf-8")))
    assert saved.pngs
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in saved.pngs)
    assert {path.name for path in (tmp_path / "here").iterdir()} == {
        "report.html", "report.json", *(path.name for path in saved.pngs),
    }  # fmt: skip


def test_data_that_was_stored_is_named_by_its_manifest(planted: Bars) -> None:
    assert dataset_of([planted.with_dataset("abc")]) == "abc"
    assert dataset_of([planted]) == planted.content_hash()


def test_the_name_of_several_pairs_does_not_depend_on_their_order(two_pairs: tuple[Bars, ...]) -> None:
    one, two = two_pairs
    assert dataset_of([one, two]) == dataset_of([two, one])
    assert dataset_of([one, two]) not in {dataset_of([one]), dataset_of([two])}
    assert dataset_of([one, two]) != dataset_of([one, two[1:]])
    assert dataset_of([one.with_dataset("a"), two.with_dataset("b")]) != dataset_of(
        [one.with_dataset("b"), two.with_dataset("a")]
    )


def test_a_result_can_be_named_by_the_run_that_keeps_it(tested: Any) -> None:
    named = tested.result.with_run("abcdefgh", "tradecore backtest run x")
    assert (named.run, named.command) == ("abcdefgh", "tradecore backtest run x")
    assert tested.result.run == ""


def test_showing_opens_the_saved_report_in_a_browser(tested: Any) -> None:
    opened: list[str] = []

    class Browser(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            opened.append(url)
            return True

    webbrowser.register("noting", None, Browser(), preferred=True)
    try:
        page = tested.result.show()
    finally:
        webbrowser._tryorder.remove("noting")  # type: ignore[attr-defined]
    assert opened == [page.as_uri()]
    assert page.is_file()
    shutil.rmtree(page.parent)

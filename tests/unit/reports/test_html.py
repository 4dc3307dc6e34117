"""The page: what stands where, and what can never be in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.track import Track
from tradecore.core.types import MINUTE_NS, Pair, Timeframe
from tradecore.reports import gallery, html, view
from tradecore.reports.tear_sheet import Dataset, Fold, Interval, TearSheet

EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)> $a$ & {{ 7*7 }}"


@pytest.fixture(scope="module")
def page(sheet: TearSheet) -> str:
    return html.render(sheet)


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    VOID = frozenset({"meta", "br", "path", "use", "rect", "line", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def body(page: str) -> str:
    return page[page.index("<body>") :]


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    assert "://" not in page
    assert "http-equiv" in page
    assert not re.search(r"http(?!-equiv)", page)
    assert not re.search(r"url\((?!#)", page)
    assert not {"script", "link", "img", "iframe", "object", "image"} & set(read(page).tags)


def test_the_page_forbids_scripts_and_requests(page: str) -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


def test_the_page_is_small_enough_to_mail(page: str) -> None:
    assert len(page.encode()) < html.LARGEST_BYTES


def test_ids_are_unique(page: str) -> None:
    ids = [value for name, value in read(page).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_verdict_stands_before_every_number_and_picture(page: str) -> None:
    text = body(page)
    assert text.index("No evidence of edge") < text.index('class="tile"') < text.index("<svg")


def test_failed_gates_stand_before_passed_ones_and_before_anything_flattering(page: str) -> None:
    text = body(page)
    first_passed, last_failed = text.index("✓ passed"), text.rindex("✕ failed")
    assert last_failed < first_passed < text.index("Total return")
    assert text.count("✕ failed") == 3
    assert "3 of 5 gates failed" in text


@dataclass(frozen=True)
class Bare:
    """A verdict without a word more."""

    verdict: str
    gates: tuple[()] = ()
    reasons: tuple[()] = ()


def test_both_verdicts_are_told_in_the_same_size(plain_sheet: TearSheet) -> None:
    yes, no = (html.fragment(replace(plain_sheet, verdict=Bare(text))) for text in ("edge", "no evidence of edge"))
    assert yes.replace("headline gain", "headline loss").replace("Edge", "No evidence of edge") == no
    styles = html.render(replace(plain_sheet, verdict=Bare("edge"))).partition("<body>")[0]
    # The rules that size the headline name no verdict.
    assert ".verdict .headline { font-size" in styles
    assert not re.search(r"\.verdict\.(edge|none)[^{]*\{[^}]*font-size", styles)


def test_a_reason_that_a_gate_tells_already_is_told_once(sheet: TearSheet) -> None:
    assert sheet.verdict is not None
    told = sheet.verdict.gates[0].text
    doubled = replace(sheet.verdict, reasons=(told, "the returns do not vary"))  # type: ignore[type-var]
    shown = view.context(replace(sheet, verdict=doubled))["verdict"]
    assert isinstance(shown, dict)
    assert shown["reasons"] == ["the returns do not vary"]


def test_a_synthetic_market_is_named_in_a_banner_before_the_verdict(page: str, sheet: TearSheet, bars: Bars) -> None:
    text = body(page)
    assert text.index("SYNTHETIC MARKET: made, not traded") < text.index("No evidence of edge")
    traded = replace(bars, source="kraken")
    clean = replace(sheet, datasets=(Dataset.of(traded),), bars={bars.pair: traded})
    assert view.context(clean)["notices"] == []


def test_a_plain_backtest_is_shown_as_not_judged(plain_sheet: TearSheet) -> None:
    text = body(html.render(plain_sheet))
    assert "Not judged" in text
    assert "no evidence of an edge" in text
    for section in ("Folds", "How sure", "Metrics", "Total return if costs"):
        assert section not in text


def test_every_section_of_a_full_sheet_is_there_in_order(page: str) -> None:
    titles = [
        "Account against baselines", "Drawdown", "Trades on BTC/USDT", "The largest loss, close up", "Exposure",
        "Returns", "Costs", "How sure", "Folds", "Metrics next to baselines", "Trades", "Strategy", "Data",
        "How to reproduce",
    ]  # fmt: skip
    assert re.findall(r"<h2>([^<]*)</h2>", page) == titles


def test_a_run_without_trades_has_a_page(plain_sheet: TearSheet, idle_track: Track) -> None:
    text = html.render(replace(plain_sheet, track=idle_track))
    assert "no trades" in text
    assert "No trades were closed" in text


def test_a_position_still_open_is_told(sheet: TearSheet) -> None:
    holding = replace(sheet, track=sheet.baselines["Buy and hold"])
    assert "still open at the end" in str(view.context(holding)["open_note"])
    assert view.context(sheet)["open_note"] == ""


def test_a_trade_that_ended_in_its_first_bar_was_not_held_for_zero_seconds(plain_sheet: TearSheet) -> None:
    trades = plain_sheet.track.trades.copy()
    trades["exit_time"][-1] = trades["entry_time"][-1]
    groups = view.context(replace(plain_sheet, track=replace(plain_sheet.track, trades=trades)))["trade_groups"]
    assert isinstance(groups, list)
    assert groups[-1][1][0][3].text == "within a bar"


def test_bars_that_were_not_given_are_told(plain_sheet: TearSheet) -> None:
    assert "The bars of BTC/USDT were not given" in html.render(replace(plain_sheet, bars={}))


def test_everything_from_outside_is_escaped(sheet: TearSheet, bars: Bars) -> None:
    @dataclass(frozen=True)
    class Gate:
        name: str = EVIL
        passed: bool = False
        value: float = 1.0
        limit: float = 2.0
        text: str = EVIL

    @dataclass(frozen=True)
    class Verdict:
        verdict: str = EVIL
        gates: tuple[Gate, ...] = (Gate(),)
        reasons: tuple[str, ...] = (EVIL + "2",)

    evil = replace(
        sheet,
        title=EVIL, strategy=EVIL, strategy_text=EVIL, params={EVIL: EVIL}, notices=(EVIL,), verdict=Verdict(),
        datasets=(replace(sheet.datasets[0], source=EVIL, hash=EVIL, timeframe=EVIL),),
        baselines={EVIL: sheet.baselines["Cash"]}, baseline_metrics={EVIL: {EVIL: 1.0}}, metrics={EVIL: 1.0},
        costs={EVIL: EVIL}, intervals=(Interval(EVIL, 0.0, -1.0, 1.0),), run=EVIL, command=EVIL, version=EVIL,
        folds=(Fold(1, 0, 1, 1, 2, {EVIL: EVIL}, {EVIL: 1.0}),), formats={EVIL: EVIL},
    )  # fmt: skip
    for text in (html.render(evil), html.fragment(evil)):
        reader = read(text)
        assert not {"script", "img"} & set(reader.tags)
        assert not [name for name, _ in reader.attributes if name.startswith("on")]
        assert "{{ 7*7 }}" in "".join(reader.text)


def test_the_same_sheet_gives_the_same_page(sheet: TearSheet, page: str) -> None:
    assert html.render(sheet) == page


def test_many_pairs_chart_the_busiest_first(sheet: TearSheet, bars: Bars) -> None:
    pairs = tuple(Pair(f"C{i}", "USDT") for i in range(9))
    trades = sheet.track.trades.copy()
    trades["pair"] = np.where(np.arange(len(trades)) % 3 == 0, 2, 7)
    track = replace(sheet.track, pairs=pairs, trades=trades)
    market = {pair: replace(bars, pair=pair) for pair in pairs}
    shown = list(gallery.trades(replace(sheet, track=track, bars=market)))
    assert shown[:2] == ["C7/USDT", "C2/USDT"]
    assert len(shown) == gallery.CHARTED_PAIRS


def test_a_fragment_for_notebooks_shows_verdict_figures_and_one_picture(sheet: TearSheet) -> None:
    text = html.fragment(sheet)
    assert "No evidence of edge" in text
    assert text.count("<svg") == 1
    assert "<html" not in text


@pytest.mark.slow
def test_a_million_bars_and_thousands_of_trades_fit_on_the_page(track_maker: Callable[..., Track]) -> None:
    count = 1_000_000
    rng = np.random.default_rng(5)
    close = 1000.0 * np.exp(np.cumsum(rng.normal(0, 4e-4, count)))
    opened = np.concatenate(([1000.0], close[:-1]))
    bars = Bars(
        Pair("BTC", "USD"), Timeframe.parse("1m"), np.arange(count, dtype=np.int64) * MINUTE_NS, opened,
        np.maximum(opened, close), np.minimum(opened, close), close, np.ones(count), "synthetic:gbm",
    )  # fmt: skip
    edges = np.sort(rng.choice(np.arange(1, count), 10_000, replace=False)).reshape(-1, 2)
    track = track_maker(bars, [(int(a), int(b)) for a, b in edges])
    sheet = TearSheet(
        title="a million", strategy="s", datasets=(Dataset.of(bars),), track=track, bars={bars.pair: bars}
    )
    text = html.render(sheet)
    assert len(text.encode()) < html.LARGEST_BYTES
    assert "400 of 5,000 trades drawn" in text


def test_a_crowded_page_is_drawn_with_fewer_points_rather_than_refused(plain_sheet: TearSheet) -> None:
    room = html.LARGEST_BYTES - len(html.render(plain_sheet).encode())
    crowded = html.render(replace(plain_sheet, strategy_text="x" * (room + 5_000)))
    assert len(crowded.encode()) <= html.LARGEST_BYTES


def test_a_page_that_would_be_too_large_is_refused(plain_sheet: TearSheet) -> None:
    with pytest.raises(DataError, match="expected at most 1,500,000"):
        html.render(replace(plain_sheet, strategy_text="x" * 1_600_000))

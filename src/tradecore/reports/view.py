"""The texts of the page: a tear sheet turned into headings, tiles and rows of plain strings, bad news first.

`html` hands them to the template, which escapes them; nothing here is HTML. Invariant: the order in which things stand
does not depend on whether they flatter: failed gates before passed ones, losses before wins, in every report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tradecore.core.orders import FillReason
from tradecore.core.track import Track
from tradecore.core.types import RecordArray
from tradecore.reports import formats, series
from tradecore.reports.axis import MONTHS
from tradecore.reports.catalogue import words
from tradecore.reports.tear_sheet import TearSheet, Verdict

LARGEST_TRADES = 5
LAST_TRADES = 20
EDGE = "edge"
SYNTHETIC = "SYNTHETIC MARKET: made, not traded"
_EXITS = {
    FillReason.SIGNAL: "signal",
    FillReason.STOP: "stop",
    FillReason.TARGET: "target",
    FillReason.TRAIL: "trailing stop",
    FillReason.CAP: "rest of a capped exit",
    FillReason.LIQUIDATION: "liquidation",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure: what, how much, and what to hold it against. `tone` is gain, loss or nothing."""

    label: str
    value: str
    beside: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; `share` in [-1, 1] is how strongly it is coloured."""

    text: str
    tone: str = ""
    share: float = 0.0


def context(sheet: TearSheet) -> dict[str, object]:
    """Return everything the templates show, as strings, tiles, cells and lists of them."""
    return {
        "sheet": sheet,
        "subtitle": _subtitle(sheet),
        "notices": _notices(sheet),
        "verdict": _verdict(sheet.verdict, sheet),
        "tiles": _tiles(sheet),
        "months": MONTHS,
        "monthly": _monthly(sheet),
        "costs": [(formats.label_of(name), text) for name, text in sheet.costs.items()],
        "paid": _paid(sheet),
        "levels": sorted({formats.percent(one.level, digits=0) for one in sheet.intervals}),
        "fold_head": _fold_head(sheet),
        "folds": _folds(sheet),
        "metric_head": [sheet.strategy, *map(formats.label_of, sheet.baseline_metrics)],
        "metric_rows": _metric_rows(sheet),
        "trade_groups": _trade_groups(sheet),
        "open_note": _open_note(sheet),
        "missing_bars": [str(pair) for pair in sheet.track.pairs if pair not in sheet.bars],
        "data_rows": _data_rows(sheet),
        "params": [(str(name), _setting(value)) for name, value in sheet.params.items()],
    }


def _subtitle(sheet: TearSheet) -> str:
    time = sheet.track.curve.time
    pairs = ", ".join(str(pair) for pair in sheet.track.pairs[:4])
    more = f" and {len(sheet.track.pairs) - 4} more" if len(sheet.track.pairs) > 4 else ""
    span = f"{formats.day(int(time[0]))} to {formats.day(int(time[-1]) + sheet.track.timeframe.ns - 1)}"
    return f"{pairs}{more} · {sheet.track.timeframe} bars · {span} · {formats.count(len(time))} bars"


def _notices(sheet: TearSheet) -> list[str]:
    notices = list(sheet.notices)
    if sheet.is_synthetic and not any("synthetic" in one.lower() for one in notices):
        notices.insert(0, SYNTHETIC)
    return notices


def _verdict(verdict: Verdict | None, sheet: TearSheet) -> dict[str, object] | None:
    """Return the banner's texts: headline, count, reasons that no gate says, and gates with the failed ones first."""
    if verdict is None:
        return None
    gates = verdict.gates
    failed = sum(not gate.passed for gate in gates)
    rows = [
        {
            "passed": bool(gate.passed),
            "name": formats.label_of(str(gate.name)),
            "text": str(gate.text),
            "value": formats.value_text(gate.value, sheet.formats.get(gate.name, "ratio")),
            "limit": formats.value_text(gate.limit, sheet.formats.get(gate.name, "ratio")),
        }
        for gate in gates
    ]
    text = str(verdict.verdict)
    return {
        "is_edge": text == EDGE,
        "text": text[:1].upper() + text[1:],
        "count": f"{failed} of {len(gates)} gates failed" if failed else f"all {len(gates)} gates passed",
        "reasons": [text for text in map(str, verdict.reasons) if text not in {row["text"] for row in rows}],
        "failed": [row for row in rows if not row["passed"]],
        "passed": [row for row in rows if row["passed"]],
    }


def _tiles(sheet: TearSheet) -> list[Tile]:
    track, metrics = sheet.track, sheet.metrics
    total, deepest = _total(track), _deepest(track)
    fees = float(track.fills["fee"].sum())
    tiles = [
        Tile(
            "Total return",
            formats.percent(total, digits=1, signed=True),
            _beside(sheet, _total, signed=True),
            _tone(total),
        )
    ]
    if "sharpe" in metrics:
        level = next((one for one in sheet.intervals if one.label.lower() in ("sharpe", "sharpe ratio")), None)
        text = f"{level.level:.0%} interval {formats.ratio(level.low)} to {formats.ratio(level.high)}" if level else ""
        tiles.append(Tile("Sharpe ratio", formats.ratio(metrics["sharpe"]), text.replace("%", " %")))
    tiles.append(Tile("Deepest drawdown", formats.percent(deepest, digits=1), _beside(sheet, _deepest), _tone(deepest)))
    won = f"{formats.percent(metrics.get('win_rate'), digits=0)} won" if metrics.get("win_rate") is not None else ""
    tiles.append(Tile("Trades", formats.count(len(track.trades)), won))
    share = formats.percent(fees / track.curve.start_equity, digits=1)
    tiles.append(
        Tile(
            f"Fees paid, {sheet.currency}",
            formats.money(fees, digits=0 if fees >= 1_000 else 2),
            f"{share} of the starting account",
        )
    )
    in_market = formats.percent(float((track.curve.exposure > 0).mean()), digits=0)
    mean = formats.percent(float(track.curve.exposure.mean()), digits=0)
    tiles.append(Tile("Time in the market", in_market, f"{mean} mean exposure"))
    return tiles


def _beside(sheet: TearSheet, measure: Callable[[Track], float], *, signed: bool = False) -> str:
    """Return the same figure of the benchmark, where there is one."""
    name = sheet.benchmark
    if name is None:
        return ""
    return f"{formats.label_of(name)} {formats.percent(measure(sheet.baselines[name]), digits=1, signed=signed)}"


def _total(track: Track) -> float:
    return float(track.curve.wealth()[-1] - 1)


def _deepest(track: Track) -> float:
    return float(series.drawdown(track).min())


def _setting(value: object) -> str:
    """Write a parameter as it was typed: 21 and 0.5, not 21.00 and 0.50."""
    return f"{value:g}" if isinstance(value, float) else formats.value_text(value)


def _tone(value: float | None) -> str:
    if not value:
        return ""
    return "gain" if value > 0 else "loss"


def _result(value: float | None, limit: float, digits: int = 1) -> Cell:
    if value is None or not np.isfinite(value):
        return Cell("")
    text = formats.percent(float(value), digits=digits).removesuffix(" %")
    return Cell(text, _tone(float(value)), round(min(1.0, abs(float(value)) / limit), 3))


def _monthly(sheet: TearSheet) -> list[tuple[str, list[Cell], Cell]]:
    table = series.monthly_returns(sheet.track)
    limit = max(float(np.nanmax(np.abs(table.months))), 1e-9)
    rows = []
    for row, year in enumerate(table.years):
        cells = [_result(value, limit) for value in table.months[row]]
        rows.append((str(table.first_year + row), cells, _result(year, limit)))
    return rows


def _paid(sheet: TearSheet) -> str:
    """Return one sentence on what the fees took from the trades."""
    trades = sheet.track.trades
    if not len(trades):
        return "No trade was closed, so no round trip paid its costs."
    gross, fees = float(trades["gross"].sum()), float(trades["fees"].sum())
    before, left = (formats.money(value, sheet.currency, signed=True) for value in (gross, gross - fees))
    return f"Before fees the closed trades came to {before}; fees took {formats.money(fees)}; {left} was left."


def _fold_metrics(sheet: TearSheet) -> list[str]:
    return list(dict.fromkeys(name for fold in sheet.folds for name in fold.metrics))


def _fold_head(sheet: TearSheet) -> list[str]:
    return [words(name, sheet.formats).label for name in _fold_metrics(sheet)]


def _folds(sheet: TearSheet) -> list[dict[str, object]]:
    names = [words(name, sheet.formats) for name in _fold_metrics(sheet)]
    return [
        {
            "number": str(fold.number),
            "train": f"{formats.day(fold.train_start)} to {formats.day(fold.train_end)}",
            "test": f"{formats.day(fold.test_start)} to {formats.day(fold.test_end)}",
            "params": ", ".join(f"{name} {_setting(value)}" for name, value in fold.params.items()) or "–",
            "metrics": [
                Cell(
                    formats.value_text(fold.metrics.get(one.name), one.kind),
                    _tone(fold.metrics.get(one.name)) if one.name in ("total_return", "sharpe") else "",
                )
                for one in names
            ],
        }
        for fold in sheet.folds
    ]


def _metric_rows(sheet: TearSheet) -> list[tuple[str, str, list[str]]]:
    """Return (label, meaning, values): the strategy first, then each baseline."""
    columns: list[Mapping[str, float | int | None]] = [sheet.metrics, *sheet.baseline_metrics.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = []
    for name in names:
        one = words(name, sheet.formats)
        rows.append((one.label, one.text, [formats.value_text(column.get(name), one.kind) for column in columns]))
    return rows


def _trade_groups(sheet: TearSheet) -> list[tuple[str, list[list[Cell]]]]:
    trades = sheet.track.trades
    order = np.argsort(trades["net"], kind="stable")
    losses = trades[order[:LARGEST_TRADES]]
    wins = trades[order[::-1][:LARGEST_TRADES]]
    groups = [
        ("Largest losses", losses[losses["net"] < 0]),
        ("Largest wins", wins[wins["net"] > 0]),
        (f"Last {LAST_TRADES} trades" if len(trades) > LAST_TRADES else "All trades", trades[::-1][:LAST_TRADES]),
    ]
    return [(title, _trade_rows(sheet, some)) for title, some in groups if len(some)]


def _trade_rows(sheet: TearSheet, trades: RecordArray) -> list[list[Cell]]:
    rows = []
    for one, share in zip(trades, series.trade_returns(trades), strict=True):
        net = float(one["net"])
        rows.append(
            [
                Cell(formats.moment(int(one["entry_time"]))),
                Cell(str(sheet.track.pairs[one["pair"]])),
                Cell("long" if one["side"] > 0 else "short"),
                Cell(_held(one)),
                Cell(formats.price(float(one["entry_price"]), is_short=False)),
                Cell(formats.price(float(one["exit_price"]), is_short=False)),
                Cell(formats.money(float(one["fees"]))),
                Cell(formats.money(net, signed=True), _tone(net)),
                Cell(formats.percent(float(share), signed=True), _tone(net)),
                Cell(_EXITS[FillReason(int(one["exit_reason"]))]),
            ]
        )
    return rows


def _held(trade: np.void) -> str:
    lasted = int(trade["exit_time"] - trade["entry_time"])
    return formats.duration(lasted) if lasted else "within a bar"


def _open_note(sheet: TearSheet) -> str:
    if not sheet.track.curve.exposure[-1] > 0:
        return ""
    value = formats.money(sheet.track.unrealised, sheet.currency, signed=True)
    return f"A position was still open at the end ({value} unrealised). It is in the account, not among the trades."


def _data_rows(sheet: TearSheet) -> list[tuple[str, ...]]:
    return [
        (
            str(one.pair),
            one.timeframe,
            f"{formats.moment(one.start)} to {formats.moment(one.end)} UTC",
            formats.count(one.bars),
            one.source + (" (made, not traded)" if one.is_synthetic else ""),
            one.hash[:16] or formats.NOTHING,
        )
        for one in sheet.datasets
    ]

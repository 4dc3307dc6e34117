"""The report as data: one strict JSON object with every number the page shows and every trade.

Written beside the page by `save`. It is not the run's archive: the curve is thinned to what the page draws (the whole
curve is an artefact of the run), and says so. Invariant: no NaN, no infinity; what is not defined is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tradecore.core.orders import FillReason
from tradecore.core.track import Track
from tradecore.core.types import SECOND_NS, FloatArray, IntArray, iso
from tradecore.reports import series
from tradecore.reports.tear_sheet import Dataset, Fold, TearSheet

SCHEMA = "tradecore.report/1"


def to_json(sheet: TearSheet) -> dict[str, object]:
    """Return the sheet as plain objects, times as ISO-8601 text, money in the account's quote currency."""
    return {
        "schema": SCHEMA,
        "title": sheet.title,
        "run": sheet.run,
        "version": sheet.version,
        "seed": sheet.seed,
        "command": sheet.command,
        "strategy": {"name": sheet.strategy, "text": sheet.strategy_text, "params": _plain(sheet.params)},
        "verdict": _verdict(sheet),
        "notices": list(sheet.notices),
        "is_synthetic": sheet.is_synthetic,
        "currency": sheet.currency,
        "datasets": [_dataset(one) for one in sheet.datasets],
        "account": _account(sheet.track),
        "metrics": _plain(sheet.metrics),
        "baselines": _plain(sheet.baseline_metrics),
        "intervals": [asdict(one) for one in sheet.intervals],
        "folds": [_fold(one) for one in sheet.folds],
        "costs": _plain(sheet.costs),
        "evaluation": None if sheet.evaluation is None else _plain(sheet.evaluation.as_dict()),
        "cost_sensitivity": [
            {"multiple": multiple, **asdict(one)} for multiple, one in sorted(sheet.cost_sensitivity.items())
        ],
        "monthly": _monthly(sheet.track),
        "curve": _curve(sheet.track),
        "baseline_curves": {name: _curve(one) for name, one in sheet.baselines.items()},
        "trades": _trades(sheet.track),
    }


def _dataset(one: Dataset) -> dict[str, object]:
    return asdict(one) | {"pair": str(one.pair), "start": iso(one.start), "end": iso(one.end)}


def _account(track: Track) -> dict[str, object]:
    return {
        "start_equity": track.curve.start_equity,
        "end_equity": float(track.curve.equity[-1]),
        "deposits": track.deposits,
        "withdrawals": track.withdrawals,
        "realised": track.realised,
        "unrealised": track.unrealised,
        "fees": float(track.fills["fee"].sum()),
    }


def _fold(one: Fold) -> dict[str, object]:
    return {
        "number": one.number,
        "train_start": iso(one.train_start),
        "train_end": iso(one.train_end),
        "test_start": iso(one.test_start),
        "test_end": iso(one.test_end),
        "params": _plain(one.params),
        "metrics": _plain(one.metrics),
    }


def _verdict(sheet: TearSheet) -> dict[str, object] | None:
    if sheet.verdict is None:
        return None
    return {
        "verdict": str(sheet.verdict.verdict),
        "reasons": [str(reason) for reason in sheet.verdict.reasons],
        "gates": [
            {
                "name": one.name,
                "passed": bool(one.passed),
                "value": _plain(one.value),
                "limit": _plain(one.limit),
                "text": one.text,
            }
            for one in sheet.verdict.gates
        ],
    }


def _curve(track: Track) -> dict[str, object]:
    value = series.account_value(track)
    pick = np.unique(np.concatenate((series.thin(value), series.thin(series.drawdown(track), series.POINTS // 2))))
    curve = track.curve
    return {
        "bars": len(curve),
        "is_thinned": len(pick) < len(curve),
        "time": _moments(curve.time[pick]),
        "equity": _numbers(curve.equity[pick]),
        "value": _numbers(value[pick]),
        "drawdown": _numbers(series.drawdown(track)[pick]),
        "exposure": _numbers(curve.exposure[pick]),
    }


def _monthly(track: Track) -> list[dict[str, object]]:
    table = series.monthly_returns(track)
    return [
        {"year": table.first_year + row, "months": _numbers(table.months[row]), "total": _number(table.years[row])}
        for row in range(len(table.years))
    ]


def _trades(track: Track) -> list[dict[str, object]]:
    """Return every trade; column by column, for there may be many thousands."""
    done, pairs = track.trades, [str(pair) for pair in track.pairs]
    reasons = {int(one): one.name.lower() for one in FillReason}
    columns: dict[str, list[Any]] = {
        "pair": [pairs[index] for index in done["pair"].tolist()],
        "side": ["long" if side > 0 else "short" for side in done["side"].tolist()],
        "entry_time": _moments(done["entry_time"]),
        "exit_time": _moments(done["exit_time"]),
        **{name: _numbers(done[name]) for name in ("quantity", "entry_price", "exit_price", "gross", "fees", "net")},
        "return": _numbers(series.trade_returns(done)),
        "best": _numbers(done["best"]),
        "worst": _numbers(done["worst"]),
        "exit_reason": [reasons[code] for code in done["exit_reason"].tolist()],
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _moments(times: IntArray) -> list[str]:
    """Return UTC nanoseconds as `iso` writes them."""
    if (times % SECOND_NS).any():
        return [iso(int(one)) for one in times]
    return [f"{one}Z" for one in np.datetime_as_string(times.astype("datetime64[ns]"), unit="s").tolist()]


def _numbers(values: FloatArray) -> list[float | None]:
    return values.tolist() if np.isfinite(values).all() else [_number(value) for value in values.tolist()]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(value: object) -> object:
    """Return numpy's scalars, mappings and sequences as JSON's own; anything else as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _number(value)
    return str(value)

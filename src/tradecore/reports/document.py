"""The report as data: one strict JSON object with every number the page shows and every trade.

Written beside the page by `save`. It is not the run's archive: the curve is thinned to what the page draws (the whole
curve is an artefact of the run), and says so. Invariant: no NaN, no infinity; what is not defined is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from tradecore.core.orders import FillReason
from tradecore.core.track import Track
from tradecore.core.types import FloatArray, iso
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
        "time": [iso(int(one)) for one in curve.time[pick]],
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
    returns = series.trade_returns(track.trades)
    return [
        {
            "pair": str(track.pairs[one["pair"]]),
            "side": "long" if one["side"] > 0 else "short",
            "entry_time": iso(int(one["entry_time"])),
            "exit_time": iso(int(one["exit_time"])),
            "quantity": _number(one["quantity"]),
            "entry_price": _number(one["entry_price"]),
            "exit_price": _number(one["exit_price"]),
            "gross": _number(one["gross"]),
            "fees": _number(one["fees"]),
            "net": _number(one["net"]),
            "return": _number(share),
            "best": _number(one["best"]),
            "worst": _number(one["worst"]),
            "exit_reason": FillReason(int(one["exit_reason"])).name.lower(),
        }
        for one, share in zip(track.trades, returns, strict=True)
    ]


def _numbers(values: FloatArray) -> list[float | None]:
    return [_number(value) for value in values]


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

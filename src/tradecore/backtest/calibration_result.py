"""From the outcomes of a calibration's tasks to what it found: shares with intervals, power, coverage.

Called by `control.evidence` and tests. Invariant: the same outcomes give the same sheet, in whatever order they came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from tradecore.backtest.calibrate import tasks
from tradecore.backtest.calibration_work import NOMINAL, Calibration, Task
from tradecore.core.seeds import generator
from tradecore.core.types import FloatArray
from tradecore.reports.calibration_sheet import GUARDS, CalibrationSheet, Coverage, FalseEdges, PowerCurve, PowerPoint
from tradecore.stats.proportions import Share, reaches, rising, size_interval, wilson

POWER = 0.8
"""The share of edges found at which the size is read off."""
Outcomes = Mapping[str, Mapping[str, Any]]


def summarise(plan: Calibration, outcomes: Outcomes) -> CalibrationSheet:
    """Return what the outcomes of all of a plan's tasks say."""
    done = [(task, outcomes[task.key]) for task in tasks(plan)]
    truths = {task.edge: said for task, said in done if task.what == "truth"}
    return CalibrationSheet(
        false_edges=tuple(_false_edges(done)),
        power=tuple(_power(plan, done, truths)),
        coverage=tuple(_coverage(plan, done, truths)),
        asked=asked(plan),
        version=version("tradecore"),
    )


def asked(plan: Calibration) -> dict[str, Any]:
    """Return everything that was chosen, as plain values, the protocol by its fingerprint as well."""
    plain = {name: value for name, value in asdict(plan).items() if name not in ("protocol", "settings")}
    venue = plan.settings.venue
    return plain | {
        "taker_fee": venue.taker_fee, "half_spread": venue.half_spread, "slippage": venue.slippage,
        "cash": plan.settings.cash, "protocol_hash": plan.protocol.fingerprint(), "protocol": plan.protocol.as_dict(),
    }  # fmt: skip


def _false_edges(done: Sequence[tuple[Task, Mapping[str, Any]]]) -> Iterable[FalseEdges]:
    cells: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for task, said in done:
        if task.what == "no edge":
            for one in said["judged"]:
                cells.setdefault((task.market, one["candidate"], one["costs"]), []).append(one)
    for (market, candidate, costs), rows in sorted(cells.items()):
        stopped = Counter(name for one in rows for name in one["failed"])
        alone = Counter(one["failed"][0] for one in rows if len(one["failed"]) == 1)
        yield FalseEdges(
            market, candidate, costs, wilson(sum(one["edge"] for one in rows), len(rows)), without(rows, GUARDS),
            dict(sorted(stopped.items())), dict(sorted(alone.items())),
        )  # fmt: skip


def without(rows: Sequence[Mapping[str, Any]], off: Collection[str]) -> Share:
    """Return how many judgements would have been "edge" with some gates switched off."""
    return wilson(sum(not (set(one["failed"]) - set(off) or one["broken"]) for one in rows), len(rows))


def _power(
    plan: Calibration, done: Sequence[tuple[Task, Mapping[str, Any]]], truths: Mapping[float, Mapping[str, Any]]
) -> Iterable[PowerCurve]:
    found: dict[tuple[int, str], dict[float, list[bool]]] = {}
    for task, said in done:
        if task.what == "planted":
            for one in said["judged"]:
                found.setdefault((task.years, one["candidate"]), {}).setdefault(task.edge, []).append(one["edge"])
    for (years, candidate), by_edge in sorted(found.items()):
        edges = sorted(by_edge)
        hits = np.array([sum(by_edge[edge]) for edge in edges])
        counts = np.array([len(by_edge[edge]) for edge in edges])
        # What the best rule earns may only rise with the edge; the measured truth has noise of its own.
        sharpes = rising(np.array([truths[edge]["sharpe"] for edge in edges]), np.ones(len(edges)))
        curve = rising(hits / counts, counts.astype(np.float64))
        rng = generator(plan.seed, "calibrate", "size", years, candidate)
        low, high = size_interval(sharpes, hits, counts, POWER, rng)
        yield PowerCurve(
            years, candidate, tuple(_points(edges, sharpes, truths, hits.tolist(), counts.tolist(), curve)),
            reaches(sharpes, curve, POWER), low, high, POWER,
        )  # fmt: skip


def _points(
    edges: Sequence[float], sharpes: FloatArray, truths: Mapping[float, Mapping[str, Any]], hits: Sequence[int],
    counts: Sequence[int], curve: FloatArray,
) -> Iterable[PowerPoint]:  # fmt: skip
    for place, edge in enumerate(edges):
        share = wilson(hits[place], counts[place])
        yield PowerPoint(edge, float(sharpes[place]), _named(truths[edge]["rule"]), share, float(curve[place]))


def _coverage(
    plan: Calibration, done: Sequence[tuple[Task, Mapping[str, Any]]], truths: Mapping[float, Mapping[str, Any]]
) -> Iterable[Coverage]:
    held: Counter[str] = Counter()
    count: Counter[str] = Counter()
    played = []
    for _, said in done:
        for name, (hits, of) in said.get("held", {}).items():
            held[name] += hits
            count[name] += of
        played += said.get("intervals", [])
    for name in count:
        kind, _, days = name.partition("/")
        yield Coverage(kind, int(days), NOMINAL, wilson(held[name], count[name]))
    if played:
        truth = truths[plan.middle_edge]["fixed"]
        share = wilson(sum(low <= truth <= high for low, high in played), len(played))
        yield Coverage("a strategy's", 365 * plan.years[0], NOMINAL, share)


def _named(rule: Mapping[str, Any]) -> str:
    params = " ".join(f"{name}={value:g}" for name, value in rule.items() if name != "rule")
    return f"{rule['rule']} {params}"

"""Workloads, contenders and aims; running them in fresh processes, turn about; judging what came out.

A workload is declared in `workloads/<name>.py`. Invariant: contenders take turns, round by round, so that a busy
neighbour hurts all alike; the least time of all rounds counts.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.environments import Unavailable, python_of

HERE = Path(__file__).resolve().parents[1]
OURS = "tradecore"
Basis = Literal["wall", "cpu"]
"""What counts: wall seconds, or on a machine that others use CPU seconds of all threads, which they disturb less."""
Kind = Literal["seconds", "rate", "per_unit", "peak_mb", "ahead", "share"]


@dataclass(frozen=True)
class Contender:
    """A script in an environment. `size` where it is given less (slow) or other work than the workload's; rates are
    compared then."""

    name: str
    script: str
    peer: str | None = None
    size: int | None = None
    quick: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    repeats: int | None = None
    rounds: int | None = None


@dataclass(frozen=True)
class Aim:
    """What issue 3 asks of a workload.

    `seconds`, `per_unit` (seconds) and `peak_mb` are at most `limit`; `rate` (units a second), `ahead` (times the best
    peer, or the one named `of`) and `share` (of the best peer's rate) at least. Over parts the worst counts.
    """

    kind: Kind
    limit: float
    part: str = "*"
    of: str = ""


@dataclass(frozen=True)
class Workload:
    """One row of the table: what is done, by whom, and what is aimed at."""

    name: str
    title: str
    unit: str
    size: int
    quick: int
    contenders: tuple[Contender, ...]
    aims: tuple[Aim, ...]
    needs: tuple[str, ...] = ()
    """What must be made before: `bars`, `lake`, `trades`."""
    repeats: int = 5
    rounds: int = 3
    tolerances: dict[str, float] = field(default_factory=dict)
    """Check values that are compared, with the relative difference allowed; the others are only shown."""
    remark: str = ""
    missed: str = ""
    """Why an aim is missed, where one is; told on the page only then."""


@dataclass
class Outcome:
    """What one workload gave: a row per contender and part, versions, and what could not be run."""

    workload: Workload
    basis: Basis = "wall"
    rows: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def hold(workload: Workload, data: Path, *, is_quick: bool, basis: Basis = "wall") -> Outcome:
    """Run a workload's contenders in turn and return the outcome, rates and aims by wall or by CPU seconds."""
    outcome = Outcome(workload, basis)
    rounds = 1 if is_quick else workload.rounds
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for turn in range(rounds):
        for one in workload.contenders:
            if one.name in outcome.failures or turn >= (one.rounds or rounds):
                continue
            try:
                answer = _run(workload, one, data, is_quick=is_quick)
            except Unavailable as error:
                outcome.failures[one.name] = str(error)
                continue
            outcome.versions.setdefault(one.name, {}).update(answer["versions"])
            for record in answer["records"]:
                _merge(found, record)
    outcome.rows = [_measured(row, basis) for row in found.values()]
    _compare(outcome)
    return outcome


def judge(outcome: Outcome) -> list[dict[str, Any]]:
    """Return each aim with the figure reached and whether it is met (None where it cannot be said)."""
    verdicts = []
    for aim in outcome.workload.aims:
        value, part = _reached(outcome, aim)
        most = aim.kind in ("seconds", "per_unit", "peak_mb")
        met = None if value is None else (value <= aim.limit if most else value >= aim.limit)
        name = {"kind": aim.kind, "limit": aim.limit, "of": aim.of, "scope": aim.part}
        verdicts.append({**name, "value": value, "part": part, "met": met})
    return verdicts


def ratios(outcome: Outcome, part: str) -> dict[str, float]:
    """Return how many times our rate in one part is each peer's; a peer without parts stands beside every part."""
    ours = next((row for row in outcome.rows if row["part"] == part and row["contender"] == OURS), None)
    if ours is None:
        return {}
    others = [row for row in outcome.rows if row["contender"] != OURS and row["part"] in ("", part)]
    return {row["contender"]: row["per_unit"] / ours["per_unit"] for row in others}


def parts_of(outcome: Outcome) -> list[str]:
    """Return the parts, in the order in which they came."""
    return list(dict.fromkeys(row["part"] for row in outcome.rows))


def _reached(outcome: Outcome, aim: Aim) -> tuple[float | None, str]:
    """Return the worst figure over the parts an aim speaks of, and in which part it was."""
    values: list[tuple[float, str]] = []
    for part in parts_of(outcome):
        if aim.part != "*" and not part.startswith(aim.part):
            continue
        ours = next((row for row in outcome.rows if row["part"] == part and row["contender"] == OURS), None)
        if ours is None:
            continue
        if aim.kind in ("ahead", "share"):
            others = {name: one for name, one in ratios(outcome, part).items() if aim.of in ("", name)}
            values += [(min(others.values()), part)] if others else []
        else:
            figures = {**ours, "rate": 1.0 / ours["per_unit"]}
            values.append((figures[aim.kind], part))
    if not values:
        return None, ""
    return max(values) if aim.kind in ("seconds", "per_unit", "peak_mb") else min(values)


def _run(workload: Workload, one: Contender, data: Path, *, is_quick: bool) -> dict[str, Any]:
    python = python_of(one.peer)
    size = (one.quick or workload.quick) if is_quick else (one.size or workload.size)
    repeats = 2 if is_quick else (one.repeats or workload.repeats)
    command = [str(python), str(HERE / one.script), f"--size={size}", f"--repeats={repeats}", f"--data={data}"]
    command += [f"--option={name}={value}" for name, value in one.options.items()]
    print(f"  {one.name} ...", end="", flush=True)
    environment = {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE / 'oracles'}", "PYTHONHASHSEED": "0"}
    environment |= {"RAPTORBT_NO_VERSION_CHECK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(" failed", flush=True)
        raise Unavailable(f"{one.name} ended with {done.returncode}: {last}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(" " + ", ".join(f"{min(row['wall']):.4g} s" for row in answer["records"][:4]), flush=True)
    return answer


def _merge(found: dict[tuple[str, str], dict[str, Any]], record: dict[str, Any]) -> None:
    key = (record["contender"], record["part"])
    if key not in found:
        found[key] = record
        return
    known = found[key]
    for name in ("wall", "cpu"):
        known[name] = [*known[name], *record[name]]
    known["peak_mb"] = min(known["peak_mb"], record["peak_mb"])
    known["first"] = min((one for one in (known["first"], record["first"]) if one is not None), default=None)


def _measured(record: dict[str, Any], basis: Basis) -> dict[str, Any]:
    seconds = {"wall_s": min(record["wall"]), "cpu_s": min(record["cpu"])}
    figures = {**seconds, "seconds": seconds[f"{basis}_s"], "per_unit": seconds[f"{basis}_s"] / record["units"]}
    return (
        {name: value for name, value in record.items() if name not in ("wall", "cpu")}
        | figures
        | {"runs": len(record["wall"])}
    )


def _compare(outcome: Outcome) -> None:
    """Mark, in each peer's row, the check values that differ from ours by more than allowed."""
    ours = {row["part"]: row for row in outcome.rows if row["contender"] == OURS}
    for row in outcome.rows:
        mine = ours.get(row["part"])
        if mine is None or row is mine:
            continue
        differing = []
        for name, allowed in outcome.workload.tolerances.items():
            if name in row["checks"] and name in mine["checks"] and row["units"] == mine["units"]:
                here, there = float(mine["checks"][name]), float(row["checks"][name])
                if abs(here - there) > allowed * max(abs(here), abs(there)):
                    differing.append(f"{name} {there:.10g}, ours {here:.10g}")
        row["differs"] = differing

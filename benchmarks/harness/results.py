"""Results: kept as JSON, one entry per workload, so that a part can be measured again; shown as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness import contest, picture
from harness.contest import OURS, Outcome

FILE = "results.json"


def keep(folder: Path, outcome: Outcome, where: dict[str, Any], *, is_quick: bool) -> None:
    """Put a workload's outcome beside those measured before, in place of its own last one."""
    folder.mkdir(parents=True, exist_ok=True)
    known = read(folder)
    one = outcome.workload
    rows = [{**row, "ahead": contest.ratios(outcome, row["part"]).get(row["contender"])} for row in outcome.rows]
    known[one.name] = {
        "title": one.title, "unit": one.unit, "remark": one.remark, "missed": one.missed, "basis": outcome.basis,
        "is_quick": is_quick, "machine": where,
        "rows": rows, "aims": contest.judge(outcome), "versions": outcome.versions, "failures": outcome.failures,
    }  # fmt: skip
    part = folder / f".{FILE}.part"
    part.write_text(json.dumps(known, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(folder / FILE)


def read(folder: Path) -> dict[str, Any]:
    """Return what was measured so far, by workload."""
    path = folder / FILE
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known


def write(folder: Path) -> str:
    """Write the table beside the results and return it."""
    known = read(folder)
    text = table(known)
    (folder / "results.md").write_text(text + "\n", encoding="utf-8")
    picture.draw(known, folder / "results.png")
    return text


def table(known: dict[str, Any]) -> str:
    """Return one Markdown table of all workloads; where a workload has many parts, the aims and the worst parts."""
    lines = ["| workload | contender | units | seconds | CPU s | per second | peak MB | ours is ahead | check |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for name, one in known.items():
        for row in one["rows"]:
            lines.append("| " + " | ".join([f"{name} {row['part']}".strip(), *cells(row)]) + " |")
        lines += [f"| {name} | {peer} | | | | | | | not run: {why} |" for peer, why in one["failures"].items()]
    lines += ["", "| workload | aim | reached | |", "| --- | --- | --- | --- |"]
    for name, one in known.items():
        lines += [
            f"| {name} | {aim_text(aim, one['unit'])} | {reached_text(aim)} | {met_text(aim)} |" for aim in one["aims"]
        ]
    return "\n".join(lines)


def cells(row: dict[str, Any]) -> list[str]:
    """Return a row as text: engine, units, seconds, CPU, rate, memory, how far ours is ahead, and the check."""
    ahead = "" if row["ahead"] is None else f"{row['ahead']:,.1f}x"
    rate = 1.0 / row["per_unit"]
    figures = [f"{row['wall_s']:.4g}", f"{row['cpu_s']:.4g}", f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"]
    return [row["contender"], f"{row['units']:,}", *figures, f"{row['peak_mb']:,.0f}", ahead, _check(row)]


def aim_text(aim: dict[str, Any], unit: str) -> str:
    """Return an aim in words."""
    limit, scope = aim["limit"], "" if aim["scope"] == "*" else f"{aim['scope']}: "
    words = {
        "seconds": f"at most {limit:g} s",
        "rate": f"at least {limit:,.0f} {unit} a second",
        "per_unit": f"at most {limit * 1e6:g} µs each",
        "peak_mb": f"at most {limit:,.0f} MB",
        "ahead": f"at least {limit:g} times as fast as {aim['of'] or 'the best peer'}",
        "share": f"at least {limit:.0%} of the rate of {aim['of'] or 'the best peer'}",
    }
    return scope + words[aim["kind"]]


def reached_text(aim: dict[str, Any]) -> str:
    """Return the figure reached, with the part where it was worst."""
    value = aim["value"]
    if value is None:
        return "not measured"
    words = {
        "seconds": f"{value:.3g} s", "rate": f"{value:,.0f}", "per_unit": f"{value * 1e6:.2f} µs",
        "peak_mb": f"{value:,.0f} MB", "ahead": f"{value:,.1f}x", "share": f"{value:.0%}",
    }  # fmt: skip
    return words[aim["kind"]] + (f" ({aim['part']})" if aim["part"] else "")


def met_text(aim: dict[str, Any]) -> str:
    """Return whether an aim is met."""
    return "not measured" if aim["met"] is None else "met" if aim["met"] else "**missed**"


def _check(row: dict[str, Any]) -> str:
    if row["contender"] == OURS:
        return "ours"
    if "differs" not in row:
        return ""
    return "differs: " + "; ".join(row["differs"]) if row["differs"] else "same" if row["checks"] else ""

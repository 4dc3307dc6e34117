"""Write docs/concepts/speed.md and its picture from the results of `make bench`: no figure there is typed by hand.

python benchmarks/pages.py [--results FOLDER]
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "oracles")]

from harness import picture, results  # noqa: E402

ROOT = HERE.parent
PAGE, PICTURE = ROOT / "docs" / "concepts" / "speed.md", ROOT / "docs" / "benchmarks" / "linear-cost.png"
WORST_PARTS = 5

HEAD = """# Speed

How long the work takes here and in public engines, on the same bars, by the same rules, with the results compared.
`make bench` measures it again on any machine; this page is written from its results (`make bench-docs`). How it is
measured, and how to add a peer, stands in [benchmarks](../../benchmarks/README.md).

Contenders take turns in fresh processes; the least time counts. *Ahead* says how many times faster ours is for a unit
of work. A check that differs is named. A machine that others use at the same time gives times that are too long on
every side, so read the ratios first, and compare CPU seconds where the load was high.
"""


def main() -> int:
    """Write the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "bench")
    given = parser.parse_args()
    known = results.read(given.results)
    if not known:
        print(f"no results in {given.results}; run: make bench", file=sys.stderr)
        return 2
    text = page(known, has_picture=picture.draw(known, PICTURE))
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


def page(known: dict[str, Any], *, has_picture: bool) -> str:
    """Return the page as Markdown."""
    parts = [HEAD, _machine(known), _aims(known)]
    if has_picture:
        parts.append(
            "## Linear cost\n\n"
            "![Seconds against bars, combinations and environments](../benchmarks/linear-cost.png)\n\n"
            "Where a curve lies above its dashed line at the left, the call itself costs something besides the work."
        )
    parts += [_workload(name, one) for name, one in known.items() if name != "scaling"]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _machine(known: dict[str, Any]) -> str:
    first = next(iter(known.values()))["machine"]
    dates = sorted({one["machine"]["measured"][:10] for one in known.values()})
    loads = [one["machine"]["load"][0] for one in known.values()]
    quick = sorted(name for name, one in known.items() if one["is_quick"])
    text = (
        f"Measured {' and '.join(dates)} on {first['cpu']}, {first['cores']} cores, {first['memory_gb']:.0f} GB, "
        f"{first['system']}, Python {first['python']}. Load average while measuring: {min(loads):.1f} to "
        f"{max(loads):.1f} on {first['cores']} cores"
        + (" (others were working on the machine)." if max(loads) > 2.5 else ".")
    )
    if any(one["basis"] == "cpu" for one in known.values()):
        text += (
            " Rates, *ahead* and aims are by CPU seconds of all threads, which neighbours disturb less than wall time;"
            " an engine on two threads is so charged for both."
        )
    return text + (f" Small sizes only: {', '.join(quick)}." if quick else "")


def _aims(known: dict[str, Any]) -> str:
    lines = ["## Aims", "", "| workload | aim | reached | |", "|---|---|---|---|"]
    for one in known.values():
        for aim in one["aims"]:
            aimed = results.aim_text(aim, one["unit"])
            lines.append(f"| {one['title']} | {aimed} | {results.reached_text(aim)} | {results.met_text(aim)} |")
    missed = [
        f"- **{one['title']}**: {reason}"
        for name, one in known.items()
        if (reason := _reason(name, one)) and any(aim["met"] is False for aim in one["aims"])
    ]
    return "\n".join([*lines, *(["", "Why aims were missed:", "", *missed] if missed else [])])


def _reason(name: str, one: dict[str, Any]) -> str:
    """Return why a workload misses its aims: as its file says now, which may have been learnt after measuring."""
    if not (HERE / "workloads" / f"{name}.py").exists():
        return str(one["missed"])
    return str(importlib.import_module(f"workloads.{name}").WORKLOAD.missed)


def _workload(name: str, one: dict[str, Any]) -> str:
    """Return a workload's table; of many parts the ones in which ours is least ahead."""
    rows, left_out = _chosen(one["rows"])
    has_parts = any(row["part"] for row in rows)
    head = ["part"] * has_parts + ["engine", one["unit"], "seconds", "CPU s", "per second", "peak MB", "ahead", "check"]
    lines = [f"## {one['title'][0].upper()}{one['title'][1:]}", "", one["remark"], ""]
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row["part"]] * has_parts + results.cells(row)
        lines.append("| " + " | ".join(cells) + " |")
    lines += [f"| {peer} | not run: {why} |" for peer, why in one["failures"].items()]
    if left_out:
        lines += ["", f"{left_out} more parts stand in the results; shown are those in which ours is least ahead."]
    versions = {f"{package} {v}" for found in one["versions"].values() for package, v in found.items()}
    return "\n".join([*lines, "", f"Versions: {', '.join(sorted(versions))}. Workload: `make bench ONLY={name}`."])


def _chosen(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    parts = list(dict.fromkeys(row["part"] for row in rows))
    if len(parts) <= 12:
        return rows, 0
    ahead = {row["part"]: row["ahead"] for row in rows if row["ahead"] is not None}
    worst = set(sorted(ahead, key=lambda part: ahead[part])[:WORST_PARTS])
    return [row for row in rows if row["part"] in worst], len(parts) - len(worst)


if __name__ == "__main__":
    sys.exit(main())

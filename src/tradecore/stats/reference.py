"""The metric reference page, rendered from the table of metrics. Called by the docs build and by the test that keeps
`docs/reference/metrics.md` fresh: `python -m tradecore.stats.reference > docs/reference/metrics.md`.
"""

from __future__ import annotations

import sys

from tradecore.stats.metrics import METRICS, Metric

_TITLES = {
    "returns": "Returns",
    "drawdown": "Drawdown",
    "trades": "Closed trades",
    "activity": "Money, costs and activity",
}
_HEAD = """# Metrics

Generated from `tradecore.stats.metrics`; do not edit. All {count} figures come from the ledger's track record alone.

- Returns are net of all costs and **time-weighted**: a deposit or withdrawal is neither a gain nor a loss.
- Daily figures use UTC days and annualise with 365, because crypto trades every day. Bars of a day or longer are
  their own periods.
- Fractions are fractions (0.25 is 25 %). A figure that is not defined for a track (a profit factor without a loss) is
  `null` in JSON, never infinity.
- Better: ↑ higher, ↓ lower, · neither.
"""
_ARROW = {"higher": "↑", "lower": "↓", "-": "·"}


def render() -> str:
    """Return the page as Markdown, one table per group in the order of `METRICS`."""
    parts = [_HEAD.format(count=len(METRICS))]
    for module, title in _TITLES.items():
        rows = [metric for metric in METRICS if metric.f.__module__.rsplit(".", 1)[-1] == module]
        parts.append(f"\n## {title}\n\n| Metric | Name | Unit | Better | Meaning | Formula | Source |")
        parts.append("|---|---|---|---|---|---|---|")
        parts.extend(map(_row, rows))
    return "\n".join(parts) + "\n"


def _row(metric: Metric) -> str:
    cells = (
        metric.label,
        f"`{metric.name}`",
        metric.unit,
        _ARROW[metric.better],
        metric.text,
        f"`{metric.formula}`",
        metric.source,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(render())

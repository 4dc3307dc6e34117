"""What a metric is called and how it is written, taken from `stats.METRICS`, so that the words exist once.

Used by the page, the charts and the comparison. Names that `stats` does not know (a user's own metric) are shown by
their name as a plain ratio, or as the sheet's `formats` say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tradecore.reports import formats
from tradecore.stats.metrics import METRICS

_KIND = MappingProxyType(
    {
        "fraction": "percent",
        "ratio": "ratio",
        "quote": "money",
        "count": "count",
        "days": "days",
        "hours": "hours",
        "bps": "bps",
        "per year": "per_year",
    }
)


@dataclass(frozen=True, slots=True)
class Words:
    """A metric for a reader: label, kind of number, which direction is better (`higher`, `lower`, `-`), and meaning."""

    name: str
    label: str
    kind: str
    better: str = "-"
    text: str = ""


def words(name: str, kinds: Mapping[str, str] | None = None) -> Words:
    """Return how to show the metric called `name`; `kinds` overrides how its number is written."""
    known = _known().get(name) or Words(name, formats.label_of(name), "ratio")
    kind = (kinds or {}).get(name, known.kind)
    return known if kind == known.kind else Words(name, known.label, kind, known.better, known.text)


@cache
def _known() -> Mapping[str, Words]:
    all_words = (Words(one.name, one.label, _KIND[one.unit], one.better, one.text) for one in METRICS)
    return MappingProxyType({one.name: one for one in all_words})

"""Which stretch of which market a dataset's hash stands for, so that what was seen can be counted across datasets.

One more day of bars is another hash; without this a count kept by hash would begin anew every day. Called by
`registry.trials` and `registry.holdouts` inside their transactions. Invariant: rows are added, never changed.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from tradecore.core.bars import Bars
from tradecore.core.types import Nanoseconds

_spans = sa.Table(
    "dataset_spans",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("dataset", sa.String),
    sa.Column("pair", sa.String),
    sa.Column("timeframe", sa.String),
    sa.Column("source", sa.String),
    sa.Column("span_start", sa.BigInteger),
    sa.Column("span_end", sa.BigInteger),
)


def record_spans(connection: Connection, dataset: str, bars: Sequence[Bars]) -> None:
    """Note what a dataset's hash stands for; what is known already is not noted again."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    rows = [
        {
            "dataset": dataset, "pair": str(one.pair), "timeframe": str(one.timeframe), "source": one.source,
            "span_start": int(one.open_time[0]), "span_end": one.end_time,
        }
        for one in bars if len(one)
    ]  # fmt: skip
    if rows:
        connection.execute(insert(_spans).on_conflict_do_nothing(), rows)


def overlapping(
    connection: Connection, bars: Sequence[Bars], start: Nanoseconds, end: Nanoseconds, *, has_timeframe: bool = True
) -> list[str]:
    """Return the datasets that share a market with `bars` and reach into [start, end), oldest record first.

    A market is a pair from a source in a timeframe, or, without `has_timeframe`, in any.
    """
    found: dict[str, None] = {}
    for one in bars:
        query = sa.select(_spans.c.dataset).order_by(_spans.c.id).where(
            _spans.c.pair == str(one.pair), _spans.c.source == one.source,
            _spans.c.span_start < end, _spans.c.span_end > start,
        )  # fmt: skip
        if has_timeframe:
            query = query.where(_spans.c.timeframe == str(one.timeframe))
        found |= dict.fromkeys(connection.execute(query).scalars())
    return list(found)

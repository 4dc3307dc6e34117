"""The comparison of several runs as one table of values, and as HTML. How a terminal draws it is the command line's.

Callers: `backtest compare`, the report, notebooks. Invariant: a table keeps numbers as numbers; text is made only when
it is written, so that JSON and a terminal show the same run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from tradecore.core.errors import UsageError
from tradecore.reports import formats
from tradecore.reports.catalogue import Words, words
from tradecore.reports.tear_sheet import Value


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in a row, what stands above it, and how its values are written."""

    name: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values under columns; the first column names the run. `best` holds the winning row of each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]
    best: Mapping[str, int] = field(default_factory=dict)

    def text_rows(self) -> list[list[str]]:
        """Return every cell as text."""
        return [
            [formats.value_text(value, column.kind) for column, value in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]

    def __str__(self) -> str:
        """Return the table as lines of text, names to the left and figures to the right."""
        lines = [[column.label for column in self.columns], *self.text_rows()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines)

    def as_json(self) -> list[dict[str, object]]:
        """Return the rows as objects with their numbers."""
        return [dict(zip((column.name for column in self.columns), row, strict=True)) for row in self.rows]

    def to_html(self) -> str:
        """Return a `<table>`; everything in it is escaped, and the best value of a column is marked."""
        head = "".join(f"<th{'' if i else ' class=name'}>{escape(c.label)}</th>" for i, c in enumerate(self.columns))
        body = []
        for at, row in enumerate(self.text_rows()):
            cells = [f"<th scope=row>{escape(row[0])}</th>"]
            for column, text in zip(self.columns[1:], row[1:], strict=True):
                mark = " class=best" if self.best.get(column.name) == at else ""
                cells.append(f"<td{mark}>{escape(text)}</td>")
            body.append(f"<tr>{''.join(cells)}</tr>")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"

    def _repr_html_(self) -> str:
        return self.to_html()


def comparison(
    rows: Mapping[str, Mapping[str, Value]],
    metrics: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> Table:
    """Lay several runs' metrics side by side: one row per run, in the order given.

    `metrics` chooses and orders the columns; without it every metric that any run has is shown. A run that lacks one
    has None there.
    Errors: UsageError for a metric that no run has.
    """
    known = list(dict.fromkeys(name for one in rows.values() for name in one))
    chosen = known if metrics is None else list(metrics)
    for name in chosen:
        if name not in known:
            raise UsageError(f"metric {name!r} is in none of the runs; expected some of: {', '.join(known) or 'none'}")
    known_words = [words(name, kinds) for name in chosen]
    columns = (Column("run", "Run", "text"), *(Column(one.name, one.label, one.kind) for one in known_words))
    table = tuple((label, *(one.get(name) for name in chosen)) for label, one in rows.items())
    return Table(columns, table, _best(table, known_words))


def _best(rows: Sequence[tuple[object, ...]], metrics: Sequence[Words]) -> dict[str, int]:
    """Return the row that wins each column, where one alone does and where there is a better."""
    best = {}
    for at, metric in enumerate(metrics, start=1):
        values = [(float(cell), i) for i, cell in enumerate(row[at] for row in rows) if isinstance(cell, int | float)]
        if len(values) < 2 or metric.better == "-":
            continue
        top = min(values) if metric.better == "lower" else max(values)
        if sum(value == top[0] for value, _ in values) == 1:
            best[metric.name] = top[1]
    return best

"""The screen: where a command's answer goes. Lines, tables and progress for people, one JSON object for programs.

Made by every command for itself. Invariant: with `--json` the standard output holds exactly one line, strict JSON; what
a person would have read is left out, and progress goes to standard error in either case. rich is loaded when the first
table or bar is drawn, never for `--help`.
"""

from __future__ import annotations

import math
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Protocol

WIDTH = 100
"""The widest a table grows, however wide the terminal is: longer lines are hard to read."""
STYLES = {
    **dict.fromkeys(("ok", "passed", "done"), "green"),
    **dict.fromkeys(("no", "failed", "damaged"), "bold red"),
    **dict.fromkeys(("warning", "interrupted", "running"), "yellow"),
    "skipped": "dim",
}
"""Colours of the words that say how something ended; words first, so that nothing is said by colour alone."""
QUIET_S = 5.0
"""Seconds between two plain progress lines where there is no terminal."""


class Progress(Protocol):
    """Told by a verb how far it is: what it does, how much is done, and of how much (0 when nobody knows)."""

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Show the stage at `done` of `total`."""
        ...


class Screen:
    """One command's output."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line for a person as it stands; paths and commands are never broken. `style` shows on a terminal."""
        if self.as_json:
            return
        if style and sys.stdout.isatty():
            from rich.text import Text

            _console().print(Text(text, style=style))
        else:
            print(text)

    def paragraph(self, text: str) -> None:
        """Print a sentence or two for a person, broken between words."""
        width = min(shutil.get_terminal_size().columns, WIDTH)
        self.say(textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False))

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        right: Sequence[str] = (),
        fold: Sequence[str] | None = None,
    ) -> None:
        """Print a table: columns in `right` hold figures, those in `fold` (else the last) are folded if need be."""
        if self.as_json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 0, 0, 1), pad_edge=False, header_style="bold")
        folded = columns[-1:] if fold is None else fold
        for column in columns:
            justify: Any = "right" if column in right else "left"
            table.add_column(column, justify=justify, overflow="fold", no_wrap=column not in folded)
        for row in rows:
            # As text of its own: a bracket in a reason is no markup.
            table.add_row(*(Text(_cell(value), style=STYLES.get(str(value), "")) for value in row))
        _console().print(table)

    def facts(self, facts: Mapping[str, object]) -> None:
        """Print names and values in two columns."""
        width = max(map(len, facts), default=0)
        for name, value in facts.items():
            self.say(f"{name:<{width}}  {_cell(value)}")

    def answer(self, payload: Mapping[str, Any]) -> None:
        """Print the JSON object, when that was asked for. Called last, once."""
        if self.as_json:
            import json

            print(json.dumps(plain(payload), allow_nan=False, ensure_ascii=False), flush=True)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Yield what a verb reports its progress to: a bar with an ETA on a terminal, plain lines elsewhere."""
        if not sys.stderr.isatty():
            yield _Lines()
            return
        with _Bars() as bars:
            yield bars


def plain(value: Any) -> Any:
    """Return a value as strict JSON can hold it: no NaN or infinity (they become null), no numpy, no paths."""
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(value.tolist())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return f"{value:f}"  # never 1E-8, which not every reader takes for a number
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__ if not name.startswith("_")}
    return str(value)


class _Lines:
    """Progress as plain lines: each stage once when it begins and ends, and now and then between."""

    def __init__(self) -> None:
        self._stage = ""
        self._told = self._began = 0.0

    def __call__(self, stage: str, done: float, total: float) -> None:
        now = time.monotonic()
        ended = total > 0 and done >= total
        if stage == self._stage and not ended and now - self._told < QUIET_S:
            return
        if stage != self._stage:
            self._began = now
        self._stage, self._told = stage, now
        share = f" {100 * done / total:.0f} %" if total > 0 else ""
        left = (now - self._began) * (total - done) / done if 0 < done < total else 0.0
        print(f"{stage}{share}{f', about {left:.0f} s left' if left >= 1 else ''}", file=sys.stderr, flush=True)


class _Bars:
    """Progress as bars, one for each stage."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description:<28.28}"), BarColumn(bar_width=24), TaskProgressColumn())
        self._bars = Bars(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=_console(stderr=True))
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._bars.stop()

    def __call__(self, stage: str, done: float, total: float) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total or None)
        self._bars.update(self._tasks[stage], completed=done, total=total or None)


def _console(stderr: bool = False) -> Any:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    console.width = min(console.width, WIDTH)
    return console


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return str(value)

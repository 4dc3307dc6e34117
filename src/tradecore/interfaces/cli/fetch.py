"""`tradecore data fetch` and its jobs: bring trades from the venue, see how far it is, stop it, go on.

The commands are hung into `data` there. Nothing is decided here: words in, verb called, progress and answer shown.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, Workspace
from tradecore.interfaces.cli.screen import QUIET_S, Screen

if TYPE_CHECKING:
    from tradecore.control.fetching import Fetched
    from tradecore.core.types import Pair
    from tradecore.market.fetching.job import Job
    from tradecore.market.fetching.runner import Progress
    from tradecore.venues.kraken.patience import Wait

JobId = Annotated[str, typer.Argument(help="The job's id, or how it begins.", show_default=False)]
COLUMNS = ("job", "state", "pairs", "covered to", "of", "trades", "requests", "gaps")
FIGURES = ("trades", "requests", "gaps")
FRAMES_PER_SECOND = 2.0


def fetch(
    pairs: Annotated[list[str], typer.Argument(help="Pairs, as in BTC/USD.", show_default=False)],
    since: Annotated[
        str | None, typer.Option("--since", help="First day or moment, UTC.", show_default="the end of what is stored")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="End, exclusive, UTC.", show_default="now")] = None,
    join: Annotated[bool, typer.Option("--join", help="Allow it beside rows of another source.")] = False,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Fetch every trade from Kraken, proved by the venue's own count, and the bars they make. Goes on where it stopped.

    Example: tradecore data fetch BTC/USD ETH/USD --since 2025-10-01
    """
    from tradecore.control import fetching

    lab, screen = open_lab(workspace), Screen(as_json)
    asked = fetching.Asked(tuple(pairs), since, until, join)
    with Shown() as shown:
        done = fetching.fetch(lab, asked, shown)
    _answer(screen, done)


def resume(job: JobId, as_json: Json = False, workspace: Workspace = None) -> None:
    """Go on with a job that was paused, interrupted, killed or has failed. Nothing is lost and nothing comes twice.

    Example: tradecore data resume 3fa9c1
    """
    from tradecore.control import fetching

    lab, screen = open_lab(workspace), Screen(as_json)
    with Shown() as shown:
        done = fetching.resume(lab, job, shown)
    _answer(screen, done)


def jobs(as_json: Json = False, workspace: Workspace = None) -> None:
    """List the jobs of `data fetch`: their state, how far they are, and why one stopped.

    Example: tradecore data jobs
    """
    from tradecore.control import fetching

    found = fetching.list_jobs(open_lab(workspace))
    screen = Screen(as_json)
    if found:
        screen.table(COLUMNS, [_row(job) for job in found], right=FIGURES, fold=("pairs",))
        for job in found:
            if job.reason:
                screen.say(f"{job.id}: {job.reason}")
    else:
        screen.say("no jobs yet; begin one with: tradecore data fetch BTC/USD --since 2024-01-01")
    screen.answer({"jobs": [_described(job) for job in found]})


def pause(job: JobId, as_json: Json = False, workspace: Workspace = None) -> None:
    """Stop a job cleanly, from any terminal; `data resume` goes on with it.

    Example: tradecore data pause 3fa9c1
    """
    _stop(job, "pause", as_json, workspace)


def cancel(job: JobId, as_json: Json = False, workspace: Workspace = None) -> None:
    """Stop a job for good. What it brought into the workspace stays there; a new fetch takes only what is missing.

    Example: tradecore data cancel 3fa9c1
    """
    _stop(job, "cancel", as_json, workspace)


def hang_into(app: typer.Typer) -> None:
    """Make these commands part of `data`."""
    for command in (fetch, jobs, pause, cancel, resume):
        app.command()(command)


class Shown:
    """A fetch as a person sees it: a bar for each pair on a terminal, plain lines elsewhere; both on standard error."""

    def __init__(self) -> None:
        self._paces: dict[Pair, _Pace] = {}
        self._tasks: dict[Pair, Any] = {}
        self._bars: Any = None

    def __enter__(self) -> Shown:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

            self._bars = Progress(
                TextColumn("{task.fields[pair]:<8}", markup=False),
                BarColumn(bar_width=6),
                TaskProgressColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True, highlight=False),
                refresh_per_second=FRAMES_PER_SECOND,
            )
            self._bars.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def started(self, job: Job) -> None:
        """Say which job it is, and how it is stopped."""
        self._say(f"job {job.id}; stop with Ctrl-C, go on with: tradecore data resume {job.id}")

    def waits(self, wait: Wait) -> None:
        """Say why there is no job yet."""
        self._say(str(wait))

    def told(self, pair: Pair, progress: Progress) -> None:
        """Draw how far a pair is."""
        pace = self._paces.setdefault(pair, _Pace())
        telling = pace.told(progress)
        if self._bars is None:
            if pace.is_due(progress):
                self._say(f"{pair} {100 * pace.share:.1f} %, {telling.line()}")
            return
        if pair not in self._tasks:
            self._tasks[pair] = self._bars.add_task("", total=1.0, pair=str(pair))
        self._bars.update(self._tasks[pair], completed=pace.share, description=telling.beside_a_bar())

    def _say(self, text: str) -> None:
        if self._bars is not None:
            self._bars.console.print(text)
        else:
            print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Telling:
    """What there is to say of a pair: how far, how fast, how long still, and why it stands where it does."""

    at: str
    requests: int
    per_second: float
    retries: int
    missing: int
    left: str
    stands: str

    def line(self) -> str:
        """Return it for a line of its own."""
        words = [self.at, f"{self.requests:,} requests", f"{self.per_second:,.0f} trades/s"]
        words += [f"{self.retries:,} retries"] * (self.retries > 0) + [f"{self.missing:,} ids missing"] * (
            self.missing > 0
        )
        return ", ".join([*words, *filter(None, [self.stands or self.left])])

    def beside_a_bar(self) -> str:
        """Return it short enough for the rest of a line of 80 columns."""
        if self.stands:
            return self.stands
        words = [self.at[5:], f"{self.requests:,} req", f"{self.per_second:,.0f}/s"]
        words += [f"{self.retries:,} retries"] * (self.retries > 0)
        return "  ".join([*words, self.left.removeprefix("about ")])


class _Pace:
    """How fast one pair goes: trades a second, and the time left, from what it covered since this run began."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()
        self._first: tuple[int, int] | None = None
        self._state = ""
        self.share = 0.0

    def told(self, progress: Progress) -> Telling:
        """Take in how far it is, and return what there is to say."""
        from tradecore.core.types import iso

        state, (start, end) = progress.state, progress.span
        covered = max(state.covered_to, start)
        if self._first is None:
            self._first = (covered, state.rows)
        self.share = 1.0 if state.state == "done" or end <= start else (covered - start) / (end - start)
        passed = max(time.monotonic() - self._began, 1e-9)
        done, left = covered - self._first[0], end - covered
        left_s = left / done * passed if done > 0 and left > 0 and state.state == "running" else None
        return Telling(
            at=iso(covered)[:16].replace("T", " "),
            requests=state.requests,
            per_second=(state.rows - self._first[1]) / passed,
            retries=state.retries,
            missing=state.missing_ids,
            left="" if left_s is None else f"about {_span(left_s)} left",
            stands=_standing(progress),
        )

    def is_due(self, progress: Progress) -> bool:
        """Whether a plain line should be printed: a wait, an end, or some seconds after the last."""
        now, state = time.monotonic(), progress.state.state
        is_due = progress.wait is not None or state != self._state or now - self._said >= QUIET_S
        if is_due:
            self._said, self._state = now, state
        return is_due


def _standing(progress: Progress) -> str:
    """Return why nothing moves, or how it ended; nothing while it runs."""
    state = progress.state
    if progress.wait is not None or progress.note:
        return str(progress.wait or progress.note)
    if state.state == "running":
        return ""
    return state.state + (f": {state.reason}" if state.reason else "")


def _stop(id_: str, order: Any, as_json: bool, workspace: Any) -> None:
    from tradecore.control import fetching

    job = fetching.stop(open_lab(workspace), id_, order)
    screen = Screen(as_json)
    running = job.state == "running"
    screen.say(f"job {job.id}: {'told to ' + order + '; it stops within a second' if running else job.state}")
    screen.answer({**_described(job), "ordered": order})


def _answer(screen: Screen, done: Fetched) -> None:
    from tradecore.core.types import iso

    rows = [
        (str(one.key), iso(one.start)[:16], iso(one.end + 1)[:16], one.manifest.rows, len(one.manifest.missing_ids))
        for one in done.datasets
    ]
    screen.table(("dataset", "from", "to", "trades", "gaps in ids"), rows, right=("trades", "gaps in ids"))
    screen.say(f"job {done.job.id} {done.job.state}" + (f": {done.job.reason}" if done.job.reason else ""))
    if done.missing_ids:
        screen.say(f"{done.missing_ids:,} trade ids are missing: the venue has none of them on any page", "bold yellow")
        for pair, runs in done.missing.items():
            for first, last in runs[:10]:
                screen.say(f"  {pair}: {first}" + (f" to {last}" if last > first else ""))
    datasets = [
        {"key": key, "start": start, "end": end, "rows": count, "gaps_in_ids": gaps}
        for key, start, end, count, gaps in rows
    ]
    screen.answer(
        {**_described(done.job), "datasets": datasets, "missing_ids": done.missing_ids, "missing": done.missing}
    )
    if done.missing_ids or done.job.state == "failed":
        raise typer.Exit(1)


def _row(job: Job) -> tuple[object, ...]:
    from tradecore.core.types import iso

    states = job.pairs.values()
    covered = min((one.covered_to for one in states if one.covered_to), default=0)
    return (
        job.id,
        job.state,
        " ".join(job.pairs),
        iso(covered)[:16].replace("T", " ") if covered else None,
        iso(max(end for _, end in job.request.spans))[:16].replace("T", " "),
        sum(one.rows for one in states),
        sum(one.requests for one in states),
        sum(one.missing_ids for one in states),
    )


def _described(job: Job) -> dict[str, object]:
    from tradecore.core.types import iso

    return {
        "job": job.id,
        "state": job.state,
        "reason": job.reason,
        "words": job.request.words,
        "created": iso(job.created),
        "updated": iso(job.updated),
        "pairs": job.pairs,
    }


def _span(seconds: float) -> str:
    """Return a length of time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"

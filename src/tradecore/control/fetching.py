"""Verbs of fetching: bring trades from the venue into the lake as a job, list jobs, pause, cancel and go on.

The one place where a fetch gets its network. Called by the command line; `market.fetching` does the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from tradecore.control.interruption import stopped_by_signals
from tradecore.control.kraken import open_kraken_public
from tradecore.control.lab import Lab
from tradecore.core.errors import InterruptedRunError, StateRefusedError, UsageError, VenueError
from tradecore.core.seeds import generator
from tradecore.core.types import MINUTE_NS, SECOND_NS, Nanoseconds, Pair, iso, parse_time
from tradecore.market.coverage import Run, count
from tradecore.market.fetching.job import UNFINISHED, Job, Jobs, Order, Request
from tradecore.market.fetching.runner import JobRunner, Progress, Surroundings
from tradecore.market.fetching.sink import SOURCE, missing_ids
from tradecore.market.lake import Dataset
from tradecore.market.manifest import TRADES, DatasetKey
from tradecore.market.seams import OVERLAP_NS, OVERLAP_TRADES
from tradecore.venues.kraken.patience import Asker, Patience, Wait
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.transport import Transport

VENUE = "kraken"
FINAL_NS = 60 * SECOND_NS
"""How long after its end a minute is final though no later trade was seen: one may reach the public list so late."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for, in the words of the command line; None comes from the lake or the venue's clock."""

    pairs: tuple[str, ...]
    since: str | None = None
    until: str | None = None
    join: bool = False

    @property
    def words(self) -> str:
        """The command as one line: the same words find the same unfinished job."""
        pairs = " ".join(sorted(str(Pair.parse(pair)) for pair in self.pairs))
        return f"{pairs} since {self.since} until {self.until}{' join' if self.join else ''}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a job left: its state, and the datasets it wrote to."""

    job: Job
    datasets: tuple[Dataset, ...]
    missing: dict[str, tuple[Run, ...]]
    """For each pair that lacks any, the runs of trade ids between the first and the last fetched that are nowhere."""

    @property
    def missing_ids(self) -> int:
        """How many trade ids are missing."""
        return sum(count(runs, 1) for runs in self.missing.values())


class Watcher(Protocol):
    """Hears how a fetch goes; the skin draws it."""

    def started(self, job: Job) -> None:
        """Hear which job runs."""
        ...

    def told(self, pair: Pair, progress: Progress) -> None:
        """Hear how far a pair is."""
        ...

    def waits(self, wait: Wait) -> None:
        """Hear that the venue is not there yet, before there is a job."""
        ...


def fetch(lab: Lab, asked: Asked, watcher: Watcher, transport: Transport | None = None) -> Fetched:
    """Fetch trades into the lake; go on with the unfinished job of the same words where there is one.

    Errors: UsageError; VenueError when the venue refused; StateRefusedError when another process works on the job;
            InterruptedRunError when it was stopped: what came is kept.
    """
    jobs = jobs_of(lab)
    _refuse_odd(asked)
    found = [job for job in jobs.all() if job.request.words == asked.words and job.state in UNFINISHED]
    if found:
        return resume(lab, found[-1].id, watcher, transport)
    return asyncio.run(_begin(lab, asked, watcher, transport))


def resume(lab: Lab, id_: str, watcher: Watcher, transport: Transport | None = None) -> Fetched:
    """Go on with a job. Errors: as `fetch`; StateRefusedError for a job that is done or was cancelled."""
    job = jobs_of(lab).get(id_)
    if job.state not in UNFINISHED:
        raise StateRefusedError(f"job {job.id}: it is {job.state}; expected one that is not finished; fetch again")
    return asyncio.run(_work(lab, job, watcher, transport))


def list_jobs(lab: Lab) -> tuple[Job, ...]:
    """Return every job, oldest first."""
    return jobs_of(lab).all()


def stop(lab: Lab, id_: str, order: Order) -> Job:
    """Pause or cancel a job, whether a process works on it or not; a running one stops within a second.

    Errors: NothingThereError; StateRefusedError for a job that is finished.
    """
    jobs = jobs_of(lab)
    job = jobs.get(id_)
    if job.state not in UNFINISHED:
        raise StateRefusedError(f"job {job.id}: it is {job.state} already; expected one that is not finished")
    if jobs.is_worked_on(job.id):
        jobs.order(job.id, order)
        return job
    with jobs.working(job.id):
        state = replace(job, state="cancelled" if order == "cancel" else "paused", updated=lab.clock.now(), reason="")
        jobs.save(state)
        if order == "cancel":
            for pair in job.request.pairs:
                jobs.journal(job, pair).unlink(missing_ok=True)
    return state


def jobs_of(lab: Lab) -> Jobs:
    """Return the workspace's jobs."""
    return Jobs(lab.folder("state") / "jobs")


def _refuse_odd(asked: Asked) -> None:
    """Raise UsageError for what cannot be meant, before the venue is asked."""
    if not asked.pairs:
        raise UsageError("no pair named; expected one or more, as in: tradecore data fetch BTC/USD --since 2024-01-01")
    symbols = [pair for pair in asked.pairs if "_" in pair]
    if symbols:
        raise UsageError(
            f"{symbols[0]}: a future has bars, no trades; run: tradecore data bars {symbols[0]} --since ..."
        )
    if len({Pair.parse(pair) for pair in asked.pairs}) < len(asked.pairs):
        raise UsageError(f"{', '.join(asked.pairs)}: a pair is named twice; expected each once")
    if asked.since is not None and asked.until is not None and parse_time(asked.since) >= parse_time(asked.until):
        raise UsageError(f"from {asked.since} to {asked.until}: expected the end, which is exclusive, to be later")


async def _begin(lab: Lab, asked: Asked, watcher: Watcher, transport: Transport | None) -> Fetched:
    pairs = tuple(sorted(Pair.parse(pair) for pair in asked.pairs))
    asker = Asker(Patience(), generator(0, "fetch", asked.words), watcher.waits)
    async with open_kraken_public(lab, transport=transport) as venue:
        now = await asker.ask(venue.server_time)
        await asker.ask(lambda: venue.pairs(*pairs))
    spans = tuple(_span(lab, pair, asked, now) for pair in pairs)
    for pair in pairs:
        _refuse_unjoined(lab, pair, asked.join)
    job = jobs_of(lab).make(Request(VENUE, "trades", pairs, spans, asked.join, asked.words), lab.clock.now())
    return await _work(lab, job, watcher, transport)


async def _work(lab: Lab, job: Job, watcher: Watcher, transport: Transport | None) -> Fetched:
    from importlib.metadata import version

    jobs = jobs_of(lab)
    with jobs.working(job.id):
        async with _listed(lab, job, watcher, transport) as venue:
            around = Surroundings(
                lake=lab.lake,
                jobs=jobs,
                clock=lab.clock,
                ask=venue.trades,
                rng=generator(0, "fetch", job.id),
                client=f"tradecore {version('tradecore')}",
            )
            runner = JobRunner(job, around, watcher.told)
            watcher.started(job)
            with stopped_by_signals(runner.interrupt):
                done = await runner.run()
    if done.state == "paused" and done.reason == "interrupted":
        raise InterruptedRunError(
            f"interrupted; {sum(one.rows for one in done.pairs.values()):,} trades are kept; "
            f"go on with: tradecore data resume {done.id}"
        )
    return _fetched(lab, done)


def _fetched(lab: Lab, job: Job) -> Fetched:
    keys = [DatasetKey(VENUE, pair, None) for pair in job.request.pairs]
    found = tuple(one for one in lab.lake.datasets() if one.key in keys)
    runs = {str(key.pair): missing_ids(lab.lake, key, span) for key, span in zip(keys, job.request.spans, strict=True)}
    return Fetched(job, found, {pair: one for pair, one in runs.items() if one})


def _span(lab: Lab, pair: Pair, asked: Asked, now: Nanoseconds) -> Run:
    """Return the whole minutes that are wanted of a pair: from the one asked or the end of what is stored.

    Errors: UsageError when nothing is stored and nothing was said, or the span is empty.
    """
    newest = (now - FINAL_NS) // MINUTE_NS * MINUTE_NS
    end = newest if asked.until is None else min(newest, -(-parse_time(asked.until) // MINUTE_NS) * MINUTE_NS)
    if asked.since is not None:
        start = parse_time(asked.since) // MINUTE_NS * MINUTE_NS
    else:
        start = min(_newest(lab, pair), end)
    if start > end or (start == end and asked.since is not None):
        raise UsageError(f"{pair}: from {iso(start)} to {iso(end)}: expected a time before now, and the end later")
    return start, end


def _newest(lab: Lab, pair: Pair) -> Nanoseconds:
    """Return where a fetch goes on: behind the trades stored with ids, or far enough inside an archive to be compared.

    Errors: UsageError when nothing is stored.
    """
    stored = {one.key.label: one for one in lab.lake.datasets() if (one.key.venue, one.key.pair) == (VENUE, pair)}
    there = stored.get(TRADES) or stored.get("1m")
    if there is None:
        raise UsageError(
            f"{pair}: nothing is stored yet; say from when, as in: tradecore data fetch {pair} --since 2024-01-01"
        )
    files = there.manifest.files
    if there.key.timeframe is None and files and files[-1].ids:
        return (there.end + 1) // MINUTE_NS * MINUTE_NS
    start = there.end - OVERLAP_NS
    if there.key.timeframe is None and files:
        times = lab.lake.store.read(files[-1], ["time"])["time"]
        start = min(start, int(times[max(len(times) - OVERLAP_TRADES, 0)]))
    return start // MINUTE_NS * MINUTE_NS


def _refuse_unjoined(lab: Lab, pair: Pair, join: bool) -> None:
    """Raise StateRefusedError where the lake would refuse the trades only after hours of fetching."""
    if join:
        return
    for one in lab.lake.datasets():
        label = one.key.label
        others = set(one.sources) - {SOURCE, *one.manifest.joined}
        if (one.key.venue, one.key.pair) == (VENUE, pair) and label in ("trades", "1m") and others:
            raise StateRefusedError(
                f"{one.key}: holds rows from {', '.join(sorted(others))}; trades fetched from the venue would stand "
                "beside them; say --join to allow it, or use another workspace"
            )


@asynccontextmanager
async def _listed(lab: Lab, job: Job, watcher: Watcher, transport: Transport | None) -> AsyncIterator[KrakenPublic]:
    """Give the venue's public calls with its own names of the job's pairs; where it refuses, the job says so."""
    asker = Asker(Patience(), generator(0, "listing", job.id), watcher.waits)
    try:
        async with open_kraken_public(lab, transport=transport) as venue:
            listing = await asker.ask(lambda: venue.pairs(*job.request.pairs))
    except VenueError as error:
        jobs_of(lab).save(replace(job, state="failed", reason=str(error), updated=lab.clock.now()))
        raise
    async with open_kraken_public(lab, listing, transport) as venue:
        yield venue

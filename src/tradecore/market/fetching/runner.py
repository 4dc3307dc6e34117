"""Running a job: its pairs side by side, each asking in its own pace; stopped by a signal, a word, or the end.

The venue comes in as a function that asks for a page; this module knows no HTTP. Called by `control.fetching`.
Invariant: however it ends, what came is in the lake or in a journal, and `job.json` says which of the two and why.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from tradecore.core.clock import Clock
from tradecore.core.errors import TradecoreError
from tradecore.core.types import Pair, iso
from tradecore.market.coverage import Run
from tradecore.market.fetching.job import Job, Jobs, Order, PairState, State
from tradecore.market.fetching.journal import Journal, Mark
from tradecore.market.fetching.rows import Rows
from tradecore.market.fetching.sink import compact, is_due, last_id_before, uncovered
from tradecore.market.fetching.trades import Page, TradesFetch
from tradecore.market.lake import Lake, LakeBusyError
from tradecore.market.manifest import DatasetKey
from tradecore.venues.kraken.answers import Answer
from tradecore.venues.kraken.patience import Asker, Patience, Wait
from tradecore.venues.kraken.replies import TradesPage

LOOK_S = 0.5
"""How often a running job looks for an order from another terminal."""
SAVE_S = 2.0
"""How often a running job writes down how far it is."""
LAKE_WAIT_S = 1.0
COMMIT_TRIES = 60

AskVenue: TypeAlias = Callable[[Pair, int], Awaitable[Answer[TradesPage]]]
"""Asks the venue once for the trades of a pair after a cursor, in the venue's pace."""
Tell: TypeAlias = Callable[[Pair, "Progress"], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one pair is, and why it waits where it does."""

    span: Run
    state: PairState
    wait: Wait | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a job runs with."""

    lake: Lake
    jobs: Jobs
    clock: Clock
    ask: AskVenue
    rng: np.random.Generator
    patience: Patience = field(default_factory=Patience)
    client: str = "tradecore"
    """The client's version, for the request log."""


class JobRunner:
    """One run of one job, by the process that holds its lock."""

    def __init__(self, job: Job, around: Surroundings, tell: Tell) -> None:
        self.job = job
        self._around = around
        self._tell = tell
        self._order: Order | None = None
        self._was_interrupted = False
        self._tasks: list[asyncio.Task[None]] = []
        self._commits = asyncio.Lock()

    async def run(self) -> Job:
        """Run to the end, a stop or a failure; return the job as it was left and as `job.json` has it.

        Errors: TradecoreError only where the job's own state cannot be written.
        """
        job, around = self.job, self._around
        self._save("running")
        with suppress(LakeBusyError), around.lake.writer():
            pass  # opening it takes away what a killed commit left behind: there may be no other commit in this run
        spans = dict(zip(job.request.pairs, job.request.spans, strict=True))
        self._tasks = [
            asyncio.create_task(self._pair(pair, span, around), name=str(pair))
            for pair, span in spans.items()
            if job.pairs[str(pair)].state != "done"
        ]
        watch = asyncio.create_task(self._watch())
        try:
            ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            watch.cancel()
        self._save(*self._outcome())
        for one in ended:
            if isinstance(one, Exception):
                raise one
        return self.job

    def interrupt(self) -> None:
        """Stop as a person at the keyboard asks: cleanly, to go on later."""
        self._was_interrupted = True
        self._stop()

    def told(self, pair: Pair, progress: Progress) -> None:
        """Take a pair's progress and pass it on."""
        self.job = replace(self.job, pairs={**self.job.pairs, str(pair): progress.state})
        self._tell(pair, progress)

    async def commit(self, work: Callable[[], int], wait: Callable[[str], None]) -> None:
        """Do one commit to the lake at a time; where another process writes to it, wait for that one.

        Errors: LakeBusyError when it has not finished after a minute; as `sink.compact`.
        """
        async with self._commits:
            for again in range(1, COMMIT_TRIES + 1):
                try:
                    work()
                    return
                except LakeBusyError:
                    if again == COMMIT_TRIES:
                        raise
                    wait("waiting for another process to finish writing to the lake")
                    await asyncio.sleep(LAKE_WAIT_S)

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _watch(self) -> None:
        """Look for orders, and write down how far the job is."""
        looks, saved = 0, self.job.pairs
        while True:
            await asyncio.sleep(LOOK_S)
            looks += 1
            self._order = self._around.jobs.ordered(self.job.id)
            if self._order is not None:
                self._stop()
                return
            if looks % round(SAVE_S / LOOK_S) == 0 and self.job.pairs != saved:
                self._save("running")
                saved = self.job.pairs

    async def _pair(self, pair: Pair, span: Run, around: Surroundings) -> None:
        """Run one pair; a failure is its own, the others go on."""
        state: State = "failed"
        reason = ""
        run: PairRun | None = None
        try:
            run = PairRun(self, pair, span, around)
            await run.fetch()
            state = "done"
        except TradecoreError as error:
            reason = str(error)
        except asyncio.CancelledError:
            state = "cancelled" if self._order == "cancel" else "paused"
        finally:
            if run is not None:
                run.finish(state, reason)
            else:
                self.told(pair, Progress(span, replace(self.job.pairs[str(pair)], state=state, reason=reason)))

    def _outcome(self) -> tuple[State, str]:
        states = {pair: one.state for pair, one in self.job.pairs.items()}
        failed = [f"{pair}: {self.job.pairs[pair].reason}" for pair, state in states.items() if state == "failed"]
        if failed:
            return "failed", "; ".join(failed)
        if all(state == "done" for state in states.values()):
            return "done", ""
        if self._order == "cancel":
            return "cancelled", "cancelled from another terminal"
        return "paused", "interrupted" if self._was_interrupted else "paused from another terminal"

    def _save(self, state: State, reason: str = "") -> None:
        self.job = replace(self.job, state=state, reason=reason, updated=self._around.clock.now())
        self._around.jobs.save(self.job)


class PairRun:
    """One pair of a running job."""

    def __init__(self, runner: JobRunner, pair: Pair, span: Run, around: Surroundings) -> None:
        self._runner, self._around = runner, around
        self._pair, self._span = pair, span
        self._key = DatasetKey(runner.job.request.venue, pair, None)
        self._join = runner.job.request.join
        self.state = replace(runner.job.pairs[str(pair)], state="running", reason="")
        self._asker = Asker(around.patience, around.rng, self._waits)
        self._journal = Journal(around.jobs.journal(runner.job, pair))
        self._fetch: TradesFetch | None = None
        self._log = around.jobs.request_log(runner.job, pair).open("a", encoding="utf-8", buffering=1)

    async def fetch(self) -> None:
        """Fetch what the lake lacks of the span. Errors: VenueError, DataError, StateRefusedError."""
        if self._journal.mark is not None:
            await self._resume_journal(self._journal.mark)
        for span in uncovered(self._around.lake, self._key, self._span):
            last_id = last_id_before(self._around.lake, self._key, span[0])
            await self._stretch(TradesFetch(self._ask, self._journal, span, last_id))

    def finish(self, state: State, reason: str) -> None:
        """Bring what is final into the lake, let go of the files, and tell how it ended."""
        try:
            if state != "done" and self._fetch is not None:
                compact(self._around.lake, self._key, self._fetch, self._journal, join=self._join)
        except LakeBusyError:
            reason = reason or "another process writes to the lake: what came waits in the journal"
        except TradecoreError as error:
            state, reason = "failed", reason or str(error)
        self._log.close()
        if state in ("done", "cancelled"):
            self._journal.delete()
        else:
            self._journal.close()
        self.state = replace(self.state, state=state, reason=reason)
        self._told()

    async def _resume_journal(self, mark: Mark) -> None:
        """Go on with the stretch that the journal holds, up to where the lake's next begins."""
        open_ = uncovered(self._around.lake, self._key, self._span)
        ends = [one[1] for one in open_ if one[1] > mark.held and one[0] <= max(mark.newest, mark.held)]
        if ends:
            await self._stretch(TradesFetch(self._ask, self._journal, (mark.start, max(ends))))
        else:
            self._journal.forget()

    async def _stretch(self, fetch: TradesFetch) -> None:
        self._fetch = fetch
        while not fetch.is_complete:
            new = await fetch.step()
            covered = fetch.proved
            self.state = replace(self.state, rows=self.state.rows + new, covered_to=covered, missing_ids=fetch.missing)
            self._told()
            if is_due(fetch, self._journal):
                await self._commit(fetch)
        self._journal.forget()
        self._fetch = None

    async def _commit(self, fetch: TradesFetch) -> None:
        lake, key, journal = self._around.lake, self._key, self._journal
        await self._runner.commit(
            lambda: compact(lake, key, fetch, journal, join=self._join), lambda text: self._told(note=text)
        )

    async def _ask(self, since: int) -> Page:
        page = await self._asker.ask(lambda: self._around.ask(self._pair, since))
        self.state = replace(self.state, requests=self.state.requests + 1)
        self._write(since=since, rows=len(page.time), last=page.last)
        return Page(Rows(page.time, page.trade_id, page.price, page.amount, page.side), page.last)

    def _waits(self, wait: Wait) -> None:
        self.state = replace(self.state, requests=self.state.requests + 1, retries=self.state.retries + 1)
        self._write(wait_s=round(wait.seconds, 1), reason=wait.reason, next_try=wait.next_try)
        self._told(wait)

    def _write(self, **what: object) -> None:
        entry = {"at": iso(self._around.clock.now()), "client": self._around.client, **what}
        self._log.write(json.dumps(entry) + "\n")

    def _told(self, wait: Wait | None = None, note: str = "") -> None:
        self._runner.told(self._pair, Progress(self._span, self.state, wait, note))

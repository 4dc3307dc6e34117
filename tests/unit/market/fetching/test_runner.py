"""A job as it runs: several pairs, stops from everywhere, failures of one pair, a busy lake, and what job.json says."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.core.errors import NothingThereError, StateRefusedError, UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import Pair, parse_time
from tradecore.market.fetching.job import Job, Jobs, Request
from tradecore.market.fetching.runner import JobRunner, Progress, Surroundings
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.virtual_time import VirtualClock, run_virtual
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.limits import Pace
from tradecore.venues.kraken.public import KrakenPublic

BTC, ETH = Pair.parse("BTC/USD"), Pair.parse("ETH/USD")
START, END, NOW = (parse_time(day) for day in ("2024-01-20", "2024-03-05", "2024-06-01"))
COUNT = 12_000
During = Callable[[JobRunner, Jobs, Job], Awaitable[None]]


def _tape(seed: int, holes: tuple[int, ...] = ()) -> Tape:
    whole = Tape.synthetic(seed, START - 10**9, COUNT, per_second=COUNT / (50 * 86_400))
    if not holes:
        return whole
    kept = ~np.isin(whole.trade_id, holes)
    columns = {name: getattr(whole, name)[kept] for name in Tape.__dataclass_fields__}
    return Tape(**columns)


@dataclass
class Place:
    """A folder with jobs and a lake, and the venue the next run asks."""

    root: Path
    pairs: tuple[Pair, ...] = (BTC,)
    tapes: dict[Pair, Tape] = field(default_factory=lambda: {BTC: _tape(1), ETH: _tape(2)})
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[tuple[Pair, Progress]] = field(default_factory=list)

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.root / "jobs")

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "data")

    def run(self, job: Job | None = None, span: tuple[int, int] = (START, END), during: During | None = None) -> Job:
        async def work(clock: VirtualClock) -> Job:
            fake = FakeKraken(self.tapes, clock, FakeSettings(public_limit=None, pair_limit=None, split_ties=True))
            for name, options in self.faults.items():
                fake.faults.on(name, **{"endpoint": "Trades"} | options)
            request = Request("kraken", "trades", self.pairs, (span,) * len(self.pairs), False, "words")
            mine = job or self.jobs.make(request, clock.now())
            async with MemoryTransport(fake) as transport:
                venue = KrakenPublic(transport, Addresses(), clock, Pace(clock))
                lake = Lake(self.root / "data", clock=clock)
                around = Surroundings(lake, self.jobs, clock, venue.trades, generator(1, "x"))
                with self.jobs.working(mine.id):
                    runner = JobRunner(mine, around, lambda pair, progress: self.told.append((pair, progress)))
                    aside = asyncio.create_task(during(runner, self.jobs, mine)) if during else None
                    done = await runner.run()
                    if aside is not None:
                        await aside
                    return done

        return run_virtual(work, NOW)

    def trades(self, pair: Pair = BTC) -> int:
        return self.lake.dataset(DatasetKey("kraken", pair, None)).manifest.rows

    def files(self) -> dict[str, str]:
        data = self.root / "data"
        found = [one for one in data.rglob("*") if one.is_file() and one.name != ".lock"]
        return {str(one.relative_to(data)): hashlib.sha256(one.read_bytes()).hexdigest() for one in found}


def _inside(tape: Tape) -> int:
    return int(((tape.shown_time >= START) & (tape.shown_time < END)).sum())


def _after(seconds: float, act: Callable[[JobRunner, Jobs, Job], None]) -> During:
    async def during(runner: JobRunner, jobs: Jobs, job: Job) -> None:
        await asyncio.sleep(seconds)
        act(runner, jobs, job)

    return during


def test_several_pairs_run_side_by_side_and_end_in_the_lake_with_their_bars(tmp_path: Path) -> None:
    place = Place(tmp_path, (BTC, ETH))
    job = place.run()
    assert job.state == "done"
    assert {pair: place.trades(pair) for pair in (BTC, ETH)} == {p: _inside(t) for p, t in place.tapes.items()}
    assert {str(one.key) for one in place.lake.datasets()} == {
        f"kraken/{pair.slug}/{label}" for pair in (BTC, ETH) for label in ("1m", "trades")
    }
    assert place.lake.verify() == ()
    seconds = (job.updated - NOW) / 1e9
    assert seconds < 1.3 * max(one.requests for one in job.pairs.values())


def test_the_slice_covers_from_the_time_asked_to_the_time_asked(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run()
    dataset = place.lake.dataset(DatasetKey("kraken", BTC, None))
    assert [(one.start, one.end) for one in dataset.manifest.slices] == [(START, END - 1)]


@pytest.mark.parametrize("stops", [(3.2,), (1.0, 1.0, 2.0, 3.0), (4.5, 4.5)])
def test_a_fetch_interrupted_anywhere_ends_with_the_same_bytes(tmp_path: Path, stops: tuple[float, ...]) -> None:
    quiet, often = Place(tmp_path / "quiet"), Place(tmp_path / "often")
    quiet.run()
    job: Job | None = None
    for seconds in stops:
        job = often.run(job, during=_after(seconds, lambda runner, jobs, job: runner.interrupt()))
        assert (job.state, job.reason) == ("paused", "interrupted")
        assert often.lake.verify() == ()
    assert often.run(job).state == "done"
    assert often.files() == quiet.files()


def test_pause_from_another_terminal_stops_within_a_second_and_what_came_is_in_the_lake(tmp_path: Path) -> None:
    place = Place(tmp_path)
    job = place.run(during=_after(4.2, lambda runner, jobs, job: jobs.order(job.id, "pause")))
    assert job.state == "paused"
    assert job.updated - NOW < 5.5e9
    assert 3_000 < place.trades() < 6_000
    assert place.run(place.jobs.get(job.id)).state == "done"
    assert place.trades() == _inside(place.tapes[BTC])


def test_a_cancelled_job_leaves_what_it_brought_and_no_journal(tmp_path: Path) -> None:
    place = Place(tmp_path)
    job = place.run(during=_after(4.2, lambda runner, jobs, job: jobs.order(job.id, "cancel")))
    assert job.state == "cancelled"
    assert place.trades() > 3_000
    assert not place.jobs.journal(job, BTC).exists()
    assert place.run().state == "done"
    assert place.trades() == _inside(place.tapes[BTC])


def test_a_second_job_fetches_only_what_the_lake_lacks(tmp_path: Path) -> None:
    place = Place(tmp_path)
    middle = parse_time("2024-02-10")
    place.run(span=(middle, parse_time("2024-02-20")))
    whole = Place(tmp_path / "whole")
    asked = whole.run().pairs[str(BTC)].requests
    job = place.run()
    assert place.trades() == _inside(place.tapes[BTC])
    assert job.pairs[str(BTC)].requests < asked
    assert place.run().pairs[str(BTC)].requests == 0
    assert place.lake.dataset(DatasetKey("kraken", BTC, None)).manifest.missing_ids == ()


def test_the_seam_to_what_is_stored_is_proved_by_id(tmp_path: Path) -> None:
    tape = _tape(1)
    seam = int(tape.trade_id[np.searchsorted(tape.shown_time, parse_time("2024-02-10"))])
    place = Place(tmp_path, tapes={BTC: tape})
    place.run(span=(START, parse_time("2024-02-10")))
    place.tapes = {BTC: _tape(1, holes=(seam, seam + 1))}
    job = place.run(span=(parse_time("2024-02-10"), END))
    assert job.pairs[str(BTC)].missing_ids == 2
    assert place.lake.dataset(DatasetKey("kraken", BTC, None)).manifest.missing_ids == ((seam, seam + 1),)


def test_a_stretch_left_out_on_purpose_is_not_searched_and_not_missing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run(span=(START, parse_time("2024-02-01")))
    job = place.run(span=(parse_time("2024-02-20"), END))
    assert job.pairs[str(BTC)].missing_ids == 0
    assert job.pairs[str(BTC)].requests < 8


def test_ids_the_venue_lacks_are_named_and_survive_a_stop(tmp_path: Path) -> None:
    holes = (1_500, 1_501, 4_000)
    place = Place(tmp_path, tapes={BTC: _tape(1, holes)})
    job = place.run(during=_after(7.5, lambda runner, jobs, job: runner.interrupt()))
    job = place.run(job)
    assert (job.state, job.pairs[str(BTC)].missing_ids) == ("done", 3)
    assert place.lake.dataset(DatasetKey("kraken", BTC, None)).manifest.missing_ids == ((1_500, 1_501), (4_000, 4_000))


def test_a_pair_the_venue_does_not_have_fails_alone_with_its_reason(tmp_path: Path) -> None:
    place = Place(tmp_path, (BTC, Pair.parse("ADA/EUR")))
    job = place.run()
    assert job.state == "failed"
    assert "ADA/EUR" in job.reason
    assert job.pairs[str(BTC)].state == "done"
    assert place.trades() == _inside(place.tapes[BTC])


def test_a_failed_job_goes_on_when_the_venue_is_back(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.faults = {"refusal": {"says": "EGeneral:Permission denied"}}
    job = place.run()
    assert job.state == "failed"
    assert "Permission denied" in job.reason
    place.faults = {}
    assert place.run(place.jobs.get(job.id)).state == "done"


def test_maintenance_is_waited_out_and_told(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.faults = {"refusal": {"says": "EService:Unavailable", "times": 8}}
    job = place.run()
    assert job.state == "done"
    waits = [str(progress.wait) for _, progress in place.told if progress.wait]
    assert len(waits) == job.pairs[str(BTC)].retries == 8
    assert "EService:Unavailable, try 9" in waits[-1]


def test_a_venue_that_never_answers_in_its_own_tongue_is_given_up_with_the_reason(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.faults = {"truncated_json": {}}
    job = place.run()
    assert job.state == "failed"
    assert job.reason


def test_a_lake_in_use_is_waited_for(tmp_path: Path) -> None:
    place = Place(tmp_path)

    async def hold(runner: JobRunner, jobs: Jobs, job: Job) -> None:
        with place.lake.writer():
            await asyncio.sleep(20)

    assert place.run(during=hold).state == "done"
    assert place.trades() == _inside(place.tapes[BTC])
    assert any("another process" in progress.note for _, progress in place.told)


def test_a_job_left_by_a_killed_process_counts_as_paused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    job = place.run()
    path = place.jobs.folder(job.id) / "job.json"
    path.write_text(path.read_text().replace('"state": "done"', '"state": "running"', 1))
    assert place.jobs.get(job.id[:3]).state == "paused"
    assert "ended without a word" in place.jobs.get(job.id).reason


def test_two_processes_never_work_on_one_job(tmp_path: Path) -> None:
    place = Place(tmp_path)
    job = place.run()
    second = Jobs(place.jobs.root).working(job.id)
    with place.jobs.working(job.id), pytest.raises(StateRefusedError, match="another process works on it"), second:
        pass


def test_a_job_that_is_not_there_or_not_meant_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with pytest.raises(NothingThereError, match="there is none"):
        place.jobs.get("abc")
    with pytest.raises(UsageError, match="expected an id"):
        place.jobs.get("../x")


def test_a_damaged_job_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    place = Place(tmp_path)
    job = place.run()
    (place.jobs.folder(job.id) / "job.json").write_text('{"schema": 1}')
    with pytest.raises(StateRefusedError, match="delete its folder"):
        place.jobs.get(job.id)


def test_every_request_is_in_the_log_of_the_job_and_no_time_of_it_in_the_lake(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.faults = {"http_520": {"rate": 0.3}}
    job = place.run()
    lines = [json.loads(line) for line in place.jobs.request_log(job, BTC).read_text().splitlines()]
    assert len(lines) == job.pairs[str(BTC)].requests
    assert all({"at", "client"} <= line.keys() for line in lines)
    other = Place(tmp_path / "other")
    other.run(span=(START, END))
    assert place.files() == other.files()

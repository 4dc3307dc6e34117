"""Fetch a million trades through everything that goes wrong at a venue; the lake must hold each of them, once.

The job as `tradecore data fetch` runs it, against the fake venue in the same process on virtual time, so that waits
cost nothing. Prints what struck, what it took, and the memory. Run: make fetch-faults
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from tradecore.core.seeds import generator
from tradecore.core.types import Pair, iso, parse_time
from tradecore.market.fetching.job import Job, Jobs, Request
from tradecore.market.fetching.runner import JobRunner, Progress, Surroundings
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Limit, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.virtual_time import VirtualClock, run_virtual
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.limits import Pace
from tradecore.venues.kraken.public import KrakenPublic

PAIR = Pair.parse("BTC/USD")
START, DAYS = parse_time("2024-01-10"), 60
FAULTS = (
    ("http_520", {"rate": 0.03}),
    ("http_429", {"rate": 0.02}),
    ("http_502", {"rate": 0.02}),
    ("refusal", {"rate": 0.02, "says": "EAPI:Rate limit exceeded"}),
    ("truncated_json", {"rate": 0.03}),
    ("html_200", {"rate": 0.02}),
    ("stall", {"rate": 0.01}),
    ("lost_answer", {"rate": 0.02}),
    ("reset", {"rate": 0.02}),
    ("latency", {"rate": 0.05, "delay_s": 3.0}),
)


async def fetched(clock: VirtualClock, root: Path, trades: int, has_faults: bool) -> tuple[Job, dict[str, int]]:
    """Run the whole job once, and return how it was left and which faults struck how often."""
    tape = Tape.synthetic(3, START, trades, per_second=trades / (DAYS * 86_400), tie_share=0.4)
    fake = FakeKraken({PAIR: tape}, clock, FakeSettings(split_ties=True, pair_limit=Limit(1.0, 3.0)))
    for name, options in FAULTS if has_faults else ():
        fake.faults.on(name, endpoint="Trades", **options)
    jobs = Jobs(root / "jobs")
    span = (START, START + (DAYS + 2) * 86_400 * 10**9)
    job = jobs.make(Request("kraken", "trades", (PAIR,), (span,), False, "faults"), clock.now())
    async with MemoryTransport(fake) as transport:
        venue = KrakenPublic(transport, Addresses(), clock, Pace(clock))
        around = Surroundings(Lake(root / "data", clock=clock), jobs, clock, venue.trades, generator(1, "faults"))
        with jobs.working(job.id):
            return await JobRunner(job, around, _nobody).run(), dict(fake.faults.counts)


def _nobody(pair: Pair, progress: Progress) -> None:
    """Show nothing."""


def main() -> None:
    """Fetch with faults, check every id and value against the tape, and print what it took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trades", type=int, default=1_000_000)
    options.add_argument("--no-faults", action="store_true")
    asked = options.parse_args()
    began, worked = time.monotonic(), time.process_time()
    now = parse_time("2024-06-01")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        clocks: list[VirtualClock] = []

        def run(clock: VirtualClock) -> object:
            clocks.append(clock)
            return fetched(clock, root, asked.trades, not asked.no_faults)

        job, struck = run_virtual(run, now)  # type: ignore[arg-type, misc]
        state = job.pairs[str(PAIR)]
        if job.state != "done":
            raise SystemExit(f"the job is {job.state}: {job.reason}")
        check(Lake(root / "data"), asked.trades)
        waited = (clocks[0].now() - now) / 1e9
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{asked.trades:,} trades complete and contiguous: {state.requests:,} requests, {state.retries:,} retries, "
            f"{sum(struck.values()):,} faults of {len(struck)} kinds; {waited / 60:.0f} min at the venue's rate, "
            f"{time.process_time() - worked:.0f} s CPU, {time.monotonic() - began:.0f} s wall, peak {peak:.0f} MiB"
        )


def check(lake: Lake, trades: int) -> None:
    """End the program where the lake does not hold exactly the trades of the tape."""
    tape = Tape.synthetic(3, START, trades, per_second=trades / (DAYS * 86_400), tie_share=0.4)
    dataset = lake.dataset(DatasetKey("kraken", PAIR, None))
    faults = lake.verify()
    months = list(lake.trades("kraken", PAIR))
    for name, wanted in (("trade_id", tape.trade_id), ("price", tape.price), ("amount", tape.amount)):
        held = np.concatenate([month.sort("trade_id")[name].to_numpy() for month in months])
        if not np.array_equal(held, wanted):
            raise SystemExit(f"{name}: the lake holds {len(held):,} values, the tape {len(wanted):,}; they differ")
    if faults or dataset.manifest.missing_ids:
        raise SystemExit(f"verify found {faults}, missing ids {dataset.manifest.missing_ids} to {iso(dataset.end)}")


if __name__ == "__main__":
    main()

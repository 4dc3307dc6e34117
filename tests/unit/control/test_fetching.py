"""The verbs of fetching: what the words mean, where a fetch goes on, and what is refused before hours are spent."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tradecore import bootstrap
from tradecore.control import fetching
from tradecore.control.config import make_workspace
from tradecore.control.fetching import Asked, Fetched
from tradecore.control.lab import Lab
from tradecore.core.clock import ManualClock
from tradecore.core.errors import StateRefusedError, UnknownPairError, UsageError
from tradecore.core.types import Pair, iso, parse_time
from tradecore.market.fetching.job import Job
from tradecore.market.fetching.runner import Progress
from tradecore.market.ingest import import_path
from tradecore.market.manifest import DatasetKey
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.venues.kraken.patience import Wait

BTC = Pair.parse("BTC/USD")
START, NOW = parse_time("2024-01-30"), parse_time("2024-03-01T12:00:30")
SECOND = 1_000_000_000
COUNT = 6_000


class Silent:
    """Draws nothing, and keeps what it hears."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def started(self, job: Job) -> None:
        self.jobs.append(job)

    def told(self, pair: Pair, progress: Progress) -> None:
        pass

    def waits(self, wait: Wait) -> None:
        pass


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    make_workspace(tmp_path / "ws")
    opened = bootstrap.open_lab(tmp_path / "ws", {"kraken.requests_per_second": "1000"})
    return replace(opened, clock=ManualClock(NOW))


def _tape() -> Tape:
    rng = np.random.default_rng(3)
    times = START + np.cumsum(rng.integers(1, 800, COUNT)) * SECOND
    times[2_000:2_600] = times[2_000]
    times.sort()
    price, amount = 100 + rng.integers(0, 999, COUNT) / 10, rng.integers(1, 99_999, COUNT) / 1e5
    return Tape.of_arrays(times + np.arange(COUNT), price, amount, rng.choice([-1, 1], COUNT), shown_time=times)


TAPE = _tape()


def _fetch(lab: Lab, asked: Asked, pages: int | None = None) -> Fetched:
    """Fetch from the fake; with `pages` the venue refuses for good after so many."""
    assert isinstance(lab.clock, ManualClock)
    fake = FakeKraken({BTC: TAPE}, lab.clock, FakeSettings(public_limit=None, pair_limit=None, split_ties=True))
    transport = _Ending(fake, pages)
    return fetching.fetch(lab, asked, Silent(), transport)


class _Ending(MemoryTransport):
    """A way to the fake on which the venue says no after some pages."""

    def __init__(self, fake: FakeKraken, pages: int | None) -> None:
        super().__init__(fake)
        self._left = pages

    async def request(self, method, url, **more):  # type: ignore[no-untyped-def]
        if "/Trades" in url and self._left is not None:
            if not self._left:
                self.fake.faults.on("refusal", endpoint="Trades", says="EGeneral:Permission denied")
            self._left = max(self._left - 1, 0)
        return await super().request(method, url, **more)


def _archive(path: Path, until: int) -> Path:
    """Write the tape's trades before a time as the venue's own archive: whole seconds, no id, no side."""
    kept = TAPE.shown_time < until
    rows = zip(TAPE.shown_time[kept] // SECOND, TAPE.price[kept], TAPE.amount[kept], strict=True)
    text = "".join(f"{time},{price:.5f},{amount:.8f}\n" for time, price, amount in rows)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("XBTUSD.csv", text)
    path.write_bytes(buffer.getvalue())
    return path


def _files(lab: Lab) -> dict[str, bytes]:
    data = lab.folder("data")
    found = [one for one in data.rglob("*") if one.is_file() and one.name != ".lock"]
    return {str(one.relative_to(data)): one.read_bytes() for one in found}


def _trades(lab: Lab) -> DatasetKey:
    return DatasetKey("kraken", BTC, None)


def test_without_an_end_it_goes_up_to_the_last_minute_that_is_surely_over(lab: Lab) -> None:
    done = _fetch(lab, Asked(("btc/usd",), "2024-01-30"))
    assert done.job.state == "done"
    assert [iso(one.end + 1) for one in done.datasets] == ["2024-03-01T11:59:00Z"]
    assert done.datasets[0].manifest.rows == int((TAPE.shown_time < parse_time("2024-03-01T11:59")).sum())


def test_without_a_beginning_it_goes_on_where_the_trades_end(lab: Lab) -> None:
    _fetch(lab, Asked(("BTC/USD",), "2024-01-30", "2024-02-10"))
    done = _fetch(lab, Asked(("BTC/USD",), until="2024-02-20"))
    assert done.job.request.spans == ((parse_time("2024-02-10"), parse_time("2024-02-20")),)
    slices = done.datasets[0].manifest.slices
    assert [(iso(one.start), iso(one.end + 1)) for one in slices] == [("2024-01-30T00:00:00Z", "2024-02-20T00:00:00Z")]
    assert done.missing == {}


def test_times_are_taken_to_whole_minutes_that_hold_what_was_asked(lab: Lab) -> None:
    done = _fetch(lab, Asked(("BTC/USD",), "2024-01-30T10:00:30", "2024-01-30T12:00:01"))
    assert done.job.request.spans == ((parse_time("2024-01-30T10:00"), parse_time("2024-01-30T12:01")),)


def test_nothing_stored_and_no_beginning_is_asked_for(lab: Lab) -> None:
    with pytest.raises(UsageError, match="say from when"):
        _fetch(lab, Asked(("BTC/USD",)))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(()), "no pair named"),
        (Asked(("BTC/USD", "btc/usd"), "2024-01-30"), "named twice"),
        (Asked(("PF_XBTUSD",), "2024-01-30"), "data bars PF_XBTUSD"),
        (Asked(("BTC/USD",), "2024-02-01", "2024-01-30"), "expected the end"),
        (Asked(("BTC/USD",), "2030-01-01"), "expected a time before now"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_makes_no_job(lab: Lab, asked: Asked, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        _fetch(lab, asked)
    assert fetching.list_jobs(lab) == ()


def test_a_pair_the_venue_does_not_have_is_refused_and_makes_no_job(lab: Lab) -> None:
    with pytest.raises(UnknownPairError):
        _fetch(lab, Asked(("QQQ/USD",), "2024-01-30"))
    assert fetching.list_jobs(lab) == ()


def test_the_same_words_go_on_with_the_job_that_failed(lab: Lab) -> None:
    asked = Asked(("BTC/USD",), "2024-01-30", "2024-02-20")
    failed = _fetch(lab, asked, pages=2)
    assert failed.job.state == "failed"
    assert "Permission denied" in failed.job.reason
    done = _fetch(lab, asked)
    assert (done.job.id, done.job.state) == (failed.job.id, "done")
    assert len(fetching.list_jobs(lab)) == 1
    _fetch(lab, asked)
    assert len(fetching.list_jobs(lab)) == 2


def test_a_job_nobody_works_on_is_paused_and_cancelled_at_once(lab: Lab) -> None:
    job = _fetch(lab, Asked(("BTC/USD",), "2024-01-30", "2024-02-20"), pages=2).job
    assert fetching.stop(lab, job.id, "pause").state == "paused"
    assert fetching.stop(lab, job.id, "cancel").state == "cancelled"
    with pytest.raises(StateRefusedError, match="it is cancelled"):
        fetching.resume(lab, job.id, Silent())
    with pytest.raises(StateRefusedError, match="it is cancelled already"):
        fetching.stop(lab, job.id, "pause")


def test_trades_beside_an_archive_are_refused_before_the_first_page_unless_joined(lab: Lab, tmp_path: Path) -> None:
    import_path(lab.lake, _archive(tmp_path / "a.zip", parse_time("2024-02-15")))
    with pytest.raises(StateRefusedError, match="--join"):
        _fetch(lab, Asked(("BTC/USD",)))
    assert fetching.list_jobs(lab) == ()


def test_the_tail_behind_an_archive_begins_inside_it_and_the_seam_is_proved(lab: Lab, tmp_path: Path) -> None:
    import_path(lab.lake, _archive(tmp_path / "a.zip", parse_time("2024-02-15")))
    done = _fetch(lab, Asked(("BTC/USD",), join=True))
    assert done.job.state == "done", done.job.reason
    assert done.job.request.spans[0][0] < parse_time("2024-02-15") - 3_600 * SECOND
    manifest = done.datasets[0].manifest
    assert manifest.rows == int((TAPE.shown_time < parse_time("2024-03-01T11:59")).sum())
    assert sum(one.trades for one in manifest.seams) >= 1_000
    assert lab.lake.verify() == ()


def test_a_tail_that_was_interrupted_ends_with_the_same_bytes(lab: Lab, tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a.zip", parse_time("2024-02-15"))
    import_path(lab.lake, archive)
    _fetch(lab, Asked(("BTC/USD",), join=True))
    quiet = _files(lab)
    make_workspace(tmp_path / "other")
    other = replace(lab, root=tmp_path / "other")
    import_path(other.lake, archive)
    for pages in (1, 2, 2):
        assert _fetch(other, Asked(("BTC/USD",), join=True), pages=pages).job.state == "failed"
    assert _fetch(other, Asked(("BTC/USD",), join=True)).job.state == "done"
    assert _files(other) == quiet

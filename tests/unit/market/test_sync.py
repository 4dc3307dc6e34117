"""Sharing a lake: a set difference, one commit, and no change of either side ever lost in silence."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradecore.core.errors import DataError, NothingThereError, StateRefusedError, StorageError, UsageError
from tradecore.core.types import Pair, Timeframe
from tradecore.market import commits
from tradecore.market.commits import Commit, OvertakenError
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey, OtherVersionError, index_text
from tradecore.market.store import INDEX
from tradecore.market.sync import DivergedError, How, pull, push, size_text
from tradecore.market.synthetic import make
from tradecore.storage.objectstore import Folder

HOUR = Timeframe.parse("1h")
BTC, ETH = Pair.parse("BTC/USD"), Pair.parse("ETH/USD")


def add(lake: Lake, pair: Pair = BTC, bars: int = 48, venue: str = "synthetic-noise-1") -> None:
    """Store the first bars of a made-up market; more bars of it are the same market, grown."""
    whole = make("noise", pair=pair, timeframe=HOUR, bars=400, seed=1)
    lake.commit(whole[:bars], venue=venue)


def content(lake: Lake) -> dict[str, bytes]:
    """Return every file of a lake but its lock."""
    files = (path for path in lake.root.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(lake.root).as_posix(): path.read_bytes() for path in files}


def states(done: object) -> dict[str, str]:
    return {one.market: one.state for one in done.changes}  # type: ignore[attr-defined]


@pytest.fixture
def ours(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "ours")
    add(lake)
    add(lake, ETH)
    return lake


@pytest.fixture
def theirs(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "theirs")


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "place")


def test_a_lake_pushed_and_pulled_into_an_empty_one_is_the_same_to_the_byte(
    ours: Lake, theirs: Lake, place: Folder
) -> None:
    sent = push(ours, place)
    got = pull(theirs, place)
    assert content(theirs) == content(ours)
    assert theirs.verify() == ()
    assert (sent.files, got.files, sent.commit, got.commit) == (4, 2, 1, 1)


def test_a_second_push_or_pull_moves_nothing(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    pull(theirs, place)
    for again in (push(ours, place), pull(theirs, place), push(theirs, place), pull(ours, place)):
        assert (again.files, again.bytes, again.moved, again.commit) == (0, 0, (), 1)
    assert len(place.sizes("commits")) == 1


def test_a_dry_run_says_what_it_would_move_and_moves_nothing(ours: Lake, theirs: Lake, place: Folder) -> None:
    planned = push(ours, place, How(is_dry=True))
    assert not place.root.exists()
    done = push(ours, place)
    assert (planned.files, planned.bytes, planned.moved) == (done.files, done.bytes, done.moved)
    planned = pull(theirs, place, How(is_dry=True))
    assert not theirs.root.exists()
    assert planned.files == 2
    assert not planned.is_done


def test_only_what_changed_is_moved(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    pull(theirs, place)
    add(ours, BTC, 60)
    sent = push(ours, place)
    assert sent.moved == ("synthetic-noise-1/BTC-USD",)
    assert sent.files == 2  # the year's file, and the manifest that names it
    assert pull(theirs, place).files == 1
    assert theirs.datasets() == ours.datasets()


def test_changes_of_different_markets_meet_without_a_word(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    pull(theirs, place)
    add(ours, BTC, 60)
    add(theirs, ETH, 72)
    push(ours, place)
    both = push(theirs, place)
    assert states(both) == {"synthetic-noise-1/BTC-USD": "theirs newer", "synthetic-noise-1/ETH-USD": "ours newer"}
    for lake in (ours, theirs):
        pull(lake, place)
    assert ours.datasets() == theirs.datasets()
    assert [one.manifest.rows for one in ours.datasets()] == [60, 72]


def test_a_market_both_sides_changed_is_named_and_left_alone(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    pull(theirs, place)
    add(ours, BTC, 60)
    add(theirs, BTC, 72)
    push(ours, place)
    before = content(theirs), dict(place.sizes(""))
    for move in (push, pull):
        with pytest.raises(DivergedError, match=r"synthetic-noise-1/BTC-USD changed on both sides.*--replace"):
            move(theirs, place)
    assert (content(theirs), dict(place.sizes(""))) == before


@pytest.mark.parametrize(("move", "rows"), [(push, 72), (pull, 60)], ids=["push", "pull"])
def test_a_person_says_whose_stays(ours: Lake, theirs: Lake, place: Folder, move: object, rows: int) -> None:
    push(ours, place)
    pull(theirs, place)
    add(ours, BTC, 60)
    add(theirs, BTC, 72)
    push(ours, place)
    earlier = commits.newest(place)
    done = move(theirs, place, How(replace=["synthetic-noise-1/BTC-USD"]))  # type: ignore[operator]
    assert done.moved == ("synthetic-noise-1/BTC-USD",)
    pull(ours, place)
    assert [lake.datasets()[0].manifest.rows for lake in (ours, theirs)] == [rows, rows]
    assert commits.read(place, earlier.number) == earlier  # what was replaced can still be found


def test_to_replace_a_market_that_is_not_there_is_refused(ours: Lake, place: Folder) -> None:
    with pytest.raises(UsageError, match="no such market"):
        push(ours, place, How(replace=["kraken/XRP-USD"]))


def test_a_market_is_not_replaced_by_nothing(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    add(theirs, Pair.parse("SOL/USD"))
    with pytest.raises(UsageError, match="the lake holds nothing of it"):
        push(theirs, place, How(replace=["synthetic-noise-1/BTC-USD"]))
    with pytest.raises(UsageError, match="place holds nothing of it"):
        pull(theirs, place, How(replace=["synthetic-noise-1/SOL-USD"]))


def test_without_a_record_a_lake_that_was_there_before_is_only_behind(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    pull(theirs, place)
    add(ours, BTC, 60)
    push(ours, place)
    (record,) = (theirs.root / "remotes").iterdir()
    record.unlink()
    assert states(pull(theirs, place, How(is_dry=True)))["synthetic-noise-1/BTC-USD"] == "theirs newer"
    add(theirs, BTC, 72)
    with pytest.raises(DivergedError):
        push(theirs, place)


def test_without_a_record_more_datasets_of_the_same_market_are_newer(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    add(theirs)
    add(theirs, ETH)
    key = DatasetKey("synthetic-noise-1", BTC, Timeframe.parse("1d"))
    theirs.commit(make("noise", pair=BTC, timeframe=Timeframe.parse("1d"), bars=30, seed=1), venue=key.venue)
    assert states(push(theirs, place)) == {
        "synthetic-noise-1/BTC-USD": "ours newer",
        "synthetic-noise-1/ETH-USD": "same",
    }


def test_without_a_record_fewer_datasets_of_the_same_market_are_older(ours: Lake, theirs: Lake, place: Folder) -> None:
    ours.commit(make("noise", pair=BTC, timeframe=Timeframe.parse("1d"), bars=30, seed=1), venue="synthetic-noise-1")
    push(ours, place)
    add(theirs)  # the hours alone: no commit ever held these without the days
    assert states(pull(theirs, place))["synthetic-noise-1/BTC-USD"] == "theirs newer"
    assert theirs.datasets() == ours.datasets()


def test_a_record_that_cannot_be_read_is_refused(ours: Lake, place: Folder) -> None:
    push(ours, place)
    (record,) = (ours.root / "remotes").iterdir()
    record.write_text("{")
    with pytest.raises(StateRefusedError, match="compared anew"):
        push(ours, place)


def test_a_place_that_went_back_is_refused_and_takes_nothing_back(ours: Lake, place: Folder, tmp_path: Path) -> None:
    push(ours, place)
    backup = shutil.copytree(place.root, tmp_path / "backup")
    add(ours, BTC, 60)
    push(ours, place)
    shutil.rmtree(place.root)
    shutil.copytree(backup, place.root)
    before = content(ours)
    for move in (push, pull):
        with pytest.raises(StateRefusedError, match=r"commit 1 is not commit 2.*put back or replaced"):
            move(ours, place)
    assert content(ours) == before


class Slow(Folder):
    """A place at which somebody else commits between our look and our commit."""

    def create(self, name: str, data: bytes) -> bool:
        if name.startswith("commits/"):
            Folder(self.root).create(name, Commit(1, "", {"kraken/BTC-USD/1h": "0" * 64}).text.encode())
        return super().create(name, data)


def test_who_commits_second_is_told_to_pull_and_destroys_nothing(ours: Lake, place: Folder) -> None:
    with pytest.raises(OvertakenError, match=r"somebody else made commit 1 meanwhile.*data pull"):
        push(ours, Slow(place.root))
    assert commits.newest(place).datasets == {"kraken/BTC-USD/1h": "0" * 64}


class Careless(Folder):
    """A store that ignores the condition, as some compatible ones do."""

    def create(self, name: str, data: bytes) -> bool:
        self.put(name, [data])
        return True


def test_a_store_that_cannot_refuse_a_second_commit_is_refused(ours: Lake, place: Folder) -> None:
    with pytest.raises(StorageError, match="If-None-Match"):
        push(ours, Careless(place.root))
    assert commits.newest(place).number == 0


class Forgetful(Folder):
    """A place whose answer to the commit is lost, so that the library asks again and hears that it is there."""

    def create(self, name: str, data: bytes) -> bool:
        return super().create(name, data) and not name.startswith("commits/")


def test_a_commit_whose_answer_was_lost_is_ours(ours: Lake, theirs: Lake, place: Folder) -> None:
    assert push(ours, Forgetful(place.root)).commit == 1
    pull(theirs, place)
    assert theirs.datasets() == ours.datasets()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("pattern", ["**/*.parquet", "manifests/*.json", "commits/*.json"])
def test_a_flipped_byte_at_the_place_is_refused_and_the_lake_is_as_it_was(
    ours: Lake, theirs: Lake, place: Folder, pattern: str
) -> None:
    add(theirs, ETH, 24, "synthetic-noise-2")
    push(ours, place)
    for path in place.root.glob(pattern):
        flip(path)
    before = content(theirs)
    with pytest.raises(DataError, match="damaged"):
        pull(theirs, place)
    assert content(theirs) == before


class Endless(Folder):
    """A place that sends more than it has, and would go on for ever."""

    def stream(self, name: str, part_bytes: int = 1024 * 1024) -> Iterator[bytes]:
        yield from super().stream(name, part_bytes)
        for _ in range(3 if name.endswith(".parquet") else 0):
            yield bytes(1000)
        assert not name.endswith(".parquet"), "read on, although it was too much already"


def test_an_object_that_is_too_long_is_refused_before_all_of_it_came(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    with pytest.raises(DataError, match="more than"):
        pull(theirs, Endless(place.root))


def test_a_damaged_file_of_ours_is_never_sent(ours: Lake, place: Folder) -> None:
    flip(next(ours.root.glob("**/*.parquet")))
    with pytest.raises(DataError, match=r"damaged; run: tradecore data verify"):
        push(ours, place)
    assert commits.newest(place).number == 0


def test_a_damaged_file_at_the_place_is_found_when_pushing_by_its_size(ours: Lake, place: Folder) -> None:
    push(ours, place)
    path = next(place.root.glob("**/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    next((ours.root / "remotes").iterdir()).unlink()
    next(place.root.glob("commits/*")).unlink()
    with pytest.raises(DataError, match="delete it there"):
        push(ours, place)


def test_a_file_that_lies_here_damaged_is_fetched_again(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    sound, damaged = ours.root.glob("**/*.parquet")
    for path in (sound, damaged):
        copy = theirs.root / path.relative_to(ours.root)
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
    flip(theirs.root / damaged.relative_to(ours.root))
    assert pull(theirs, place).files == 1
    assert theirs.verify() == ()


def test_a_manifest_that_names_a_path_outside_is_refused(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    head = commits.newest(place)
    key, name = next(iter(head.datasets.items()))
    path = place.root / "manifests" / f"{name}.json"
    body = json.loads(path.read_text())
    body["files"][0]["path"] = "../../outside.parquet"
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    evil = hashlib.sha256(text.encode()).hexdigest()
    (place.root / "manifests" / f"{evil}.json").write_text(text)
    place.create("commits/00000002.json", Commit(2, head.hash, {**head.datasets, key: evil}).text.encode())
    with pytest.raises(DataError, match=r"it names the file '../../outside.parquet'"):
        pull(theirs, place)
    assert not (theirs.root.parent.parent / "outside.parquet").exists()


def test_a_manifest_of_another_dataset_is_refused(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    head = commits.newest(place)
    first, second = sorted(head.datasets)
    place.create("commits/00000002.json", Commit(2, head.hash, {first: head.datasets[second]}).text.encode())
    with pytest.raises(DataError, match="it was altered"):
        pull(theirs, place)


def test_a_commit_of_a_newer_layout_is_refused(theirs: Lake, place: Folder) -> None:
    place.create("commits/00000001.json", b'{"schema": 2, "check": "", "datasets": {}}')
    with pytest.raises(OtherVersionError):
        pull(theirs, place)


def test_there_is_nothing_to_pull_where_nothing_was_pushed(theirs: Lake, place: Folder) -> None:
    with pytest.raises(NothingThereError, match="nothing was ever pushed there"):
        pull(theirs, place)
    with pytest.raises(NothingThereError, match="no dataset to push"):
        push(theirs, place)


def test_a_lake_that_is_being_written_to_is_not_pulled_into(ours: Lake, theirs: Lake, place: Folder) -> None:
    push(ours, place)
    with theirs.writer(), pytest.raises(StateRefusedError, match="another process is writing"):
        pull(Lake(theirs.root), place)


def test_what_a_retention_took_away_goes_away_on_the_other_side_too(ours: Lake, theirs: Lake, place: Folder) -> None:
    day = Timeframe.parse("1d")
    ours.commit(make("noise", pair=BTC, timeframe=day, bars=30, seed=1), venue="synthetic-noise-1")
    push(ours, place)
    pull(theirs, place)
    with ours.locked():
        index = ours.store.index()
        del index[str(DatasetKey("synthetic-noise-1", BTC, HOUR))]
        ours.store.write_index(INDEX, index_text(index))
        ours.store.clean(index)
    push(ours, place)
    pull(theirs, place)
    assert theirs.datasets() == ours.datasets()
    assert not list(theirs.root.glob("**/pair=BTC-USD/timeframe=1h/**/*.parquet"))


def test_progress_ends_at_all_the_bytes(ours: Lake, theirs: Lake, place: Folder) -> None:
    told: list[tuple[str, int, int]] = []
    sent = push(ours, place, How(told=lambda *one: told.append(one)))
    assert sum(total for _, done, total in told if done == total) >= sent.bytes
    assert told[0][0].startswith("pushing 2 files, ")


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3_400_000, "3.4 MB"), (10**15, "1000.0 TB")]
)
def test_sizes_are_said_as_people_read_them(count: int, said: str) -> None:
    assert size_text(count) == said

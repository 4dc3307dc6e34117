"""Whatever two people add, push and pull, in whatever order: no datum is lost, and in the end all hold the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.types import Pair, Timeframe
from tradecore.market.lake import Lake
from tradecore.market.sync import DivergedError, How, pull, push
from tradecore.market.synthetic import make
from tradecore.storage.objectstore import Folder

NAMES = ("BTC/USD", "ETH/USD", "SOL/USD")
WHOLE = {
    name: make("noise", pair=Pair.parse(name), timeframe=Timeframe.parse("1h"), bars=300, seed=1) for name in NAMES
}
STEPS = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from(["add", "push", "pull"]), st.sampled_from(NAMES)),
    min_size=1,
    max_size=14,
)


def rows(lake: Lake) -> dict[str, int]:
    return {str(one.key.pair): one.manifest.rows for one in lake.datasets()}


@settings(max_examples=60)
@given(STEPS)
def test_two_people_who_share_a_place_lose_nothing(steps: list[tuple[int, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lakes = [Lake(Path(folder) / str(who)) for who in (0, 1)]
        place, bars = Folder(Path(folder) / "place"), 24
        for who, what, name in [*steps, (0, "add", NAMES[0])]:
            lake, before = lakes[who], rows(lakes[who])
            if what == "add":
                bars += 12  # every addition is longer than all before, so that rows say which one is held
                lake.commit(WHOLE[name][:bars], venue="synthetic-noise-1")
                continue
            if what == "push" and not before:
                continue
            if what == "pull" and not place.root.exists():
                continue
            told = _moved(push if what == "push" else pull, lake, place)
            assert not told or rows(lake) == before
            if what == "push":
                assert rows(lake) == before
            else:
                assert all(rows(lake)[one] >= count for one, count in before.items())
        _settle(lakes, place)
        assert lakes[0].datasets() == lakes[1].datasets()
        assert all(lake.verify() == () for lake in lakes)


def _moved(move: Callable[[Lake, Folder], object], lake: Lake, place: Folder) -> str:
    """Push or pull and return the refusal, if that is what it ends with."""
    try:
        move(lake, place)
    except DivergedError as error:
        return str(error)
    return ""


def _settle(lakes: list[Lake], place: Folder) -> None:
    """Let the first lake's word stand wherever both changed the same market, and let both have everything."""
    for lake in lakes:
        if not lake.datasets():
            pull(lake, place)
        plan = push(lake, place, How(is_dry=True, replace=_both(lake, place)))
        push(lake, place, How(replace=plan.moved))
    for lake in lakes:
        pull(lake, place, How(replace=_both(lake, place)))


def _both(lake: Lake, place: Folder) -> list[str]:
    told = _moved(lambda one, other: push(one, other, How(is_dry=True)), lake, place)
    return [f"synthetic-noise-1/{name.replace('/', '-')}" for name in NAMES if name.replace("/", "-") in told]

"""Our combinatorial purged cross-validation against skfolio's: the same splits, training bars and paths.

Its embargo lies after a test only, ours on both sides, so the splits are compared with a purge and without an embargo.
"""

import json
from pathlib import Path

import pytest

from tradecore.stats.cpcv import Combinatorial, path_table, split

PEER = json.loads((Path(__file__).parent / "skfolio_cpcv.json").read_text(encoding="utf-8"))


def ends(parts):
    return [[part.start, part.stop] for part in parts]


def joined(parts):
    """Neighbouring slices as one: how a list of bars would show them."""
    found = []
    for start, stop in ends(parts):
        if found and found[-1][1] == start:
            found[-1][1] = stop
        else:
            found.append([start, stop])
    return found


@pytest.mark.parametrize(
    "case", PEER["cases"], ids=lambda case: "{bars} bars {groups}/{tested} purge {purge}".format(**case)
)
def test_splits_and_paths_equal_those_of_skfolio(case):
    settings = Combinatorial(case["groups"], case["tested"], purge=case["purge"])
    found, table = split(case["bars"], settings), path_table(settings)
    assert (settings.splits, settings.paths) == (case["splits"], case["paths"])
    assert [joined(one.train) for one in found] == case["train"]
    assert [[[part] for part in ends(one.test)] for one in found] == case["test"]
    assert [
        [table[:, group].tolist().index(number) for group in one.tested] for number, one in enumerate(found)
    ] == case["path_ids"]

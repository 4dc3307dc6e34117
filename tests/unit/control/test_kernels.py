"""The compiled kernels made ready: said while it lasts, silent when there is nothing to do, and nothing left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from numba import njit

from tradecore.control import kernels
from tradecore.strategy.loading import load

TWICE = {"tradecore.features.kernels.weighted:_weighted": 2, "tradecore.stats.scan:_count": 2}
"""Meant for two kinds of arrays: bars, which are read-only, and the buffer of Hull's mean; amounts and flags."""

COUNTING = """
import json
from collections import Counter
from numba.core import event
from tradecore.control import kernels

class Names(event.Listener):
    def on_start(self, event): pass
    def on_end(self, event):
        function = event.data["dispatcher"].py_func
        names[function.__module__ + ":" + function.__name__] += function.__module__.startswith("tradecore.")

names = Counter()
event.register("numba:compile", Names())
kernels._indicators("trend")
kernels._indicators("volume")
kernels._decide_and_step()
print(json.dumps(names))
"""


def test_each_compiled_function_is_told_of_and_the_last_word_is_all() -> None:
    told: list[tuple[str, float, float]] = []
    with kernels.announced(lambda *word: told.append(word), expected=10) as count:
        njit(lambda value: value + 1)(1)
    assert count() == 1
    assert told[0] == (kernels.STAGE, 0, 10)
    assert told[-1] == (kernels.STAGE, 1, 1)


def test_more_functions_than_expected_never_look_like_the_end() -> None:
    told: list[tuple[str, float, float]] = []
    with kernels.announced(lambda *word: told.append(word)):
        for _ in range(3):
            njit(lambda value: value + 1)(1)
    assert all(done < total for _, done, total in told[:-1])


def test_nothing_is_said_when_nothing_is_compiled() -> None:
    told: list[tuple[str, float, float]] = []
    with kernels.announced(lambda *word: told.append(word), expected=10) as count:
        pass
    assert not told
    assert count() == 0


def test_a_test_that_was_prepared_compiles_nothing_more() -> None:
    bars = kernels._bars()
    kernels.prepare(load("ma-cross"), [bars])
    with kernels.announced(lambda *_: None) as count:
        kernels._play(bars, lane=True)
        kernels._measure(bars)
    assert count() == 0


def test_the_works_name_every_group_of_indicators_and_have_names_of_their_own() -> None:
    names = [one.name for one in kernels.works()]
    assert len(set(names)) == len(names)
    assert sum(name.startswith("indicators: ") for name in names) == 5


@pytest.mark.slow
def test_no_function_of_an_indicator_or_the_market_is_compiled_for_a_second_set_of_types(tmp_path: Path) -> None:
    """On an empty cache, as on a new machine: a second specialisation costs every new user a fraction of a second."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COUNTING], env=environment, capture_output=True, text=True, check=True, timeout=600
    )
    names = Counter(json.loads(done.stdout))
    assert names["tradecore.features.kernels.trend:sma"] == names["tradecore.sim.kernel:step"] == 1
    assert {name: times for name, times in names.items() if times > TWICE.get(name, 1)} == {}

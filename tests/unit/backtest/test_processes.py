"""Work in worker processes: all of it answered, and a worker that is lost is no answer."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from tradecore.backtest.processes import each
from tradecore.core.errors import StateRefusedError


def test_every_piece_of_work_is_answered_once() -> None:
    assert sorted(each(abs, range(-20, 0), 2, len, ())) == list(range(1, 21))
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_lost_is_an_error_that_says_how_to_go_on() -> None:
    with pytest.raises(StateRefusedError, match="resume the run"):
        list(each(os._exit, [1], 2, len, ()))


def test_an_error_of_the_work_comes_through_and_nobody_stays_behind() -> None:
    with pytest.raises(TypeError):
        list(each(abs, ["text"], 2, len, ()))
    assert multiprocessing.active_children() == []

"""A track record is stored and loaded without losing a bit."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.errors import NothingThereError, StateRefusedError
from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.registry.runs import Run, Runs
from tradecore.registry.tracks import load_track, save_track, track_names


def _track(count: int = 50) -> Track:
    rng = np.random.default_rng(3)
    column = lambda: rng.standard_normal(count)  # noqa: E731
    curve = Curve(
        time=np.arange(count) * HOUR_NS, equity=column(), cash=column(), flow=column(), worst=column(),
        exposure=column(), is_carried=rng.random(count) < 0.5, start_equity=0.1 + 0.2,
    )  # fmt: skip
    records = [np.zeros(n, dtype) for n, dtype in ((7, FILL), (3, TRADE), (0, ORDER_RESULT))]
    for one in records[:2]:
        for name in one.dtype.names or ():
            one[name] = rng.standard_normal(len(one)) * 1e6
    records[1]["best"][0] = math.nan
    return Track(
        (Pair("BTC", "USD"), Pair("ETH", "USD")), Timeframe(HOUR_NS), curve, *records,
        deposits=1e4 / 3, withdrawals=0.0, realised=-0.0, unrealised=5e-324,
    )  # fmt: skip


def _run(tmp_path: Path) -> Run:
    return Runs(tmp_path / "runs").start("backtest", {})


def test_a_track_comes_back_bit_for_bit(tmp_path: Path) -> None:
    run, track = _run(tmp_path), _track()
    save_track(run, "strategy", track)
    run.finish()
    again = load_track(Runs(tmp_path / "runs").get(), "strategy")
    for field in fields(Curve):
        stored, wanted = getattr(again.curve, field.name), getattr(track.curve, field.name)
        assert np.asarray(stored).tobytes() == np.asarray(wanted).tobytes(), field.name
    for name in ("fills", "trades", "orders"):
        assert getattr(again, name).dtype == getattr(track, name).dtype
        assert getattr(again, name).tobytes() == getattr(track, name).tobytes()
    for name in ("deposits", "withdrawals", "realised", "unrealised"):
        assert getattr(again, name).hex() == getattr(track, name).hex()
    assert (again.pairs, again.timeframe) == (track.pairs, track.timeframe)


def test_tracks_are_named(tmp_path: Path) -> None:
    run = _run(tmp_path)
    for name in ("strategy", "baseline/buy_and_hold"):
        save_track(run, name, _track())
    assert track_names(run) == ("baseline/buy_and_hold", "strategy")


def test_a_track_that_was_never_saved_is_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NothingThereError, match="tracks/strategy"):
        load_track(_run(tmp_path), "strategy")


def test_a_track_of_another_schema_is_refused(tmp_path: Path) -> None:
    run = _run(tmp_path)
    save_track(run, "strategy", _track())
    run.save_json("tracks/strategy", {"schema": 2})
    with pytest.raises(StateRefusedError, match="not of schema 1"):
        load_track(run, "strategy")


def test_a_track_whose_records_have_other_columns_is_refused(tmp_path: Path) -> None:
    run, track = _run(tmp_path), _track()
    save_track(run, "strategy", track)
    arrays = run.load_array("tracks/strategy")
    run.save_array("tracks/strategy", **{**arrays, "fills": np.zeros(2, [("time", "i8")])})
    with pytest.raises(StateRefusedError, match="fills of track 'strategy' have other columns"):
        load_track(run, "strategy")
    run.save_array("tracks/strategy", **{name: one for name, one in arrays.items() if name != "curve_cash"})
    with pytest.raises(StateRefusedError, match="lacks 'curve_cash'"):
        load_track(run, "strategy")

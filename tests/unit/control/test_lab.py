"""The lab hands settings to the floors below in their own words, and both sides agree on the defaults."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tradecore.config.load import load_settings
from tradecore.control.lab import Lab
from tradecore.core.clock import ManualClock
from tradecore.sim.model import VenueModel
from tradecore.stats.gates import EvidenceLimits


def _lab(root: Path, **flags: str) -> Lab:
    overrides = {key.replace("__", "."): text for key, text in flags.items()}
    return Lab(root, load_settings(None, overrides), ManualClock())


def test_default_settings_are_the_simulators_own_defaults(tmp_path: Path) -> None:
    assert _lab(tmp_path).venue_model == VenueModel()


def test_default_settings_are_the_verdicts_own_limits(tmp_path: Path) -> None:
    assert _lab(tmp_path).evidence_limits == EvidenceLimits()


@pytest.mark.parametrize("name", ["maker_fee", "taker_fee", "half_spread", "slippage", "participation"])
def test_every_cost_reaches_the_simulator(tmp_path: Path, name: str) -> None:
    assert getattr(_lab(tmp_path, **{f"costs__{name}": "0.05"}).venue_model, name) == 0.05


def test_a_limit_of_zero_is_no_limit_and_any_other_is_kept(tmp_path: Path) -> None:
    assert _lab(tmp_path).venue_model.max_quote == math.inf
    assert _lab(tmp_path, limits__max_position_quote="500").venue_model.max_quote == 500
    assert _lab(tmp_path, limits__max_open_positions="3").venue_model.max_positions == 3


def test_folders_lie_in_the_workspace_under_the_names_of_the_settings(tmp_path: Path) -> None:
    assert _lab(tmp_path, folders__runs="results").folder("runs") == tmp_path / "results"

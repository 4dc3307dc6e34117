"""What every test may ask for: the real market data where it is there, and reproducible property tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

# The same examples in every run: a red test stays red until it is mended, and a green one is not luck.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

_STATE = tempfile.TemporaryDirectory(prefix="tradecore-tests-")


def pytest_configure() -> None:
    """Take the person's own settings out of the environment, so that no test depends on who runs it."""
    for name in [name for name in os.environ if name.startswith("TRADECORE_") and name != "TRADECORE_REAL_DATA"]:
        del os.environ[name]
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["XDG_STATE_HOME"] = _STATE.name


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real market data, or skip: it may not be shipped, so a fresh clone does not have it."""
    named = os.environ.get("TRADECORE_REAL_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not (folder / "candles").is_dir():
        pytest.skip(f"no real market data at {folder}; set TRADECORE_REAL_DATA to its folder to run this test")
    return folder.resolve()

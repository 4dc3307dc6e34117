"""The peers' virtual environments: one each, pinned, made when first asked for, outside the working tree.

A peer that cannot be installed is reported, and the benchmark goes on without it. Nothing here names where packages
come from: that is pip's own setting.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from platformdirs import user_cache_path

PEERS: dict[str, tuple[str, ...]] = {
    "vectorbt": ("vectorbt==1.2.0", "vectorbt-rust==1.2.0"),
    "raptorbt": ("raptorbt==0.13.4", "numpy==2.4.6"),
    "backtesting": ("backtesting==0.6.6",),
    "backtrader": ("backtrader==1.9.78.123", "numpy==2.4.6"),
    "talipp": ("talipp==2.7.0", "numpy==2.4.6"),
    "gym-trading-env": ("gym-trading-env==0.3.5",),
    "gym-anytrading": ("gym-anytrading==2.0.0",),
    "duckdb": ("duckdb==2.0.0", "numpy==2.4.6"),
}
"""What each environment holds; TA-Lib and Polars are compared in our own, where they are installed anyway."""

CACHE = user_cache_path("tradecore") / "bench"
INSTALL_SECONDS = 1_200


class Unavailable(Exception):
    """A peer that cannot be run here, with the reason in a sentence."""


def python_of(peer: str | None) -> Path:
    """Return the interpreter a contender runs in; ours for None. Errors: Unavailable."""
    if peer is None:
        return Path(sys.executable)
    folder = CACHE / peer
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp, wanted = folder / "tradecore-bench.txt", "\n".join(PEERS[peer])
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"  installing {', '.join(PEERS[peer])} ...", flush=True)
    try:
        venv.create(folder, with_pip=True, clear=folder.exists())
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[peer]]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if "ERROR" in line] or [
            f"pip ended with {error.returncode}"
        ]
        raise Unavailable(f"{peer} could not be installed: {lines[-1].strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{peer} could not be installed: {error}") from error
    stamp.write_text(wanted, encoding="utf-8")
    return python

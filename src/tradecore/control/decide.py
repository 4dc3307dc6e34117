"""Let a strategy decide in a process of its own, with another hash seed and another clock. Its decisions come back.

The other side of the determinism step of `strategy check`: `decide_apart` starts the processes, `python -m
tradecore.control.decide FOLDER NUMBER` is what runs in each. Bars go in and decisions come out as files of a folder.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tradecore.backtest.replay import play
from tradecore.config.environment import child_environment
from tradecore.core.bars import PRICES, Bars
from tradecore.core.errors import StrategyError
from tradecore.core.types import Pair, Timeframe
from tradecore.storage.atomic_io import write_bytes, write_json, write_text
from tradecore.strategy.loading import load
from tradecore.strategy.recorder import Decisions, record

PROCESSES: Sequence[tuple[str, float]] = (("1", 0.0), ("2", 365.25 * 86_400), ("3", -181.22 * 86_400))
"""A hash seed and a shift of the clock in seconds for each: a year ahead, half a year back and another hour of the day.

Three seeds, since two often order a small set alike."""
TIME_LIMIT_S = 300.0
_COLUMNS = ("open_time", *PRICES, "volume", "is_real")


def decide_apart(target: str, params: Mapping[str, object], bars: Sequence[Bars]) -> list[Decisions]:
    """Play a strategy in several processes at once and return what each decided.

    Errors: StrategyError when one of them fails or does not finish, with the last line it said.
    """
    with tempfile.TemporaryDirectory(prefix="tradecore-decide-") as name:
        folder = Path(name)
        write_json(folder / "job.json", {"target": target, "params": dict(params), "bars": _save(folder, bars)})
        command = [sys.executable, "-m", "tradecore.control.decide", name]
        running = [
            subprocess.Popen(
                [*command, str(number)],
                env=child_environment(PYTHONHASHSEED=seed),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number, (seed, _) in enumerate(PROCESSES)
        ]
        try:
            for process in running:
                _wait(process)
        finally:
            for process in running:
                if process.poll() is None:
                    process.kill()
                    process.communicate()
        return [Decisions.from_json((folder / f"{number}.json").read_text("utf-8")) for number in range(len(running))]


def main(arguments: Sequence[str]) -> None:
    """Play the job of a folder under the conditions of one number, and write down the decisions."""
    from tradecore.control.shifted_clock import shift_clocks

    folder, number = Path(arguments[0]), int(arguments[1])
    job = json.loads((folder / "job.json").read_text("utf-8"))
    bars = [_load(folder, kept) for kept in job["bars"]]
    shift_clocks(PROCESSES[number][1])
    decided = record(load(job["target"], **job["params"]), bars, play)
    write_text(folder / f"{number}.json", decided.to_json())


def _wait(process: subprocess.Popen[str]) -> None:
    try:
        _, said = process.communicate(timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise StrategyError(
            f"deciding in another process took more than {TIME_LIMIT_S:g} s; check it on fewer bars"
        ) from None
    if process.returncode:
        lines = said.strip().splitlines() or ["it said nothing"]
        told = next((line for line in reversed(lines) if "Error" in line.partition(":")[0]), lines[-1])
        raise StrategyError(f"deciding in another process failed with exit code {process.returncode}: {told}")


def _save(folder: Path, bars: Sequence[Bars]) -> list[dict[str, str]]:
    kept = []
    for place, one in enumerate(bars):
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(one, name) for name in _COLUMNS})
        write_bytes(folder / f"bars-{place}.npz", buffer.getvalue())
        kept.append(
            {"file": f"bars-{place}.npz", "pair": str(one.pair), "timeframe": str(one.timeframe), "source": one.source}
        )
    return kept


def _load(folder: Path, kept: Mapping[str, str]) -> Bars:
    with np.load(folder / kept["file"], allow_pickle=False) as columns:
        arrays = {name: columns[name] for name in _COLUMNS}
    return Bars(Pair.parse(kept["pair"]), Timeframe.parse(kept["timeframe"]), source=kept["source"], **arrays)


if __name__ == "__main__":
    main(sys.argv[1:])

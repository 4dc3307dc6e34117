"""Run the peers on the shared bars and write what they did to `tests/golden/peers/`. Run by hand, or `make oracles`.

Each peer lives in a virtual environment of its own, made here when it is missing, with the version pinned below: the
peers are heavy and their dependencies are not ours. Continuous integration never runs this; it replays the rules
through the product and compares with the files (`tests/golden/test_peers.py`).

    python benchmarks/oracles/make_golden.py [--environments FOLDER] [--check]

`--check` writes nothing and fails when a peer's answer differs from the file that is there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from bars import CASES

from tradecore.storage import atomic_io

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "tests" / "golden" / "peers"
PEERS = {"vectorbt": "vectorbt==1.2.0", "backtesting": "backtesting==0.6.6"}
LIMIT_BYTES = 300_000


def main() -> int:
    """Write or check every golden file; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(tempfile.gettempdir()) / "tradecore-oracles"
    parser.add_argument("--environments", type=Path, default=default, help=f"where the peers live (default: {default})")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    options = parser.parse_args()
    differing = []
    for peer, requirement in PEERS.items():
        python = _environment(options.environments / peer, requirement)
        for case in CASES:
            text = _render(_run(python, peer, case))
            path = GOLDEN / f"{peer}_{case}.json"
            if not options.check:
                atomic_io.write_text(path, text)
                print(f"{path.name}: {len(text):,} bytes")
            elif path.read_text(encoding="utf-8") != text:
                differing.append(path.name)
    if differing:
        print(f"differs from what the peer says now: {', '.join(differing)}", file=sys.stderr)
    return 1 if differing else 0


def _environment(folder: Path, requirement: str) -> Path:
    """Return the interpreter of a peer's environment that holds exactly the pinned version, making it if need be."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True)
    return python


def _run(python: Path, peer: str, case: str) -> dict[str, Any]:
    print(f"running {peer} on case {case} ...", flush=True)
    done = subprocess.run([python, HERE / f"run_{peer}.py", case], check=True, stdout=subprocess.PIPE, text=True)
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def _render(outcome: dict[str, Any]) -> str:
    """Return strict JSON with one trade per line, so that a difference can be read."""
    head = {key: value for key, value in outcome.items() if key != "trades"}
    opened = json.dumps(head, indent=1, allow_nan=False).rstrip("}").rstrip()
    trades = ",\n".join("  " + json.dumps(trade, allow_nan=False) for trade in outcome["trades"])
    text = f'{opened},\n "trades": [\n{trades}\n ]\n}}\n'
    if len(text) > LIMIT_BYTES:
        raise SystemExit(f"the golden file would hold {len(text):,} bytes, expected at most {LIMIT_BYTES:,}")
    return text


if __name__ == "__main__":
    sys.exit(main())

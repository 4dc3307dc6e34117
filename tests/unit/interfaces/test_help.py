"""`--help` of everything is light: each command is asked in a fresh interpreter what it had to import to answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tradecore.interfaces.reference import command_help

HEAVY = (
    *(
        "numpy",
        "numba",
        "llvmlite",
        "polars",
        "torch",
        "sqlalchemy",
        "alembic",
        "pydantic",
        "pydantic_settings",
        "scipy",
    ),
    *("matplotlib", "rich", "httpx", "websockets", "jinja2", "pandas", "structlog", "psutil", "tomlkit", "asyncio"),
)
COMMANDS = [name for name, _ in command_help()]
ASK = (
    "import sys\n"
    "from tradecore.interfaces.cli.main import run\n"
    "code = run(sys.argv[2:])\n"
    "print(*sorted(set(sys.argv[1].split()) & set(sys.modules)), file=sys.stderr)\n"
    "sys.exit(code)\n"
)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_imports_nothing_heavy(name: str) -> None:
    words = [*name.split()[1:], "--help"]
    done = subprocess.run(
        [sys.executable, "-c", ASK, " ".join(HEAVY), *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert done.stdout.startswith(f"Usage: {name} ")


def test_every_noun_of_the_command_line_is_asked() -> None:
    nouns = {name.split()[1] for name in COMMANDS if " " in name}
    assert {"init", "hello", "data", "features", "strategy", "backtest", "runs", "config", "doctor"} <= nouns


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "tradecore", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: tradecore ")

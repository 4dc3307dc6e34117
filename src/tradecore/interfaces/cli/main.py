"""The command line's front door: find the command, run it, turn errors into one line and an exit code.

Entry point of `tradecore` and `python -m tradecore`. Each noun is a module beside this one, imported when it is named;
nothing here or there imports numpy or any other heavy library before a command really runs. Exit codes are those of
`core.errors`, with 64 for every wrong use of the command line and 130 for an interruption.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tradecore.core.errors import TradecoreError, UsageError

NOUNS: Mapping[str, str] = MappingProxyType(
    {
        "init": "Make a workspace: settings and folders.",
        "hello": "See it work: a market, a strategy, an honest verdict, a report.",
        "data": "Market data: fetch, import, list, show, verify, repair, synth, watch, push, pull.",
        "venue": "Ask the venue: status, pairs, ticker, book; your balance, fees, orders, trades, key.",
        "features": "Indicators: list, show, check.",
        "strategy": "Strategies: list, new, check.",
        "backtest": "Test a strategy: run, sweep, walk-forward, compare, lookahead.",
        "evaluate": "The whole honest protocol on one strategy: edge, or no evidence of edge.",
        "evidence": "The verdict itself, measured: calibrate, page.",
        "runs": "What was run: list, show, repeat.",
        "config": "Settings: show, schema, diff.",
        "doctor": "Check this machine and workspace, with a remedy for what is wrong.",
    }
)
"""Every first word of the command line, in the order of use, with its line of help."""

EXIT_CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "done",
        1: "failed",
        2: "nothing there: no workspace, no data, no run",
        3: "stored state refused: corrupt, newer, or in use",
        4: "a gate refused",
        64: "usage: the command or a setting cannot be meant",
        130: "interrupted",
    }
)
INTERRUPTED = 130
USAGE = UsageError.exit_code


class LazyGroup(TyperGroup):
    """A group that imports a noun's module when that noun is used, and lists the nouns without importing any."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the nouns in the order of use."""
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the noun's module and return its command; None for a noun there is not."""
        if cmd_name not in NOUNS:
            return None
        module = importlib.import_module(f"tradecore.interfaces.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of nouns from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(NOUNS.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, with a suggestion for a noun that is nearly right."""
        names: Any = dict.fromkeys(NOUNS)
        self.commands = names  # only the names are read there, to find the nearest one
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, add_completion=False, no_args_is_help=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tradecore {version('tradecore')}")
        raise typer.Exit


@app.callback()
def root(
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="The workspace folder, instead of the one you are in.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a setting; repeatable.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """An open lab for crypto trading: from raw trades to an honest verdict.

    New here? Run: tradecore hello
    """
    from tradecore.interfaces.cli import lab

    lab.remember(workspace, settings or [])


def main() -> None:
    """Run the command line and leave with its exit code. To be told to end is to be interrupted, as by Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.set_threshold(500_000, 20, 100)  # a command makes many lasting objects: looking through them all took 8 % of it
    code = run(sys.argv[1:])
    gc.freeze()  # the interpreter would go through all of them once more before it ends: a sixth of a short backtest
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are printed, not raised."""
    debug, as_json = "--debug" in arguments, "--json" in arguments
    help_text = _help_of(arguments) if "--help" in arguments else None
    if help_text is not None:
        print(help_text)
        return 0
    try:
        code = app(args=list(arguments), prog_name="tradecore", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # Typer has turned the interruption into its code
            return _failed("interrupted; what was done so far is kept", "Interrupted", INTERRUPTED, debug, as_json)
        return code if isinstance(code, int) else 0
    except typer.TyperException as error:
        return _wrong_use(error, as_json)
    except TradecoreError as error:
        return _failed(str(error), type(error).__name__, error.exit_code, debug, as_json)
    except typer.Abort:
        return _failed("interrupted at a question", "Interrupted", INTERRUPTED, debug, as_json)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does: nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # boundary: a person at a terminal gets a line, not a traceback
        text = (
            f"unexpected {type(error).__name__}: {error}; a fault in tradecore: --debug before the command shows where"
        )
        return _failed(text, type(error).__name__, TradecoreError.exit_code, debug, as_json)


def _help_of(arguments: Sequence[str]) -> str | None:
    """Return the help of the command that the words before `--help` name; None where they name none.

    The ordinary way parses the options of the groups first, for which Typer loads pydantic: a tenth of a second.
    """
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, info_name="tradecore")
    for word in arguments[: arguments.index("--help")]:
        command = command.get_command(context, word) if hasattr(command, "get_command") else None
        if command is None:
            return None
        context = typer.Context(command, info_name=word, parent=context)
    return str(command.get_help(context))


def _wrong_use(error: typer.TyperException, as_json: bool) -> int:
    """Print what is wrong with the command line, or the help where nothing was asked."""
    ctx = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and ctx is not None:
        print(ctx.get_help())
        return USAGE
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    hint = f" (see: {ctx.command_path} --help)" if ctx is not None else ""
    return _failed(f"{message.rstrip('.')}{hint}", "UsageError", USAGE, False, as_json)


def _failed(message: str, kind: str, code: int, debug: bool, as_json: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": message, "kind": kind, "exit_code": code}, ensure_ascii=False), flush=True)
    return code

"""`tradecore backtest`: run a strategy on history, test it honestly, compare runs, look for lookahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import From, Json, Params, Seed, TimeframeOption, To, Venue, Workspace, assigned
from tradecore.interfaces.cli.screen import Screen
from tradecore.interfaces.cli.sweep import sweep
from tradecore.interfaces.cli.verdict import show_result

if TYPE_CHECKING:
    from tradecore.control.backtests import Ask

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Test a strategy: run, sweep, walk-forward, compare, lookahead.",
)
app.command()(sweep)

StrategyArgument = Annotated[
    str, typer.Argument(help="A built-in, as in ema-rsi-volume, or a file.", show_default=False)
]
Pairs = Annotated[
    list[str] | None, typer.Option("--pair", "-p", help="The pair; repeatable.", show_default="from the strategy")
]
Flows = Annotated[
    list[str] | None,
    typer.Option("--flow", metavar="DATE=AMOUNT", help="Money in, or out with a minus sign; repeatable."),
]
Cash = Annotated[float | None, typer.Option("--cash", help="Starting cash in quote.", show_default="from settings")]
Decide = Annotated[
    bool,
    typer.Option("--decide", help="Ask decide on every bar, also where exposure says it all; gives reasons in words."),
]


@app.command()
def run(
    strategy: StrategyArgument,
    pair: Pairs = None,
    venue: Venue = None,
    timeframe: TimeframeOption = None,
    start: From = None,
    end: To = None,
    param: Params = None,
    cash: Cash = None,
    flow: Flows = None,
    decide: Decide = False,
    seed: Seed = 0,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Run a strategy once over history. It gives figures and no verdict: one run over known data proves nothing.

    Example: tradecore backtest run ema-rsi-volume --pair BTC/USD --from 2017-01-01 --to 2018-12-31
    """
    from tradecore.control import backtests

    ask = backtests.Ask(
        strategy,
        tuple(pair or ()),
        venue,
        timeframe,
        start,
        end,
        params=assigned("--param", param),
        cash=cash,
        flows=assigned("--flow", flow),
        seed=seed,
        decide=decide or None,
    )
    screen = Screen(as_json)
    with screen.progress() as progress:
        kept = backtests.run(open_lab(workspace), ask, progress)
    show_result(screen, kept)


@app.command("walk-forward")
def walk_forward(
    strategy: StrategyArgument,
    pair: Pairs = None,
    venue: Venue = None,
    timeframe: TimeframeOption = None,
    start: From = None,
    end: To = None,
    param: Params = None,
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="NAME=A,B,C", help="Candidates to choose among; repeatable.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option("--folds", min=3, help="Test spans.", show_default="from settings")
    ] = None,
    cash: Cash = None,
    flow: Flows = None,
    seed: Seed = 0,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Test a strategy honestly: walk forward beside baselines, every trial counted, and say whether there is an edge.

    Example: tradecore backtest walk-forward ema-rsi-volume --grid fast=9,12 --grid slow=21,48
    """
    from tradecore.control import backtests

    candidates = {name: tuple(values.split(",")) for name, values in assigned("--grid", grid).items()}
    ask = backtests.Ask(
        strategy, tuple(pair or ()), venue, timeframe, start, end,
        params=assigned("--param", param), grid=candidates, folds=folds, cash=cash, flows=assigned("--flow", flow),
        seed=seed,
    )  # fmt: skip
    screen = Screen(as_json)
    with screen.progress() as progress:
        kept = backtests.walk_forward(open_lab(workspace), ask, progress)
    show_result(screen, kept)


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(help="Ids of runs, the start of them, or latest.", show_default=False)],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="A figure to show; repeatable.", show_default="the usual ones")
    ] = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Compare finished runs side by side; the best figure of each column is marked.

    Example: tradecore backtest compare latest u7ll
    """
    from tradecore.control import backtests

    table = backtests.compare(open_lab(workspace), runs, metric or backtests.COMPARED)
    screen = Screen(as_json)
    figures, names = _turned(table.text_rows(), [column.label for column in table.columns])
    screen.table(names, figures, right=names[1:], fold=names[:1])
    screen.answer({"runs": table.as_json()})


@app.command()
def lookahead(
    strategy: StrategyArgument,
    pair: Pairs = None,
    venue: Venue = None,
    timeframe: TimeframeOption = None,
    start: From = None,
    end: To = None,
    param: Params = None,
    cuts: Annotated[int, typer.Option("--cuts", min=1, max=1000, help="Places at which later bars are cut.")] = 20,
    seed: Seed = 0,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Find out whether a strategy sees the future, and whether its features depend on where history begins.

    Ends with 4 when it does. Example: tradecore backtest lookahead strategies/my_idea.py
    """
    from tradecore.control import backtests

    ask: Ask = backtests.Ask(
        strategy, tuple(pair or ()), venue, timeframe, start, end, params=assigned("--param", param), seed=seed
    )
    screen = Screen(as_json)
    with screen.progress() as progress:
        found, recursion = backtests.lookahead(open_lab(workspace), ask, cuts, progress)
    screen.paragraph(f"lookahead: {found.text}")
    screen.paragraph(f"recursion: {recursion.text}")
    screen.answer({"ok": found.ok, "lookahead": found, "recursion": recursion})
    if not found.ok:
        raise typer.Exit(4)


def _turned(rows: Sequence[Sequence[str]], labels: Sequence[str]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return a table with its rows as columns: few runs with many figures fit a terminal that way."""
    names = (labels[0], *(row[0] for row in rows))
    return [(label, *(row[place] for row in rows)) for place, label in enumerate(labels) if place], names

"""`tradecore evidence`: how far a verdict can be trusted, measured. Bad news comes first.

It shows what `control.evidence` says and decides nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.core.errors import GateRefusedError
from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, Seed, Venue, Workspace
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.control.evidence import KeptCalibration

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="The verdict itself, measured: calibrate, page.",
)


@app.callback()
def noun() -> None:
    """The verdict itself, measured."""


@app.command()
def calibrate(
    profile: Annotated[
        str, typer.Option("--profile", help="How large: smoke (seconds), quick (minutes) or full.")
    ] = "full",
    markets: Annotated[
        int | None,
        typer.Option("--markets", min=1, help="Markets without an edge, of each kind.", show_default="by profile"),
    ] = None,
    market: Annotated[
        list[str] | None,
        typer.Option(
            "--market", help="A kind of market without an edge; repeatable.", show_default="gbm, regimes, shuffled"
        ),
    ] = None,
    pair: Annotated[
        str | None, typer.Option("--pair", help="The real bars to shuffle.", show_default="from settings")
    ] = None,
    venue: Venue = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes.", show_default="all processors")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with this interrupted calibration.")
    ] = None,
    seed: Seed = 1,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Measure how often the verdict says edge where there is none, and how small an edge it finds.

    The whole protocol runs on hundreds of made-up markets. The same command again goes on with one that was
    interrupted. It ends with exit code 4 when the verdict is not as good as promised.

    Example: tradecore evidence calibrate --profile quick --market gbm --market regimes
    """
    from tradecore.control import evidence

    lab = open_lab(workspace)
    if resume is not None:
        ask = evidence.asked_of(lab, resume)
    else:
        ask = evidence.CalibrationAsk(profile, markets, tuple(market or ()), pair, venue, seed)
    screen = Screen(as_json)
    with screen.progress() as progress:
        kept = evidence.calibrate(lab, ask, progress, resume=resume, workers=workers)
    show(screen, kept)
    if not kept.sheet.is_calibrated:
        raise typer.Exit(GateRefusedError.exit_code)


@app.command()
def page(
    file: Annotated[Path, typer.Argument(help="A Markdown page with the marks of a calibration.", show_default=False)],
    run: Annotated[str, typer.Option("--run", help="The calibration's run id, or latest.")] = "latest",
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Put a calibration's tables and pictures into a page of documentation, in place of what stood there.

    Example: tradecore evidence page docs/concepts/calibration.md --run latest
    """
    from tradecore.control import evidence

    screen = Screen(as_json)
    kept = evidence.fill_page(open_lab(workspace), run, file)
    screen.say(f"{file} now shows run {kept.id}")
    screen.answer({"page": file, "run": kept.id})


def show(screen: Screen, kept: KeptCalibration) -> None:
    """Print what is not as promised, then the tables, then where everything is; answer with the JSON."""
    from tradecore.reports import calibration as tables

    sheet = kept.sheet
    for problem in sheet.problems:
        screen.paragraph(f"! {problem}")
    screen.say("\nfalse edges: markets without an edge that were called one")
    screen.table(tables.RATES, tables.rate_rows(sheet), right=tables.RATES[3:])
    screen.say("\nwhich gate said no on them")
    screen.table(tables.GATES, tables.gate_rows(sheet), right=tables.GATES[1:])
    if sheet.power:
        screen.say("\npower: the true yearly Sharpe ratio from which planted edges are found")
        screen.table(tables.SIZES, tables.size_rows(sheet), right=tables.SIZES[2:])
    if sheet.coverage:
        screen.say("\nintervals: how often they held the true Sharpe ratio")
        screen.table(tables.COVERED, tables.coverage_rows(sheet), right=tables.COVERED[1:])
    words = "CALIBRATED" if sheet.is_calibrated else "NOT CALIBRATED"
    screen.say(f"\nverdict on the verdict: {words}", "bold green" if sheet.is_calibrated else "bold yellow")
    screen.say(f"\nrun     {kept.run.id}")
    screen.say(f"report  {kept.report.html}")
    screen.say(f"again   {sheet.command}")
    screen.answer({**sheet.to_json(), "run": kept.run.id, "report": kept.report.html})

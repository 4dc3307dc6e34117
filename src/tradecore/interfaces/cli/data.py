"""`tradecore data`: bring history in, see what is there, find and mend what is wrong, share it, make a market."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.interfaces.cli import fetch, sources, sync, watch
from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import From, Json, Seed, TimeframeOption, Workspace
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.market.lake import Dataset
    from tradecore.market.quality import QualityReport

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Market data: fetch, import, list, show, verify, repair, synth, watch, push, pull.",
)

Pair = Annotated[str | None, typer.Option("--pair", help="The pair, as in BTC/USD.", show_default="as the file says")]
PairFilter = Annotated[str | None, typer.Argument(help="Only this pair, as in BTC/USD.", show_default="every pair")]
VenueFilter = Annotated[str | None, typer.Option("--venue", help="Only this venue.", show_default="every venue")]
LabelFilter = Annotated[
    str | None, typer.Option("--timeframe", "-t", help="Only this bar length, or trades.", show_default="every one")
]
COLUMNS = ("dataset", "from", "to", "rows", "empty", "missing")
FIGURES = ("rows", "empty", "missing")


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="A ZIP, CSV, Parquet or JSON file, or a folder of them.", show_default=False)
    ],
    pair: Pair = None,
    venue: Annotated[str | None, typer.Option("--venue", help="The venue.", show_default="as the file says")] = None,
    timeframe: Annotated[
        str | None, typer.Option("--timeframe", "-t", help="Bar length.", show_default="as the file says")
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Allow bars of another source beside those stored.")] = False,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Bring recorded history into the workspace. Every row is checked; importing a file twice changes nothing.

    Example: tradecore data import Kraken_OHLCVT.zip --pair BTC/USD
    """
    from tradecore.control import data

    screen = Screen(as_json)
    lab = open_lab(workspace)
    with screen.progress() as progress:
        done = data.import_path(lab, file, data.Where(pair, venue, timeframe), join=join, progress=progress)
    rows = [(str(item.dataset.key), item.added, item.dataset.manifest.rows) for item in done.datasets]
    screen.table(("dataset", "added", "rows now"), rows, right=("added", "rows now"))
    screen.say(f"{done.rows_read:,} rows read" + _left_out(done.fillers, done.unfinished, done.duplicates))
    for name, reason in done.skipped:
        screen.say(f"passed over {name}: {reason}")
    for item in done.datasets:
        if not item.quality.is_clean:
            screen.say(f"{item.dataset.key}: {_faults(item.quality)}; see: tradecore data show {item.dataset.key.pair}")
    screen.answer(
        {
            "rows_read": done.rows_read,
            "fillers": done.fillers,
            "unfinished": done.unfinished,
            "duplicates": done.duplicates,
            "skipped": [{"name": name, "reason": reason} for name, reason in done.skipped],
            "datasets": [
                {**_described(item.dataset), "added": item.added, "quality": item.quality} for item in done.datasets
            ],
        }
    )


@app.command("list")
def list_(as_json: Json = False, workspace: Workspace = None) -> None:
    """List every dataset: what span it covers, how many bars it has, lacks and knows to be empty.

    Example: tradecore data list
    """
    from tradecore.control import data

    found = data.list_datasets(open_lab(workspace))
    screen = Screen(as_json)
    screen.table(COLUMNS, [_row(dataset) for dataset in found], right=FIGURES, fold=("dataset",))
    screen.answer({"datasets": [_described(dataset) for dataset in found]})


@app.command()
def show(
    pair: PairFilter = None,
    venue: VenueFilter = None,
    timeframe: LabelFilter = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Show datasets in full: slices, sources, and what is wrong, odd or absent in them.

    Example: tradecore data show BTC/USD --timeframe 1m
    """
    from tradecore.control import data
    from tradecore.core.types import iso

    found = data.show(open_lab(workspace), data.Where(pair, venue, timeframe))
    screen = Screen(as_json)
    for dataset, quality in found:
        screen.facts({"dataset": str(dataset.key), "name": dataset.hash, "rows": dataset.manifest.rows})
        screen.say()
        slices = [
            (iso(one.start)[:16], iso(one.end)[:16], one.rows, one.empty, one.missing, one.source)
            for one in dataset.manifest.slices
        ]
        screen.table(("slice from", "to", "rows", "empty", "missing", "source"), slices, right=FIGURES)
        screen.say(f"\nquality: {_faults(quality)}")
        for what, examples in quality.examples.items():
            screen.say(f"  {what.replace('_', ' ')}, the first or longest:")
            for example in examples:
                screen.say(f"    {example}")
        screen.say()
    screen.answer(
        {
            "datasets": [
                {**_described(dataset), "slices": dataset.manifest.slices, "quality": quality}
                for dataset, quality in found
            ]
        }
    )


@app.command()
def verify(
    pair: PairFilter = None,
    venue: VenueFilter = None,
    timeframe: LabelFilter = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Hold every file against its manifest: hash, rows, times, ids, coverage. Only reads. Ends with 1 on a fault.

    Example: tradecore data verify
    """
    from tradecore.control import data

    found = data.verify(open_lab(workspace), data.Where(pair, venue, timeframe))
    screen = Screen(as_json)
    for finding in found:
        screen.say(str(finding))
    screen.say(f"{len(found)} faults; run: tradecore data repair" if found else "every file is as its manifest states")
    screen.answer({"ok": not found, "findings": found})
    if found:
        raise typer.Exit(1)


@app.command()
def repair(
    pair: PairFilter = None,
    venue: VenueFilter = None,
    timeframe: LabelFilter = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Take damaged files out of the workspace (into quarantine) and say what to import again. Invents nothing.

    Example: tradecore data repair BTC/USD
    """
    from tradecore.control import data

    done = data.repair(open_lab(workspace), data.Where(pair, venue, timeframe))
    screen = Screen(as_json)
    findings = [finding for one in done for finding in one.findings]
    again = sorted({name for one in done for name in one.import_again})
    for finding in findings:
        screen.say(f"taken out: {finding}")
    for name in again:
        screen.say(f"import again: {name}")
    screen.say(f"{len(findings)} faults mended" if findings else "nothing was damaged")
    screen.answer({"findings": findings, "import_again": again, "stray_files": sum(one.stray_files for one in done)})


@app.command()
def retain(
    pair: Annotated[str, typer.Argument(help="The pair, as in BTC/USD.", show_default=False)],
    keep: Annotated[
        list[str],
        typer.Option("--keep", metavar="TIMEFRAME=DAYS", help="Days of bars to keep; repeatable.", show_default=False),
    ],
    venue: Annotated[str | None, typer.Option("--venue", help="The venue.", show_default="from settings")] = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Turn bars older than you want to keep into longer ones: 1m, 5m, 15m, 1h, 4h, 1d. No volume is lost by it.

    Example: tradecore data retain BTC/USD --keep 1m=365 --keep 15m=1095
    """
    from tradecore.control import data

    moved = data.retain(open_lab(workspace), data.Where(pair, venue), keep)
    screen = Screen(as_json)
    rows = [(str(one.source), str(one.target), one.deleted, one.inserted) for one in moved]
    if rows:
        screen.table(("from", "to", "deleted", "inserted"), rows, right=("deleted", "inserted"))
    else:
        screen.say("no bar is older than that")
    named = [{"from": one[0], "to": one[1], "deleted": one[2], "inserted": one[3]} for one in rows]
    screen.answer({"moved": named})


@app.command()
def synth(
    kind: Annotated[str, typer.Argument(help="gbm, jumps, noise, regimes, trending or planted.")] = "regimes",
    pair: Annotated[str | None, typer.Option("--pair", help="The pair to make.", show_default="from settings")] = None,
    timeframe: TimeframeOption = None,
    days: Annotated[float, typer.Option("--days", min=0.01, max=36_500, help="How long a history.")] = 365.0,
    seed: Seed = 0,
    start: From = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Make a synthetic market, stored under a venue `synthetic-KIND-SEED` and named so in every table and report.

    Example: tradecore data synth planted --days 730 --seed 7
    """
    from tradecore.control import data

    screen = Screen(as_json)
    recipe = data.Recipe(kind, days, seed, start)
    dataset = data.synth(open_lab(workspace), data.Where(pair=pair, timeframe=timeframe), recipe)
    screen.table(COLUMNS, [_row(dataset)], right=FIGURES, fold=("dataset",))
    screen.answer(_described(dataset))


app.command()(sync.push)
app.command()(sync.pull)


fetch.hang_into(app)
sources.hang_into(app)
watch.hang_into(app)


def _row(dataset: Dataset) -> tuple[object, ...]:
    from tradecore.core.types import iso

    manifest = dataset.manifest
    span = (iso(dataset.start)[:10], iso(dataset.end)[:10])
    return (str(dataset.key), *span, manifest.rows, manifest.empty, manifest.missing)


def _described(dataset: Dataset) -> dict[str, object]:
    from tradecore.core.types import iso

    key, manifest = dataset.key, dataset.manifest
    return {
        "key": str(key),
        "venue": key.venue,
        "pair": str(key.pair),
        "timeframe": key.label,
        "hash": dataset.hash,
        "start": iso(dataset.start),
        "end": iso(dataset.end),
        "rows": manifest.rows,
        "empty": manifest.empty,
        "missing": manifest.missing,
        "sources": dataset.sources,
    }


def _faults(quality: QualityReport) -> str:
    counts = {
        "duplicates": quality.duplicates,
        "out of order": quality.backwards,
        "off the grid": quality.off_grid,
        "broken": quality.broken,
        "unfinished": quality.unfinished,
        "missing": quality.missing,
        "missing trade ids": quality.missing_ids,
        "gaps": quality.gaps,
        "spikes": quality.spikes,
    }
    found = [f"{count:,} {what}" for what, count in counts.items() if count]
    return ", ".join(found) or "nothing to report"


def _left_out(fillers: int, unfinished: int, duplicates: int) -> str:
    counts = {"empty bars": fillers, "unfinished bars": unfinished, "repeated trades": duplicates}
    found = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"; left out: {', '.join(found)}" if found else ""

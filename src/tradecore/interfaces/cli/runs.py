"""`tradecore runs`: what was run here, when, on what, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, Workspace
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.registry.record import RunRecord
    from tradecore.registry.runs import ListedRun

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="What was run: list, show, repeat."
)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option("--kind", help="Only runs of this kind.", show_default="all")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many; 0 shows all.")] = 20,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """List the runs of the workspace, newest first.

    Example: tradecore runs list --kind backtest
    """
    from tradecore.control import runs

    found = runs.list_runs(open_lab(workspace), kind, limit)
    screen = Screen(as_json)
    screen.table(("run", "started", "kind", "status", "on"), [_row(run) for run in found])
    screen.answer({"runs": [_listed(run) for run in found]})


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="The run's id, the start of it, or latest.")] = "latest",
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Show one run in full: what was asked, on which data, what came out, and the files that prove it.

    Example: tradecore runs show latest
    """
    from tradecore.control import runs

    chosen = runs.show(open_lab(workspace), run)
    record = chosen.record
    screen = Screen(as_json)
    screen.facts(
        {
            "run": chosen.id,
            "kind": record.kind,
            "status": chosen.status,
            "started": record.started,
            "ended": record.ended,
            "folder": chosen.path,
            "error": record.error,
        }
    )
    data = [(item.pair, item.timeframe, item.bars, item.start, item.end, item.source) for item in record.data]
    if data:
        screen.say()
        screen.table(("pair", "bars of", "count", "from", "to", "source"), data, right=("count",))
    _mapping(screen, "asked", record.arguments)
    _mapping(screen, "result", record.metrics)
    if record.artefacts:
        screen.say()
        screen.table(
            ("file", "bytes"), [(name, item.bytes) for name, item in record.artefacts.items()], right=("bytes",)
        )
    screen.answer({**record.to_json(), "status": chosen.status, "folder": chosen.path})


@app.command()
def repeat(
    run: Annotated[str, typer.Argument(help="The run's id, the start of it, or latest.")] = "latest",
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Do again what a run did, on the same data, code and settings, and compare every number bit for bit.

    Refused with 3 when data, code or config has changed; ends with 1 when a number differs.
    Example: tradecore runs repeat latest
    """
    from tradecore.control.repeat import repeat as repeat_run

    screen = Screen(as_json)
    with screen.progress() as progress:
        found = repeat_run(open_lab(workspace), run, progress)
    compared = f"{found.figures} figures and {found.arrays} arrays"
    if found.different:
        screen.say(
            f"run {found.run} ({found.kind}): NOT the same, {len(found.different)} differ of {compared}", "bold red"
        )
        for name in found.different:
            screen.say(f"  {name}")
    else:
        screen.say(f"run {found.run} ({found.kind}): the same, bit for bit, in {compared}", "green")
    screen.answer({"same": not found.different, **{name: getattr(found, name) for name in found.__dataclass_fields__}})
    if found.different:
        raise typer.Exit(1)


def _mapping(screen: Screen, title: str, values: Mapping[str, object]) -> None:
    if values:
        screen.say()
        screen.table((title, ""), [(name, _short(value)) for name, value in values.items()])


def _short(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"{value:,.6g}" if isinstance(value, float) else json.dumps(value)


def _row(run: ListedRun) -> tuple[object, ...]:
    if run.record is None:
        return (run.id, "–", "–", run.status, run.damage)
    return (run.id, run.record.started[:19] + "Z", run.record.kind, run.status, _on(run.record))


def _on(record: RunRecord) -> str:
    return "; ".join(
        f"{item.pair} {item.timeframe}{' (synthetic)' if item.is_synthetic else ''}" for item in record.data
    )


def _listed(run: ListedRun) -> dict[str, object]:
    record = None if run.record is None else run.record.to_json()
    return {"id": run.id, "status": run.status, "folder": run.path, "damage": run.damage or None, "record": record}

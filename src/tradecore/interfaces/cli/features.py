"""`tradecore features`: the catalogue of indicators, and the check that they behave on your bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import From, Json, PairArgument, TimeframeOption, To, Venue, Workspace
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.features.spec import Spec

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Indicators: list, show, check."
)


@app.command("list")
def list_(
    group: Annotated[str | None, typer.Option("--group", help="Only this group.", show_default="all")] = None,
    as_json: Json = False,
) -> None:
    """List every indicator with its parameters, outputs and warm-up.

    Example: tradecore features list --group trend
    """
    from tradecore.control import features

    specs = features.list_features(group)
    screen = Screen(as_json)
    rows = [(_short(spec), spec.label, spec.outputs) for spec in specs]
    screen.table(("indicator", "what it is", "outputs"), rows, fold=("what it is", "outputs"))
    screen.say(f"{len(specs)} indicators; one in full: tradecore features show NAME")
    screen.say("presets: " + "; ".join(f"{name} = {', '.join(items)}" for name, items in features.presets().items()))
    screen.answer({"features": [_described(spec) for spec in specs], "presets": features.presets()})


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The indicator, as in ema.", show_default=False)], as_json: Json = False
) -> None:
    """Show one indicator in full: parameters with range and unit, inputs, outputs, source.

    Example: tradecore features show bollinger
    """
    from tradecore.control import features

    spec = features.show(name)
    screen = Screen(as_json)
    screen.say(f"{spec.label} ({spec.name}, {spec.group})\n{spec.text}\n")
    screen.facts(
        {
            "use": spec.usage,
            "inputs": spec.inputs,
            "outputs": spec.outputs,
            "unit": spec.unit or None,
            "warm-up": f"{_warmup(spec)} bars with the defaults",
            "source": spec.source or None,
        }
    )
    rows = [(item.name, item.kind, item.default, item.low, item.high, item.unit, item.text) for item in spec.params]
    if rows:
        screen.say()
        screen.table(("parameter", "type", "default", "from", "to", "unit", "meaning"), rows)
    screen.answer(_described(spec))


@app.command("check")
def check_(
    pair: PairArgument,
    names: Annotated[
        list[str] | None, typer.Argument(help="Features or presets, as in ema(9).", show_default="the whole catalogue")
    ] = None,
    venue: Venue = None,
    timeframe: TimeframeOption = None,
    start: From = None,
    end: To = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Check indicators on your bars: finite, causal, and the same bar by bar as in one pass. Ends with 1 on a fault.

    Example: tradecore features check BTC/USD --timeframe 1h
    """
    from tradecore.control import features
    from tradecore.control.data import Where

    screen = Screen(as_json)
    where = Where(pair, venue, timeframe, start, end)
    with screen.progress() as progress:
        checked = features.check_features(open_lab(workspace), where, names or (), progress)
    faults = [item for item in checked if not item.result.ok]
    rows = [
        (item.result.label, item.slice, "ok" if item.result.ok else item.result.reason) for item in faults or checked
    ]
    screen.table(("feature", "slice", "result"), rows)
    screen.say(f"{len(faults)} of {len(checked)} checks failed" if faults else f"{len(checked)} checks, all ok")
    screen.answer({"ok": not faults, "checked": checked})
    if faults:
        raise typer.Exit(1)


def _short(spec: Spec) -> str:
    return f"{spec.name}({','.join(f'{item.default:g}' for item in spec.params)})"


def _warmup(spec: Spec) -> int:
    return spec.warmup({item.name: item.default for item in spec.params})


def _described(spec: Spec) -> dict[str, object]:
    return {
        "name": spec.name,
        "label": spec.label,
        "text": spec.text,
        "group": spec.group,
        "parameters": spec.params,
        "inputs": spec.inputs,
        "outputs": spec.outputs,
        "unit": spec.unit,
        "warmup": _warmup(spec),
        "source": spec.source,
    }

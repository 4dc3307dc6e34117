"""`tradecore strategy history`: the bars a strategy needs before its first decision, fetched if they are not there.

The command is hung into `strategy` there. Nothing is decided here: words in, verb called, answer shown.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, TimeframeOption, Workspace
from tradecore.interfaces.cli.screen import Screen

COLUMNS = ("pair", "timeframe", "needs", "has", "state", "from", "to", "source")


def history(
    strategy: Annotated[str, typer.Argument(help="A file, or a built-in.", show_default=False)],
    pair: Annotated[
        list[str] | None, typer.Option("--pair", "-p", help="A pair; repeatable.", show_default="the strategy's own")
    ] = None,
    timeframe: TimeframeOption = None,
    margin: Annotated[float, typer.Option("--margin", help="How many times its warm-up.")] = 1.5,
    how: Annotated[
        str, typer.Option("--how", help="ohlc: the venue's newest 720 bars; trades: made from trades; auto.")
    ] = "auto",
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Get the history a strategy needs before its first decision. Ends with 1, and a named reason, where it cannot.

    Example: tradecore strategy history ema-rsi-volume --pair BTC/USD
    """
    from tradecore.control import history as verbs
    from tradecore.core.types import iso
    from tradecore.interfaces.cli.fetch import Shown
    from tradecore.market.history import Ready

    lab, screen = open_lab(workspace), Screen(as_json)
    with Shown() as shown:
        asked = verbs.Asked(strategy, tuple(pair or ()), timeframe, margin, how)  # type: ignore[arg-type]
        found = verbs.prepare(lab, asked, shown)
    rows: list[tuple[object, ...]] = []
    for one in found:
        market = (str(one.need.pair), str(one.need.timeframe), one.need.bars)
        if isinstance(one.found, Ready):
            bars = one.found.bars
            span = (iso(int(bars.open_time[0]))[:16], iso(int(bars.open_time[-1]))[:16])
            rows.append((*market, len(bars), "ready", *span, f"{bars.source} ({one.found.way})"))
        else:
            rows.append((*market, one.found.have, str(one.found.reason), None, None, None))
    screen.table(COLUMNS, rows, right=("needs", "has"), fold=("source",))
    missing = [one.found for one in found if not isinstance(one.found, Ready)]
    for not_ready in missing:
        screen.paragraph(not_ready.detail)
    screen.answer({"ready": not missing, "pairs": [dict(zip(COLUMNS, row, strict=True)) for row in rows]})
    if missing:
        raise typer.Exit(1)


def hang_into(app: typer.Typer) -> None:
    """Make the command part of `strategy`."""
    app.command()(history)

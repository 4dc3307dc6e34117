"""`tradecore data check` and `data bars`: stored bars against the venue's, and bars from sources other than trades.

The commands are hung into `data` there. Nothing is decided here: words in, verb called, answer shown.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, TimeframeOption, Workspace
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.market.ohlc import OhlcCheck
    from tradecore.venues.kraken.patience import Wait

SHOWN = 20
"""Differences listed on the screen; `--json` has all."""
VALUES = ("open", "high", "low", "close", "volume", "count")


def check(
    pair: Annotated[str, typer.Argument(help="The pair, as in BTC/USD.", show_default=False)],
    timeframe: TimeframeOption = None,
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Ask again for the trades of minutes that differ.")
    ] = False,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Hold stored bars against Kraken's newest 720: prices, volume, number of trades. Ends with 1 where they differ.

    Example: tradecore data check BTC/USD --refetch
    """
    from tradecore.control import sources
    from tradecore.control.data import Where
    from tradecore.core.types import iso

    done = sources.check(open_lab(workspace), Where(pair, "kraken", timeframe), refetch=refetch)
    screen, last = Screen(as_json), done.after or done.check
    screen.say(
        f"{done.check.dataset}: {done.check.compared:,} bars and {done.check.fillers:,} empty ones compared, "
        f"{iso(done.check.start)[:16]} to {iso(done.check.end)[:16]}"
    )
    _show(screen, last)
    if done.after is not None:
        screen.say(
            f"{len(done.refetched)} stretches asked for again: {done.added:,} trades were new, "
            f"{len(done.check.differences)} differences became {len(last.differences)}"
        )
        if last.differences:
            screen.paragraph("What differs still is the venue's bars against its own trades. The trades count.")
    elif last.differences:
        screen.say(f"to ask for the trades of these minutes again: tradecore data check {pair} --refetch")
    screen.answer({"check": done.check, "refetched": done.refetched, "added": done.added, "after": done.after})
    if last.differences:
        raise typer.Exit(1)


def bars(
    symbol: Annotated[
        str, typer.Argument(help="A futures symbol, as in PF_XBTUSD, or a pair of --venue.", show_default=False)
    ],
    since: Annotated[str, typer.Option("--since", help="First day or moment, UTC.", show_default=False)],
    until: Annotated[str | None, typer.Option("--until", help="End, exclusive, UTC.", show_default="now")] = None,
    venue: Annotated[
        str, typer.Option("--venue", help="futures: Kraken's; or a venue as ccxt calls it, as in binance.")
    ] = "futures",
    timeframe: TimeframeOption = None,
    price: Annotated[str, typer.Option("--price", help="Of futures: trade, mark or index.")] = "trade",
    join: Annotated[bool, typer.Option("--join", help="Allow them beside bars of another source.")] = False,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Fetch ready-made bars: candles of Kraken's futures, or another venue's public bars (needs the extra exchanges).

    They lie apart from Kraken's spot pairs. Only what is missing is asked for; stopped, it goes on where it was.

    Example: tradecore data bars PF_XBTUSD --since 2025-01-01
    """
    from tradecore.control import sources
    from tradecore.core.types import iso

    lab, screen = open_lab(workspace), Screen(as_json)
    asked = sources.AskedBars(symbol, since, until, timeframe, venue, price, join)
    with screen.progress() as progress:
        done = sources.fetch_bars(lab, asked, progress, _waits)
    manifest = done.dataset.manifest
    rows = [
        (
            str(done.dataset.key), iso(done.dataset.start)[:16], iso(done.dataset.end)[:16],
            manifest.rows, manifest.empty, manifest.missing, done.added,
        )
    ]  # fmt: skip
    columns = ("dataset", "from", "to", "rows", "empty", "missing", "added")
    screen.table(columns, rows, right=columns[3:], fold=("dataset",))
    screen.answer({**dict(zip(columns, rows[0], strict=True)), "hash": done.dataset.hash, "requests": done.requests})


def hang_into(app: typer.Typer) -> None:
    """Make these commands part of `data`."""
    for command in (check, bars):
        app.command()(command)


def _show(screen: Screen, check: OhlcCheck) -> None:
    from tradecore.core.types import iso

    if not check.differences:
        screen.say("every bar is the venue's")
        return
    rows: list[tuple[object, ...]] = []
    for one in check.differences[:SHOWN]:
        if one.stored is None or one.venue is None:
            there = "the venue" if one.stored is None else "the lake"
            rows.append((iso(one.open_time)[:16], "bar", None, None, f"only in {there}"))
            continue
        for name in one.what:
            at = VALUES.index(name)
            rows.append((iso(one.open_time)[:16], name, one.stored[at], one.venue[at], ""))
    screen.table(("bar", "what", "stored", "venue", ""), rows, right=("stored", "venue"))
    if len(check.differences) > SHOWN:
        screen.say(f"and {len(check.differences) - SHOWN:,} more bars; --json lists all")


def _waits(wait: Wait) -> None:
    print(wait, file=sys.stderr, flush=True)

"""`tradecore data watch`: the live market of some pairs on the terminal, and into the workspace if asked for.

The command is hung into `data` there. On a terminal one screen is drawn again and again; elsewhere every bar and every
change of state is a line; with `--json` each is a JSON object. Nothing is decided here.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Workspace
from tradecore.interfaces.cli.screen import Screen, plain

if TYPE_CHECKING:
    from tradecore.core.clock import Clock
    from tradecore.core.events import BarFinal, FeedEvent
    from tradecore.core.types import Pair
    from tradecore.market.live.live_feed import LiveFeed
    from tradecore.market.live.status import PairStatus

BLOCKS = "▁▂▃▄▅▆▇█"
KEPT_BARS = 40
"""Final bars in the line of closes: with its label it fits 80 columns."""
FRAMES_PER_SECOND = 4.0
STYLES = {"live": "green", "fallback": "yellow", "stale": "yellow", "connecting": "cyan", "lost": "bold red"}
COUNTS = {
    "trades": "trades",
    "duplicates": "repeated",
    "late": "late",
    "revisions": "revised",
    "filled": "from REST",
    "reconnects": "reconnects",
}
"""The counts that are shown, and how they are called."""


def watch(
    pairs: Annotated[list[str], typer.Argument(help="The pairs, as in BTC/USD ETH/USD.", show_default=False)],
    timeframe: Annotated[str, typer.Option("--timeframe", "-t", help="Bar length, as in 1m, 5m, 1h.")] = "1m",
    for_: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help="End by itself.", show_default="until Ctrl-C")
    ] = None,
    back: Annotated[int, typer.Option("--back", min=0, max=10_000, help="Bars before now to begin with.")] = KEPT_BARS,
    store: Annotated[bool, typer.Option("--store", help="Keep the trades of every final minute.")] = False,
    join: Annotated[bool, typer.Option("--join", help="With --store: allow them beside another source's.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per event, for programs.")] = False,
    address: Annotated[
        str | None, typer.Option("--address", help="Ask a local fake instead.", show_default="from settings")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Watch the market live: prices, final bars, and whether they can be relied on. Ends with Ctrl-C.

    A bar is final two seconds after its end, when a later trade proves that none is missing; a trade that comes late
    revises it. While the socket is down, bars come over REST. Ends with 1 when the venue does not know a pair.

    Example: tradecore data watch BTC/USD ETH/USD
    """
    from tradecore.control import kraken, watching

    lab = open_lab(workspace, kraken.settings_at(address) if address else None)
    wanted = watching.Wanted(tuple(pairs), timeframe, back, for_, store, join)
    shown: _Lines | _Screen
    shown = _Screen(lab.clock) if sys.stdout.isatty() and not as_json else _Lines(as_json)
    with shown:
        stored = watching.watch(lab, wanted, shown)
    if store:
        Screen(as_json).say(f"{stored:,} trades stored; see: tradecore data list")


def hang_into(app: typer.Typer) -> None:
    """Make the command part of `data`."""
    app.command()(watch)


class _Lines:
    """Every event as one line, for logs and programs."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def began(self, feed: LiveFeed) -> None:
        """Nothing is shown before the first event."""

    def looked(self) -> None:
        """Nothing is shown between events."""

    def told(self, event: FeedEvent) -> None:
        """Print the event."""
        print(json.dumps(described(event), allow_nan=False) if self._as_json else line_of(event), flush=True)


class _Screen:
    """One screen, drawn again and again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._feed: LiveFeed | None = None
        self._closes: dict[Pair, deque[tuple[int, float]]] = {}
        self._last: dict[Pair, BarFinal] = {}
        self._live: Any = None
        self._drawn = 0.0

    def __enter__(self) -> _Screen:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(highlight=False), auto_refresh=False)
        self._live.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._draw()
        self._live.stop()

    def began(self, feed: LiveFeed) -> None:
        """Keep the feed, to ask it how it stands."""
        self._feed = feed
        self._closes = {pair: deque(maxlen=KEPT_BARS) for pair in feed.pairs}

    def told(self, event: FeedEvent) -> None:
        """Take an event into the picture."""
        from tradecore.core.events import BarRevised, FeedChanged

        if not isinstance(event, FeedChanged):
            bar = event.bar if isinstance(event, BarRevised) else event
            closes = self._closes[bar.pair]
            for place, (open_time, _) in enumerate(closes):
                if open_time == bar.open_time:
                    closes[place] = (open_time, bar.close)
                    break
            else:
                closes.append((bar.open_time, bar.close))
            self._last[bar.pair] = bar
        self.looked()

    def looked(self) -> None:
        """Draw again, if the picture is old enough."""
        if time.monotonic() - self._drawn >= 1 / FRAMES_PER_SECOND:
            self._draw()

    def _draw(self) -> None:
        from rich.console import Group

        self._drawn = time.monotonic()
        if self._feed is None:
            return
        blocks: list[Any] = []
        for pair in self._feed.pairs:
            closes = [close for _, close in self._closes[pair]]
            blocks += picture(self._feed.status(pair), closes, self._last.get(pair), self._clock.now())
        self._live.update(Group(*blocks), refresh=True)


def picture(status: PairStatus, closes: list[float], last: BarFinal | None, now: int) -> list[Any]:
    """Return the lines that show one pair, 80 columns at most, as rich texts."""
    from rich.text import Text

    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(f"{status.pair!s:<10}", "bold")
    head.append(f"{_price(status.last_price):>12}  ", "bold")
    head.append(f"{_age(now, status.last_trade):<15}")
    head.append(f"{status.state}", STYLES.get(status.state, ""))
    head.append(f"  {str(status.reason).replace('_', ' ')}, {_age(now, status.since, ago='')}".rstrip(", "))
    lines = [head]
    if status.state not in ("live", "connecting"):
        again = "" if status.next_try is None else f"next try in {max(status.next_try - now, 0) / 1e9:.0f} s: "
        lines.append(Text(f"  {again}{status.detail or 'waiting'}", "yellow", no_wrap=True, overflow="ellipsis"))
    if status.open_bar is not None:
        lines.append(_bar_line("open", status.open_bar))
    if last is not None:
        lines.append(_bar_line("final", last))
    if closes:
        change = f"  {closes[-1] / closes[0] - 1:+.2%} over {len(closes)} bars" if len(closes) > 1 else ""
        lines.append(Text(f"  closes {sparkline(closes)}{change}", no_wrap=True, overflow="crop"))
    counts = "  ".join(f"{name} {status.counts.get(key, 0):,}" for key, name in COUNTS.items())
    lines += [Text(f"  {counts}", "dim", no_wrap=True, overflow="ellipsis"), Text()]
    return lines


def sparkline(values: list[float]) -> str:
    """Return values as a line of blocks, the lowest of them low and the highest high.

    >>> sparkline([1.0, 2.0, 3.0])
    '▁▅█'
    """
    low, high = min(values), max(values)
    if high == low:
        return BLOCKS[len(BLOCKS) // 2] * len(values)
    return "".join(BLOCKS[round((value - low) / (high - low) * (len(BLOCKS) - 1) + 1e-9)] for value in values)


def line_of(event: FeedEvent) -> str:
    """Return an event as a line for a log."""
    from tradecore.core.events import BarRevised, FeedChanged
    from tradecore.core.types import iso

    if isinstance(event, FeedChanged):
        again = "" if event.next_try is None else f", next try {iso(event.next_try)[:19]}Z"
        words = f": {event.detail}" if event.detail else ""
        return f"{iso(event.since)[:19].rstrip('Z')}Z {event.pair} {event.state} ({event.reason}){again}{words}"
    bar = event.bar if isinstance(event, BarRevised) else event
    what = f"revision {bar.revision}" if isinstance(event, BarRevised) else "final"
    figures = f"o {bar.open:g} h {bar.high:g} l {bar.low:g} c {bar.close:g} v {bar.volume:g} n {bar.count}"
    return f"{iso(bar.open_time)} {bar.pair} {bar.timeframe} {what}: {figures}"


def described(event: FeedEvent) -> dict[str, Any]:
    """Return an event as a JSON object: `event` says which, times are ISO-8601."""
    from tradecore.core.events import BarRevised, FeedChanged
    from tradecore.core.types import iso

    if isinstance(event, FeedChanged):
        again = None if event.next_try is None else iso(event.next_try)
        return {
            **{"event": "state", **plain(event), "pair": None if event.pair is None else str(event.pair)},
            **{"since": iso(event.since), "next_try": again},
        }
    bar = event.bar if isinstance(event, BarRevised) else event
    values = {**plain(bar), "open_time": iso(bar.open_time), "timeframe": str(bar.timeframe), "pair": str(bar.pair)}
    if isinstance(event, BarRevised):
        return {"event": "revised", **values, "changed": list(event.changed)}
    return {"event": "final", **values}


def _bar_line(label: str, bar: BarFinal) -> Any:
    from rich.text import Text

    from tradecore.core.types import iso

    figures = f"o {_price(bar.open)} h {_price(bar.high)} l {_price(bar.low)} c {_price(bar.close)}"
    text = f"  {label:<6} {iso(bar.open_time)[11:16]}  {figures}  v {bar.volume:.4g}"
    return Text(text, no_wrap=True, overflow="ellipsis")


def _price(value: float | None) -> str:
    return "–" if value is None else f"{value:,.8g}"


def _age(now: int, moment: int | None, ago: str = " ago") -> str:
    if moment is None:
        return "no trade yet"
    seconds = max(now - moment, 0) / 1e9
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}{ago}"
    return f"{seconds:.0f} s{ago}"

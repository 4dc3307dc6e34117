"""`tradecore venue`: ask Kraken, or anything that speaks as it does, what it is, what it lists, and what you have."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, PairArgument, Workspace
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from decimal import Decimal

    from tradecore.control.lab import Lab
    from tradecore.venues.kraken.public import DepthLevel

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="The venue: status, pairs, ticker, book; with a key: balance, fees, orders, trades, key.",
)

Address = Annotated[
    str | None,
    typer.Option("--address", help="Another address, as the fake Kraken prints it.", show_default="from settings"),
]
Pairs = Annotated[list[str] | None, typer.Argument(help="Pairs, as in BTC/USD.", show_default="those you follow")]


@app.command()
def status(address: Address = None, as_json: Json = False, workspace: Workspace = None) -> None:
    """Ask whether the venue trades, and how far this machine's clock is from its own.

    Example: tradecore venue status
    """
    from tradecore.control import venue
    from tradecore.core.types import iso

    screen = Screen(as_json)
    told = venue.status(_lab(workspace, address))
    screen.facts(
        {
            "address": told.address,
            "status": told.status,
            "time": iso(told.time),
            "clock": _clock(told.ahead_s),
        }
    )
    screen.answer(
        {"address": told.address, "status": told.status, "time": iso(told.time), "clock_ahead_s": told.ahead_s}
    )


@app.command()
def pairs(
    word: Annotated[str | None, typer.Argument(help="Only pairs with this in their name.", show_default="all")] = None,
    address: Address = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """List pairs with the rules an order must keep: price step, quantity step, least quantity, least amount.

    Example: tradecore venue pairs BTC
    """
    from tradecore.control import venue

    screen = Screen(as_json)
    found = venue.pairs(_lab(workspace, address), word)
    figures = ("tick", "lot", "least", "least cost", "taker", "maker")
    rows = [
        (str(one.pair), one.status, f"{one.tick:f}", f"{one.lot:f}", f"{one.order_min:f}", f"{one.cost_min:f}",
         f"{one.taker_fees[0].rate:.2%}", f"{one.maker_fees[0].rate:.2%}")
        for one in found
    ]  # fmt: skip
    screen.table(("pair", "status", *figures), rows, right=figures, fold=("pair",))
    screen.say(f"{len(found):,} pairs")
    screen.answer(
        {
            "pairs": [
                {
                    "pair": str(one.pair),
                    "names": one.names,
                    "status": one.status,
                    "tick": f"{one.tick:f}",
                    "lot": f"{one.lot:f}",
                    "order_min": f"{one.order_min:f}",
                    "cost_min": f"{one.cost_min:f}",
                    "taker_fee": one.taker_fees[0].rate,
                    "maker_fee": one.maker_fees[0].rate,
                }
                for one in found
            ]
        }
    )


@app.command()
def ticker(names: Pairs = None, address: Address = None, as_json: Json = False, workspace: Workspace = None) -> None:
    """Show best offers, newest price and the last 24 hours.

    Example: tradecore venue ticker BTC/USD ETH/USD
    """
    from tradecore.control import venue

    screen = Screen(as_json)
    found = venue.ticker(_lab(workspace, address), tuple(names or ()))
    figures = ("bid", "ask", "last", "24h low", "high", "volume")
    rows = [
        (str(one.pair), *map(_number, (one.bid, one.ask, one.last, one.low, one.high)), f"{one.volume:.2f}")
        for one in found
    ]
    screen.table(("pair", *figures), rows, right=figures, fold=())
    screen.answer({"tickers": found})


@app.command()
def book(
    pair: PairArgument,
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="Prices on each side.")] = 10,
    address: Address = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Show the best offers on both sides of the book.

    Example: tradecore venue book BTC/USD --count 5
    """
    from tradecore.control import venue

    screen = Screen(as_json)
    depth = venue.book(_lab(workspace, address), pair, count)
    columns = ("bid quantity", "bid", "ask", "ask quantity")
    rows = [
        (*(_level(bid)[::-1] if bid else (None, None)), *(_level(ask) if ask else (None, None)))
        for bid, ask in zip_longest(depth.bids, depth.asks)
    ]
    screen.table(columns, rows, right=columns)
    screen.answer({"pair": str(depth.pair), "bids": depth.bids, "asks": depth.asks})


def _lab(workspace: Path | None, address: str | None) -> Lab:
    from tradecore.control.kraken import settings_at

    return open_lab(workspace, None if address is None else settings_at(address))


def _clock(ahead_s: float) -> str:
    """Say how far our clock is from the venue's, which tells whole seconds only."""
    if 0 <= ahead_s < 1.5:
        return "the same as ours"
    return f"ours is {abs(ahead_s):.1f} s {'ahead' if ahead_s > 0 else 'behind'}"


def _level(level: DepthLevel) -> tuple[str, str]:
    return _number(level.price), _number(level.quantity)


def _number(value: Decimal) -> str:
    """Return a number without the zeros that only say how many decimals the venue keeps."""
    return f"{value.normalize():f}"

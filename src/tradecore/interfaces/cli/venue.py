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
    from tradecore.venues.kraken.account import OrderReport, OwnTrade
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


@app.command()
def balance(address: Address = None, as_json: Json = False, workspace: Workspace = None) -> None:
    """Show what the account has of each asset, and how much of it open orders hold. Needs a key.

    Example: tradecore venue balance
    """
    from tradecore.control import venue

    screen = Screen(as_json)
    found = venue.balance(_lab(workspace, address))
    figures = ("balance", "on hold", "free")
    rows = [
        (one.name, one.kind, _number(one.balance), _number(one.hold), _number(one.balance - one.hold)) for one in found
    ]
    screen.table(("asset", "kind", *figures), rows, right=figures, fold=("kind",))
    screen.answer({"balances": found})


@app.command()
def fees(names: Pairs = None, address: Address = None, as_json: Json = False, workspace: Workspace = None) -> None:
    """Show what this account pays on some pairs now, which depends on its volume. Needs a key.

    Example: tradecore venue fees BTC/USD
    """
    from tradecore.control import venue

    screen = Screen(as_json)
    told = venue.fees(_lab(workspace, address), tuple(names or ()))
    rows = [(str(pair), f"{one.taker:.2%}", f"{one.maker:.2%}") for pair, one in told.pairs.items()]
    screen.table(("pair", "taker", "maker"), rows, right=("taker", "maker"), fold=("pair",))
    screen.say(f"volume of 30 days: {_number(told.volume)} {told.currency}")
    screen.answer(
        {
            "currency": told.currency,
            "volume": told.volume,
            "pairs": {str(pair): one for pair, one in told.pairs.items()},
        }
    )


@app.command()
def orders(
    ended: Annotated[bool, typer.Option("--ended", help="The newest that ended, instead of those that rest.")] = False,
    address: Address = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """List the account's orders as the venue knows them, whoever placed them. Needs a key.

    Example: tradecore venue orders --ended
    """
    from tradecore.control import venue
    from tradecore.core.types import iso

    screen = Screen(as_json)
    found = venue.orders(_lab(workspace, address), ended=ended)
    figures = ("quantity", "filled", "price")
    rows = [
        (one.txid, str(one.pair), one.side.name.lower(), one.order_type, _number(one.quantity), _number(one.filled),
         one.price, one.status)
        for one in found
    ]  # fmt: skip
    if rows:
        screen.table(("order", "pair", "side", "type", *figures, "status"), rows, right=figures)
    screen.say(f"{len(found)} {'ended' if ended else 'open'} orders")
    screen.answer({"orders": [{**_named(one), "opened": iso(one.opened)} for one in found]})


@app.command()
def trades(address: Address = None, as_json: Json = False, workspace: Workspace = None) -> None:
    """List the account's newest executions, 50 at most. Needs a key.

    Example: tradecore venue trades
    """
    from tradecore.control import venue
    from tradecore.core.types import iso

    screen = Screen(as_json)
    found = venue.trades(_lab(workspace, address))
    figures = ("quantity", "price", "fee")
    rows = [
        (iso(one.time)[:19], str(one.pair), one.side.name.lower(), _number(one.quantity), _number(one.price),
         _number(one.fee), "maker" if one.maker else "taker")
        for one in found
    ]  # fmt: skip
    if rows:
        screen.table(("time", "pair", "side", *figures, "as"), rows, right=figures)
    screen.say(f"{len(found)} executions")
    screen.answer({"trades": [{**_named(one), "time": iso(one.time)} for one in found]})


@app.command()
def key(address: Address = None, as_json: Json = False, workspace: Workspace = None) -> None:
    """Show the rights of the key in use. One that can withdraw money is refused, with exit code 4.

    Example: tradecore venue key
    """
    from tradecore.control import venue

    screen = Screen(as_json)
    told = venue.key(_lab(workspace, address))
    screen.facts(
        {
            "key": f"{told.hint} ({told.name})",
            "can trade": "no, it lacks " + ", ".join(told.lacking) if told.lacking else "yes",
            "can withdraw": told.refusal is not None,
        }
    )
    screen.say()
    rows = [(right, told.judged(right)) for right in (*told.rights, *told.lacking)]
    screen.table(("right", "for trading"), rows)
    if told.refusal is not None:
        raise told.refusal
    screen.answer({"key": told.hint, "name": told.name, "rights": told.rights, "lacking": told.lacking})


def _lab(workspace: Path | None, address: str | None) -> Lab:
    from tradecore.control.kraken import settings_at

    return open_lab(workspace, None if address is None else settings_at(address))


def _named(report: OrderReport | OwnTrade) -> dict[str, object]:
    """Return a report's fields with pair and side as people write them."""
    fields = {name: getattr(report, name) for name in report.__dataclass_fields__}
    return {**fields, "pair": str(report.pair), "side": report.side.name.lower()}


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

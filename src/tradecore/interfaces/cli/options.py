"""Options that many commands share, declared once so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tradecore.core.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line, for programs.")]
Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="The workspace folder, instead of the one you are in.", show_default=False),
]
Venue = Annotated[str | None, typer.Option("--venue", help="The venue, as in kraken.", show_default="from settings")]
TimeframeOption = Annotated[
    str | None, typer.Option("--timeframe", "-t", help="Bar length, as in 1m, 1h, 1d.", show_default="from settings")
]
From = Annotated[str | None, typer.Option("--from", help="First day or moment, UTC.", show_default="the oldest")]
To = Annotated[str | None, typer.Option("--to", help="End, exclusive, UTC.", show_default="the newest")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The number all randomness comes from.")]
PairArgument = Annotated[str, typer.Argument(help="The pair, as in BTC/USD.", show_default=False)]
Params = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Fix a strategy's parameter; repeatable.")
]


def assigned(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    """Return NAME=VALUE texts as a mapping. Errors: UsageError for one that is not."""
    values: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):
            raise UsageError(f"{option} {text}: expected NAME=VALUE, as in {option} fast=9")
        values[name.strip()] = value.strip()
    return values

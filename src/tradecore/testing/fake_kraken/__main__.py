"""`python -m tradecore.testing.fake_kraken`: a Kraken on loopback, for trying clients and commands against.

It makes tapes or reads one, opens one account with one key, says where it listens, and then says what was asked of it
and which faults struck. Words and wiring only; the venue is `core`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tradecore.core.errors import TradecoreError, UsageError
from tradecore.core.types import SECOND_NS, Pair, iso
from tradecore.testing.fake_kraken.clocks import ScaledClock
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.faults import NAMES
from tradecore.testing.fake_kraken.listing import PAIRS
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.fake_kraken.server import FakeKrakenServer
from tradecore.testing.fake_kraken.settings import FakeSettings, Limit
from tradecore.testing.fake_kraken.tape import Tape

_REPORT_S = 5.0
_FIRST_PRICES = {"BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0, "LTC": 80.0, "LINK": 15.0, "DOT": 6.0, "AAPLX": 200.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fake until it is interrupted; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        fake = build(asked)
        asyncio.run(_run(fake, asked))
    except TradecoreError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"port {asked.port}: {error.strerror or error}; expected a free port, or 0 for any\n")
        return 1
    except KeyboardInterrupt:
        _say("stopped")
    return 0


def build(asked: argparse.Namespace) -> FakeKraken:
    """Return the venue that the options describe. Errors: UsageError, DataError."""
    pairs = [Pair.parse(text) for text in asked.pair or ["BTC/USD"]]
    if asked.tape is not None:
        if len(pairs) != 1:
            raise UsageError(f"--tape plays one pair, {len(pairs)} were named; name one with --pair")
        tapes = {pairs[0]: Tape.from_parquet(asked.tape)}
    else:
        tapes = {pair: _synthetic(pair, asked.trades, asked.seed + place) for place, pair in enumerate(pairs)}
    if not 0 <= asked.history <= 1 or not all(len(tape) for tape in tapes.values()):
        raise UsageError(f"--history {asked.history}, --trades {asked.trades}: expected a share of 0..1 of some trades")
    first = next(iter(tapes.values()))
    begin = int(first.time[round(asked.history * (len(first) - 1))])
    if asked.tape is None:
        # What has happened ends now by the wall clock, so that clients with clocks of their own agree.
        shift = time.time_ns() - begin
        tapes = {pair: tape.shifted(shift) for pair, tape in tapes.items()}
        begin += shift
    limit = None if asked.rate_limit == "off" else Limit(per_s=_number(asked.rate_limit, "--rate-limit"))
    settings = FakeSettings(since=asked.since_ties, public_limit=limit, pair_limit=limit)
    fake = FakeKraken(tapes, ScaledClock(begin, asked.speed), settings, asked.seed)
    fake.private.add_key(fake.private.add_account("someone"), asked.key, asked.secret)
    for text in asked.fault:
        name, _, rate = text.partition("=")
        fake.faults.on(name, rate=_number(rate or "1", "--fault"))
    return fake


def _synthetic(pair: Pair, trades: int, seed: int) -> Tape:
    if pair not in PAIRS:
        raise UsageError(f"pair {pair}: not listed; expected {', '.join(map(str, PAIRS))}")
    price = _FIRST_PRICES.get(pair.base, 1.0) if pair.quote != "BTC" else 0.05
    return Tape.synthetic(seed, 0, trades, first_price=price, decimals=PAIRS[pair].price_decimals)


async def _run(fake: FakeKraken, asked: argparse.Namespace) -> None:
    async with FakeKrakenServer(fake, asked.port) as server:
        _say(f"REST, futures charts  {server.url}")
        _say(f"public sockets        {server.socket_url}")
        _say(f"private sockets       {server.private_socket_url}")
        _say(f"key                   {asked.key}")
        _say(f"secret                {asked.secret}")
        _say("to point tradecore at it:")
        for name, value in _environment(server, asked).items():
            _say(f"  export {name}={value}")
        for pair, track in fake.market.tracks.items():
            _say(f"{pair!s:<22}{len(track.time)} trades, {iso(int(track.time[0]))} to {iso(int(track.time[-1]))}")
        _say(f"the venue's clock     {iso(fake.clock.now())}, {asked.speed:g} times real time; Ctrl-C ends it")
        told = ""
        while True:
            await asyncio.sleep(_REPORT_S)
            state = _counts("asked", fake.requests) + _counts("; faults", fake.faults.counts)
            if state != told:
                _say(f"{iso(fake.clock.now() // SECOND_NS * SECOND_NS)}  {state}")
                told = state


def _environment(server: FakeKrakenServer, asked: argparse.Namespace) -> dict[str, str]:
    """Return the variables by which every command of tradecore asks this venue, with this key."""
    return {
        "TRADECORE_KRAKEN__REST_ADDRESS": server.url,
        "TRADECORE_KRAKEN__SOCKET_ADDRESS": server.socket_url,
        "TRADECORE_KRAKEN__PRIVATE_SOCKET_ADDRESS": server.private_socket_url,
        "TRADECORE_KRAKEN__FUTURES_ADDRESS": server.url,
        "TRADECORE_KRAKEN_KEY": asked.key,
        "TRADECORE_KRAKEN_SECRET": asked.secret,
    }


def _counts(title: str, counts: dict[str, int]) -> str:
    return f"{title} " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) if counts else ""


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} {text!r}: expected a number") from None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tradecore.testing.fake_kraken",
        description="A Kraken on loopback: REST, WebSocket v2 and futures charts from a tape, with faults on command.",
        epilog="faults: " + ", ".join(NAMES),
    )
    parser.add_argument("--port", type=int, default=8123, help="port on 127.0.0.1; 0 for any free one")
    parser.add_argument("--tape", type=Path, help="Parquet file of trades to play; left out, trades are made up")
    parser.add_argument("--pair", action="append", help="pair to play, as BTC/USD; may be given several times")
    parser.add_argument("--trades", type=int, default=100_000, help="how many trades to make up per pair")
    parser.add_argument("--history", type=float, default=0.9, help="share of the trades that has happened at the start")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than real time the venue runs")
    parser.add_argument("--seed", type=int, default=0, help="seed of tapes, books, ids and faults")
    parser.add_argument("--key", default=DEFAULT_KEY, help="API key of the one account")
    parser.add_argument("--secret", default=DEFAULT_SECRET, help="its secret, base64")
    parser.add_argument(
        "--since-ties", choices=("exclusive", "inclusive"), default="exclusive", help="`since` of Trades"
    )
    parser.add_argument("--rate-limit", default="1", help="public requests a second, or off")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE", help="fault to switch on")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

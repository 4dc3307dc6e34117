"""The fake venue on loopback and in memory: our own client's wire against both shells, and the command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import (
    FakeKraken,
    FakeKrakenServer,
    FakeSettings,
    MemoryTransport,
    ScaledClock,
    Tape,
    serving,
)
from tradecore.testing.virtual_time import VirtualClock, run_virtual
from tradecore.venues.kraken.transport import NetworkTransport, NoAnswerError, NotSentError, SocketClosedError

START = 1_700_000_000 * SECOND_NS
BTC = Pair("BTC", "USD")
FREE = FakeSettings(public_limit=None, pair_limit=None)


def make(clock: Any = None, trades: int = 2000) -> FakeKraken:
    tape = Tape.synthetic(1, START, trades)
    return FakeKraken({BTC: tape}, clock or ManualClock(int(tape.time[trades // 2])), FREE)


def subscribe(channel: str) -> str:
    return json.dumps({"method": "subscribe", "params": {"channel": channel, "symbol": ["BTC/USD"]}})


def test_both_shells_give_the_same_bytes() -> None:
    paths = ("Time", "AssetPairs", "Trades?pair=XBTUSD", "OHLC?pair=XBTUSD", "Depth?pair=XBTUSD", "Trades?pair=NO")

    async def over_the_wire() -> list[Any]:
        async with FakeKrakenServer(make()) as server, NetworkTransport() as transport:
            return [await transport.request("GET", f"{server.url}/0/public/{path}", timeout_s=5) for path in paths]

    async def in_memory() -> list[Any]:
        async with MemoryTransport(make()) as transport:
            url = transport.addresses.rest
            return [await transport.request("GET", f"{url}/0/public/{path}", timeout_s=5) for path in paths]

    assert asyncio.run(over_the_wire()) == asyncio.run(in_memory())


def test_a_socket_plays_trades_as_the_clock_moves() -> None:
    async def run() -> list[int]:
        clock = ManualClock(START)
        fake = make(clock)
        async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
            socket = await transport.connect(server.addresses.socket)
            await socket.send(subscribe("trade"))
            ids: list[int] = []
            clock_at = iter(fake.market.tracks[BTC].time[::50].tolist())
            while len(ids) < 500:
                message = json.loads(await socket.receive())
                if message.get("method") == "subscribe" or message.get("channel") == "trade":
                    clock.move_to(max(clock.now(), next(clock_at, clock.now())))
                ids += [row["trade_id"] for row in message["data"]] if message.get("channel") == "trade" else []
            await socket.close()
            return ids[:500]

    assert asyncio.run(run()) == list(range(1, 501))


@pytest.mark.parametrize(
    ("name", "options"), [("reset", {}), ("lost_answer", {}), ("stall", {}), ("latency", {"delay_s": 30.0})]
)
def test_an_answer_that_does_not_come_is_no_answer_on_either_shell(name: str, options: dict[str, Any]) -> None:
    async def over_the_wire() -> None:
        fake = make()
        fake.faults.on(name, **options)
        async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
            await transport.request("GET", f"{server.url}/0/public/Time", timeout_s=0.3)

    async def in_memory(clock: VirtualClock) -> None:
        fake = make(clock)
        fake.faults.on(name, **options)
        async with MemoryTransport(fake) as transport:
            await transport.request("GET", "https://api.kraken.com/0/public/Time", timeout_s=10)

    with pytest.raises(NoAnswerError):
        asyncio.run(over_the_wire())
    with pytest.raises(NoAnswerError):
        run_virtual(in_memory, START)


def test_a_slow_answer_arrives_whole() -> None:
    async def run() -> bytes:
        fake = make()
        fake.faults.on("slow", delay_s=0.2)
        async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
            return (await transport.request("GET", f"{server.url}/0/public/AssetPairs", timeout_s=5)).body

    assert "XXBTZUSD" in json.loads(asyncio.run(run()))["result"]


def test_a_dropped_socket_is_closed_on_either_shell() -> None:
    async def drain(transport: Any, fake: FakeKraken, address: str) -> int:
        socket = await transport.connect(address)
        fake.faults.on("ws_drop", endpoint="ack")
        await socket.send(subscribe("trade"))
        received = 0
        try:
            while True:
                await socket.receive()
                received += 1
        except SocketClosedError:
            return received

    async def over_the_wire() -> int:
        fake = make()
        async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
            return await drain(transport, fake, server.socket_url)

    async def in_memory() -> int:
        fake = make()
        async with MemoryTransport(fake) as transport:
            return await drain(transport, fake, transport.addresses.socket)

    assert asyncio.run(over_the_wire()) == asyncio.run(in_memory()) == 1


def test_a_refused_socket_is_not_opened_on_either_shell() -> None:
    async def over_the_wire() -> None:
        fake = make()
        fake.faults.on("ws_refused")
        async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
            await transport.connect(server.socket_url)

    async def in_memory() -> None:
        fake = make()
        fake.faults.on("ws_refused")
        async with MemoryTransport(fake) as transport:
            await transport.connect(transport.addresses.socket)

    for run in (over_the_wire, in_memory):
        with pytest.raises(NotSentError):
            asyncio.run(run())


def test_a_day_of_feed_plays_on_virtual_time_to_the_last_trade() -> None:
    async def run(clock: VirtualClock) -> tuple[list[int], int]:
        fake = make(clock, trades=5000)
        ids: list[int] = []
        async with MemoryTransport(fake) as transport:
            socket = await transport.connect(transport.addresses.socket)
            await socket.send(subscribe("trade"))
            while len(ids) < 5000:
                message = json.loads(await socket.receive())
                ids += [row["trade_id"] for row in message["data"]] if message.get("channel") == "trade" else []
            await socket.close()
        return ids, clock.now() - int(fake.market.tracks[BTC].time[-1])

    ids, late = run_virtual(run, START)
    assert ids == list(range(1, 5001))
    assert 0 <= late < SECOND_NS // 1000


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.loads(answer.read())


def test_faults_are_switched_over_the_wire() -> None:
    with serving(make()) as server:
        assert post(f"{server.url}/fake/faults", {"on": "http_503", "times": 1}) == {"on": ["http_503"]}
        with pytest.raises(urllib.error.HTTPError, match="503"):
            get(f"{server.url}/0/public/Time")
        assert get(f"{server.url}/fake/state")["struck"] == {"http_503": 1}
        post(f"{server.url}/fake/faults", {"on": "stall", "endpoint": "Trades"})
        assert post(f"{server.url}/fake/faults", {"off": "*"}) == {"on": []}
        for nonsense in ({"on": "nothing"}, {"on": "stall", "rate": 7}, {}, {"on": "stall", "rate": "x"}):
            assert post(f"{server.url}/fake/faults", nonsense)[0] == 400


def test_two_servers_run_side_by_side() -> None:
    with serving(make()) as one, serving(make()) as other:
        assert one.url != other.url
        assert get(f"{one.url}/0/public/Time") == get(f"{other.url}/0/public/Time")


def test_a_clock_of_speed_makes_time_pass() -> None:
    clock = ScaledClock(START, speed=1000.0)
    first = clock.now()
    while clock.now() == first:
        time.sleep(0)
    assert first >= START


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Any]:
    """Start the program with arguments; end it by Ctrl-C."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tradecore.testing.fake_kraken", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        started.append(process)
        assert process.stdout is not None
        said: dict[str, str] = {}
        for line in process.stdout:
            name, _, value = line.strip().partition("  ")
            said[name] = value.strip()
            if "clock" in name:
                break
        return process, said

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_program_serves_a_tape_from_a_file_and_ends_by_interrupt(program: Any, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "timestamp": [1_700_000_000_000 + 1000 * i for i in range(100)],
            "trade_id": list(range(7, 107)),
            "price": [50_000.0 + i for i in range(100)],
            "amount": [0.5] * 100,
            "side": ["buy", "sell"] * 50,
        }
    )
    frame.write_parquet(tmp_path / "trades.parquet")
    process, said = program("--tape", str(tmp_path / "trades.parquet"), "--history", "1", "--rate-limit", "off")
    rows = get(f"{said['REST, futures charts']}/0/public/Trades?pair=XBTUSD&since=0")["result"]["XXBTZUSD"]
    assert [row[6] for row in rows] == list(range(7, 107))
    assert (rows[0][:2], rows[0][3:6]) == (["50000.00000", "0.50000000"], ["b", "m", ""])
    process.send_signal(2)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("stopped\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "nonsense=1"],
        ["--pair", "FOO/BAR"],
        ["--tape", "missing.parquet"],
        ["--speed", "0"],
        ["--rate-limit", "fast"],
        ["--trades", "0"],
    ],
)
def test_the_program_says_what_it_cannot_do(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradecore.testing.fake_kraken", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (2 if "--tape" in arguments else 64)
    assert "Traceback" not in done.stderr
    assert "expected" in done.stderr


def test_without_aiohttp_the_server_says_what_to_install_and_the_rest_works() -> None:
    program = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "import asyncio, tradecore.testing\n"
        "from tradecore.core.clock import ManualClock\n"
        "from tradecore.core.errors import UsageError\n"
        "from tradecore.testing.fake_kraken import FakeKraken, FakeKrakenServer\n"
        "from tradecore.testing.fake_kraken.wire import HttpRequest\n"
        "fake = FakeKraken({}, ManualClock(0))\n"
        "assert fake.http(HttpRequest('GET', '/0/public/Time')).status == 200\n"
        "async def run():\n"
        "    async with FakeKrakenServer(fake): pass\n"
        "try: asyncio.run(run())\n"
        "except UsageError as error: sys.stdout.write(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pip install 'tradecore[fake]'" in done.stdout


def test_a_port_that_is_taken_is_said_so() -> None:
    with serving(make()) as server:
        port = server.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "tradecore.testing.fake_kraken", "--port", port, "--trades", "10"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"port {port}:")
    assert "Traceback" not in done.stderr

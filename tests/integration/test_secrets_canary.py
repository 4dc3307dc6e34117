"""A canary for a key: run what uses it, then look for it in everything that was written, printed or shown.

The commands run as a person runs them, in their own processes, against the fake venue. The secret may appear nowhere,
in no spelling; of the key at most the first four letters.
"""

from __future__ import annotations

import base64
import binascii
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tradecore.core.clock import SystemClock
from tradecore.core.types import Pair
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.server import serving
from tradecore.testing.fake_kraken.tape import Tape

pytest.importorskip("aiohttp")

KEY = "CANARYkey/7b1fXq93WmZt0LsD5uPaE8"
PLAIN = b"canary: this secret sang in none of the places it was looked for"
SECRET = base64.b64encode(PLAIN).decode()
OTHER = base64.b64encode(PLAIN[::-1]).decode()
SHOWN_LETTERS = 4


def spellings(secret: str) -> list[bytes]:
    """Return every way in which a secret could be written down."""
    decoded = base64.b64decode(secret)
    texts = [secret, quote(secret, safe=""), repr(decoded)[2:-1], decoded.hex(), secret[8:-8], decoded[6:-6].decode()]
    return [*(text.encode() for text in texts), decoded, binascii.hexlify(secret.encode())]


FORBIDDEN = [
    *spellings(SECRET),
    *spellings(OTHER),
    *(text.encode() for text in (KEY[SHOWN_LETTERS:], quote(KEY, safe="")[SHOWN_LETTERS:], KEY[SHOWN_LETTERS:-6])),
]


def found(text: bytes) -> list[bytes]:
    """Return what must not be there and is."""
    return [one for one in FORBIDDEN if one in text]


@pytest.fixture
def fake() -> FakeKraken:
    pair, clock = Pair.parse("BTC/USD"), SystemClock()
    tape = Tape.synthetic(1, clock.now() - 600 * 10**9, 2000)
    made = FakeKraken({pair: tape}, clock)
    made.private.add_key(made.private.add_account("someone"), KEY, SECRET)
    return made


@pytest.fixture
def url(fake: FakeKraken) -> Iterator[str]:
    with serving(fake) as server:
        yield server.url


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert run(tmp_path, "init", "ws").returncode == 0
    return tmp_path / "ws"


def environment(secret: str = SECRET) -> dict[str, str]:
    """Return our environment with the canary in it, and nothing else of ours."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TRADECORE_")}
    return {**plain, "TRADECORE_KRAKEN_KEY": KEY, "TRADECORE_KRAKEN_SECRET": secret}


def run(cwd: Path, *arguments: str, secret: str = SECRET) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tradecore", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(secret), capture_output=True, timeout=120, check=False)


def everything(folder: Path) -> bytes:
    """Return names and contents of all files, one after another."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return b"\n".join(str(path).encode() + b"\n" + path.read_bytes() for path in files)


VERBS = ("balance", "fees", "orders", "trades", "key")


@pytest.mark.parametrize("verb", [*VERBS, "balance --json", "key --json"])
def test_the_commands_that_use_the_key_do_not_show_it(workspace: Path, url: str, verb: str) -> None:
    words = ["BTC/USD"] if verb == "fees" else []
    done = run(workspace, "venue", *verb.split(), *words, "--address", url)
    assert done.returncode == 0, done.stderr.decode()
    assert found(done.stdout + done.stderr) == []
    assert found(everything(workspace)) == []
    if verb == "key":
        assert KEY[:SHOWN_LETTERS].encode() in done.stdout


@pytest.mark.parametrize("words", [(), ("--debug",)], ids=["plain", "traceback"])
@pytest.mark.parametrize("secret", [OTHER, "canary that is no base64", ""], ids=["wrong", "broken", "missing"])
def test_a_secret_that_is_refused_is_not_shown(workspace: Path, url: str, secret: str, words: tuple[str, ...]) -> None:
    done = run(workspace, *words, "venue", "balance", "--address", url, "--json", secret=secret)
    assert done.returncode != 0
    assert (b"Traceback" in done.stderr) == bool(words)
    assert found(done.stdout + done.stderr) == []
    assert b"no base64" not in done.stdout + done.stderr
    assert found(everything(workspace)) == []


@pytest.mark.parametrize("fault", ["http_520", "html_200", "truncated_json", "lost_answer", "reset", "nonce_replay"])
def test_a_venue_that_fails_does_not_make_us_show_it(workspace: Path, fake: FakeKraken, url: str, fault: str) -> None:
    fake.faults.on(fault)
    done = run(workspace, "--debug", "venue", "balance", "--address", url)
    assert done.returncode == 1
    assert found(done.stdout + done.stderr + everything(workspace)) == []


def test_the_process_list_does_not_show_it(workspace: Path, fake: FakeKraken, url: str) -> None:
    command = [sys.executable, "-m", "tradecore", "venue", "balance", "--address", url]
    with subprocess.Popen(
        command, cwd=workspace, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        seen = b""
        while child.poll() is None:
            seen += Path(f"/proc/{child.pid}/cmdline").read_bytes()
            time.sleep(0.01)
    assert b"tradecore" in seen
    assert found(seen) == []


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_key_from_a_file_is_not_shown_either(workspace: Path, url: str, tmp_path: Path, mode: int) -> None:
    file = tmp_path / "kraken.key"
    file.write_text(f"{KEY}\n{SECRET}\n")
    file.chmod(mode)
    plain = {name: value for name, value in environment().items() if not name.startswith("TRADECORE_")}
    done = subprocess.run(
        [sys.executable, "-m", "tradecore", "--debug", "venue", "balance", "--address", url],
        cwd=workspace, env=plain | {"TRADECORE_KRAKEN_SECRET_FILE": str(file)}, capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == (0 if mode == 0o600 else 64)
    assert found(done.stdout + done.stderr + everything(workspace)) == []


def test_the_configuration_does_not_show_it(workspace: Path) -> None:
    for words in (
        ("config", "show"),
        ("config", "diff"),
        ("config", "show", "--json"),
        ("doctor",),
        ("doctor", "--json"),
    ):
        done = run(workspace, *words)
        assert found(done.stdout + done.stderr) == []


@pytest.mark.slow
def test_jobs_runs_and_reports_do_not_keep_it(workspace: Path, url: str) -> None:
    at = ("--set", f"kraken.rest_address={url}", "--set", "kraken.requests_per_second=50")
    fetched = run(workspace, *at, "data", "fetch", "BTC/USD", "--since", "2025-01-01", "--json")
    assert fetched.returncode == 0, fetched.stderr.decode()
    said = fetched.stdout + fetched.stderr
    for words in (
        ("data", "synth", "gbm", "--days", "60"),
        ("backtest", "run", "buy-and-hold", "--venue", "synthetic-gbm-0"),
    ):
        done = run(workspace, *at, *words)
        assert done.returncode == 0, done.stderr.decode()
        said += done.stdout + done.stderr
    kept = everything(workspace)
    assert b"run.json" in kept
    assert b"jobs" in kept
    assert found(said + kept) == []


INSIDE = """
import asyncio, logging, pickle, sys, traceback
from decimal import Decimal
from pathlib import Path
import numpy as np
from tradecore.bootstrap import open_lab
from tradecore.config.secrets import kraken_credentials
from tradecore.control.kraken import addresses, open_kraken_private, open_kraken_public, settings_at
from tradecore.core.secret import Secret
from tradecore.core.seeds import generator
from tradecore.core.types import Pair, Side
from tradecore.venues.kraken.answers import value_of
from tradecore.venues.kraken.orders import NewOrder, OrderType
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.socket import KrakenSocket
from tradecore.venues.kraken.transport import NetworkTransport

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
workspace, url, token_file = sys.argv[1:]
lab = open_lab(Path(workspace), settings_at(url))

def show(*held):
    for one in held:
        print(repr(one), str(one), f"{one}", getattr(one, "__dict__", ""))
        try:
            sys.stdout.buffer.write(pickle.dumps(one))
        except Exception as error:
            print("not pickled:", error)

def crash(held):
    for secret in (held, Secret(held.reveal()[1:]), Secret("AAAA" + held.reveal()[:12])):
        try:
            Credentials("a key", secret)  # neither is this a key, nor are all of those secrets
        except Exception as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            print("a fault of ours, with everything in reach", *told.format())
    try:
        Credentials("key", Secret(held.reveal()[1:]))
    except Exception as error:
        print(*traceback.TracebackException.from_exception(error, capture_locals=True).format())

async def main():
    key = kraken_credentials()
    show(key, key.key, key.secret)
    async with open_kraken_public(lab) as public:
        listing = value_of(await public.pairs())
    async with open_kraken_private(lab, listing) as client:
        show(client, client._credentials)
        order = NewOrder(listing.rules(Pair.parse("BTC/USD")), Side.BUY, OrderType.LIMIT, Decimal("50"),
                         "canary-order-1", lab.clock.now() + 20 * 10**9, limit=Decimal("50000.0"))
        print(await client.add_order(order))
        print(await client.balances())
        async def token():
            found = value_of(await client.socket_token())
            print(repr(found), str(found), f"{found}")
            Path(token_file).write_text(found.token)
            return found.token
        at = addresses(lab.settings.kraken).private_socket
        async with NetworkTransport() as transport:
            async with KrakenSocket(transport, at, lab.clock, generator(1, "canary"), token=token) as socket:
                socket.subscribe("executions")
                show(socket)
                seen = 0
                async for message in socket:
                    print(message)
                    seen += 1
                    if seen == 3:
                        break
        crash(key.secret)

asyncio.run(main())
"""


def test_nothing_inside_shows_it_whatever_is_logged_pickled_or_thrown(
    workspace: Path, url: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    done = subprocess.run(
        [sys.executable, "-c", INSIDE, str(workspace), url, str(token)],
        env=environment(), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert b"Insufficient funds" in said
    assert b"a fault of ours" in said
    assert found(said) == []
    assert found(everything(workspace)) == []
    assert token.read_bytes() not in said


def test_the_canary_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(f'{{"secret": "{SECRET}"}}')
    (tmp_path / "x.pickle").write_bytes(pickle.dumps({"key": KEY, "secret": base64.b64decode(SECRET)}))
    assert len(found(everything(tmp_path))) > 3
    assert found(KEY[:SHOWN_LETTERS].encode()) == []

"""A strategy gets the bars it needs before its first decision, or a reason by name; the fake venue answers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tradecore.config.load import load_settings
from tradecore.control import history
from tradecore.control.config import make_workspace
from tradecore.control.kraken import settings_at
from tradecore.control.lab import Lab
from tradecore.core.clock import ManualClock
from tradecore.core.errors import UsageError
from tradecore.core.events import FeedReason
from tradecore.core.types import DAY_NS, HOUR_NS, SECOND_NS, Pair, Timeframe, parse_time
from tradecore.market.history import Need, NotReady, Ready, way_of
from tradecore.market.manifest import DatasetKey
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.server import serving

START = parse_time("2024-05-01")
NOW = START + 12 * DAY_NS + 70 * SECOND_NS
BTC = Pair("BTC", "USD")
STRATEGY = "ema-rsi-volume"
Open = Callable[[str], Lab]


class Silent:
    """Hears a fetch and says nothing."""

    def started(self, job: object) -> None: ...

    def told(self, pair: object, progress: object) -> None: ...

    def waits(self, wait: object) -> None: ...


@pytest.fixture(scope="module")
def tape() -> Tape:
    return Tape.synthetic(4, START, 9000, per_second=9000 / (12 * 86_400))


@pytest.fixture
def fake(tape: Tape) -> FakeKraken:
    return FakeKraken({BTC: tape}, ManualClock(NOW), FakeSettings(public_limit=None, pair_limit=None))


@pytest.fixture
def open_at(tmp_path: Path) -> Open:
    def make(url: str) -> Lab:
        root = tmp_path / "workspace"
        if not root.exists():
            make_workspace(root)
        asked = {**settings_at(url), "kraken.requests_per_second": "1000"}
        return Lab(root, load_settings(root, asked), ManualClock(NOW))

    return make


@pytest.fixture
def lab(fake: FakeKraken, open_at: Open) -> Iterator[Lab]:
    with serving(fake) as server:
        yield open_at(server.url)


def ask(lab: Lab, **words: object) -> history.PairHistory:
    (found,) = history.prepare(lab, history.Asked(STRATEGY, **words), Silent())  # type: ignore[arg-type]
    return found


def test_where_720_bars_suffice_one_question_is_enough_and_the_source_says_so(lab: Lab, fake: FakeKraken) -> None:
    one = ask(lab)
    assert isinstance(one.found, Ready)
    assert (one.found.way, one.found.bars.source) == ("ohlc", "kraken-rest-ohlc")
    assert len(one.found.bars) == one.need.bars
    assert one.found.bars.end_time == NOW // HOUR_NS * HOUR_NS
    asked = dict(fake.requests)
    again = ask(lab)
    assert isinstance(again.found, Ready)
    assert (again.found.way, dict(fake.requests)) == ("stored", asked)
    assert np.array_equal(again.found.bars.close, one.found.bars.close)


def test_bars_made_from_trades_are_those_of_the_venue(lab: Lab) -> None:
    made = ask(lab, how="trades")
    assert isinstance(made.found, Ready)
    assert (made.found.way, made.found.bars.source) == ("trades", "kraken-rest-trades")
    assert made.found.bars.end_time == NOW // HOUR_NS * HOUR_NS
    theirs = ask(lab, how="ohlc")
    assert isinstance(theirs.found, Ready)
    assert theirs.found.way == "stored"


def test_bars_beside_another_source_are_handed_on_and_not_stored(lab: Lab) -> None:
    ask(lab, timeframe="1m", margin=1, how="trades")
    key = DatasetKey("kraken", BTC, Timeframe.parse("1m"))
    before = lab.lake.dataset(key).hash
    other = Lab(lab.root, lab.loaded, ManualClock(NOW + 3 * HOUR_NS))
    found = ask(other, timeframe="1m", margin=1)
    assert isinstance(found.found, NotReady)  # the fake's clock stands still: the newest bars are not there yet
    assert lab.lake.dataset(key).hash == before


def test_more_bars_than_there_are_is_told_with_the_figures(lab: Lab) -> None:
    one = ask(lab, margin=20)
    assert isinstance(one.found, NotReady)
    assert one.found.reason is FeedReason.TOO_LITTLE_DATA
    assert 0 < one.found.have < one.found.need == one.need.bars
    assert f"{one.found.have:,} of {one.found.need:,} bars" in one.found.detail


def test_an_unknown_pair_maintenance_and_no_connection_are_reasons_and_no_exceptions(
    lab: Lab, fake: FakeKraken, open_at: Open
) -> None:
    (one,) = history.prepare(lab, history.Asked(STRATEGY, ("NO/USD",)), Silent())
    assert isinstance(one.found, NotReady)
    assert one.found.reason is FeedReason.UNKNOWN_PAIR
    fake.faults.on("maintenance")
    for how in ("ohlc", "trades"):
        down = ask(lab, how=how)
        assert isinstance(down.found, NotReady)
        assert down.found.reason is FeedReason.MAINTENANCE
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nobody = ask(open_at(f"http://127.0.0.1:{port}"))
    assert isinstance(nobody.found, NotReady)
    assert nobody.found.reason is FeedReason.NO_CONNECTION


def test_the_way_is_chosen_by_how_many_bars_are_needed() -> None:
    hour = Timeframe.parse("1h")
    assert way_of(Need(BTC, hour, 720)) == "ohlc"
    assert way_of(Need(BTC, hour, 721)) == "trades"
    assert way_of(Need(BTC, Timeframe.parse("2h"), 10)) == "trades"
    assert way_of(Need(BTC, hour, 10), "trades") == "trades"


def test_a_strategys_needs_are_its_warm_up_and_the_margin(lab: Lab) -> None:
    (once,) = history.needs_of(lab, history.Asked(STRATEGY, margin=1))
    (twice,) = history.needs_of(lab, history.Asked(STRATEGY, margin=2))
    assert twice.bars == 2 * once.bars > 2
    assert str(once.timeframe) == "1h"
    with pytest.raises(UsageError, match="expected 1 or more"):
        history.needs_of(lab, history.Asked(STRATEGY, margin=0.5))
    with pytest.raises(UsageError, match="expected auto, ohlc or trades"):
        ask(lab, how="guess")

"""Pages of the fake venue's trades, for any tape with ties: a client that follows the cursor gets every trade."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.clock import ManualClock
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.wire import HttpRequest

START = 1_700_000_000 * SECOND_NS
BTC = Pair("BTC", "USD")


def pages(fake: FakeKraken, count: int) -> list[list[int]]:
    """Return the ids of all pages, asked for one after another from the beginning."""
    found: list[list[int]] = []
    since = "0"
    while True:
        query = f"pair=XBTUSD&since={since}&count={count}"
        result = json.loads(fake.http(HttpRequest("GET", "/0/public/Trades", query)).body)["result"]
        ids = [row[6] for row in result["XXBTZUSD"]]
        if not ids:
            return found
        found.append(ids)
        since = str(int(since) + 1) if result["last"] == since else result["last"]


@settings(max_examples=100, deadline=None)
@given(groups=st.lists(st.integers(1, 12), min_size=1, max_size=20), count=st.integers(1, 10), data=st.data())
def test_every_trade_comes_whichever_way_since_treats_ties(groups: list[int], count: int, data: st.DataObject) -> None:
    ties = data.draw(st.sampled_from(["kept", "spread"]))
    since = data.draw(st.sampled_from(["exclusive", "inclusive"]))
    split = ties == "spread" and data.draw(st.booleans())
    shown = np.repeat(START + SECOND_NS * np.arange(len(groups)), groups)
    total = len(shown)
    inner = shown if ties == "kept" else shown + np.arange(total)
    tape = Tape.of_arrays(inner, np.full(total, 5e4), np.ones(total), np.ones(total), shown_time=shown)
    ways = FakeSettings(since=since, split_ties=split, public_limit=None, pair_limit=None)
    fake = FakeKraken({BTC: tape}, ManualClock(int(tape.time[-1]) + SECOND_NS), ways)
    found = pages(fake, count)
    ids = [trade for page in found for trade in page]
    assert sorted(set(ids)) == list(range(1, total + 1))
    if since == "exclusive":
        assert ids == list(range(1, total + 1))
    assert all(len(page) <= max(count, *groups) + count for page in found)

"""A Kraken of one's own: start it, ask it as ccxt or a browser would, and break it on command."""

import json
import urllib.error
import urllib.request

from tradecore.core.clock import ManualClock
from tradecore.core.types import Pair
from tradecore.testing.fake_kraken import FakeKraken, Tape, serving


def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    tape = Tape.synthetic(seed=7, start=1_700_000_000 * 10**9, trades=10_000)
    fake = FakeKraken({Pair.parse("BTC/USD"): tape}, ManualClock(int(tape.time[-1])))

    with serving(fake) as server:
        row = get(f"{server.url}/0/public/Ticker?pair=XBTUSD")["result"]["XXBTZUSD"]
        print(f"BTC/USD   bid {row['b'][0]}  ask {row['a'][0]}  {row['t'][1]:,} trades in 24 hours")
        bars = get(f"{server.url}/0/public/OHLC?pair=XBTUSD&interval=60")["result"]["XXBTZUSD"]
        print(f"bars      {len(bars)} of an hour, the last of them still open")

        fake.faults.on("http_520", endpoint="Trades", times=1)
        try:
            get(f"{server.url}/0/public/Trades?pair=XBTUSD")
        except urllib.error.HTTPError as error:
            print(f"a fault   {error.code}, as ordered")
        page = get(f"{server.url}/0/public/Trades?pair=XBTUSD&since=0")["result"]
        print(f"then      {len(page['XXBTZUSD'])} trades, cursor {page['last']}")

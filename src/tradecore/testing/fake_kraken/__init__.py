"""A Kraken of one's own: REST v0, WebSocket v2 and Futures charts from a tape, with faults on command.

`FakeKraken` is the venue (no sockets), `FakeKrakenServer` and `serving` put it on loopback, `MemoryTransport` into the
process, `python -m tradecore.testing.fake_kraken` into a terminal. For tests and for trying things; never for money.
"""

from tradecore.testing.fake_kraken.clocks import ScaledClock
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.faults import Faults
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.fake_kraken.server import FakeKrakenServer, serving
from tradecore.testing.fake_kraken.settings import FakeSettings, Limit
from tradecore.testing.fake_kraken.tape import Tape

__all__ = [
    "FakeKraken",
    "FakeKrakenServer",
    "FakeSettings",
    "Faults",
    "Limit",
    "MemoryTransport",
    "ScaledClock",
    "Tape",
    "serving",
]

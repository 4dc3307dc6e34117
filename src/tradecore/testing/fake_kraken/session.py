"""One client on one socket of the fake venue: greeting, pings, subscribing and its acknowledgements.

What there is to subscribe to and to request is the subclass's: `PublicSession` here, the accounts' on the other side.
The core makes one per connection. Invariant: every request gets one acknowledgement per symbol, before its snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradecore.core.clock import Clock
from tradecore.core.types import Nanoseconds
from tradecore.testing.fake_kraken.outlet import Outlet
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.wire import stamp

Message = Mapping[str, Any]

_FIRST_CONNECTION = 6_447_481_662_169_813_000


class Session:
    """The part of a connection that is the same on every socket."""

    def __init__(self, outlet: Outlet, clock: Clock, status: str) -> None:
        self.outlet = outlet
        self._clock = clock
        self.outlet.send(status_text(status, clock.now()), "status", "control")

    def receive(self, text: str) -> None:
        """Take one message of the client."""
        if self.outlet.cut:
            return
        arrived = self._clock.now()
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.refuse({"method": "error"}, "Malformed request", arrived)
            return
        method, params = message.get("method"), message.get("params") or {}
        if not isinstance(params, dict):
            params = {}
        about = {"method": method} | ({"req_id": message["req_id"]} if "req_id" in message else {})
        if method == "ping":
            self.send(about | {"method": "pong"} | self._times(arrived))
        elif method in {"subscribe", "unsubscribe"}:
            self._change(str(method), params, about, arrived)
        else:
            self.request(str(method), params, about, arrived)

    def closed(self) -> None:
        """Learn that the client is gone."""

    def on_time(self, now: Nanoseconds) -> None:
        """Do what is due by now: nothing, the outlet beats by itself."""

    def next_due(self) -> Nanoseconds | None:
        """Return when something will be due: never."""
        return None

    def request(self, method: str, params: Message, about: Message, arrived: Nanoseconds) -> None:
        """Answer a request that is not about subscriptions; there is none on the public side."""
        self.refuse(about, "Method not found", arrived)

    def targets(self, params: Message) -> Sequence[str | None]:
        """Return what a request is about, one acknowledgement each: symbols, or None for the channel as a whole."""
        symbols = params.get("symbol")
        if isinstance(symbols, str):
            return [symbols]
        return list(symbols) if isinstance(symbols, list) and symbols else [None]

    def subscribe(self, channel: str, target: str | None, params: Message) -> tuple[dict[str, Any], Callable[[], None]]:
        """Subscribe to one target; return the `result` of its acknowledgement and what to do after it.

        Errors: Said with the venue's words.
        """
        raise Said("Channel not supported")

    def unsubscribe(self, channel: str, target: str | None, params: Message) -> dict[str, Any]:
        """End a subscription; return the `result` of its acknowledgement. Errors: Said."""
        raise Said("Subscription Not Found")

    def send(self, message: Message, channel: str = "ack") -> None:
        """Send a message that is no data of a channel."""
        self.outlet.send(json.dumps(message, separators=(",", ":")), channel, "control")

    def refuse(self, about: Message, words: str, arrived: Nanoseconds, **more: Any) -> None:
        """Acknowledge a request without success."""
        self.send({"error": words} | dict(about) | {"success": False} | more | self._times(arrived))

    def accept(self, about: Message, result: Message, arrived: Nanoseconds) -> None:
        """Acknowledge a request with success."""
        self.send(dict(about) | {"result": dict(result), "success": True} | self._times(arrived))

    def _change(self, method: str, params: Message, about: Message, arrived: Nanoseconds) -> None:
        channel = str(params.get("channel"))
        for target in self.targets(params):
            symbol = {} if target is None else {"symbol": target}
            try:
                if method == "subscribe":
                    result, after = self.subscribe(channel, target, params)
                else:
                    result, after = self.unsubscribe(channel, target, params), _nothing
            except Said as said:
                self.refuse(about, said.words, arrived, **symbol)
                continue
            self.accept(about, result, arrived)
            self.outlet.beating = True
            after()

    def _times(self, arrived: Nanoseconds) -> dict[str, str]:
        return {"time_in": stamp(arrived), "time_out": stamp(self._clock.now())}


def status_text(status: str, connection: int) -> str:
    """Return the message of the system status, as sent on connecting and at every change."""
    told = {
        "system": status,
        "api_version": "v2",
        "connection_id": _FIRST_CONNECTION + connection % 1_000_000,
        "version": "2.0.10",
    }
    return json.dumps({"channel": "status", "type": "update", "data": [told]}, separators=(",", ":"))


def _nothing() -> None:
    """Do nothing after an acknowledgement."""

"""What leaves the fake venue through one socket: messages in order, heartbeats in silence, and the sockets' faults.

Sessions (public and private) send through it; the core lets it send what time makes due. Invariant: without faults
every message goes out once, at once and in order; after a cut nothing goes out any more.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable
from itertools import count
from typing import Literal

import numpy as np

from tradecore.core.clock import Clock
from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.faults import Faults
from tradecore.testing.fake_kraken.settings import FakeSettings

HEARTBEAT = '{"channel":"heartbeat"}'

Kind = Literal["control", "snapshot", "update"]


class Outlet:
    """One socket's way out."""

    def __init__(
        self,
        push: Callable[[str], None],
        drop: Callable[[], None],
        clock: Clock,
        faults: Faults,
        settings: FakeSettings,
        rng: np.random.Generator,
    ) -> None:
        self._push, self._drop = push, drop
        self._clock, self._faults, self._rng = clock, faults, rng
        self._heartbeat_ns = round(settings.heartbeat_s * SECOND_NS)
        self._last_sent = clock.now()
        self._late: list[tuple[Nanoseconds, int, str]] = []
        self._held = count()
        self._slow_until = self._last_sent
        self._swapped: str | None = None
        self._mute: Literal["no", "zombie", "silent", "cut"] = "no"
        self.beating = False
        """Whether heartbeats are sent: from the first subscription on."""

    @property
    def cut(self) -> bool:
        """Whether the venue has hung up."""
        return self._mute == "cut"

    def hang_up(self) -> None:
        """Cut the connection without a farewell."""
        if self._mute != "cut":
            self._mute = "cut"
            self._drop()

    def send(self, text: str, channel: str, kind: Kind) -> None:
        """Send a message of a channel, unless a fault has something else in mind for it."""
        if not self._faults.any_on() and self._mute == "no" and self._swapped is None and not self._late:
            self._emit(text)
            return
        if self._mute != "no" or self._struck_dumb(channel):
            return
        if self._faults.hit("garbage_frame", channel):
            self._emit(text[: int(self._rng.integers(1, len(text)))])
        if kind == "update" and self._held_back(text, channel):
            return
        slow = self._faults.strike("slow", channel)
        now = self._clock.now()
        if slow or self._slow_until > now:
            self._slow_until = max(self._slow_until, now + round((slow.delay_s if slow else 0.0) * SECOND_NS))
            self._hold(text, self._slow_until)
            return
        self._emit(text)
        if kind == "update" and self._faults.hit("ws_duplicate", channel):
            self._emit(text)
        if self._swapped is not None:
            swapped, self._swapped = self._swapped, None
            self._emit(swapped)

    def relay(self, text: str) -> None:
        """Send a message whose channel and kind are read from itself; heartbeats only meet silence."""
        message = json.loads(text)
        channel = str(message.get("channel", "ack"))
        if channel == "heartbeat":
            if self._mute in {"no", "zombie"}:
                self._emit(text)
            return
        kind = message.get("type")
        self.send(text, channel, kind if kind in {"snapshot", "update"} and channel != "status" else "control")

    def on_time(self, now: Nanoseconds) -> None:
        """Send what is due: late messages, and a heartbeat after silence."""
        while self._late and self._late[0][0] <= now:
            text = heapq.heappop(self._late)[2]
            if self._mute == "no":
                self._emit(text)
        if self.beating and self._mute in {"no", "zombie"} and now - self._last_sent >= self._heartbeat_ns:
            self._emit(HEARTBEAT)

    def next_due(self) -> Nanoseconds | None:
        """Return when `on_time` will have something to send."""
        due = [self._late[0][0]] if self._late else []
        if self.beating and self._mute in {"no", "zombie"}:
            due.append(self._last_sent + self._heartbeat_ns)
        return min(due, default=None)

    def _struck_dumb(self, channel: str) -> bool:
        if self._faults.hit("ws_drop", channel):
            self.hang_up()
        elif self._faults.hit("ws_zombie", channel):
            self._mute = "zombie"
        elif self._faults.hit("ws_silent", channel):
            self._mute = "silent"
        return self._mute != "no"

    def _held_back(self, text: str, channel: str) -> bool:
        """Tell whether an update does not go out in its turn."""
        if channel == "trade":
            if self._faults.hit("ws_missing_trade", channel):
                return True
            late = self._faults.strike("ws_late_trade", channel)
            if late:
                self._hold(text, self._clock.now() + round(late.delay_s * SECOND_NS))
                return True
        if self._swapped is None and self._faults.hit("ws_out_of_order", channel):
            self._swapped = text
            return True
        return False

    def _hold(self, text: str, due: Nanoseconds) -> None:
        heapq.heappush(self._late, (due, next(self._held), text))

    def _emit(self, text: str) -> None:
        self._last_sent = self._clock.now()
        self._push(text)

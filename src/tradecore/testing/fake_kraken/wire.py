"""What crosses the fake venue's wall: requests and replies as bytes, its error strings, its ways of writing numbers.

No sockets and no state here. The core, both sides of the venue and both shells (server, memory) use it.
Invariant: a number is written from integers, so that what is on the wire is exact.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from tradecore.core.types import SECOND_NS, Nanoseconds, iso
from tradecore.testing.fake_kraken.said import Said

NEVER = math.inf
"""The delay of an answer that never comes."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it arrived. Header names are lower case; `client` is the address it came from."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = "127.0.0.1"

    @property
    def endpoint(self) -> str:
        """The last part of the path: Trades, AddOrder."""
        return self.path.rstrip("/").rpartition("/")[2]

    def arguments(self) -> dict[str, str]:
        """Return the arguments of the query and, of a form, of the body."""
        given = dict(parse_qsl(self.query, keep_blank_values=True))
        if self.body and self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            given.update(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return given


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One answer: what is sent after `delay_s`. `lost`: nothing is sent and the connection is cut after the delay.

    `trickled`: the body goes out in small pieces over the whole of the delay.
    """

    status: int
    body: bytes
    delay_s: float = 0.0
    lost: bool = False
    trickled: bool = False
    content_type: str = "application/json"


class Connection(Protocol):
    """One socket as the venue sees it; what it sends goes through the `push` it was opened with."""

    def receive(self, text: str) -> None:
        """Take one message of the client."""
        ...

    def closed(self) -> None:
        """Learn that the client is gone."""
        ...


def refusal(said: Said) -> bytes:
    """Return an error as the venue wraps it."""
    return b'{"error":' + to_json([said.words]) + b"}"


def to_json(value: Any) -> bytes:
    """Return a value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def fixed(units: int, decimals: int, shown: int | None = None) -> str:
    """Return an integer count of 10**-decimals as decimal text with `shown` decimals (at least `decimals`).

    >>> fixed(1054336, 1, 5)
    '105433.60000'
    """
    sign, units = ("-", -units) if units < 0 else ("", units)
    pad = "0" * ((shown or decimals) - decimals)
    whole, part = divmod(units, 10**decimals)
    if not decimals:
        return f"{sign}{whole}" + (f".{pad}" if pad else "")
    return f"{sign}{whole}.{part:0{decimals}d}{pad}"


def stamp(time_ns: Nanoseconds, digits: int = 6) -> str:
    """Return a time as sockets show it: RFC3339 with `digits` decimals of a second, cut off, and Z.

    >>> stamp(1_700_000_000_123_456_789)
    '2023-11-14T22:13:20.123456Z'
    """
    whole = iso(time_ns - time_ns % SECOND_NS)[:-1]
    return whole + (f".{time_ns % SECOND_NS:09d}"[: digits + 1] if digits else "") + "Z"

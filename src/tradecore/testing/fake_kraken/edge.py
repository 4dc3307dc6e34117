"""The edge in front of the fake venue's API: where answers are delayed, replaced, cut short or lost.

It takes the function that answers and decides whether, when and with what it is asked. The core calls it for every
request. Invariant: a request is carried out at most once, and a fault says by itself whether it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.faults import Faults
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.wire import NEVER, HttpReply, HttpRequest, refusal

Answering = Callable[[HttpRequest, Nanoseconds], bytes]

_STATUS_FAULTS = {"http_520": 520, "http_429": 429, "http_502": 502, "http_503": 503}
_WORDS = {
    520: "Web server is returning an unknown error",
    429: "Too Many Requests",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    200: "Just a moment...",
}


class Edge:
    """Passes requests on, unless a fault strikes."""

    def __init__(self, faults: Faults, rng: np.random.Generator) -> None:
        self._faults = faults
        self._rng = rng

    def pass_on(self, request: HttpRequest, now: Nanoseconds, answer: Answering) -> HttpReply:
        """Return the reply to a request that the API would answer by `answer` as of a moment."""
        if not self._faults.any_on():
            return HttpReply(200, answer(request, now))
        endpoint = request.endpoint
        instead = self._instead(request, now, answer)
        if instead is None:
            seen = self._seen_time(endpoint, now)
            instead = self._damaged(endpoint, HttpReply(200, answer(request, seen)))
        late = self._faults.strike("latency", endpoint)
        if late:
            instead = replace(instead, delay_s=instead.delay_s + late.delay_s)
        slow = self._faults.strike("slow", endpoint)
        return replace(instead, delay_s=instead.delay_s + slow.delay_s, trickled=True) if slow else instead

    def _instead(self, request: HttpRequest, now: Nanoseconds, answer: Answering) -> HttpReply | None:
        """Return what comes in place of the API's answer, None when nothing does."""
        faults, endpoint = self._faults, request.endpoint
        if faults.hit("reset", endpoint):
            return HttpReply(0, b"", lost=True)
        if faults.hit("stall", endpoint):
            return HttpReply(0, b"", delay_s=NEVER, lost=True)
        for name, status in _STATUS_FAULTS.items():
            struck = faults.strike(name, endpoint)
            if struck:
                if struck.processed:
                    answer(request, now)
                return HttpReply(status, page(status), content_type="text/html")
        struck = faults.strike("refusal", endpoint)
        if struck:
            if struck.processed:
                answer(request, now)
            return HttpReply(200, refusal(Said(struck.says)))
        return None

    def _seen_time(self, endpoint: str, now: Nanoseconds) -> Nanoseconds:
        """Return the moment the answer is as of."""
        stale = self._faults.strike("stale_read", endpoint)
        if stale:
            return now - round(stale.age_s * SECOND_NS)
        skew = self._faults.strike("clock_skew", endpoint) if endpoint in {"Time", "SystemStatus"} else None
        return now + round(skew.shift_s * SECOND_NS) if skew else now

    def _damaged(self, endpoint: str, reply: HttpReply) -> HttpReply:
        """Return an answer as it arrives: whole, cut, lost or replaced by a page."""
        faults = self._faults
        if faults.hit("lost_answer", endpoint):
            return replace(reply, lost=True)
        if faults.hit("truncated_json", endpoint):
            return replace(reply, body=reply.body[: int(self._rng.integers(1, max(2, len(reply.body))))])
        if faults.hit("html_200", endpoint):
            return HttpReply(200, page(200), content_type="text/html")
        return reply


def page(status: int) -> bytes:
    """Return the edge's page of HTML for a status."""
    words = _WORDS[status]
    title = f"{status}: {words}" if status != 200 else words
    return (
        f"<!DOCTYPE html><html><head><title>api.kraken.com | {title}</title></head>"
        f"<body><h1>{title}</h1><p>cloudflare</p></body></html>"
    ).encode()

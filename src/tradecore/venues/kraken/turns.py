"""One at a time: the queue before a key. What is urgent goes before what is not; equals go in the order they came.

The venue wants the numbers of one key in rising order, so that one request is answered before the next is numbered. An
exit alone does not wait for ever behind an answer that does not come: after a moment it overtakes. That is safe: should
the request that hangs arrive later, its smaller number makes the venue refuse it. The private client waits here.
Invariant: never two inside but for an overtaker, and a waiter that gives up is not missed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock with two queues; who is urgent waits `patience_s` at most."""

    def __init__(self, patience_s: float = 1.0) -> None:
        self._patience_s = patience_s
        self._taken = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def taken(self, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for the turn, and hold it for the block."""
        holds = await self._enter(urgent)
        try:
            yield
        finally:
            if holds:
                self._pass_on()

    async def _enter(self, urgent: bool) -> bool:
        """Return whether the turn was had; False for one that overtakes."""
        if self._taken:
            try:
                async with asyncio.timeout(self._patience_s if urgent else None):
                    await self._wait(self._urgent if urgent else self._others)
            except TimeoutError:
                return False
        self._taken = True
        return True

    async def _wait(self, queue: deque[asyncio.Future[None]]) -> None:
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn had come in the same moment: the next one has it.
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        for queue in (self._urgent, self._others):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._taken = False

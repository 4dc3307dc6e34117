"""Run asyncio code on virtual time: waiting takes no time, and the same program runs the same way every time.

The loop never waits in its selector; when nothing is ready, time jumps to the next timer. `VirtualClock` is the same
time as a `core.clock.Clock`, so that `asyncio.sleep` and `clock.now()` cannot disagree. Only what needs no real
sockets and processes can run on it: nobody would wait for them. What is given to a thread runs at once, in this one.
Tests of feeds and venues call `run_virtual`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

from tradecore.core.types import SECOND_NS, Nanoseconds

RESOLUTION_S = 1e-7
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class StandstillError(RuntimeError):
    """Nothing is ready, and nothing ever will be: every task waits for another, or for the real world."""


class VirtualClock:
    """A clock that moves only when the loop has nothing left to do at this moment."""

    def __init__(self, start: Nanoseconds) -> None:
        self._start, self._elapsed = start, 0

    def now(self) -> Nanoseconds:
        """Return the virtual UTC time in nanoseconds."""
        return self._start + self._elapsed

    @property
    def elapsed_s(self) -> float:
        """Virtual seconds since the start: what the loop's `time()` tells."""
        return self._elapsed / SECOND_NS

    def _wait(self, seconds: float) -> None:
        """Move on. A wait too short for a nanosecond moves by one, or a timer might never be reached."""
        self._elapsed += max(round(seconds * SECOND_NS), 1)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is that of a `VirtualClock`."""

    _clock_resolution: float

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_JumpingSelector(clock))
        self._clock = clock
        # A timer counts as due when it is less than this ahead. The loop's own value, a nanosecond, is lost in a float
        # of some months: a timer due exactly now would then never be due.
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        """Return virtual seconds since the start."""
        return self._clock.elapsed_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """Run the function here and now, so that its end does not depend on the machine."""
        done: asyncio.Future[_T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # boundary: it belongs to whoever awaits the result, as with a thread
            done.set_exception(error)
        return done


def run_virtual(
    factory: Callable[[VirtualClock], Coroutine[Any, Any, _T]], start_ns: Nanoseconds = 1_700_000_000 * SECOND_NS
) -> _T:
    """Run the coroutine that `factory` makes from the clock, on virtual time that begins at `start_ns`.

    Returns what it returns; what is still running then is cancelled, as by `asyncio.run`.
    Errors: StandstillError when every task waits for something that can never come.

    >>> async def nap(clock: VirtualClock) -> int:
    ...     await asyncio.sleep(3600)
    ...     return clock.now()
    >>> run_virtual(nap, start_ns=0) == 3600 * SECOND_NS
    True
    """
    clock = VirtualClock(start_ns)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(factory(clock))


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that lets virtual time pass where a real one would wait."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now; if nothing is, let `timeout` pass at once."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise StandstillError(
                "virtual time stands still: no timer is set and every task waits; "
                "on a virtual loop nothing may wait for a process or a real socket"
            )
        self._clock._wait(max(timeout, 0.0))
        return ready

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return the registered files: the loop's own pipe."""
        return super().get_map() or {}

"""Faults on command: each has a name, strikes at its own rate at its own endpoint, and is counted.

Nothing here breaks anything; it says when something is to break, and the place that knows how does it. Tests switch
faults on the fake itself, other processes through the server's own address `/fake/faults`.
Invariant: the same seed and the same questions in the same order give the same strikes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, NoneType
from typing import Any

import numpy as np

from tradecore.core.errors import UsageError

EVERYWHERE = "*"

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "latency": "HTTP: the answer comes `delay_s` later",
        "slow": "HTTP: the answer trickles over `delay_s`; sockets: every message comes `delay_s` late",
        "http_429": "HTTP: the edge says 429 with HTML",
        "http_502": "HTTP: the edge says 502 with HTML",
        "http_503": "HTTP: the edge says 503 with HTML",
        "http_520": "HTTP: the edge says 520 with HTML; with `processed` the request was carried out all the same",
        "refusal": "HTTP: the API answers the error string `says`; with `processed` it carried out the request",
        "truncated_json": "HTTP: the body ends in the middle",
        "html_200": "HTTP: 200 with a page of HTML",
        "stall": "HTTP: the request is accepted and never answered",
        "lost_answer": "HTTP: the request is carried out and the connection cut before the answer",
        "reset": "HTTP: the connection is cut and nothing carried out",
        "stale_read": "HTTP: the answer is as of `age_s` ago",
        "clock_skew": "the venue's clock is `shift_s` ahead in what it says of time",
        "maintenance": "system status maintenance: everything but Time and SystemStatus is unavailable",
        "cancel_only": "system status cancel_only",
        "post_only": "system status post_only",
        "ws_refused": "sockets: a new connection is refused",
        "ws_drop": "sockets: the connection is cut in place of a message",
        "ws_zombie": "sockets: from this message on only heartbeats come",
        "ws_silent": "sockets: from this message on nothing comes",
        "ws_duplicate": "sockets: the message comes twice",
        "ws_out_of_order": "sockets: the message comes after the next one",
        "ws_late_trade": "sockets: the message of trades comes `delay_s` late",
        "ws_missing_trade": "sockets: the message of trades never comes",
        "sequence_jump": "private sockets: a number of the sequence is left out",
        "bad_checksum": "sockets: the checksum of a book message is wrong",
        "token_expired": "private sockets: the token is refused",
        "garbage_frame": "sockets: a message that is not JSON comes first",
        "fill_before_ack": "private sockets: the fill of an order comes before its acknowledgement",
        "fill_after_cancel": "private: an order fills once more after its cancellation was acknowledged",
        "missing_execution": "private sockets: a message of executions never comes, its number is used up",
        "untold_execution": "private sockets: an execution is never told and takes no number: only REST shows it",
        "nonce_replay": "private: a nonce that is fine is called used",
        "dust": "private: fills come in odd small parts",
    }
)
"""Every fault by name, and what it does."""

STATUSES = ("maintenance", "cancel_only", "post_only")


@dataclass(frozen=True, slots=True)
class FaultOptions:
    """What a fault is told besides its name."""

    rate: float = 1.0
    """The probability that it strikes when it could."""
    endpoint: str = EVERYWHERE
    """The endpoint or channel it strikes at: Trades, AddOrder, book; `*` for all."""
    times: int | None = None
    """After how many strikes it goes off by itself; None for never."""
    says: str = "EService:Unavailable"
    delay_s: float = 1.0
    age_s: float = 10.0
    shift_s: float = 5.0
    processed: bool = False


_NUMBER = (int, float)
_KINDS: Mapping[str, tuple[type, ...]] = {
    "rate": _NUMBER,
    "times": (int, NoneType),
    "delay_s": _NUMBER,
    "age_s": _NUMBER,
    "shift_s": _NUMBER,
    "endpoint": (str,),
    "says": (str,),
}


class Faults:
    """The switchboard of faults of one fake venue."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._on: dict[str, list[FaultOptions]] = {}
        self._struck: dict[tuple[str, FaultOptions], int] = {}
        self.counts: Counter[str] = Counter()
        """How often each fault struck since the start."""

    def on(self, name: str, **options: Any) -> None:
        """Switch a fault on; several of one name may stand beside each other for different endpoints.

        Errors: UsageError for an unknown name or option, or a rate outside 0..1.
        """
        if name not in NAMES:
            raise UsageError(f"fault {name!r}: unknown; expected one of {', '.join(NAMES)}")
        try:
            rule = FaultOptions(**options)
        except TypeError:
            known = ", ".join(FaultOptions.__dataclass_fields__)
            raise UsageError(f"fault {name}: options {sorted(options)}; expected any of {known}") from None
        if not all(isinstance(getattr(rule, field), kinds) for field, kinds in _KINDS.items()):
            raise UsageError(f"fault {name}: options {options}; expected numbers for rate, times and lengths of time")
        if not 0 <= rule.rate <= 1:
            raise UsageError(f"fault {name}: rate {rule.rate}; expected a probability from 0 to 1")
        kept = [old for old in self._on.get(name, []) if old.endpoint != rule.endpoint]
        self._on[name] = [*kept, rule]
        self._struck[name, rule] = 0

    def off(self, name: str | None = None) -> None:
        """Switch one fault off, or all of them."""
        if name is None:
            self._on.clear()
        else:
            self._on.pop(name, None)

    def is_on(self, name: str) -> bool:
        """Tell whether a fault is switched on, for whatever endpoint, without drawing."""
        return name in self._on

    def any_on(self) -> bool:
        """Tell whether anything at all is switched on: the quick question of the busy paths."""
        return bool(self._on)

    @property
    def switched_on(self) -> Mapping[str, tuple[FaultOptions, ...]]:
        """What is switched on now."""
        return {name: tuple(rules) for name, rules in self._on.items()}

    @property
    def status(self) -> str:
        """The system status that the faults impose: online unless one of them says otherwise."""
        return next((name for name in STATUSES if name in self._on), "online") if self._on else "online"

    def hit(self, name: str, endpoint: str = "") -> bool:
        """Draw once for the fault `name` at `endpoint`."""
        return self.strike(name, endpoint) is not None

    def strike(self, name: str, endpoint: str = "") -> FaultOptions | None:
        """Draw once; return the options of the fault if it strikes."""
        for rule in self._on.get(name, ()):
            if rule.endpoint not in (EVERYWHERE, endpoint):
                continue
            if rule.rate < 1 and self._rng.random() >= rule.rate:
                continue
            self._spend(name, rule)
            return rule
        return None

    def _spend(self, name: str, rule: FaultOptions) -> None:
        self.counts[name] += 1
        self._struck[name, rule] += 1
        if rule.times is not None and self._struck[name, rule] >= rule.times:
            left = [other for other in self._on[name] if other is not rule]
            if left:
                self._on[name] = left
            else:
                del self._on[name]

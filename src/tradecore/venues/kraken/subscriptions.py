"""What a Kraken socket is asked for, and what the answers prove: acks, sequences, book checksums, silence.

Synchronous and without a connection: `kraken.socket` hands it every message and sends what it leaves in `outgoing`.
Invariant: whatever breaks the continuity of a channel is told as a `Gap`, counted, and mended by asking for a new
snapshot of that symbol alone, with growing pauses; it never ends the connection.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tradecore.core.errors import UsageError
from tradecore.core.types import Pair
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.book import Book
from tradecore.venues.kraken.frames import request_text
from tradecore.venues.kraken.names import pair_from_kraken

PRIVATE_CHANNELS = frozenset(("executions", "balances"))
DEFAULT_DEPTH = 10
SNAPSHOT_WITHIN_S = 10.0
"""A snapshot asked for again that has not come by then is asked for once more."""
LONGEST_PAUSE_S = 60.0
"""Between two snapshots of one symbol, when each breaks again; after as long without a break the pauses start anew."""
_LOST_SESSION = ("ESession:", "EAuth:", "Token(s) not found", "Invalid token", "Token expired")
_NAMES_A_SUBSCRIPTION = ("depth", "interval", "event_trigger")
"""What `unsubscribe` may say besides channel, symbols and token; the venue refuses fields it does not expect."""


@dataclass(slots=True)
class _Wanted:
    """One call of `subscribe`, and how far the venue has answered it on this connection."""

    channel: str
    symbols: tuple[str, ...]
    params: Mapping[str, object]
    data_within_s: float | None
    unanswered: set[str] = field(default_factory=set)
    sent: bool = False
    asked_at: float = 0.0
    heard_at: float = 0.0


@dataclass(slots=True)
class _Repair:
    """A snapshot that is asked for again: the next try, or when it came; whether it is awaited; the tries so far."""

    due: float
    state: Literal["pausing", "asked", "done"] = "pausing"
    tries: int = 0


class Subscriptions:
    """Everything wanted on one address, kept over all its connections."""

    def __init__(self) -> None:
        self.outgoing: deque[str] = deque()
        """Requests to be sent, oldest first."""
        self.books: dict[Pair, Book] = {}
        self.counts: Counter[str] = Counter()
        self.lost_session = False
        """Whether the venue said that the token is not good any more: only a new connection helps."""
        self._wanted: list[_Wanted] = []
        self._asked: dict[int, tuple[_Wanted, set[str]]] = {}
        self._confirmed: dict[tuple[str, str], None] = {}
        self._repairs: dict[tuple[str, str], _Repair] = {}
        self._sequences: dict[str, int | None] = {}
        self._decimals: dict[Pair, tuple[int, int]] = {}
        self._spellings: dict[Pair, str] = {}
        self._token = ""
        self._last_id = 0

    def number(self) -> int:
        """Return the next request number."""
        self._last_id += 1
        return self._last_id

    def add(
        self, channel: str, symbols: Sequence[str], params: Mapping[str, object], data_within_s: float | None
    ) -> None:
        """Keep a subscription. Books need the pairs' decimals, so `instrument` comes with the first of them."""
        twice = {symbol for wanted in self._wanted if wanted.channel == channel == "book" for symbol in wanted.symbols}
        twice &= set(symbols)
        if twice:
            raise UsageError(f"book of {', '.join(sorted(twice))}: subscribed to already; expected one depth per pair")
        if channel == "book" and not any(wanted.channel == "instrument" for wanted in self._wanted):
            self.add("instrument", (), {}, None)
        self._spellings |= {pair_from_kraken(symbol): symbol for symbol in symbols}
        self._wanted.append(_Wanted(channel, tuple(symbols), dict(params), data_within_s))

    def begin(self, token: str, now: float) -> list[m.Message]:
        """Start a connection: leave all requests in `outgoing`, and return a gap for whatever ran before."""
        self._token, self.lost_session = token, False
        self.counts["gaps"] += len(self._confirmed)
        for state in (self.outgoing, self._asked, self._repairs, self._sequences):
            state.clear()
        for book in self.books.values():
            book.spoil()
        gaps: list[m.Message] = [
            m.Gap(channel, symbol, None, None, "reconnected") for channel, symbol in self._confirmed
        ]
        self._confirmed.clear()
        for wanted in self._wanted:
            self.ask(wanted, now)
        return gaps

    def ask(self, wanted: _Wanted, now: float) -> None:
        """Leave the request of one subscription in `outgoing`; a book waits until its decimals are known."""
        wanted.unanswered, wanted.sent = set(wanted.symbols) or {""}, False
        wanted.asked_at = wanted.heard_at = now
        if wanted.channel != "book" or all(map(self._known, wanted.symbols)):
            self._subscribe(wanted, wanted.symbols)

    def catch_up(self, now: float) -> None:
        """Ask for what was added while connected."""
        for wanted in self._wanted:
            if not wanted.sent and not wanted.unanswered:
                self.ask(wanted, now)

    def check_session(self, ack: m.Ack) -> None:
        """Note when the venue refuses a request because of the token."""
        self.lost_session |= not ack.success and any(words in ack.error for words in _LOST_SESSION)

    def accept(self, message: m.Message, now: float) -> list[m.Message]:
        """Take one message from the wire and return what the reader is told."""
        if isinstance(message, m.Ack):
            return self._answered(message, now) if message.method in ("subscribe", "unsubscribe", "pong") else [message]
        if isinstance(message, m.Quarantined):
            return self._broken(message, now)
        told = self._heard(message, now)
        if isinstance(message, (m.BookSnapshot, m.BookUpdate)):
            return told + self._book(message, now)
        if isinstance(message, (m.Executions, m.Balances)):
            return told + self._sequenced(message, now)
        if isinstance(message, (m.InstrumentSnapshot, m.InstrumentUpdate)):
            return [*told, message, *self._learn(message, now)]
        return [*told, message]

    def tend(self, now: float) -> None:
        """Ask for the snapshots whose time has come."""
        for (channel, symbol), repair in self._repairs.items():
            if repair.state == "done" or repair.due > now:
                continue
            repair.state = "asked"
            repair.tries += 1
            repair.due = now + max(SNAPSHOT_WITHIN_S, min(LONGEST_PAUSE_S, 2.0**repair.tries))
            for wanted in self._wanted:
                if wanted.channel == channel and (not symbol or symbol in wanted.symbols):
                    self._send("unsubscribe", wanted, (symbol,) if symbol else ())
                    self._subscribe(wanted, (symbol,) if symbol else ())
                    break

    def silent(self, now: float) -> m.Silent | None:
        """Return the first channel that should have had data by now and had none, though the connection lives."""
        for wanted in self._wanted:
            if now >= self._data_due(wanted):
                return m.Silent(now - wanted.heard_at, wanted.channel)
        return None

    def unanswered(self, now: float, within_s: float) -> bool:
        """Return whether a request has neither been answered nor brought data within `within_s`."""
        return any(wanted.unanswered and now >= wanted.asked_at + within_s for wanted in self._wanted)

    def next_due(self, within_s: float) -> float:
        """Return when `tend`, `silent` or `unanswered` has something to say at the earliest."""
        times = [repair.due for repair in self._repairs.values() if repair.state != "done"]
        for wanted in self._wanted:
            times.append(self._data_due(wanted))
            if wanted.unanswered:
                times.append(wanted.asked_at + within_s)
        return min(times, default=float("inf"))

    def interrupted(self, reason: str, now: float) -> list[m.Message]:
        """Return a gap for all that runs, and ask anew for what only a snapshot can mend."""
        gaps: list[m.Message] = []
        for channel, symbol in self._confirmed:
            gaps.append(m.Gap(channel, symbol, None, None, reason))
            if channel in PRIVATE_CHANNELS:
                self._repair(channel, symbol, now)
        self.counts["gaps"] += len(gaps)
        return gaps

    def _data_due(self, wanted: _Wanted) -> float:
        """Return by when a subscription must have data: never, unless it was asked to and the venue confirmed it."""
        if wanted.data_within_s is None:
            return float("inf")
        confirmed = any((wanted.channel, symbol) in self._confirmed for symbol in wanted.symbols or ("",))
        return wanted.heard_at + wanted.data_within_s if confirmed else float("inf")

    def _subscribe(self, wanted: _Wanted, symbols: Sequence[str]) -> None:
        for pair in map(pair_from_kraken, symbols if wanted.channel == "book" else ()):
            if pair not in self.books:
                self.books[pair] = Book(pair, _depth(wanted), *self._decimals[pair])
        wanted.sent = True
        self._asked[self._send("subscribe", wanted, symbols)] = (wanted, set(symbols) or {""})

    def _send(self, method: str, wanted: _Wanted, symbols: Sequence[str]) -> int:
        params: dict[str, object] = {"channel": wanted.channel, **({"symbol": list(symbols)} if symbols else {})}
        whole = method == "subscribe"
        params |= {name: value for name, value in wanted.params.items() if whole or name in _NAMES_A_SUBSCRIPTION}
        if wanted.channel in PRIVATE_CHANNELS:
            params["token"] = self._token
        number = self.number()
        self.outgoing.append(request_text(method, params, number))
        return number

    def _answered(self, ack: m.Ack, now: float) -> list[m.Message]:
        if ack.method != "subscribe":
            return []
        wanted, symbols = self._asked.get(ack.req_id or 0, (None, set[str]()))
        if wanted is None:
            return [ack]
        symbols.discard(ack.symbol)
        if not symbols:
            del self._asked[ack.req_id or 0]
        if not ack.success:
            self.check_session(ack)
            refused = [ack.symbol] if ack.symbol else sorted(wanted.unanswered)
            wanted.unanswered.difference_update(refused)
            self.counts["refused"] += len(refused)
            return [m.SubscriptionRefused(wanted.channel, symbol, ack.error) for symbol in refused]
        if ack.symbol not in (wanted.symbols or ("",)):
            self.counts["quarantined"] += 1
            return [m.Quarantined("confirmed a symbol that was not asked for", 1, ack.symbol[:40], wanted.channel)]
        if (repair := self._repairs.get((wanted.channel, ack.symbol))) and repair.state == "asked":
            # Numbers may begin anew here, unless the snapshot that sets them right came before.
            self._sequences.pop(wanted.channel, None)
            if not _brings_snapshot(wanted):
                self._repaired(wanted.channel, ack.symbol, now)
        return self._confirm(wanted, ack.symbol, ack.warnings)

    def _confirm(self, wanted: _Wanted, symbol: str, warnings: tuple[str, ...] = ()) -> list[m.Message]:
        wanted.unanswered.discard(symbol)
        if (wanted.channel, symbol) in self._confirmed:
            return []
        self._confirmed[wanted.channel, symbol] = None
        return [m.Subscribed(wanted.channel, symbol, warnings)]

    def _heard(self, message: m.Message, now: float) -> list[m.Message]:
        """Note that a channel has data: as good as the ack, should that have been lost."""
        told: list[m.Message] = []
        for wanted in self._wanted:
            if wanted.channel != getattr(message, "channel", ""):
                continue
            wanted.heard_at = now
            if wanted.unanswered:
                ticks = getattr(message, "ticks", None)
                pairs = [tick.pair for tick in ticks] if ticks is not None else [getattr(message, "pair", None)]
                symbols = {"" if pair is None else self._spellings.get(pair, "") for pair in pairs}
                for symbol in symbols & wanted.unanswered:
                    told += self._confirm(wanted, symbol)
        return told

    def _broken(self, message: m.Quarantined, now: float) -> list[m.Message]:
        self.counts["quarantined"] += message.count
        gaps: list[m.Message] = []
        for channel, symbol in self._confirmed:
            if channel != message.channel or message.symbol not in ("", symbol) or channel in ("status", "ticker"):
                continue
            gaps.append(self._gap(channel, symbol, None, None, "broken"))
            if channel == "book":
                self.books[pair_from_kraken(symbol)].spoil()
            if channel == "book" or channel in PRIVATE_CHANNELS:
                self._repair(channel, symbol, now)
        return [message, *gaps]

    def _gap(self, channel: str, symbol: str, expected: int | None, got: int | None, reason: str) -> m.Gap:
        self.counts["gaps"] += 1
        return m.Gap(channel, symbol, expected, got, reason)

    def _repair(self, channel: str, symbol: str, now: float) -> None:
        """See that a new snapshot is asked for: at once the first time, after a growing pause when it breaks again."""
        repair = self._repairs.get((channel, symbol))
        if repair is None or (repair.state == "done" and now - repair.due > LONGEST_PAUSE_S):
            self._repairs[channel, symbol] = _Repair(now)
        elif repair.state == "done":
            repair.state, repair.due = "pausing", now + min(LONGEST_PAUSE_S, 2.0**repair.tries)
        self.tend(now)

    def _repaired(self, channel: str, symbol: str, now: float) -> None:
        repair = self._repairs.get((channel, symbol))
        if repair is not None and repair.state == "asked":
            repair.state, repair.due = "done", now

    def _book(self, message: m.BookSnapshot | m.BookUpdate, now: float) -> list[m.Message]:
        book, symbol = self.books.get(message.pair), self._spellings.get(message.pair, "")
        if book is None:
            return []
        if isinstance(message, m.BookUpdate) and not book.valid:
            self.counts["book updates without a snapshot"] += 1
            return []
        if book.apply(message):
            if isinstance(message, m.BookSnapshot):
                self._repaired("book", symbol, now)
            return [message]
        self.counts["checksum mismatches"] += 1
        self._repaired("book", symbol, now)
        self._repair("book", symbol, now)
        return [self._gap("book", symbol, message.checksum, book.checksum, "checksum")]

    def _sequenced(self, message: m.Executions | m.Balances, now: float) -> list[m.Message]:
        channel, got = message.channel, message.sequence
        expected = self._sequences.get(channel)
        if message.snapshot or expected is None:
            self._sequences[channel] = got + 1
            if message.snapshot:
                self._repaired(channel, "", now)
            return [message]
        if got < expected:
            self.counts["repeated"] += 1
            return [m.Quarantined(f"sequence {got} after {expected - 1}: repeated or late", 1, "", channel)]
        self._sequences[channel] = got + 1
        if got == expected:
            return [message]
        self._repair(channel, "", now)
        return [self._gap(channel, "", expected, got, "sequence"), message]

    def _known(self, symbol: str) -> bool:
        return pair_from_kraken(symbol) in self._decimals

    def _learn(self, message: m.InstrumentSnapshot | m.InstrumentUpdate, now: float) -> list[m.Message]:
        """Take over decimals; make the books that wait for them, and those whose decimals changed, anew."""
        news = {info.pair: (info.price_decimals, info.amount_decimals) for info in message.pairs}
        changed = {pair for pair, decimals in news.items() if self._decimals.get(pair) != decimals}
        self._decimals.update(news)
        told: list[m.Message] = []
        for wanted in self._wanted:
            if wanted.channel != "book":
                continue
            for symbol in wanted.symbols:
                pair = pair_from_kraken(symbol)
                if pair in changed and pair in self.books:
                    self.books[pair] = Book(pair, _depth(wanted), *self._decimals[pair])
                    told.append(self._gap("book", symbol, None, None, "decimals"))
                    self._repair("book", symbol, now)
            if isinstance(message, m.InstrumentSnapshot) and not wanted.sent:
                told += self._ask_known(wanted, now)
        return told

    def _ask_known(self, wanted: _Wanted, now: float) -> list[m.Message]:
        """Ask for the books that waited for their decimals; what the venue does not list is refused here."""
        known = tuple(filter(self._known, wanted.symbols))
        wanted.unanswered, wanted.asked_at, wanted.heard_at, wanted.sent = set(known), now, now, True
        if known:
            self._subscribe(wanted, known)
        unknown = [symbol for symbol in wanted.symbols if symbol not in known]
        return [m.SubscriptionRefused("book", symbol, "not among the venue's instruments") for symbol in unknown]


def _depth(wanted: _Wanted) -> int:
    return int(str(wanted.params.get("depth", DEFAULT_DEPTH)))


def _brings_snapshot(wanted: _Wanted) -> bool:
    params = wanted.params
    if wanted.channel == "executions" and not params.get("snap_orders", True) and not params.get("snap_trades", False):
        return False
    return params.get("snapshot", True) is not False

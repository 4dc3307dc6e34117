"""What the venue's answers to writes mean: an order placed, amended, cancelled; refused; or nobody knows.

REST calls it (`private`). Invariant: Refused comes from the venue's own list of errors, alone and understood; whatever
else is not plainly done is Unknown, and nothing here guesses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tradecore.core.errors import OutcomeUnknownError, ReplyError, UsageError
from tradecore.core.types import Nanoseconds, parse_time
from tradecore.venues.kraken.answers import Answer, Done, Refused, Unknown
from tradecore.venues.kraken.fields import Fields, is_id
from tradecore.venues.kraken.refusals import meaning_of, printable, refusal
from tradecore.venues.kraken.replies import decoded
from tradecore.venues.kraken.transport import Reply

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Placed:
    """The venue took an order, or, where it was asked to check only, would take it (`txid` is None then)."""

    txid: str | None
    description: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How many orders the venue began to cancel. A cancel is a request: what became of it is in the order."""

    count: int


@dataclass(frozen=True, slots=True)
class Switch:
    """The dead man's switch: when the venue will cancel every order, or None when it is off."""

    now: Nanoseconds
    fires_at: Nanoseconds | None


def judged(reply: Reply, doing: str, read: Callable[[Any], T], now_s: float) -> Answer[T]:
    """Return what an answer to a write means. Refused takes the venue's own list of errors, alone and understood."""
    try:
        content = Fields.of(decoded(reply.body, doing), f"{doing} reply") if reply.status == 200 else None
        words = content.items("error") if content is not None else []
    except ReplyError as error:
        return unknown(doing, str(error))
    if content is None or not all(isinstance(one, str) for one in words):
        return unknown(doing, f"status {reply.status}: " + printable(reply.body[:80].decode("utf-8", "replace")))
    refused = [one for one in words if not one.startswith("W")]
    result = content.values.get("result")
    if refused:
        # An error beside a result contradicts itself, and some errors only say that the venue broke down on the way.
        if result or any(meaning_of(one).outcome_unknown for one in refused):
            return unknown(doing, f"Kraken answered {printable(', '.join(refused))!r}", printable(", ".join(refused)))
        return Refused(refusal(refused, doing, now_s))
    try:
        return Done(read(result), tuple(printable(one) for one in words))
    except ReplyError as error:
        return unknown(doing, str(error))


def unknown(doing: str, why: str, words: str = "") -> Unknown:
    """Return the answer to a write of which nobody knows what became."""
    return Unknown(
        OutcomeUnknownError(
            f"{doing}: sent, and nobody knows whether it happened ({why}); look it up, do not send it again",
            words=words,
        )
    )


def read_placed(result: Any, validate: bool) -> Placed:
    """Return an AddOrder result."""
    row = Fields.of(result, "AddOrder reply")
    description = row.inner("descr").text("order")
    if validate:
        return Placed(None, description)
    txids = row.items("txid")
    if len(txids) != 1 or not is_id(txids[0]):
        row.refuse("txid", "one id of the venue's")
    return Placed(txids[0], description)


def read_batch(result: Any, sent: int, validate: bool) -> tuple[Done[Placed] | Refused, ...]:
    """Return an AddOrderBatch result: an answer for each of the `sent` orders."""
    rows = Fields.of(result, "AddOrderBatch reply").items("orders")
    if len(rows) != sent:
        raise ReplyError(f"AddOrderBatch reply: {len(rows)} orders; expected the {sent} that were sent")
    answers: list[Done[Placed] | Refused] = []
    for index, one in enumerate(rows):
        row = Fields.of(one, f"AddOrderBatch reply, order {index + 1}")
        if row.has("error"):
            if meaning_of(row.text("error")).outcome_unknown:
                row.refuse("error", "a refusal; what became of this order is unknown")
            answers.append(Refused(refusal([row.text("error")], "AddOrderBatch")))
        else:
            description = row.inner("descr").text("order")
            answers.append(Done(Placed(None if validate else row.id("txid"), description)))
    txids = [one.value.txid for one in answers if isinstance(one, Done) and one.value.txid is not None]
    if len(set(txids)) != len(txids):
        raise ReplyError("AddOrderBatch reply: one id for two orders; expected an id each")
    return tuple(answers)


def read_cancelled(result: Any) -> Cancelled:
    """Return the result of any call that cancels."""
    return Cancelled(Fields.of(result, "cancel reply").whole("count", 1_000_000))


def read_switch(result: Any) -> Switch:
    """Return a CancelAllOrdersAfter result."""
    row = Fields.of(result, "CancelAllOrdersAfter reply")
    now, fires = (_moment(row, key) for key in ("currentTime", "triggerTime"))
    if now is None:
        row.refuse("currentTime", "a time, as in 2023-03-24T17:41:56Z")
    if fires is not None and fires < now:
        row.refuse("triggerTime", "a time after currentTime")
    return Switch(now, fires)


def _moment(row: Fields, key: str) -> Nanoseconds | None:
    """Return a moment; the venue writes "0" for a switch that is off."""
    text = row.text(key)
    if text == "0":
        return None
    try:
        return parse_time(text)
    except UsageError:
        row.refuse(key, "a time, as in 2023-03-24T17:41:56Z")

"""The decision log: every decision in a few bytes, every signal whole."""

from __future__ import annotations

from tradecore.core.orders import Action, Signal
from tradecore.core.types import Pair
from tradecore.engine.decisions import ArrayJournal, Decided, Fault
from tradecore.risk.chain import GateVerdict, Outcome

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
PASSED = GateVerdict("entry", "size", 0.5, 1.0, Outcome.PASS)
BLOCKED = GateVerdict("entry", "cooldown", 3.0, 5.0, Outcome.BLOCK)


def test_what_was_not_asked_is_told_from_a_hold() -> None:
    journal = ArrayJournal((BTC,), 4)
    journal.hold(1, BTC, "")
    assert journal.actions.tolist() == [[0, 1, 0, 0]]
    assert journal.counts() == {"scans": 1, "hold": 1, "buy": 0, "sell": 0, "close": 0, "faults": 0}


def test_each_pair_has_its_row() -> None:
    journal = ArrayJournal((BTC, ETH), 3)
    journal.hold(0, BTC, "calm")
    journal.decision(0, ETH, Signal(Action.BUY, reason="up"), (PASSED,))
    journal.decision(2, ETH, Signal(Action.CLOSE), ())
    assert journal.actions.tolist() == [[1, 0, 0], [2, 0, 4]]
    assert journal.counts()["scans"] == 2


def test_every_kind_of_decision_is_counted() -> None:
    journal = ArrayJournal((BTC,), 4)
    for index, action in enumerate(Action):
        journal.decision(index, BTC, Signal(action), ())
    assert journal.counts() == {"scans": 4, "hold": 1, "buy": 1, "sell": 1, "close": 1, "faults": 0}


def test_a_reason_is_kept_once_and_counted_often() -> None:
    journal = ArrayJournal((BTC,), 10)
    for index in range(6):
        journal.hold(index, BTC, "calm" if index % 3 else "storm")
    journal.decision(6, BTC, Signal(Action.BUY, reason="calm"), ())
    assert journal.texts == ["", "storm", "calm"]
    assert journal.reasons_counted() == [("calm", 5), ("storm", 2)]


def test_a_hold_without_a_reason_counts_as_one_without() -> None:
    journal = ArrayJournal((BTC,), 3)
    journal.hold(0, BTC, "")
    assert journal.reasons_counted() == [("", 1)]


def test_a_signal_is_kept_whole_with_its_gates() -> None:
    journal, signal = ArrayJournal((BTC,), 3), Signal(Action.BUY, 0.5, stop=-0.1, reason="up")
    journal.decision(1, BTC, signal, [PASSED])
    journal.decision(2, BTC, signal, [PASSED, BLOCKED])
    assert journal.signals == [
        Decided(1, BTC, signal, (PASSED,), ""),
        Decided(2, BTC, signal, (PASSED, BLOCKED), "cooldown"),
    ]


def test_signals_asked_for_early_are_joined_by_later_ones() -> None:
    journal, signal = ArrayJournal((BTC,), 3), Signal(Action.BUY)
    journal.decision(0, BTC, signal, ())
    assert [one.index for one in journal.signals] == [0]
    journal.decision(2, BTC, signal, (BLOCKED,))
    assert [one.index for one in journal.signals] == [0, 2]
    assert journal.top_blockers() == [("cooldown", 1)]


def test_blockers_are_counted_most_first() -> None:
    journal = ArrayJournal((BTC,), 9)
    other = GateVerdict("entry", "exposure", 2.0, 1.0, Outcome.BLOCK)
    for index, gate in enumerate((BLOCKED, other, other, PASSED, other)):
        journal.decision(index, BTC, Signal(Action.BUY), (gate,))
    assert journal.top_blockers() == [("exposure", 3), ("cooldown", 1)]


def test_faults_are_kept_apart_from_decisions() -> None:
    journal = ArrayJournal((BTC,), 3)
    journal.fault(2, "decide: ZeroDivisionError", "division by zero")
    assert journal.faults == [Fault(2, "decide: ZeroDivisionError", "division by zero")]
    assert journal.counts() == {"scans": 0, "hold": 0, "buy": 0, "sell": 0, "close": 0, "faults": 1}

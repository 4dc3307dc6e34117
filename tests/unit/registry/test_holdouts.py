"""Openings of hold-outs are written for ever: one for each candidate, also when its outcome was lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, StateRefusedError
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.registry.holdouts import HoldOutLedger, Look
from tradecore.registry.trials import Trial, TrialLedger
from tradecore.storage.database import open_database, writing

LOOK = Look("data-1", 100 * HOUR_NS, 120 * HOUR_NS, "candidate-1", "strategy-1", "protocol-1", "abcd2345")


def bars(count: int = 120, *, pair: str = "BTC/USD", source: str = "kraken", step: int = HOUR_NS) -> Bars:
    time, price = np.arange(count) * step, np.full(count, 100.0)
    return Bars(Pair.parse(pair), Timeframe(step), time, price, price, price, price, price, source=source)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lab.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[HoldOutLedger]:
    ledger = HoldOutLedger.open(path)
    yield ledger
    ledger.close()


def test_a_candidate_opens_a_stretch_once(ledger: HoldOutLedger) -> None:
    assert ledger.find(LOOK) is None
    first = ledger.record(LOOK, [bars()], 7)
    again = ledger.record(replace(LOOK, run="zzzz2345"), [bars()], 9)
    assert (again.id, again.time, again.look) == (first.id, 7, LOOK)
    assert len(ledger.openings("data-1")) == 1


@pytest.mark.parametrize("change", [{"candidate": "other"}, {"dataset": "other"}, {"span_start": 90 * HOUR_NS}])
def test_another_candidate_dataset_or_stretch_is_another_opening(
    ledger: HoldOutLedger, change: dict[str, object]
) -> None:
    ledger.record(LOOK, [bars()], 7)
    assert ledger.find(replace(LOOK, **change)) is None  # type: ignore[arg-type]
    assert ledger.record(replace(LOOK, **change), [bars()], 8).time == 8  # type: ignore[arg-type]


def test_an_opening_whose_outcome_was_lost_counts_and_can_be_brought_to_its_end(
    ledger: HoldOutLedger, path: Path
) -> None:
    ledger.record(LOOK, [bars()], 7)
    later = HoldOutLedger.open(path)
    found = later.find(LOOK)
    assert found is not None
    assert found.outcome is None
    assert later.looks([bars()], LOOK.span_start, LOOK.span_end) == 1
    later.settle(found, "{}", 9)
    again = ledger.find(LOOK)
    assert again is not None
    assert again.outcome == "{}"


def test_an_outcome_is_written_once_and_another_one_is_refused(ledger: HoldOutLedger) -> None:
    opening = ledger.record(LOOK, [bars()], 7)
    ledger.settle(opening, '{"a": 1}', 8)
    ledger.settle(opening, '{"a": 1}', 9)
    with pytest.raises(StateRefusedError, match="another outcome is on record"):
        ledger.settle(opening, '{"a": 2}', 10)
    assert [one.outcome for one in ledger.openings("data-1")] == ['{"a": 1}']


def test_looks_are_counted_across_hashes_where_the_stretches_overlap(ledger: HoldOutLedger) -> None:
    ledger.record(LOOK, [bars()], 7)
    other = replace(LOOK, dataset="one more day", span_start=110 * HOUR_NS, span_end=144 * HOUR_NS)
    ledger.record(other, [bars(144)], 8)
    assert ledger.looks([bars()], LOOK.span_start, LOOK.span_end) == 2
    assert ledger.looks([bars(144)], 121 * HOUR_NS, 144 * HOUR_NS) == 1
    assert ledger.looks([bars()], 0, 50 * HOUR_NS) == 0


def test_who_saw_the_hours_has_seen_the_minutes_but_not_another_market(ledger: HoldOutLedger) -> None:
    ledger.record(LOOK, [bars()], 7)
    span = LOOK.span_start, LOOK.span_end
    assert ledger.looks([bars(500, step=HOUR_NS // 4)], *span) == 1
    assert ledger.looks([bars(pair="ETH/USD")], *span) == 0
    assert ledger.looks([bars(source="bitfinex")], *span) == 0


@pytest.mark.parametrize("table", ["hold_out_openings", "hold_out_outcomes", "dataset_spans"])
@pytest.mark.parametrize("what", ["DELETE FROM {0}", "UPDATE {0} SET id = id + 1"])
def test_the_database_itself_refuses_to_change_or_remove_a_row(
    ledger: HoldOutLedger, path: Path, table: str, what: str
) -> None:
    ledger.settle(ledger.record(LOOK, [bars()], 7), "{}", 8)
    engine = open_database(path)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), writing(engine) as connection:
        connection.execute(sa.text(what.format(table)))


def test_the_ledger_has_no_way_to_change_or_delete() -> None:
    public = {name for name in dir(HoldOutLedger) if not name.startswith("_")}
    assert public == {"open", "close", "find", "record", "settle", "openings", "looks"}


@pytest.mark.parametrize("change", [{"dataset": ""}, {"candidate": ""}, {"span_end": LOOK.span_start}])
def test_a_look_without_hashes_or_span_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError, match="expected both hashes and a span"):
        replace(LOOK, **change)  # type: ignore[arg-type]


def trial(dataset: str, config: str, strategy: str = "s") -> Trial:
    return Trial(dataset, strategy, config, "walk_forward", "run", "", 0.1, 100, 1)


def test_one_more_day_of_bars_does_not_begin_a_new_count(path: Path) -> None:
    ledger = TrialLedger.open(path)
    ledger.record_many([trial("day-1", "a"), trial("day-1", "b")], [bars(96)])
    ledger.record_many([trial("day-2", "b"), trial("day-2", "c")], [bars(120)])
    assert (ledger.count("day-1"), ledger.count("day-2")) == (2, 2)
    assert ledger.count_market([bars(120)]) == ledger.count_market([bars(96)]) == 3


def test_the_same_configuration_of_another_strategy_is_another_trial_of_the_market(path: Path) -> None:
    ledger = TrialLedger.open(path)
    ledger.record_many([trial("d", "a"), trial("d", "a", "other")], [bars()])
    assert ledger.count_market([bars()]) == 2


@pytest.mark.parametrize(
    "other", [bars(pair="ETH/USD"), bars(source="bitfinex"), bars(step=HOUR_NS // 4), bars(400)[200:]],
    ids=["pair", "source", "timeframe", "span"],
)  # fmt: skip
def test_another_market_timeframe_or_span_has_a_count_of_its_own(path: Path, other: Bars) -> None:
    ledger = TrialLedger.open(path)
    ledger.record_many([trial("d", "a")], [bars()])
    assert ledger.count_market([other]) == 0


def test_a_trial_on_several_pairs_counts_for_each_of_them(path: Path) -> None:
    ledger = TrialLedger.open(path)
    ledger.record_many([trial("both", "a")], [bars(), bars(pair="ETH/USD")])
    ledger.record_many([trial("one", "b")], [bars()])
    assert ledger.count_market([bars()]) == 2
    assert ledger.count_market([bars(pair="ETH/USD")]) == 1

"""The trial ledger counts every configuration once, keeps every evaluation, and forgets nothing."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tradecore.core.errors import DataError
from tradecore.registry.trials import Trial, TrialLedger
from tradecore.storage.database import open_database, writing

ONE = Trial("data-1", "strategy-1", "config-1", "walk_forward", "run", "abcd2345", 0.02, 5_000, 1_700_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lab.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[TrialLedger]:
    ledger = TrialLedger.open(path)
    yield ledger
    ledger.close()


def test_the_same_configuration_counts_once_and_every_evaluation_is_kept(ledger: TrialLedger) -> None:
    assert ledger.record(ONE)
    assert not ledger.record(replace(ONE, protocol="holdout", sharpe=0.01))
    assert ledger.record(replace(ONE, config="config-2"))
    assert ledger.count("data-1") == 2
    assert len(ledger.for_dataset("data-1")) == 3


@pytest.mark.parametrize("part", ["dataset", "strategy", "config"])
def test_another_dataset_strategy_or_configuration_is_another_trial(ledger: TrialLedger, part: str) -> None:
    ledger.record(ONE)
    assert ledger.record(replace(ONE, **{part: "other"}))


def test_what_was_recorded_comes_back_as_it_was(ledger: TrialLedger) -> None:
    undefined = replace(ONE, config="config-2", sharpe=None)
    ledger.record_many([ONE, undefined])
    assert ledger.for_dataset("data-1") == [ONE, undefined]
    assert ledger.for_dataset("data-1", strategy="other") == []
    assert ledger.for_dataset("data-1", strategy="strategy-1") == [ONE, undefined]


def test_sharpes_are_one_per_configuration_newest_defined_first_configuration_first(ledger: TrialLedger) -> None:
    ledger.record_many(
        [ONE, replace(ONE, config="b", sharpe=0.5), replace(ONE, sharpe=0.03), replace(ONE, sharpe=None)]
    )
    ledger.record(replace(ONE, config="never defined", sharpe=None))
    np.testing.assert_array_equal(ledger.sharpes("data-1"), [0.03, 0.5])
    assert ledger.count("data-1") == 3
    assert ledger.sharpes("no such data").shape == (0,)


def test_datasets_are_listed_with_their_counts(ledger: TrialLedger) -> None:
    ledger.record_many([ONE, replace(ONE, config="b"), replace(ONE, dataset="data-2")])
    assert ledger.datasets() == {"data-1": 2, "data-2": 1}
    assert ledger.count("data-3") == 0


def test_thousands_in_one_transaction_with_repeats_among_them(ledger: TrialLedger) -> None:
    many = [replace(ONE, config=f"c{n % 15_000}", sharpe=n / 1e6) for n in range(25_000)]
    assert ledger.record_many(iter(many)) == 15_000
    assert ledger.count("data-1") == 15_000
    assert len(ledger.for_dataset("data-1")) == 25_000
    assert ledger.record_many([]) == 0


def test_a_batch_with_one_bad_row_leaves_nothing(ledger: TrialLedger) -> None:
    with pytest.raises(DataError):
        ledger.record_many(replace(ONE, config=f"c{n}", n_obs=3 - n) for n in range(10))
    assert ledger.count("data-1") == 0


@pytest.mark.parametrize(
    "wrong",
    [{"dataset": ""}, {"strategy": ""}, {"config": ""}, {"protocol": ""}, {"kind": ""}, {"sharpe": math.nan},
     {"sharpe": math.inf}, {"n_obs": -1}],
)  # fmt: skip
def test_a_trial_that_cannot_be_told_apart_or_counted_with_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DataError, match="trial"):
        replace(ONE, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evaluations SET sharpe = 9",
        "DELETE FROM evaluations",
        "UPDATE trials SET config = 'x'",
        "DELETE FROM trials",
        "INSERT OR REPLACE INTO trials (id, dataset, strategy, config) VALUES (1, 'x', 'y', 'z')",
        "INSERT OR REPLACE INTO evaluations (id, trial, protocol, kind, run, sharpe, n_obs, time) "
        "VALUES (1, 1, 'p', 'k', 'r', 9, 1, 1)",
    ],
)
def test_the_database_itself_refuses_to_change_or_delete(ledger: TrialLedger, path: Path, statement: str) -> None:
    ledger.record(ONE)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), writing(open_database(path)) as connection:
        connection.execute(sa.text(statement))
    assert ledger.for_dataset("data-1") == [ONE]


def test_the_ledger_has_no_way_to_change_or_delete() -> None:
    assert {name for name in dir(TrialLedger) if not name.startswith("_")} == {
        "open", "close", "record", "record_many", "count", "count_market", "sharpes", "of_run", "as_of", "for_dataset",
        "datasets",
    }  # fmt: skip


def test_processes_that_record_at_once_lose_nothing(path: Path) -> None:
    code = (
        "import sys\n"
        "from tradecore.registry.trials import Trial, TrialLedger\n"
        "ledger, me = TrialLedger.open(sys.argv[1]), sys.argv[2]\n"
        "for n in range(60):\n"
        "    ledger.record_many([Trial('d', 's', c, 'p', 'k', me, 0.1, n, 1) for c in (f'{me}-{n}', f'shared-{n}')])\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(path), me]) for me in "abc"]
    assert [one.wait(120) for one in started] == [0, 0, 0]
    ledger = TrialLedger.open(path)
    assert ledger.count("d") == 3 * 60 + 60
    assert len(ledger.for_dataset("d")) == 3 * 120

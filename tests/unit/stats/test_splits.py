import pytest

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import Timeframe
from tradecore.stats.splits import Fold, WalkForward, auto, hold_out, walk_forward

HOUR = Timeframe.parse("1h")
DAY = Timeframe.parse("1d")


def test_folds_end_with_the_last_bar_and_roll_by_one_test():
    folds = walk_forward(100, HOUR, WalkForward(train=40, test=10, purge=4, embargo=1))
    assert len(folds) == 5
    assert folds[-1] == Fold(slice(45, 85), slice(90, 100))
    assert folds[0] == Fold(slice(5, 45), slice(50, 60))


def test_anchored_training_starts_with_the_first_bar():
    folds = walk_forward(100, HOUR, WalkForward(train=40, test=10, is_anchored=True))
    assert [fold.train for fold in folds] == [slice(0, stop) for stop in (40, 50, 60, 70, 80, 90)]


def test_fewer_than_three_folds_are_refused_and_the_message_says_how_many_bars_are_needed():
    settings = WalkForward(train=40, test=10, purge=5, embargo=5)
    assert len(walk_forward(80, HOUR, settings)) == 3
    with pytest.raises(DataError, match=r"79 bars of 1h.*needs 80 bars \(3\.3 days\)"):
        walk_forward(79, HOUR, settings)


def test_overlapping_tests_are_refused():
    with pytest.raises(ConfigError, match="overlap"):
        WalkForward(train=40, test=10, step=9)


@pytest.mark.parametrize("wrong", [{"train": 0}, {"test": 0}, {"purge": -1}, {"embargo": -1}])
def test_impossible_lengths_are_refused(wrong):
    with pytest.raises(ConfigError, match="walk-forward"):
        WalkForward(**({"train": 40, "test": 10} | wrong))


def test_two_years_give_six_folds_of_twelve_and_two_months():
    settings = auto(2 * 365 * 24, HOUR, purge=0)
    folds = walk_forward(2 * 365 * 24, HOUR, settings)
    assert len(folds) == 6
    assert settings.test / 24 / 30.4 == pytest.approx(2.0, abs=0.05)
    assert settings.train == 6 * settings.test
    assert folds[-1].test.stop == 2 * 365 * 24


def test_automatic_embargo_is_the_larger_of_a_day_and_one_percent_of_a_fold():
    assert auto(2_000, HOUR, purge=0).embargo == 24
    assert auto(2 * 365 * 24, HOUR, purge=0).embargo == 102


def test_short_spans_get_fewer_folds_but_never_fewer_than_three():
    assert len(walk_forward(250, HOUR, auto(250, HOUR, purge=10))) == 4
    with pytest.raises(DataError, match="needs 178 bars") as refused:
        auto(177, HOUR, purge=10)
    assert "import a longer span" in str(refused.value)
    assert len(walk_forward(178, HOUR, auto(178, HOUR, purge=10))) == 3


def test_daily_bars_are_split_too():
    assert len(walk_forward(730, DAY, auto(730, DAY, purge=50))) == 6


def test_two_folds_are_refused_as_a_wish():
    with pytest.raises(ConfigError, match="at least 3"):
        auto(10_000, HOUR, purge=0, folds=2)


def test_hold_out_locks_the_newest_bars():
    assert hold_out(1000) == (slice(0, 850), slice(850, 1000))
    assert hold_out(1000, 0.0) == (slice(0, 1000), slice(1000, 1000))


def test_hold_out_refuses_a_fraction_out_of_range_and_no_bars():
    with pytest.raises(ConfigError, match="hold-out fraction"):
        hold_out(1000, 0.6)
    with pytest.raises(DataError, match="0 bars"):
        hold_out(0)

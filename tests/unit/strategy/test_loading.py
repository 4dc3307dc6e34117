"""From a name, a module, a file or a list in brackets to a strategy, with errors that name file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tradecore.core.errors import ConfigError, NothingThereError, StrategyError, UsageError
from tradecore.strategy.builtin import BUILTINS
from tradecore.strategy.builtin.breakout import Breakout
from tradecore.strategy.ensemble import Ensemble
from tradecore.strategy.loading import load, load_anew, read_target, source_hash

Write = Callable[[str], Path]
ONE = "class One(Strategy):\n    params = {'n': Int(3, 1, 9)}\n    def decide(self, market, account): return None\n"


@pytest.mark.parametrize("name", list(BUILTINS))
def test_every_name_of_the_table_is_a_strategy_that_says_when_it_fails(name: str) -> None:
    strategy = load(name)
    text = type(strategy).__doc__ or ""
    assert all(word in text for word in ("Idea:", "Fails:", "Source:"))


@pytest.mark.parametrize("name", ["ema-rsi-volume", "ema_rsi_volume", "EmaRsiVolume"])
def test_a_built_in_is_found_with_hyphens_underscores_or_as_its_class(name: str) -> None:
    assert load(name).name() == "EmaRsiVolume"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(NothingThereError, match="did you mean breakout"):
        load("brakeout")


def test_parameters_come_in_brackets_and_keywords_win() -> None:
    assert load("breakout(enter=55, leave=20)", leave=7).p._asdict() == {"enter": 55, "leave": 7, "size": 1.0}


def test_a_parameter_out_of_range_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="from 2 to 500"):
        load("breakout(enter=1)")


def test_a_module_and_class_are_loaded() -> None:
    assert isinstance(load("tradecore.strategy.builtin.breakout:Breakout"), Breakout)


@pytest.mark.parametrize("name", ["tradecore.nowhere:Thing", "nowhere.at.all:Thing"])
def test_a_module_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(NothingThereError, match="no module"):
        load(name)


@pytest.mark.parametrize("name", ["json:loads", "json:Nothing"])
def test_a_module_without_that_strategy_is_said(name: str) -> None:
    with pytest.raises(StrategyError, match="no strategy of that name"):
        load(name)


def test_a_file_with_one_strategy_is_loaded(strategy_file: Write) -> None:
    assert load(str(strategy_file(ONE)), n=5).p.n == 5


def test_a_base_class_in_the_file_is_not_counted(strategy_file: Write) -> None:
    path = strategy_file(ONE + "class Two(One):\n    pass\n")
    assert load(str(path)).name() == "Two"


def test_two_strategies_in_a_file_must_be_told_apart(strategy_file: Write) -> None:
    path = strategy_file(ONE + ONE.replace("One", "Two"))
    with pytest.raises(StrategyError, match=r"2 strategies in it; choose one, as in mine\.py:One"):
        load(str(path))
    assert load(f"{path}:Two").name() == "Two"


def test_a_file_without_a_strategy_is_refused(strategy_file: Write) -> None:
    with pytest.raises(StrategyError, match="no strategy in it"):
        load(str(strategy_file("x = 1\n")))


def test_a_class_that_the_file_does_not_have_is_refused(strategy_file: Write) -> None:
    with pytest.raises(StrategyError, match="no strategy 'Two'; it has One"):
        load(f"{strategy_file(ONE)}:Two")


def test_a_missing_file_is_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NothingThereError, match="tradecore strategy new"):
        load(str(tmp_path / "none.py"))


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("x = 1\n\ndef broken(:\n", encoding="utf-8")
    with pytest.raises(StrategyError, match=r"bad\.py:3: "):
        load(str(path))


@pytest.mark.parametrize("line", ["1 / 0", "raise SystemExit(3)", "import nowhere_at_all"])
def test_a_file_that_fails_as_it_is_read_names_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(f"x = 1\n{line}\n", encoding="utf-8")
    with pytest.raises(StrategyError, match=r"bad\.py:2: "):
        load(str(path))


@pytest.mark.parametrize("source", [b"\xff\xfe\x00", b"x = '\x00'"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, source: bytes) -> None:
    path = tmp_path / "bad.py"
    path.write_bytes(source)
    with pytest.raises(StrategyError, match=r"bad\.py:1: "):
        load(str(path))


def test_a_constructor_that_raises_names_its_line(strategy_file: Write) -> None:
    text = ONE + "    def __init__(self):\n        super().__init__()\n        1 / 0\n"
    with pytest.raises(StrategyError, match=r"mine\.py:\d+: ZeroDivisionError"):
        load(str(strategy_file(text)))


def test_loading_anew_executes_the_code_again(strategy_file: Write) -> None:
    path = str(strategy_file(ONE))
    assert type(load_anew(path)) is not type(load_anew(path))
    assert type(load_anew("breakout")) is not Breakout


def test_an_ensemble_is_read_with_weights_and_parameters() -> None:
    strategy = load("ensemble(2*breakout(enter=55), ma-cross, rule=weights, quorum=0.3)")
    assert isinstance(strategy, Ensemble)
    assert [member.name() for member in strategy.members] == ["Breakout", "MaCross"]
    assert strategy.describe() == {"rule": "weights", "weights": [2.0, 1.0], "quorum": 0.3}
    assert strategy.members[0].p.enter == 55


@pytest.mark.parametrize(
    "text",
    ["breakout(", "breakout(enter=1,,leave=2)", "breakout(enter=1, enter=2)", "breakout)", "breakout(55)"],
)
def test_brackets_that_do_not_match_or_bare_values_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        load(text)


def test_an_unknown_word_in_an_ensemble_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown speed"):
        load("ensemble(breakout, speed=3)")


def test_values_are_read_as_numbers_or_words() -> None:
    assert read_target("x(a=1, b=0.5, c=fast, d=(1, 2))").params == {"a": 1, "b": 0.5, "c": "fast", "d": (1, 2)}


def test_the_hash_follows_code_class_and_parameters(strategy_file: Write) -> None:
    path = str(strategy_file(ONE))
    first = source_hash(load(path))
    assert source_hash(load(path)) == first
    assert source_hash(load(path, n=4)) != first
    Path(path).write_text(Path(path).read_text(encoding="utf-8") + "# a word more\n", encoding="utf-8")
    assert source_hash(load(path)) != first


def test_the_hash_is_of_the_code_that_runs_not_of_the_file_as_it_is_now(strategy_file: Write) -> None:
    path = strategy_file(ONE)
    strategy = load(str(path))
    before = source_hash(strategy)
    path.write_text("changed = True\n", encoding="utf-8")
    assert source_hash(strategy) == before


def test_the_hash_of_an_ensemble_follows_its_members_and_rule() -> None:
    texts = (
        "ensemble(breakout, ma-cross)",
        "ensemble(ma-cross, breakout)",
        "ensemble(breakout, ma-cross, rule=veto)",
        "ensemble(breakout(enter=9), ma-cross)",
    )
    hashes = {source_hash(load(text)) for text in texts}
    assert len(hashes) == 4

"""Settings: layers in their order, each value with its origin, and nothing unknown or out of range let through."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.config.load import Value, load_settings, setting_fields, setting_values
from tradecore.core.errors import ConfigError, StateRefusedError


def _workspace(folder: Path, text: str) -> Path:
    (folder / "tradecore.toml").write_text(text, encoding="utf-8")
    return folder


def _values(folder: Path, **flags: str) -> dict[str, Value]:
    loaded = load_settings(folder, {key.replace("__", "."): text for key, text in flags.items()})
    return {value.key: value for value in setting_values(loaded)}


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    values = _values(_workspace(tmp_path, ""))
    assert {value.origin for value in values.values()} == {"default"}
    assert values["costs.taker_fee"].value == 0.0040


def test_the_file_stands_above_the_defaults(tmp_path: Path) -> None:
    value = _values(_workspace(tmp_path, "[costs]\ntaker_fee = 0.003\n"))["costs.taker_fee"]
    assert (value.value, value.origin) == (0.003, str(tmp_path / "tradecore.toml"))


def test_the_environment_stands_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_COSTS__TAKER_FEE", "0.002")
    value = _values(_workspace(tmp_path, "[costs]\ntaker_fee = 0.003\n"))["costs.taker_fee"]
    assert (value.value, value.origin) == (0.002, "TRADECORE_COSTS__TAKER_FEE")


def test_a_flag_stands_above_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_COSTS__TAKER_FEE", "0.002")
    value = _values(_workspace(tmp_path, ""), costs__taker_fee="0.001")["costs.taker_fee"]
    assert (value.value, value.origin) == (0.001, "--set")


def test_layers_of_one_section_are_laid_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_COSTS__MAKER_FEE", "0.001")
    values = _values(_workspace(tmp_path, "[costs]\ntaker_fee = 0.003\n"))
    assert (values["costs.maker_fee"].value, values["costs.taker_fee"].value) == (0.001, 0.003)


def test_lists_come_from_the_environment_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_MARKET__PAIRS", '["eth/usd"]')
    assert _values(_workspace(tmp_path, ""))["market.pairs"].value == ("ETH/USD",)


def test_the_workspace_variable_is_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_WORKSPACE", str(tmp_path))
    assert load_settings(_workspace(tmp_path, "")).origins == {}


def test_a_bare_word_is_text_in_a_flag(tmp_path: Path) -> None:
    assert _values(_workspace(tmp_path, ""), log__level="debug")["log.level"].value == "debug"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[costs]\nmaker_fe = 0.1\n", "unknown key costs.maker_fe; did you mean costs.maker_fee"),
        ("[cost]\nmaker_fee = 0.1\n", "unknown key cost.maker_fee; did you mean costs.maker_fee"),
        ("colour = 1\n", "unknown key colour; run: tradecore config show"),
        ("costs = 3\n", "costs is a section, written as a table [costs], not a value"),
        ("[costs]\nmaker_fee = 25\n", "costs.maker_fee = 25: Input should be less than or equal to 0.1"),
        ("[costs]\nmaker_fee = -0.1\n", "expected >= 0 and <= 0.1"),
        ("[costs]\nmaker_fee = nan\n", "costs.maker_fee = nan: Input should be a finite number"),
        ("[costs]\nmaker_fee = 'high'\n", "costs.maker_fee = 'high': Input should be a valid number"),
        ("[market]\npairs = ['BTC']\n", "market.pairs = 'BTC': pair 'BTC': expected BASE/QUOTE, as in BTC/USD"),
        ("[market]\npairs = []\n", "at least 1 item"),
        ("[market]\ntimeframe = '7x'\n", "timeframe '7x': expected a count and one of m, h, d, w"),
        ("[report]\ntime_zone = 'Mars/Olympus'\n", "time zone 'Mars/Olympus' is not known"),
        ("[folders]\ndata = '../elsewhere'\n", "expected a name inside the workspace"),
        ("[log]\nlevel = 'loud'\n", "'debug', 'info', 'warning' or 'error'"),
        ("[costs\n", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(_workspace(tmp_path, text))
    assert told in str(caught.value)
    assert str(tmp_path / "tradecore.toml") in str(caught.value)


def test_every_wrong_key_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(_workspace(tmp_path, "[costs]\nmaker_fee = 7\ntaker_fee = 8\n"))
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "costs.maker_fee = 7",
        "costs.taker_fee = 8",
    ]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tradecore.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="expected a UTF-8 text file"):
        load_settings(tmp_path)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateRefusedError, match="schema_version is 2, this tradecore knows 1"):
        load_settings(_workspace(tmp_path, "schema_version = 2\n[section_of_the_future]\nx = 1\n"))


def test_a_misspelt_variable_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_COSTS_MAKER_FEE", "0.001")
    with pytest.raises(
        ConfigError, match=r"TRADECORE_COSTS_MAKER_FEE names no setting; did you mean TRADECORE_COSTS__M"
    ):
        load_settings()


def test_a_variable_out_of_range_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_ACCOUNT__START_CASH", "-5")
    with pytest.raises(ConfigError, match=r"TRADECORE_ACCOUNT__START_CASH: account.start_cash = '-5'"):
        load_settings()


def test_a_list_variable_that_is_no_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_MARKET__PAIRS", "btc/usd")
    with pytest.raises(ConfigError, match="lists are written as JSON"):
        load_settings()


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--set: unknown key costs.fee; did you mean"):
        load_settings(None, {"costs.fee": "0.1"})


def test_every_setting_says_what_it_means_and_every_number_has_unit_and_range() -> None:
    values = setting_values(load_settings())
    assert [value.key for value in values if not value.text] == []
    numbers = [value for value in values if type(value.default) in (int, float)]
    assert [value.key for value in numbers if not (value.unit and value.range)] == []
    assert len(values) == len(list(setting_fields())) > 30


def test_settings_cannot_be_changed_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().tree.costs.maker_fee = 0.0  # type: ignore[misc]

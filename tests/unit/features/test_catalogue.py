"""The catalogue: names, binding, the text form, the presets, and what may not clash."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tradecore.features as package
from tradecore.core.errors import ConfigError, UsageError
from tradecore.features import catalogue, ema, macd, volume_ratio
from tradecore.features.feature import Feature


def test_the_catalogue_holds_at_least_thirty_five_indicators() -> None:
    assert len(catalogue.names()) >= 35


@pytest.mark.parametrize("name", catalogue.names())
def test_every_default_is_inside_its_own_range(name: str) -> None:
    entry = catalogue.spec(name)
    assert entry.bind((), {}) == tuple(param.default for param in entry.params)


@pytest.mark.parametrize("name", catalogue.names())
def test_an_entry_says_what_it_is(name: str) -> None:
    entry = catalogue.spec(name)
    assert entry.label
    assert entry.text.endswith(".")
    assert all(param.text for param in entry.params)
    assert set(entry.inputs) <= {"open_time", "open", "high", "low", "close", "volume"}


def test_no_indicator_is_named_like_a_module_of_the_package() -> None:
    modules = {path.stem for path in Path(str(package.__file__)).parent.glob("*.py")}
    assert not modules & set(catalogue.names())


def test_no_output_is_named_like_an_attribute_of_a_feature() -> None:
    outputs = {output for entry in catalogue.SPECS.values() for output in entry.outputs}
    assert not outputs & set(vars(Feature))


def test_parameters_bind_by_position_and_by_name_to_the_same_value() -> None:
    assert macd(12, 26, 9) == macd(slow=26, signal=9, fast=12) == macd()
    assert hash(macd(12, 26, 9)) == hash(macd())
    assert dict(ema(9).params) == {"period": 9}


def test_numpy_integers_bind_like_integers() -> None:
    assert ema(np.int64(9)) == ema(9)
    assert type(ema(np.int64(9)).values[0]) is int


@pytest.mark.parametrize("value", [0, 10_001, 9.0, "9", True, None, float("nan")])
def test_a_bad_value_is_refused_with_parameter_range_and_value(value: object) -> None:
    with pytest.raises(
        ConfigError, match=r"ema: parameter period is .*expected a whole number from 1 to 10000"
    ) as caught:
        ema(value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", [0.0, float("inf"), "2"])
def test_a_bad_real_number_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="parameter width"):
        catalogue.feature("bollinger", 20, value)


@pytest.mark.parametrize(
    "text", ["macd(26,12,9)", "ppo(26,12)", "kama(30,30,2)", "chaikin_oscillator(10,3)", "psar(0.3,0.2)"]
)
def test_a_combination_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        catalogue.parse(text)


def test_too_many_or_unknown_parameters_are_refused_with_the_usage() -> None:
    with pytest.raises(UsageError, match=r"2 parameters given.*ema\(period=20\)"):
        ema(9, 3)
    with pytest.raises(UsageError, match="parameter span is unknown"):
        ema(span=9)
    with pytest.raises(UsageError, match="given twice"):
        ema(9, period=9)


def test_an_unknown_indicator_is_refused_with_near_names() -> None:
    with pytest.raises(UsageError, match="did you mean bollinger"):
        catalogue.spec("bolinger")
    with pytest.raises(AttributeError, match="volume_ratio"):
        package.volume_ration  # noqa: B018
    with pytest.raises(UsageError, match="features list"):
        catalogue.spec("qqqqqq")


def test_constructors_are_listed_and_documented() -> None:
    assert {"ema", "rsi", "volume_ratio"} <= set(dir(package))
    assert "Volume ratio" in str(volume_ratio.__doc__)


@pytest.mark.parametrize("name", catalogue.names())
def test_the_text_form_reads_back_to_an_equal_feature(name: str) -> None:
    whole = catalogue.feature(name)
    assert catalogue.parse(whole.label) == whole
    assert all(catalogue.parse(whole.pick(output).label) == whole.pick(output) for output in whole.outputs)


def test_the_text_form_takes_names_spaces_and_no_brackets() -> None:
    assert catalogue.parse(" bollinger( 20, width = 2 ) . upper ").label == "bollinger(20,2).upper"
    assert catalogue.parse("obv").label == "obv()"
    assert catalogue.parse("psar(0.015)").label == "psar(0.015,0.2)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ema(9",
        "ema 9",
        "ema(9).value.more",
        "ema(__import__('os'))",
        "ema(x)",
        "ema(9)-1",
        "ema(9)(3)",
        "ema(9)+(3)",
        "ema(**{})",
    ],
)
def test_a_text_that_is_no_feature_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        catalogue.parse(text)


def test_an_unknown_output_is_refused_with_the_outputs_there_are() -> None:
    with pytest.raises(UsageError, match="line, signal, hist"):
        catalogue.parse("macd().histogram")
    with pytest.raises(AttributeError, match="line, signal, hist"):
        macd().histogram  # noqa: B018


def test_an_output_of_a_single_column_feature_is_the_feature() -> None:
    assert ema(9).value == ema(9)


def test_columns_are_named_after_the_strategys_key() -> None:
    assert ema(9).columns("fast") == ("fast",)
    assert catalogue.parse("bollinger()").columns("bands") == ("bands_upper", "bands_middle", "bands_lower")
    assert catalogue.parse("bollinger().upper").columns("top") == ("top",)


def test_a_feature_prints_as_its_text() -> None:
    assert repr(macd(5, 8, 3).hist) == "macd(5,8,3).hist"


def test_a_feature_survives_pickling() -> None:
    chosen = macd(5, 8, 3).hist
    assert pickle.loads(pickle.dumps(chosen)) == chosen


def test_a_feature_lists_its_outputs_as_attributes() -> None:
    assert {"line", "signal", "hist", "compute"} <= set(dir(macd()))


def test_presets_are_features_of_the_catalogue() -> None:
    assert [entry.label for entry in catalogue.preset("default").values()] == ["vwap()", "zscore(20)"]
    assert list(catalogue.preset("extended")) == ["vwap", "zscore", "atr", "rsi", "bollinger"]
    with pytest.raises(UsageError, match="default, extended"):
        catalogue.preset("everything")


def test_binding_a_feature_loads_no_numba() -> None:
    code = "import sys; from tradecore.features import ema; ema(9).label; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

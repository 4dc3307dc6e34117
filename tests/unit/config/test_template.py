"""The settings file that `init` writes, the JSON schema, and the list of differences."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tradecore.config.load import Loaded, load_settings, setting_values
from tradecore.config.template import differences, json_schema, settings_file, toml
from tradecore.config.tree import Tree

KEY = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)


def test_a_new_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "tradecore.toml").write_text(settings_file())
    loaded = load_settings(tmp_path)
    assert loaded.tree == Tree()
    assert list(loaded.origins) == ["schema_version"]


def test_every_key_is_in_the_file_with_its_default(tmp_path: Path) -> None:
    (tmp_path / "tradecore.toml").write_text(KEY.sub("", settings_file()))
    loaded = load_settings(tmp_path)
    assert loaded.tree == Tree()
    assert set(loaded.origins) == {value.key for value in setting_values(loaded)}


def test_every_key_has_its_meaning_above_it() -> None:
    text = settings_file()
    for value in setting_values(Loaded(Tree(), {})):
        if "." in value.key:
            assert f"# {value.text}" in text


def test_only_what_differs_from_the_defaults_is_listed() -> None:
    changed = differences(load_settings(None, {"costs.taker_fee": "0.001", "log.keep": "5"}))
    assert [(value.key, value.default, value.value) for value in changed] == [("costs.taker_fee", 0.0040, 0.001)]


def test_the_schema_knows_every_section_and_refuses_other_keys() -> None:
    schema = json.loads(json_schema())
    assert set(schema["properties"]) == set(Tree.model_fields)
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["CostSettings"]["properties"]["taker_fee"]["maximum"] == 0.1
    assert schema["$defs"]["CostSettings"]["properties"]["taker_fee"]["unit"] == "fraction"


def test_values_are_written_as_toml_writes_them() -> None:
    assert [toml(value) for value in (True, "a", 0.5, ("x", "y"))] == ["true", '"a"', "0.5", '["x", "y"]']

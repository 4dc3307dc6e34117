"""The settings as files for people and editors: a commented `tradecore.toml`, the JSON schema, and what differs.

Generated from `config.tree`, so none of it can be stale. Called by `control.config` and by the reference pages.
"""

from __future__ import annotations

import json
from typing import Any

import tomlkit

from tradecore.config.load import Loaded, Value, setting_values
from tradecore.config.tree import SCHEMA_VERSION, Tree

_HEAD = """\
Settings of a tradecore workspace. Every key is here with its default: take the # away to change one.
Above this file stand the environment (TRADECORE_SECTION__KEY) and flags (--set section.key=value).
See what is in force, and why: tradecore config show"""


def settings_file() -> str:
    """Return the text of a new `tradecore.toml`: every key commented out with its meaning, unit, range and default."""
    document = tomlkit.document()
    for line in _HEAD.splitlines():
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    document.add("schema_version", tomlkit.item(SCHEMA_VERSION))
    section = ""
    lines: list[str] = []
    for value in setting_values(Loaded(Tree(), {})):
        name, dot, key = value.key.rpartition(".")
        if not dot:
            continue
        if name != section:
            section = name
            lines += ["", f"[{section}]"]
        lines += [f"# {value.text}{_aside(value)}", f"# {key} = {toml(value.default)}"]
    return tomlkit.dumps(document) + "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    return str(tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string())


def json_schema() -> str:
    """Return the JSON schema of the settings, for editors that complete and check."""
    return json.dumps(Tree.model_json_schema(), indent=2, allow_nan=False)


def differences(loaded: Loaded) -> list[Value]:
    """Return the settings whose value is not the default."""
    return [value for value in setting_values(loaded) if value.value != value.default]


def _aside(value: Value) -> str:
    facts = ", ".join(fact for fact in (value.unit, value.range) if fact)
    return f" ({facts})" if facts else ""

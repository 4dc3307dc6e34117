"""Lay the layers of settings over one another and remember which layer each value came from.

Lowest first: defaults, `tradecore.toml`, the environment (`TRADECORE_SECTION__KEY`), flags. Nothing here writes. The
invariant: a key that is not in the tree stops everything, with the file and the key named; a value is never dropped.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, SettingsError

from tradecore.config.secrets import VARIABLES
from tradecore.config.tree import SCHEMA_VERSION, Tree
from tradecore.config.workspace import FILE, VARIABLE
from tradecore.core.errors import ConfigError, StateRefusedError

PREFIX = "TRADECORE_"
NOT_SETTINGS = frozenset({VARIABLE, "TRADECORE_REAL_DATA", *VARIABLES})
"""Variables with our prefix that name no setting: where the workspace is, where tests find real data, and secrets."""
MOVED = MappingProxyType({"market.kraken_address": "kraken.rest_address"})
"""Keys of older files, and where what they said is said now."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and for every key that is not a default, where its value came from."""

    tree: Tree
    origins: Mapping[str, str]

    def origin(self, key: str) -> str:
        """Return where a key's value came from: `default`, a file's path, a variable's name or a flag."""
        return self.origins.get(key, "default")


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as it is shown: its key, value in force, default, unit, range, description and origin."""

    key: str
    value: Any
    default: Any
    unit: str
    range: str
    text: str
    origin: str


def load_settings(folder: Path | None = None, flags: Mapping[str, str] | None = None) -> Loaded:
    """Return the settings in force in a workspace, or outside of any when `folder` is None.

    Errors: ConfigError naming layer, key, what was and what was expected; StateRefusedError for a newer file.
    """
    layers = [(_from_file(folder / FILE), str(folder / FILE))] if folder is not None else []
    layers.append((_from_environment(), ""))
    layers.append((_from_flags(flags or {}), "--set"))
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for values, layer in layers:
        for key, value in _flatten(values):
            _check_known(key, layer or _variable(key))
            _put(merged, key, value)
            origins[key] = layer or _variable(key)
    try:
        return Loaded(Tree(**merged), origins)
    except ValidationError as error:
        lines = {_key_of(item, origins): _explain(item, origins) for item in reversed(error.errors())}
        raise ConfigError("\n".join(reversed(lines.values()))) from None


def setting_values(loaded: Loaded) -> list[Value]:
    """Return every setting in the order of the tree."""
    plain = Tree()
    return [
        Value(
            key=key,
            value=_get(loaded.tree, key),
            default=_get(plain, key),
            unit=_unit_of(field),
            range=_range_of(field),
            text=field.description or "",
            origin=loaded.origin(key),
        )
        for key, field in setting_fields()
    ]


def setting_fields() -> Iterator[tuple[str, FieldInfo]]:
    """Yield every leaf of the tree as its dotted key and pydantic's field."""
    yield from _leaves(Tree, "")


def _leaves(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _leaves(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; run: tradecore init") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected a UTF-8 text file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    version = values.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise StateRefusedError(
            f"{path}: schema_version is {version}, this tradecore knows {SCHEMA_VERSION}; "
            "use the newer tradecore it was made with"
        )
    return values


def _from_environment() -> dict[str, Any]:
    known = {_variable(key) for key, _ in setting_fields()}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known | NOT_SETTINGS:
            raise ConfigError(f"environment variable {name} names no setting{_near(name.upper(), sorted(known))}")
    try:
        return dict(EnvSettingsSource(Tree)())
    except SettingsError as error:
        raise ConfigError(f"environment: {error}; lists are written as JSON, as in '[\"BTC/USD\"]'") from None


def _from_flags(flags: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, text in flags.items():
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text  # a bare word, as in --set log.level=debug
        _put(values, key, value)
    return values


def _variable(key: str) -> str:
    return PREFIX + key.replace(".", "__").upper()


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _check_known(key: str, layer: str) -> None:
    known = [name for name, _ in setting_fields()]
    if any(name.startswith(f"{key}.") for name in known):
        raise ConfigError(f"{layer}: {key} is a section, written as a table [{key}], not a value")
    if key in MOVED:
        raise ConfigError(f"{layer}: {key} is now {MOVED[key]}; write it there")
    if key not in known:
        raise ConfigError(f"{layer}: unknown key {key}{_near(key, known)}")


def _near(key: str, known: list[str]) -> str:
    matches = difflib.get_close_matches(key, known, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(matches)}?" if matches else "; run: tradecore config show"


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{key}: {section} is a value, not a section")
        values = inner
    values[last] = value


def _get(tree: BaseModel, key: str) -> Any:
    value: Any = tree
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _key_of(item: Any, origins: Mapping[str, str]) -> str:
    """Return the setting that one of pydantic's errors is about: its location, less the place inside a list."""
    parts = [str(part) for part in item["loc"]]
    prefixes = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((prefix for prefix in prefixes if prefix in origins), prefixes[0] if prefixes else "")


def _explain(item: Any, origins: Mapping[str, str]) -> str:
    key = _key_of(item, origins)
    wanted = next((_range_of(field) for name, field in setting_fields() if name == key), "")
    reason = str(item["msg"]).removeprefix("Value error, ")
    expected = f"; expected {wanted}" if wanted and "expected" not in reason else ""
    was = re.sub(r"//[^/@\s]*@", "//…@", repr(item["input"]))  # an address may hold a password where none belongs
    return f"{origins.get(key, 'settings')}: {key} = {was}: {reason}{expected}"


def _unit_of(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _range_of(field: FieldInfo) -> str:
    """Return a field's bounds in words: `0 <= value < 1`, or the choices."""
    names = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
    bounds = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in names
        if getattr(rule, name, None) is not None
    ]
    if bounds:
        return " and ".join(bounds)
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return " | ".join(choices)
    return "true | false" if field.annotation is bool else ""

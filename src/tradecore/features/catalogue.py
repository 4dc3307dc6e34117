"""The catalogue: every indicator by name, the constructors of features, and the presets.

One table drives the constructors, the command line, the panel's forms and the generated reference. It holds no
arithmetic (that is in `kernels`) and loads no numba.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from tradecore.core.errors import UsageError
from tradecore.features.feature import Feature
from tradecore.features.momentum import SPECS as MOMENTUM
from tradecore.features.regime import SPECS as CONTEXT
from tradecore.features.spec import Param, Spec
from tradecore.features.trend import SPECS as TREND
from tradecore.features.volatility import SPECS as VOLATILITY
from tradecore.features.volume import SPECS as VOLUME

__all__ = ["GROUPS", "PRESETS", "SPECS", "Param", "Spec", "feature", "names", "parse", "preset", "spec", "standard"]

_TABLES = (TREND, MOMENTUM, VOLATILITY, VOLUME, CONTEXT)

SPECS: Mapping[str, Spec] = MappingProxyType({entry.name: entry for table in _TABLES for entry in table})
"""Every indicator by name, in the order of the reference."""

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(entry.group for entry in SPECS.values()))

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "default": ("vwap()", "zscore(20)"),
        "extended": ("vwap()", "zscore(20)", "atr(14)", "rsi(14)", "bollinger(20,2)"),
    }
)
"""Named sets of features, as text."""

_TEXT = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*(?:\.\s*(\w+))?\s*")


def names() -> tuple[str, ...]:
    """Return the names of all indicators."""
    return tuple(SPECS)


def spec(name: str) -> Spec:
    """Return one indicator's entry. Errors: UsageError with the nearest names when there is none."""
    if name in SPECS:
        return SPECS[name]
    near = difflib.get_close_matches(name.lower(), SPECS, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "list them with: tradecore features list"
    raise UsageError(f"indicator {name!r} is not in the catalogue; {hint}")


def feature(name: str, /, *args: object, **named: object) -> Feature:
    """Bind parameters to an indicator, by position or name: `feature("macd", 12, 26, signal=9)`.

    Errors: UsageError for an unknown indicator or parameter, ConfigError for a value out of range or of the wrong type.
    """
    entry = spec(name)
    return Feature(entry, entry.bind(args, named))


def parse(text: str) -> Feature:
    """Read a feature's text form: `ema(9)`, `bollinger(20, width=2).upper`, `obv`.

    Errors: UsageError when it cannot be read or names nothing; ConfigError for a bad value.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise UsageError(f"feature {text!r}: expected NAME(VALUES) or NAME(VALUES).OUTPUT, as in bollinger(20,2).upper")
    name, inside, output = match.groups()
    entry = spec(name)
    args, named = _arguments(text, inside or "")
    bound = Feature(entry, entry.bind(args, named))
    return bound if output is None else bound.pick(output)


def standard() -> tuple[Feature, ...]:
    """Return every indicator with its default parameters."""
    return tuple(feature(name) for name in SPECS)


def preset(name: str) -> dict[str, Feature]:
    """Return a preset's features by indicator name. Errors: UsageError for an unknown preset."""
    if name not in PRESETS:
        raise UsageError(f"preset {name!r} is unknown; expected one of: {', '.join(PRESETS)}")
    chosen = [parse(text) for text in PRESETS[name]]
    return {entry.spec.name: entry for entry in chosen}


def _arguments(text: str, inside: str) -> tuple[tuple[object, ...], dict[str, object]]:
    """Read the part between the brackets as literals; nothing is evaluated."""
    try:
        call = ast.parse(f"_({inside})", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("not a list of values")
        args = tuple(ast.literal_eval(value) for value in call.args)
        named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError):
        raise UsageError(f"feature {text!r}: the values in brackets must be plain numbers, as in ema(9)") from None
    return args, named

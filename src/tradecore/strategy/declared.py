"""Is what a strategy declares meant: its parameters, pairs, timeframe, features and methods? Nothing is played here.

The first step of `strategy.check`; each problem is one sentence that names what was and what was expected.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from tradecore.core.errors import TradecoreError
from tradecore.core.types import Pair, Timeframe
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Strategy, export_state
from tradecore.strategy.parameters import Choice, Float, Int
from tradecore.strategy.views import PRICE_COLUMNS, Market


def problems(strategy: Strategy, pairs: Sequence[str]) -> list[str]:
    """Return everything that is wrong with a strategy's declarations; `pairs` are those it is checked on."""
    found = [*_methods(strategy), *_parameters(strategy), *_names(strategy, pairs), *_features(strategy)]
    try:
        export_state(strategy)
    except TradecoreError as error:
        found.append(str(error))
    except Exception as error:  # boundary: state is the user's code
        found.append(f"state() raised {type(error).__name__}: {error}")
    return found


def _methods(strategy: Strategy) -> list[str]:
    if type(strategy).decide is Strategy.decide and strategy.exposure is None:
        return ["it has no decide(self, market, account)"]
    return [
        f"{name} is {type(getattr(strategy, name)).__name__}, expected a method"
        for name in ("features", "decide", "on_start", "on_stop", "on_fill", "state", "restore")
        if not callable(getattr(strategy, name))
    ] + ([] if strategy.exposure is None or callable(strategy.exposure) else ["exposure is no method"])


def _parameters(strategy: Strategy) -> list[str]:
    found = []
    for name, kind in strategy.params.items():
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            found.append(f"parameter {name!r}: expected a plain name")
        elif not isinstance(kind, Int | Float | Choice):
            found.append(f"parameter {name} is {type(kind).__name__}, expected Int, Float or Choice")
        else:
            try:
                kind.bind(name, kind.default)
            except TradecoreError as error:
                found.append(f"the default of {error}")
    return found


def _names(strategy: Strategy, pairs: Sequence[str]) -> list[str]:
    found = []
    try:
        Timeframe.parse(strategy.timeframe)
    except (TradecoreError, AttributeError) as error:
        found.append(f"timeframe: {error}")
    for name in strategy.pairs:
        try:
            Pair.parse(name)
        except (TradecoreError, AttributeError) as error:
            found.append(f"pairs: {error}")
    missing = [name for name in strategy.pairs if name not in pairs]
    if missing and not found:
        found.append(f"it trades {', '.join(missing)}, and is checked on {', '.join(pairs)} alone")
    return found


def _features(strategy: Strategy) -> list[str]:
    try:
        wanted: Any = strategy.features(strategy.p)
    except Exception as error:  # boundary: features is the user's code
        return [f"features raised {type(error).__name__}: {error}"]
    if not isinstance(wanted, Mapping):
        return [f"features returned {type(wanted).__name__}, expected a mapping of names to features"]
    found = [
        f"feature {name!r} is {type(item).__name__}, expected one of the catalogue, as in ema(9)"
        for name, item in wanted.items()
        if not isinstance(item, Feature)
    ]
    if found:
        return found
    columns = [column for name, item in wanted.items() for column in item.columns(str(name))]
    taken = {name for name in dir(Market) if not name.startswith("__")} | set(PRICE_COLUMNS) | set(Market.__slots__)
    for column in columns:
        if not column.isidentifier() or keyword.iskeyword(column) or column.startswith("_"):
            found.append(f"feature name {column!r}: expected a plain name, to be read as market.{column}")
        elif column in taken:
            found.append(f"feature name {column!r} is taken by market.{column}; choose another")
        elif columns.count(column) > 1 and column not in str(found):
            found.append(f"column {column!r} is given by two features; rename one")
    return found

"""Verbs of strategies: which there are, a new one, and whether one keeps the contract."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tradecore.backtest.replay import play, play_blind
from tradecore.control.data import Where
from tradecore.control.data import bars as bars_of
from tradecore.control.decide import decide_apart
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError, UsageError
from tradecore.core.types import Pair, Timeframe
from tradecore.features.compute import warmup
from tradecore.market.synthetic import make_many
from tradecore.storage.atomic_io import write_text
from tradecore.strategy.builtin import BUILTINS
from tradecore.strategy.check import STEPS, CheckReport, Players
from tradecore.strategy.check import check as check_strategy
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import find_class, load, load_anew
from tradecore.strategy.template import file_name, render

CHECK_BARS = 2_000
"""Made-up bars beyond the warm-up: enough for signals, few enough for a few seconds."""
CHECK_MARKET = "planted"
"""The made-up market a check uses: it has trends, so that most strategies have something to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One strategy that can be named."""

    name: str
    """What to write on the command line."""
    timeframe: str
    text: str
    params: Mapping[str, object]
    """Default by parameter; empty for a file, which is not executed to be listed."""
    has_lane: bool
    """Whether it offers the compiled lane."""


def list_strategies(lab: Lab | None) -> list[Entry]:
    """Return the built-ins, and the files in the workspace's folder of strategies, which are read but not executed."""
    entries = [_builtin(name) for name in BUILTINS]
    folder = None if lab is None else lab.folder("strategies")
    return [*entries, *(_file(path) for path in sorted(folder.glob("*.py")))] if folder and folder.is_dir() else entries


def new(lab: Lab, name: str) -> Path:
    """Write a new strategy into the workspace and return its path.

    Errors: UsageError for a name that cannot be one, or when the file is there already: nothing is overwritten.
    """
    path = lab.folder("strategies") / file_name(name)
    if path.exists():
        raise UsageError(f"{path} is there already and is not overwritten; choose another name, or delete it first")
    write_text(path, render(name))
    return path


def check(
    lab: Lab | None, target: str, where: Where | None = None, seed: int = 0, progress: Progress = no_progress,
    *, params: Mapping[str, object] | None = None,
) -> CheckReport:  # fmt: skip
    """Take a strategy through every step of the check, on stored bars or, where no pair is named, on a made-up one.

    Errors: as `load` for a strategy that is not there or cannot be executed, and as the lake for bars.
    """
    given = dict(params or {})
    strategy = load(target, **given)
    bars = _made(strategy, where, seed) if where is None or where.pair is None else _stored(lab, strategy, where)
    players = Players(play, play_blind, partial(decide_apart, target, given, bars))
    done = 0

    def tell(step: str) -> None:
        nonlocal done
        progress("check", done, len(STEPS))
        done += 1

    report = check_strategy(strategy, bars, players, anew=partial(load_anew, target, **given), told=tell)
    progress("check", len(STEPS), len(STEPS))
    return report


def _made(strategy: Strategy, where: Where | None, seed: int) -> Sequence[Bars]:
    """Return a made-up market for every pair of the strategy, long enough for its warm-up."""
    pairs = tuple(Pair.parse(name) for name in strategy.pairs) or (Pair("BTC", "USD"),)
    count = _warmup(strategy) + CHECK_BARS
    timeframe = Timeframe.parse((where and where.timeframe) or strategy.timeframe)
    return tuple(make_many(CHECK_MARKET, pairs, timeframe=timeframe, bars=count, seed=seed).values())


def _warmup(strategy: Strategy) -> int:
    try:
        return warmup(strategy.features(strategy.p))
    except Exception:  # boundary: features is the user's code; the first step of the check says what is wrong with it
        return 0


def _stored(lab: Lab | None, strategy: Strategy, where: Where) -> Sequence[Bars]:
    if lab is None:
        raise NothingThereError("no workspace here, so no stored bars; make one with: tradecore init")
    pairs = strategy.pairs if where.pair in strategy.pairs else (where.pair,)
    asked = [Where(pair, where.venue, where.timeframe or strategy.timeframe, where.start, where.end) for pair in pairs]
    return [bars_of(lab, one) for one in asked]


def _builtin(name: str) -> Entry:
    kind = find_class(name)
    params = {key: item.default for key, item in kind.params.items()}
    return Entry(name, kind.timeframe, _first_line(inspect.getdoc(kind)), params, kind.exposure is not None)


def _file(path: Path) -> Entry:
    """Describe a file by what stands in it."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        return Entry(str(path), "?", f"cannot be read: {error}", {}, False)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    text = next((found for node in classes if (found := ast.get_docstring(node))), ast.get_docstring(tree))
    frames = [_text_of(item, "timeframe") for node in classes for item in node.body]
    lane = any(isinstance(item, ast.FunctionDef) and item.name == "exposure" for node in classes for item in node.body)
    return Entry(str(path), next(filter(None, frames), Strategy.timeframe), _first_line(text), {}, lane)


def _text_of(node: ast.stmt, name: str) -> str:
    """Return the text that a statement assigns to a name, or an empty one."""
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)):
        return ""
    is_named = any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    return str(node.value.value) if is_named else ""


def _first_line(text: str | None) -> str:
    return (text or "says nothing about itself").strip().splitlines()[0]

"""From a name to a strategy: a built-in, `module:Class`, a file, or an ensemble. And from a strategy to its hash.

A strategy is one file: its identity is the hash of that file, its class and its parameters, so code beside it is not
imported. This runs the file; code that is not trusted is run elsewhere. Called by `control`, examples and checks.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import importlib.util
import itertools
import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from tradecore.core.errors import NothingThereError, StrategyError, TradecoreError, UsageError
from tradecore.strategy.builtin import BUILTINS
from tradecore.strategy.contract import Strategy

_CALL = re.compile(r"\s*([^()]+?)\s*(?:\((.*)\))?\s*", re.DOTALL)
_NAMED = re.compile(r"(\w+)\s*=\s*(.+)", re.DOTALL)
_WEIGHTED = re.compile(r"(\d+(?:\.\d+)?)\s*\*\s*(.+)", re.DOTALL)
_OWN_BYTES = "__tradecore_source__"
_count = itertools.count()


@dataclass(frozen=True, slots=True)
class Target:
    """What a text asks for: a name, the members in its brackets, and the parameters in them."""

    name: str
    members: tuple[str, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)


def load(target: str, /, **params: object) -> Strategy:
    """Make a strategy from a built-in's name, `module:Class`, a file, or `ensemble(one, 2*other, rule=weights)`.

    A file holds exactly one strategy, or is followed by the one that is meant: `ideas.py:Trend`. Parameters come after
    the name in brackets, `breakout(enter=55)`, or as keywords, which win.
    Errors: NothingThereError for a name or file that is not there; StrategyError with file and line for one that cannot
    be used; ConfigError for a bad parameter.
    """
    return _make(target, params, find_class)


def load_anew(target: str, /, **params: object) -> Strategy:
    """Make a strategy as `load` does, from code that is executed again: nothing it kept in its module is there."""
    return _make(target, params, lambda name: _again(find_class(name)))


def find_class(name: str) -> type[Strategy]:
    """Return the strategy class behind a built-in's name, `module:Class`, a file or `file:Class`. Errors: as `load`."""
    path, colon, wanted = name.rpartition(":")
    if name.endswith(".py"):
        return class_in_file(Path(name))
    if colon and path.endswith(".py"):
        return class_in_file(Path(path), wanted)
    if colon:
        return _class_in_module(path, wanted)
    known = _known(name)
    if known is None:
        near = difflib.get_close_matches(name.lower().replace("_", "-"), BUILTINS, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"built in: {', '.join(BUILTINS)}"
        raise NothingThereError(f"no strategy {name!r}; {hint} A file is named by its path, as in strategies/idea.py")
    return find_class(BUILTINS[known])


def class_in_file(path: Path, wanted: str = "") -> type[Strategy]:
    """Execute a file and return the strategy in it: the one named, or the only one that no other in it builds on.

    Errors: NothingThereError when there is no file; StrategyError when it cannot be executed or has not exactly one.
    """
    module = _execute(path)
    own = [item for item in vars(module).values() if isinstance(item, type) and item.__module__ == module.__name__]
    found = {item.__name__: item for item in own if issubclass(item, Strategy)}
    if wanted:
        if wanted not in found:
            raise StrategyError(f"{path}: no strategy {wanted!r}; it has {', '.join(found) or 'none'}")
        return found[wanted]
    leaves = {
        name: item for name, item in found.items() if not any(item in other.__bases__ for other in found.values())
    }
    if not leaves:
        raise StrategyError(f"{path}: no strategy in it; write a class that builds on tradecore's Strategy")
    if len(leaves) > 1:
        raise StrategyError(
            f"{path}: {len(leaves)} strategies in it; choose one, as in {path.name}:{next(iter(leaves))}"
        )
    return next(iter(leaves.values()))


def source_hash(strategy: Strategy) -> str:
    """Return the sha256 that names a strategy: its code file, its class, its parameters, and an ensemble's members.

    Errors: StrategyError when the class was not read from a file.
    """
    from tradecore.strategy.ensemble import Ensemble

    kind = type(strategy)
    identity: dict[str, object] = {"class": kind.__qualname__, "parameters": strategy.p._asdict()}
    if isinstance(strategy, Ensemble):
        identity |= {"rule": strategy.describe(), "members": [source_hash(member) for member in strategy.members]}
    digest = hashlib.sha256(_source_of(kind))
    digest.update(b"\0" + json.dumps(identity, sort_keys=True, separators=(",", ":")).encode())
    return digest.hexdigest()


def read_target(text: str) -> Target:
    """Read `NAME`, `NAME(key=value, ...)` or `ensemble(NAME, 2*NAME, key=value)`. Errors: UsageError."""
    match = _CALL.fullmatch(text)
    if match is None:
        raise UsageError(f"strategy {text!r}: expected NAME or NAME(parameter=value, ...)")
    members, params = [], {}
    for part in _split(match[2] or "", text):
        named = _NAMED.fullmatch(part)
        if named is None:
            members.append(part)
        elif named[1] in params:
            raise UsageError(f"strategy {text!r}: parameter {named[1]} is given twice")
        else:
            params[named[1]] = read_value(named[2])
    return Target(match[1], tuple(members), params)


def read_value(text: str) -> object:
    """Read a parameter's value as a plain Python value, else as the word it is."""
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, ValueError):
        return text.strip()


def _make(text: str, params: Mapping[str, object], find: Callable[[str], type[Strategy]]) -> Strategy:
    if text.endswith(".py") and Path(text).is_file():  # a path may hold brackets itself
        return _built(find(text), params)
    target = read_target(text)
    given = {**target.params, **params}
    if target.name == "ensemble":
        return _make_ensemble(target, given, find)
    if target.members:
        raise UsageError(f"strategy {text!r}: {target.members[0]!r} is no parameter; write name=value")
    return _built(find(target.name), given)


def _built(kind: type[Strategy], given: Mapping[str, object]) -> Strategy:
    try:
        return kind(**given)
    except TradecoreError:
        raise
    except Exception as error:  # boundary: __init__ is the user's code
        file = Path(str(sys.modules[kind.__module__].__file__))
        where = f"{file}:{_line_in(error, file)}"
        raise StrategyError(f"{where}: {type(error).__name__}: {error}; {kind.__name__} cannot be made") from error


def _make_ensemble(target: Target, given: Mapping[str, Any], find: Callable[[str], type[Strategy]]) -> Strategy:
    from tradecore.strategy.ensemble import Ensemble

    members, weights = [], []
    for text in target.members:
        weighted = _WEIGHTED.fullmatch(text)
        weights.append(float(weighted[1]) if weighted else 1.0)
        members.append(_make(weighted[2] if weighted else text, {}, find))
    unknown = sorted(set(given) - {"rule", "quorum"})
    if unknown:
        raise UsageError(f"ensemble: unknown {', '.join(unknown)}; it takes rule=vote|weights|veto and quorum=0.5")
    return Ensemble(members, weights=weights, **given)


def _known(name: str) -> str | None:
    """Return a built-in's name as the table has it: hyphens or underscores, or the class's name."""
    plain = name.lower().replace("_", "").replace("-", "")
    return next((known for known in BUILTINS if known.replace("-", "") == plain), None)


def _class_in_module(module: str, wanted: str) -> type[Strategy]:
    try:
        found = getattr(importlib.import_module(module), wanted, None)
    except ModuleNotFoundError as error:
        raise NothingThereError(f"strategy {module}:{wanted}: no module {error.name!r}; is it installed?") from None
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise StrategyError(f"strategy {module}:{wanted}: the module has no strategy of that name")
    return found


def _again(kind: type[Strategy]) -> type[Strategy]:
    """Return the class as its file, executed once more, defines it."""
    module = sys.modules[kind.__module__]
    again: type[Strategy] = vars(_execute(Path(str(module.__file__))))[kind.__name__]
    return again


def _execute(path: Path) -> ModuleType:
    """Run a file as a module of its own and return it."""
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        raise NothingThereError(f"no strategy file {path}; write one with: tradecore strategy new NAME") from None
    except OSError as error:
        raise StrategyError(f"{path}: cannot be read ({error.strerror}); expected a Python file") from None
    try:
        code = compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise StrategyError(f"{path}:{error.lineno or 1}: {error.msg}; the file is not Python as it stands") from None
    except ValueError as error:
        raise StrategyError(f"{path}:1: {error}; the file is not Python as it stands") from None
    module = ModuleType(f"tradecore_strategy_{hashlib.sha256(source).hexdigest()[:12]}_{next(_count)}")
    module.__file__ = str(path)
    vars(module)[_OWN_BYTES] = source
    sys.modules[module.__name__] = module  # dataclasses and inspect look a class's module up there
    try:
        exec(code, vars(module))  # running the user's code is what loading it means
    except (Exception, SystemExit) as error:  # boundary: a user's file may raise anything
        del sys.modules[module.__name__]
        raise StrategyError(
            f"{path}:{_line_in(error, path)}: {type(error).__name__}: {error}; it fails as it is read"
        ) from error
    return module


def _line_in(error: BaseException, path: Path) -> int:
    """Return the last line of the file that an error passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return (lines[-1] if lines else 1) or 1


def _source_of(kind: type) -> bytes:
    module = sys.modules.get(kind.__module__)
    own = vars(module).get(_OWN_BYTES) if module else None
    if isinstance(own, bytes):  # as it was when it was executed; the file may have changed since
        return own
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        raise StrategyError(
            f"{kind.__name__} was not read from a file and has no hash; save it in a file and load that"
        )
    return Path(file).read_bytes()


def _split(inside: str, text: str) -> list[str]:
    """Cut at the commas that are in no bracket. Errors: UsageError when brackets do not match or a part is empty."""
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(inside):
        depth += (letter in "([") - (letter in ")]")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            parts.append(inside[start:i].strip())
            start = i + 1
    parts.append(inside[start:].strip())
    if depth or (inside.strip() and not all(parts)):
        raise UsageError(f"strategy {text!r}: brackets or commas do not match; expected NAME(parameter=value, ...)")
    return [part for part in parts if part]

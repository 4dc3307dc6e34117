"""How the market's functions are compiled: a few decorators, so that all of them keep the same promises.

Cached on disk, no reordering of arithmetic, division by zero as in an array. Without numba's memory management: nothing
here allocates, callers hold every array while it runs, and handing twenty arrays from function to function without
counting references is much of what a bar and a compile cost. numba spells that option `_nrt`; its versions are pinned.

`entry` is for what Python calls too; `inner` for what only compiled functions call. Those get no door to Python, which
for tapes and books takes longer to compile than what lies behind it. Used by `sim` and by the loops of `backtest`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])
_compile: Any = njit
_promises: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}
_closed: dict[type, type] = {}


def entry(function: _Function) -> _Function:
    """Compile a function that Python calls, too."""
    return cast(_Function, _compile(**_promises)(function))


def free(function: _Function) -> _Function:
    """Compile a function that Python calls for long: other threads run meanwhile."""
    return cast(_Function, _compile(**_promises, nogil=True)(function))


def inlined(function: _Function) -> _Function:
    """Compile a function into each of its callers: for a few that would be handed dozens of numbers."""
    return cast(_Function, _compile(**_promises, inline="always")(function))


def inner(function: _Function) -> _Function:
    """Compile a function that only compiled functions call; called from Python it raises TypeError."""
    compiled: Any = _compile(**_promises, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    if compiled is not function:  # else compiling is switched off
        compiled.__class__ = _without_a_door(type(compiled))
    return cast(_Function, compiled)


def _without_a_door(kind: type) -> type:
    """Return a kind of compiled function that says so when Python calls it; the process would crash otherwise."""
    if kind not in _closed:
        _closed[kind] = type(kind.__name__, (kind,), {"__call__": _refuse})
    return _closed[kind]


def _refuse(compiled: Any, *_: object, **__: object) -> None:
    name = compiled.__name__
    raise TypeError(
        f"{name} is compiled for compiled callers only; from Python call the function itself: {name}.py_func"
    )

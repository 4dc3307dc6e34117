"""Windows of features, gathered from one resident table for whoever cannot work with (pair, bar) alone.

Environments and replay memories keep indices; a window exists only where a network reads it. Rows of the table lie one
after the other, so that a window is one copy of memory. Callers: training environments and policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from tradecore.core.errors import UsageError
from tradecore.core.types import FloatArray, IntArray

Singles: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
"""An array of float32, as networks read them."""


def table_of(columns: Sequence[Mapping[str, FloatArray]]) -> Singles:
    """Return the features of P pairs as one table.

    Shape: (P, T, F) float32, T the most bars of any pair, F the columns in the first pair's order; NaN after a pair's
    last bar and where a feature has no value yet.
    Errors: UsageError when there is no pair or no column, or the pairs differ in their columns.
    """
    names = list(columns[0]) if columns else []
    if not names:
        raise UsageError("a feature table needs at least one pair with one feature column")
    if any(list(one) != names for one in columns):
        raise UsageError(f"the pairs of a feature table have different columns; all must have {', '.join(names)}")
    bars = max(len(one[names[0]]) for one in columns)
    table = np.full((len(columns), bars, len(names)), np.nan, np.float32)
    for p, one in enumerate(columns):
        for f, name in enumerate(names):
            table[p, : len(one[name]), f] = one[name]
    return table


def gather(table: Singles, pair: IntArray, bar: IntArray, out: Singles) -> Singles:
    """Copy the windows that end with `bar` of `pair` into `out`, and return it.

    Shape:  table (P, T, F) float32, pair and bar (N,), out (N, W, F) float32, all C-contiguous.
    Errors: UsageError when shapes do not fit, or a window does not lie in the table.
    """
    many, window, width = out.shape
    if table.dtype != out.dtype or table.shape[2] != width or len(pair) != many or len(bar) != many:
        raise UsageError(
            f"windows {out.shape} {out.dtype} of {len(pair)} pairs and {len(bar)} bars do not fit a table "
            f"{table.shape} {table.dtype}; expected out (N, W, F) with the table's F and kind, and N of both"
        )
    if not (table.flags.c_contiguous and out.flags.c_contiguous):
        raise UsageError("table and out must be C-contiguous, so that a window is one copy")
    bad = int(gather_all(table, pair, bar, out))
    if bad >= 0:
        raise UsageError(
            f"the window of {window} bars up to bar {bar[bad]} of pair {pair[bad]} does not lie in the table "
            f"of {table.shape[0]} pairs and {table.shape[1]} bars; begin at bar {window - 1}"
        )
    return out


def _copying(typing: Any, target: Any, to: Any, source: Any, start: Any, count: Any) -> tuple[Any, Callable[..., Any]]:
    """Copy `count` values as one memcpy: numba's own loop over a slice takes two to three times as long."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        ends = []
        for kind, array, place in ((signature.args[0], *values[:2]), (signature.args[2], *values[2:4])):
            ends.append(builder.gep(context.make_array(kind)(context, builder, array).data, [place]))
        memcpy: Any = cgutils.raw_memcpy
        size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
        memcpy(builder, ends[0], ends[1], values[4], size)
        return context.get_dummy_value()

    return types.none(target, types.intp, source, types.intp, types.intp), generate


_copy: Any = intrinsic(_copying)


@njit(cache=True, nogil=True)
def gather_all(table: Singles, pair: IntArray, bar: IntArray, out: Singles) -> int:
    """Gather every window; return -1, or the first that does not lie in the table."""
    pairs, bars, width = table.shape
    window = out.shape[1]
    source, target, count = table.reshape(-1), out.reshape(-1), window * width
    for i in range(len(pair)):
        p, start = pair[i], bar[i] + 1 - window
        if p < 0 or p >= pairs or start < 0 or bar[i] >= bars:
            return i
        _copy(target, i * count, source, (p * bars + start) * width, count)
    return -1

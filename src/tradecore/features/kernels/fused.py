"""A product and a sum rounded once: what the processor does in one step, and LLVM may not do unasked.

A mean that feeds on itself waits for its own last value, so two roundings on the way cost as much as all else it does.
The result is that of exact arithmetic rounded once, on every machine: with the instruction, without it, and when the
kernels run as plain Python. Called by kernels whose speed hangs on that chain; nothing else needs it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from numba import types
from numba.extending import intrinsic, overload


def fma(a: float, b: float, c: float) -> float:
    """Return a * b + c, rounded once. Finite numbers only."""
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def _build(typing: Any, a: Any, b: Any, c: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), emit


_instruction: Any = intrinsic(_build)


@overload(fma)
def _compiled(a: Any, b: Any, c: Any) -> Any:
    def one_step(a: Any, b: Any, c: Any) -> Any:
        return _instruction(a, b, c)

    return one_step

"""How the kernels of the catalogue are compiled: one decorator, so that all of them keep the same promises.

Cached on disk; no reordering of arithmetic; division by zero gives inf or NaN as in an array. Without numba's memory
management, since a kernel allocates nothing: taking an array from Python then costs a third, which is most of what one
update of a stream costs. numba spells that option `_nrt`, and its versions are pinned. Used by the kernels alone.
"""

from __future__ import annotations

from typing import Any

from numba import njit

_compile: Any = njit

kernel: Any = _compile(cache=True, error_model="numpy", _nrt=False)
allocating: Any = _compile(cache=True, error_model="numpy")
"""For the one kernel that needs a buffer of its own."""

"""How the market is compiled: a function without a door to Python says so instead of taking the process down."""

from __future__ import annotations

import pytest
from numba import config

from tradecore.sim import booking, fills

needs_compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="compiling is switched off")


@needs_compiler
def test_a_function_for_compiled_callers_refuses_python_and_names_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"finish is compiled for compiled callers only.*finish\.py_func"):
        booking.finish(None, 0)


def test_a_function_for_both_answers_python() -> None:
    assert fills.round_down(0.37, 0.1) == 0.3

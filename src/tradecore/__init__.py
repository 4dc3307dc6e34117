"""tradecore: an open lab for crypto trading, from raw trades to an honest verdict.

    import tradecore as tc

    bars = tc.synthetic("planted")                        # or tc.read("XBTUSD_60.csv")
    result = tc.walk_forward("ema-rsi-volume", bars, grid={"fast": (5, 9, 13)})
    print(result)                                         # figures, and the verdict with its reasons
    result.show()                                         # the report, in a browser

To write a strategy: `from tradecore import Strategy, Int, Float, ema, rsi`. Every indicator of the catalogue can be
imported from here by its name. Nothing is loaded before it is used, so that `import tradecore` costs milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradecore.core.orders import At, Base, Quote
    from tradecore.interfaces.python import compare, evaluate, lab, read, run, sweep, synthetic, walk_forward
    from tradecore.strategy.contract import Strategy
    from tradecore.strategy.parameters import Float, Int

_HOMES = {
    "Strategy": "tradecore.strategy.contract",
    "Int": "tradecore.strategy.parameters",
    "Float": "tradecore.strategy.parameters",
    "At": "tradecore.core.orders",
    "Quote": "tradecore.core.orders",
    "Base": "tradecore.core.orders",
    **dict.fromkeys(
        ("compare", "evaluate", "lab", "read", "run", "sweep", "synthetic", "walk_forward"),
        "tradecore.interfaces.python",
    ),
}

__all__ = [
    "At",
    "Base",
    "Float",
    "Int",
    "Quote",
    "Strategy",
    "compare",
    "evaluate",
    "lab",
    "read",
    "run",
    "sweep",
    "synthetic",
    "walk_forward",
]


def __getattr__(name: str) -> Any:
    """Load a public name, or the constructor of an indicator, when it is first used."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name.startswith("_"):
        raise AttributeError(f"module 'tradecore' has no attribute {name!r}")
    return getattr(import_module("tradecore.features"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

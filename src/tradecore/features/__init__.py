"""Features: compiled, causal indicators from one catalogue. `from tradecore.features import ema, rsi, volume_ratio`.

Every indicator of the catalogue is a constructor here, made on demand. Importing this package loads neither numba nor
the tables; computing a feature does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradecore.features.feature import Feature


def __getattr__(name: str) -> Callable[..., Feature]:
    """Return the constructor of an indicator. Errors: AttributeError with the nearest names."""
    if name.startswith("_"):
        raise AttributeError(name)
    from tradecore.core.errors import UsageError

    catalogue = import_module("tradecore.features.catalogue")
    try:
        entry = catalogue.spec(name)
    except UsageError as error:
        raise AttributeError(str(error)) from None
    make = partial(catalogue.feature, entry.name)
    make.__doc__ = f"{entry.label}: {entry.usage}. {entry.text}"
    return make


def __dir__() -> list[str]:
    catalogue = import_module("tradecore.features.catalogue")
    return [*globals(), *catalogue.names()]

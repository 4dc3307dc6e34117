"""The codes of `core.orders` as plain integers: an enum member costs the compiler more than the whole kernel.

They are numpy's, since numba compiles a function anew for each of Python's own constants that it is called with.
"""

from __future__ import annotations

from typing import Any

from numpy import int64

from tradecore.core.orders import FillReason, Liquidity, OrderKind, OrderNote, OrderState, SizeKind

_int: Any = int64
MARKET, LIMIT, STOP = _int(OrderKind.MARKET), _int(OrderKind.LIMIT), _int(OrderKind.STOP)
FRACTION, QUOTE, ALL = _int(SizeKind.FRACTION), _int(SizeKind.QUOTE), _int(SizeKind.ALL)
TAKER, MAKER = _int(Liquidity.TAKER), _int(Liquidity.MAKER)
SIGNAL, BY_STOP, BY_TARGET, BY_TRAIL = (
    _int(FillReason.SIGNAL),
    _int(FillReason.STOP),
    _int(FillReason.TARGET),
    _int(FillReason.TRAIL),
)
BY_CAP, LIQUIDATION = _int(FillReason.CAP), _int(FillReason.LIQUIDATION)
SENT, OPEN, PARTLY, FILLED = (
    _int(OrderState.SENT),
    _int(OrderState.OPEN),
    _int(OrderState.PARTLY_FILLED),
    _int(OrderState.FILLED),
)
CANCELLED, REJECTED = _int(OrderState.CANCELLED), _int(OrderState.REJECTED)
_N = OrderNote
BELOW_MINIMUM, DUST, NO_CASH, CASH_RESIZED = (
    _int(_N.BELOW_MINIMUM),
    _int(_N.DUST),
    _int(_N.NO_CASH),
    _int(_N.CASH_RESIZED),
)
NO_POSITION, NO_SHORT, BASE_LIMIT = _int(_N.NO_POSITION), _int(_N.SHORT_NOT_ALLOWED), _int(_N.POSITION_BASE_LIMIT)
QUOTE_LIMIT, COUNT_LIMIT = _int(_N.POSITION_QUOTE_LIMIT), _int(_N.OPEN_POSITIONS_LIMIT)
EXITS, ENTRIES = _int(0), _int(1)
"""Phases of a bar."""
BUY, SELL = _int(1), _int(-1)
"""Sides of an order."""
NO_ORDER_ID = _int(-1)
"""Of a fill that no order asked for."""

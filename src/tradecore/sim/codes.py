"""The codes of `core.orders` as plain integers: an enum member costs the compiler more than the whole kernel."""

from __future__ import annotations

from tradecore.core.orders import FillReason, Liquidity, OrderKind, OrderNote, OrderState, SizeKind

MARKET, LIMIT, STOP = int(OrderKind.MARKET), int(OrderKind.LIMIT), int(OrderKind.STOP)
FRACTION, QUOTE, ALL = int(SizeKind.FRACTION), int(SizeKind.QUOTE), int(SizeKind.ALL)
TAKER, MAKER = int(Liquidity.TAKER), int(Liquidity.MAKER)
SIGNAL, BY_STOP, BY_TARGET, BY_TRAIL = (
    int(FillReason.SIGNAL),
    int(FillReason.STOP),
    int(FillReason.TARGET),
    int(FillReason.TRAIL),
)
BY_CAP, LIQUIDATION = int(FillReason.CAP), int(FillReason.LIQUIDATION)
SENT, OPEN, PARTLY, FILLED = (
    int(OrderState.SENT),
    int(OrderState.OPEN),
    int(OrderState.PARTLY_FILLED),
    int(OrderState.FILLED),
)
CANCELLED, REJECTED = int(OrderState.CANCELLED), int(OrderState.REJECTED)
_N = OrderNote
BELOW_MINIMUM, DUST, NO_CASH, CASH_RESIZED = int(_N.BELOW_MINIMUM), int(_N.DUST), int(_N.NO_CASH), int(_N.CASH_RESIZED)
NO_POSITION, NO_SHORT, BASE_LIMIT = int(_N.NO_POSITION), int(_N.SHORT_NOT_ALLOWED), int(_N.POSITION_BASE_LIMIT)
QUOTE_LIMIT, COUNT_LIMIT = int(_N.POSITION_QUOTE_LIMIT), int(_N.OPEN_POSITIONS_LIMIT)

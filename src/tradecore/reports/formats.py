"""How a number is written for a person: percent, ratio, money, count, duration, moment. None is an en dash, everywhere.

Used by the HTML report, the charts, the comparison table and the command line, so that one run reads the same in all of
them. It knows no metric's meaning, only how its kind is written. A minus is U+2212, as wide as a plus.
"""

from __future__ import annotations

from tradecore.core.types import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, Nanoseconds, iso

NOTHING = "–"
MINUS = "\u2212"
KINDS = ("percent", "ratio", "money", "count", "bps", "per_year", "ns", "seconds", "minutes", "hours", "days")

_UNIT_NS = {"ns": 1, "seconds": SECOND_NS, "minutes": MINUTE_NS, "hours": HOUR_NS, "days": DAY_NS}
_UPPER = {"cagr", "pnl", "var", "cvar", "rsi", "ema", "ma", "sma", "id", "dsr", "psr", "mae", "mfe"}


def label_of(name: str) -> str:
    """Return a metric's name as words.

    >>> label_of("max_drawdown"), label_of("cagr")
    ('Max drawdown', 'CAGR')
    """
    words = [word.upper() if word in _UPPER else word for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def value_text(value: object, kind: str = "ratio") -> str:
    """Write one value by its kind.

    >>> value_text(-0.1234, "percent"), value_text(None), value_text(1234.5, "money")
    ('−12.34 %', '–', '1,234.50')
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if kind == "percent":
        return percent(value)
    if kind == "money":
        return money(value)
    if kind in _UNIT_NS:
        return duration(value * _UNIT_NS[kind])
    if kind == "count" or (kind == "ratio" and isinstance(value, int)):
        return count(value)
    return ratio(value) + {"bps": " bp", "per_year": " a year"}.get(kind, "")


def percent(value: float | None, *, digits: int = 2, signed: bool = False) -> str:
    """Write a fraction as percent.

    >>> percent(0.5, signed=True), percent(-1e-9)
    ('+50.00 %', '0.00 %')
    """
    if value is None:
        return NOTHING
    return _signed(value * 100, digits, signed) + " %"


def ratio(value: float | None, *, digits: int = 2, signed: bool = False) -> str:
    """Write a plain number; one below 0.1 keeps up to four decimals.

    >>> ratio(1.234), ratio(0.00123), ratio(0.05), ratio(2.6e-7)
    ('1.23', '0.0012', '0.05', '0.00')
    """
    if value is None:
        return NOTHING
    if abs(value) >= 0.1:
        return _signed(value, digits, signed)
    text = _signed(value, 4, signed)
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<{digits}}"


def money(value: float | None, currency: str = "", *, signed: bool = False, digits: int | None = None) -> str:
    """Write an amount of money: cents, from a hundred thousand on none; three digits of what is tiny, zero below 1e-8.

    >>> money(-1234.5, "USD"), money(1234567.8), money(0.00001234)
    ('−1,234.50 USD', '1,234,568', '0.0000123')
    """
    if value is None:
        return NOTHING
    size = abs(value)
    places = (0 if size >= 100_000 else 2) if digits is None else digits
    if 1e-8 <= size < 0.01:
        places = min(12, 2 - int(f"{size:e}".partition("e")[2]))
    text = _signed(value, places, signed)
    return f"{text} {currency}" if currency else text


def price(value: float | None, *, is_short: bool = True) -> str:
    """Write a price with about six significant digits; the zeros at its end stay in a column of a table.

    >>> price(13579.24), price(13579.0, is_short=False), price(0.00001234)
    ('13,579.2', '13,579.0', '0.00001234')
    """
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    digits = min(12, max(0, 5 - int(f"{abs(value):e}".partition("e")[2])))
    text = _signed(value, digits, False)
    return text.rstrip("0").rstrip(".") if is_short and "." in text else text


def count(value: float | None) -> str:
    """Write a whole number; one that is not whole keeps one digit.

    >>> count(12345), count(2.5)
    ('12,345', '2.5')
    """
    if value is None:
        return NOTHING
    return _signed(value, 0 if float(value).is_integer() else 1, False)


def duration(value_ns: float | None) -> str:
    """Write a length of time in its two largest units.

    >>> duration(90 * MINUTE_NS), duration(40 * DAY_NS), duration(0)
    ('1 h 30 min', '40 d', '0 s')
    """
    if value_ns is None:
        return NOTHING
    rest = int(abs(value_ns))
    parts = []
    for unit, size in (("d", DAY_NS), ("h", HOUR_NS), ("min", MINUTE_NS), ("s", SECOND_NS)):
        whole, rest = divmod(rest, size)
        if whole:
            parts.append(f"{whole:,} {unit}")
        elif parts:
            break
    text = " ".join(parts[:2]) or "0 s"
    return MINUS + text if value_ns < 0 and parts else text


def moment(time_ns: Nanoseconds) -> str:
    """Write a time to the minute in UTC: `2017-01-01 12:00`."""
    return iso(time_ns)[:16].replace("T", " ")


def day(time_ns: Nanoseconds) -> str:
    """Write the UTC date of a time: `2017-01-01`."""
    return iso(time_ns)[:10]


def short(text: str, limit: int) -> str:
    """Cut a text at `limit` signs; a cut text ends in an ellipsis.

    >>> short("moving averages", 9)
    'moving a…'
    """
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _signed(value: float, digits: int, signed: bool) -> str:
    """Write with thousands separators; what rounds to zero has no sign."""
    text = f"{abs(value):,.{digits}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text

"""The trend indicators in words: averages, direction, regression lines, trailing stops. Arithmetic: `kernels.trend`."""

from __future__ import annotations

from tradecore.features.spec import Params, Spec, bars, rate

GROUP = "trend"
_QUOTE = "quote currency"


def _fast_below_slow(p: Params) -> str:
    return "" if p["fast"] < p["slow"] else f"fast is {p['fast']} and slow is {p['slow']}; expected fast below slow"


def _acceleration_below_limit(p: Params) -> str:
    wrong = p["acceleration"] > p["limit"]
    return (
        f"acceleration {p['acceleration']:g} is above its limit {p['limit']:g}; expected at most the limit"
        if wrong
        else ""
    )


def _hull_rings(p: Params) -> int:
    return int(p["period"] + p["period"] // 2 + _root(p) + 9)


def _root(p: Params) -> int:
    return int(p["period"] ** 0.5)


SPECS: tuple[Spec, ...] = (
    Spec(
        "sma",
        "Simple moving average",
        "Mean of the last closes.",
        GROUP,
        (bars("period", 20, 1, "bars averaged"),),
        ("close",),
        ("value",),
        "trend.sma",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: p["period"] + 1,
        unit=_QUOTE,
    ),
    Spec(
        "ema",
        "Exponential moving average",
        "Mean of the closes with weights that fall by a constant factor; seeded by the plain mean of the first period.",
        GROUP,
        (bars("period", 20, 1, "span; the rate is 2 / (period + 1)"),),
        ("close",),
        ("value",),
        "trend.ema",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: 0,
        unit=_QUOTE,
    ),
    Spec(
        "wma",
        "Weighted moving average",
        "Mean of the last closes with weights that fall linearly from the newest.",
        GROUP,
        (bars("period", 20, 2, "bars averaged"),),
        ("close",),
        ("value",),
        "weighted.wma",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: p["period"] + 3,
        unit=_QUOTE,
    ),
    Spec(
        "dema",
        "Double exponential moving average",
        "Twice the exponential mean minus the mean of that mean: less lag than the mean alone.",
        GROUP,
        (bars("period", 20, 2, "span of each stage"),),
        ("close",),
        ("value",),
        "trend.ema_chain",
        warmup=lambda p: 2 * (p["period"] - 1),
        rings=lambda p: 0,
        constants=(2,),
        source="Mulloy (1994)",
        unit=_QUOTE,
    ),
    Spec(
        "tema",
        "Triple exponential moving average",
        "Three stages of exponential mean combined so that their lags cancel.",
        GROUP,
        (bars("period", 20, 2, "span of each stage"),),
        ("close",),
        ("value",),
        "trend.ema_chain",
        warmup=lambda p: 3 * (p["period"] - 1),
        rings=lambda p: 0,
        constants=(3,),
        source="Mulloy (1994)",
        unit=_QUOTE,
    ),
    Spec(
        "kama",
        "Kaufman adaptive moving average",
        "Exponential mean whose rate follows how direct the path of the last period was.",
        GROUP,
        (
            bars("period", 30, 2, "bars of path measured"),
            bars("fast", 2, 1, "span in a straight market"),
            bars("slow", 30, 2, "span in a market that goes nowhere"),
        ),
        ("close",),
        ("value",),
        "trend.kama",
        warmup=lambda p: p["period"],
        rings=lambda p: 2 * p["period"] + 1,
        rule=_fast_below_slow,
        source="Kaufman (1995)",
        unit=_QUOTE,
    ),
    Spec(
        "hma",
        "Hull moving average",
        "Weighted mean over the root of the period of twice the mean over half of it minus the mean over all of it.",
        GROUP,
        (bars("period", 20, 4, "bars of the long mean"),),
        ("close",),
        ("value",),
        "weighted.hull",
        warmup=lambda p: p["period"] + _root(p) - 2,
        rings=_hull_rings,
        source="Hull (2005)",
        unit=_QUOTE,
    ),
    Spec(
        "macd",
        "Moving average convergence divergence",
        "Fast minus slow exponential mean, its own exponential mean, and the difference of the two.",
        GROUP,
        (
            bars("fast", 12, 2, "span of the fast mean"),
            bars("slow", 26, 3, "span of the slow mean"),
            bars("signal", 9, 1, "span of the signal line"),
        ),
        ("close",),
        ("line", "signal", "hist"),
        "trend.macd",
        warmup=lambda p: p["slow"] + p["signal"] - 2,
        rings=lambda p: 0,
        rule=_fast_below_slow,
        source="Appel (1979)",
        unit=_QUOTE,
    ),
    Spec(
        "adx",
        "Average directional index",
        "Strength of the direction, whichever it is, and the up and down movements it is made of.",
        GROUP,
        (bars("period", 14, 2, "bars of Wilder's smoothing"),),
        ("high", "low", "close"),
        ("adx", "plus_di", "minus_di"),
        "trend.adx",
        warmup=lambda p: 2 * p["period"] - 1,
        rings=lambda p: 0,
        source="Wilder (1978)",
        unit="percent",
    ),
    Spec(
        "aroon",
        "Aroon",
        "How recent the highest high and the lowest low are, and the difference of the two.",
        GROUP,
        (bars("period", 14, 2, "bars looked back, besides the newest"),),
        ("high", "low"),
        ("up", "down", "oscillator"),
        "trend.aroon",
        warmup=lambda p: p["period"],
        rings=lambda p: 2 * (p["period"] + 1),
        source="Chande (1995)",
        unit="percent",
    ),
    Spec(
        "linear_regression",
        "Linear regression",
        "Value at the newest bar of the least-squares line through the last closes.",
        GROUP,
        (bars("period", 14, 2, "bars fitted"),),
        ("close",),
        ("value",),
        "weighted.linear",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: 2 * p["period"] + 1,
        constants=(2,),
        unit=_QUOTE,
    ),
    Spec(
        "linear_regression_slope",
        "Linear regression slope",
        "Slope of the least-squares line through the last closes.",
        GROUP,
        (bars("period", 14, 2, "bars fitted"),),
        ("close",),
        ("value",),
        "weighted.linear",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: 2 * p["period"] + 1,
        constants=(1,),
        unit=f"{_QUOTE} per bar",
    ),
    Spec(
        "supertrend",
        "Supertrend",
        "Band around the middle price that only tightens until the close crosses it, and the side the price is on.",
        GROUP,
        (bars("period", 10, 2, "bars of the average true range"), rate("width", 3.0, 0.1, 20.0, "average true ranges")),
        ("high", "low", "close"),
        ("line", "direction"),
        "trend.supertrend",
        warmup=lambda p: p["period"],
        rings=lambda p: 0,
        unit=_QUOTE,
    ),
    Spec(
        "psar",
        "Parabolic stop and reverse",
        "Stop that follows the price ever faster, and turns when it is hit.",
        GROUP,
        (
            rate("acceleration", 0.02, 0.001, 1.0, "pace gained with each new extreme", unit="fraction"),
            rate("limit", 0.2, 0.001, 1.0, "fastest pace", unit="fraction"),
        ),
        ("high", "low"),
        ("value",),
        "trend.psar",
        warmup=lambda p: 1,
        rings=lambda p: 0,
        rule=_acceleration_below_limit,
        source="Wilder (1978)",
        unit=_QUOTE,
    ),
)

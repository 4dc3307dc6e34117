"""The volatility indicators in words: ranges, bands and deviations. Arithmetic: `kernels.volatility`."""

from __future__ import annotations

from tradecore.features.spec import Param, Spec, bars, rate

GROUP = "volatility"
_QUOTE = "quote currency"
_RANGE = ("high", "low", "close")
_BANDS = ("upper", "middle", "lower")
_WIDTH = rate("width", 2.0, 0.1, 20.0, "standard deviations from the mean to a band")


def _spread(name: str, label: str, text: str, form: int, params: tuple[Param, ...], unit: str) -> Spec:
    """Return a member of the family of mean and deviation; one without a width gets one the kernel does not read."""
    return Spec(
        name,
        label,
        text,
        GROUP,
        params,
        ("close",),
        _BANDS if form == 0 else ("value",),
        "volatility.spread",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: 2 * p["period"] + 2,
        constants=(form,) if len(params) == 2 else (1.0, form),
        source="Bollinger (2001)" if len(params) == 2 else "",
        unit=unit,
    )


def _annual(name: str, label: str, text: str, form: int, source: str) -> Spec:
    return Spec(
        name,
        label,
        text,
        GROUP,
        (bars("period", 20, 1, "bars averaged"),),
        ("open", "high", "low", "close"),
        ("value",),
        "volatility.range_volatility",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: p["period"],
        constants=(form,),
        annualised=True,
        source=source,
        unit="fraction per year",
    )


def _true_range(name: str, label: str, text: str, form: int, unit: str) -> Spec:
    return Spec(
        name,
        label,
        text,
        GROUP,
        (bars("period", 14, 1, "bars of Wilder's smoothing"),),
        _RANGE,
        ("value",),
        "volatility.atr",
        warmup=lambda p: p["period"],
        rings=lambda p: 0,
        constants=(form,),
        source="Wilder (1978)",
        unit=unit,
    )


_PERIOD = bars("period", 20, 2, "bars of the mean and the deviation")

SPECS: tuple[Spec, ...] = (
    Spec(
        "true_range",
        "True range",
        "Range of the bar, widened to the last close.",
        GROUP,
        (),
        _RANGE,
        ("value",),
        "volatility.true_range",
        warmup=lambda p: 1,
        rings=lambda p: 0,
        source="Wilder (1978)",
        unit=_QUOTE,
    ),
    _true_range("atr", "Average true range", "Wilder's mean of the true range.", 0, _QUOTE),
    _true_range("natr", "Normalised average true range", "Average true range in percent of the close.", 1, "percent"),
    _spread(
        "bollinger", "Bollinger bands", "Mean of the closes and a band on either side.", 0, (_PERIOD, _WIDTH), _QUOTE
    ),
    _spread(
        "percent_b",
        "Bollinger %b",
        "Place of the close between the bands: 0 at the lower, 1 at the upper, 0.5 in a flat window.",
        1,
        (_PERIOD, _WIDTH),
        "fraction",
    ),
    _spread(
        "bandwidth", "Bollinger bandwidth", "Distance of the bands over the mean.", 2, (_PERIOD, _WIDTH), "fraction"
    ),
    _spread("stddev", "Standard deviation", "Population standard deviation of the closes.", 3, (_PERIOD,), _QUOTE),
    _spread(
        "zscore",
        "Z-score",
        "Distance of the close from its mean in standard deviations; 0 in a flat window.",
        4,
        (_PERIOD,),
        "standard deviations",
    ),
    Spec(
        "keltner",
        "Keltner channel",
        "Exponential mean of the typical price and a band of average true ranges on either side.",
        GROUP,
        (
            bars("period", 20, 1, "span of the mean"),
            bars("range_period", 10, 1, "bars of the average true range"),
            rate("width", 2.0, 0.1, 20.0, "average true ranges from the mean to a band"),
        ),
        _RANGE,
        _BANDS,
        "volatility.keltner",
        warmup=lambda p: max(p["period"] - 1, p["range_period"]),
        rings=lambda p: 0,
        source="Keltner (1960), Raschke's form",
        unit=_QUOTE,
    ),
    Spec(
        "donchian",
        "Donchian channel",
        "Highest high and lowest low, this bar included, and the middle.",
        GROUP,
        (bars("period", 20, 1, "bars of the channel"),),
        ("high", "low"),
        _BANDS,
        "volatility.donchian",
        warmup=lambda p: p["period"] - 1,
        rings=lambda p: 2 * p["period"],
        unit=_QUOTE,
    ),
    Spec(
        "realised_volatility",
        "Realised volatility",
        "Root mean square of the log returns, times the root of the number of bars in a year of 365 days.",
        GROUP,
        (bars("period", 20, 1, "returns averaged"),),
        ("close",),
        ("value",),
        "volatility.realised",
        warmup=lambda p: p["period"],
        rings=lambda p: p["period"],
        annualised=True,
        source="Andersen & Bollerslev (1998)",
        unit="fraction per year",
    ),
    _annual(
        "parkinson",
        "Parkinson volatility",
        "Volatility seen in the bars' ranges, annualised over 365 days.",
        0,
        "Parkinson (1980), eq. 3",
    ),
    _annual(
        "garman_klass",
        "Garman-Klass volatility",
        "Volatility seen in the bars' ranges and bodies, annualised over 365 days.",
        1,
        "Garman & Klass (1980), eq. 20",
    ),
)

"""Context in words: which kind of market this is, and what time it is. Arithmetic: `kernels.regime`."""

from __future__ import annotations

from tradecore.features.spec import Spec, bars, rate

GROUP = "context"

REGIMES: tuple[str, ...] = tuple(
    f"{calm} {way}" for calm in ("calm", "normal", "wild") for way in ("down", "sideways", "up")
)
"""The name of each regime code, 0 to 8."""


def _clock(name: str, label: str, text: str, form: int) -> Spec:
    return Spec(
        name,
        label,
        text,
        GROUP,
        (),
        ("open_time",),
        ("sin", "cos"),
        "regime.clock",
        warmup=lambda p: 0,
        rings=lambda p: 0,
        constants=(form,),
    )


SPECS: tuple[Spec, ...] = (
    Spec(
        "regime_label",
        "Regime",
        "Code 0 to 8 (3 x volatility tercile + trend sign + 1), the tercile (0 calm, 1 normal, 2 wild) among the "
        "values of the memory, and the sign of the trend. Uses the past only.",
        GROUP,
        (
            bars("period", 24, 2, "returns the volatility is measured over"),
            bars("memory", 480, 3, "volatilities it is ranked among"),
            bars("trend", 96, 2, "bars of the trend"),
            rate("band", 0.5, 0.0, 10.0, "no trend within this many standard deviations of a random walk"),
        ),
        ("close",),
        ("code", "volatility", "trend"),
        "regime.label",
        warmup=lambda p: max(p["period"] + p["memory"] - 1, p["trend"]),
        rings=lambda p: p["period"] + p["memory"] + p["trend"],
    ),
    _clock("time_of_day", "Time of day", "Sine and cosine of the bar's open time within the UTC day.", 0),
    _clock("day_of_week", "Day of week", "Sine and cosine of the bar's open time within the UTC week, from Monday.", 1),
)

"""The verdict: evidence from out-of-sample returns, limits, named gates, and `edge` or `no evidence of edge`.

`gather` computes, `judge` compares; neither runs a strategy. Called by `backtest`, the registry's promotion and the
reports. Invariant: a figure that could not be computed fails its gate and says why; nothing passes by absence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import FloatArray
from tradecore.stats.benchmarks import Comparison, compare_all
from tradecore.stats.bootstrap import DEFAULT, MIN_PERIODS, Bootstrap, Interval, sharpe_interval
from tradecore.stats.inference import (
    deflated_sharpe,
    expected_max_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    sharpe_ratio,
    trial_variance,
)
from tradecore.stats.sample import DAYS_PER_YEAR

BUY_AND_HOLD = "buy_and_hold"
"""The name under which `gather` looks for the buy-and-hold baseline."""
CASH = "cash"
"""A baseline of this name is never the best one: the Sharpe interval already measures against cash."""

EDGE: Literal["edge"] = "edge"
NO_EDGE: Literal["no evidence of edge"] = "no evidence of edge"


@dataclass(frozen=True, slots=True)
class EvidenceLimits:
    """What a record must show before it is called an edge. Conventions, not laws: they travel with the verdict."""

    min_days: int = 90
    """Out-of-sample days, 10 or more. With fewer, one good month decides, and the bootstrap has no blocks to draw."""
    min_trades: int = 30
    """Closed out-of-sample trades, 1 or more. With fewer, one trade decides."""
    min_deflated_sharpe: float = 0.95
    """Deflated Sharpe ratio, a probability in [0, 1]. The usual 5 % error, after counting every trial."""
    min_sharpe_low: float = 0.0
    """Lower end of the interval of the annualised Sharpe ratio; must be exceeded. Beats cash, with serial
    dependence and without assuming a distribution."""
    min_probability_better: float = 0.75
    """Bootstrap probability, in [0.5, 1], of a higher Sharpe ratio than buy and hold, and the best simple baseline.
    The level at which one run in four would have said otherwise; the best baseline is picked afterwards, which is hard
    on the candidate already."""
    cost_multiple: float = 1.5
    """Times the configured costs, 1 or more, at which the record must still gain. Real costs are underestimated."""

    def __post_init__(self) -> None:
        if self.min_days < MIN_PERIODS or self.min_trades < 1 or not self.cost_multiple >= 1.0:
            raise ConfigError(
                f"evidence limits min_days={self.min_days} min_trades={self.min_trades} "
                f"cost_multiple={self.cost_multiple}: expected at least {MIN_PERIODS} days, 1 trade and a multiple of 1"
            )
        if not 0.0 <= self.min_deflated_sharpe <= 1.0 or not 0.5 <= self.min_probability_better <= 1.0:
            raise ConfigError(
                f"evidence limits min_deflated_sharpe={self.min_deflated_sharpe} "
                f"min_probability_better={self.min_probability_better}: expected probabilities, the latter >= 0.5"
            )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a verdict reads. None is a figure that could not be computed. Sharpe ratios are annualised."""

    days: int
    """Out-of-sample returns: days, or bars where a bar is longer than a day."""
    trades: int
    trials: int
    """Configurations ever evaluated on this data, this one included."""
    total_return: float | None = None
    sharpe: Interval | None = None
    probabilistic_sharpe: float | None = None
    deflated_sharpe: float | None = None
    expected_max_sharpe: float | None = None
    """What the best of that many worthless trials is expected to show."""
    minimum_days: float | None = None
    """Days such a record needs to exceed a Sharpe ratio of 0 at 95 %."""
    comparisons: Mapping[str, Comparison] = field(default_factory=lambda: MappingProxyType({}))
    """By baseline: the candidate's advantage."""
    best_baseline: str | None = None
    """The baseline with the highest Sharpe ratio over these very days, cash apart."""
    return_at_cost: Mapping[float, float | None] = field(default_factory=lambda: MappingProxyType({}))
    """Total return by multiple of the configured costs."""
    problems: tuple[str, ...] = ()
    """Why figures are missing."""

    def as_dict(self) -> dict[str, Any]:
        """Return strict JSON material."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {
            "sharpe": None if self.sharpe is None else asdict(self.sharpe),
            "comparisons": {name: asdict(one) for name, one in self.comparisons.items()},
            "return_at_cost": {f"{multiple:g}": value for multiple, value in self.return_at_cost.items()},
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition and how it came out."""

    name: str
    passed: bool
    value: float | None
    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and why."""

    verdict: Literal["edge", "no evidence of edge"]
    gates: tuple[Gate, ...]
    reasons: tuple[str, ...]
    """One sentence each, bad news first."""

    @property
    def is_edge(self) -> bool:
        """Tell whether every gate passed."""
        return self.verdict == EDGE

    def as_dict(self) -> dict[str, Any]:
        """Return strict JSON material."""
        return {"verdict": self.verdict, "reasons": list(self.reasons), "gates": [asdict(gate) for gate in self.gates]}


def gather(
    returns: FloatArray,
    baselines: Mapping[str, FloatArray],
    *,
    trades: int,
    trials: int,
    rng: np.random.Generator,
    trial_sharpes: FloatArray | None = None,
    costed_returns: Mapping[float, FloatArray] = MappingProxyType({}),
    bootstrap: Bootstrap = DEFAULT,
    per_year: float = DAYS_PER_YEAR,
) -> Evidence:
    """Compute the evidence from out-of-sample daily returns.

    Shape:  returns and every baseline (D,), the same days; costed returns by multiple of the configured costs.
    Units:  `trial_sharpes` per *day*, not annualised; NaN stands for a trial that had none.
    Errors: DataError for lengths that differ or fewer than one trial or a negative number of trades. Too few days and
            values that are not finite are no error: the figures stay None and `problems` says why.
    """
    if trials < 1 or trades < 0:
        raise DataError(f"{trials} trials and {trades} trades: expected at least 1 trial and no negative count")
    problems = _problems(returns, baselines)
    costs = {multiple: _total(values) for multiple, values in sorted(costed_returns.items())}
    bare = Evidence(len(returns), trades, trials, _total(returns), return_at_cost=MappingProxyType(costs))
    if not np.isfinite(returns).all() or len(returns) < MIN_PERIODS:
        return replace(bare, problems=problems)
    usable = {name: values for name, values in baselines.items() if np.isfinite(values).all()}
    found = replace(
        bare,
        sharpe=sharpe_interval(returns, per_year, rng, bootstrap),
        comparisons=MappingProxyType(compare_all(returns, usable, rng, bootstrap, per_year)),
        best_baseline=_best(usable),
    )
    shape = moments(returns)
    if shape is None:
        return replace(found, problems=(*problems, "the returns do not vary: the record holds no position"))
    known = None if trial_sharpes is None else trial_sharpes[np.isfinite(trial_sharpes)]
    variance = trial_variance(known, len(returns))
    return replace(
        found,
        probabilistic_sharpe=probabilistic_sharpe(shape),
        deflated_sharpe=deflated_sharpe(shape, trials, variance),
        expected_max_sharpe=expected_max_sharpe(trials, variance) * math.sqrt(per_year),
        minimum_days=minimum_track_record(shape),
        problems=problems,
    )


def judge(evidence: Evidence, limits: EvidenceLimits = EvidenceLimits(), extra: Iterable[Gate] = ()) -> Verdict:
    """Compare the evidence with the limits. `extra` are gates measured elsewhere: lookahead test, hold-out."""
    e, sharpe = evidence, evidence.sharpe
    low = None if sharpe is None else sharpe.low
    multiple = limits.cost_multiple
    gates = (
        _gate("days", e.days, limits.min_days, "{value:.0f} out-of-sample days, at least {limit:.0f} wanted"),
        _gate("trades", e.trades, limits.min_trades, "{value:.0f} closed trades, at least {limit:.0f} wanted"),
        _gate(
            "deflated_sharpe",
            e.deflated_sharpe,
            limits.min_deflated_sharpe,
            f"deflated Sharpe ratio {{value:.3f}} after {e.trials} trials, at least {{limit:g}} wanted",
        ),
        _gate(
            "sharpe_low",
            low,
            limits.min_sharpe_low,
            "lower bound of the annualised Sharpe ratio {value:.2f}, more than {limit:g} wanted",
            is_strict=True,
        ),
        _better("beats_buy_and_hold", e, BUY_AND_HOLD, limits),
        _better("beats_best_baseline", e, e.best_baseline, limits),
        _gate(
            "gains_at_higher_cost",
            e.return_at_cost.get(multiple),
            0.0,
            f"total return at {multiple:g} times the costs {{value:+.1%}}, more than {{limit:g}} wanted",
            is_strict=True,
        ),
        *extra,
    )
    failed = [gate.text for gate in gates if not gate.passed]
    reasons = (*e.problems, *failed, *(gate.text for gate in gates if gate.passed))
    return Verdict(NO_EDGE if failed or e.problems else EDGE, gates, reasons)


def _better(name: str, evidence: Evidence, baseline: str | None, limits: EvidenceLimits) -> Gate:
    comparison = evidence.comparisons.get(baseline or "")
    label = "any baseline" if baseline is None else baseline.replace("_", " ")
    return _gate(
        name,
        None if comparison is None else comparison.sharpe.above_zero,
        limits.min_probability_better,
        f"probability {{value:.2f}} of a higher Sharpe ratio than {label}, at least {{limit:g}} wanted",
    )


def _gate(name: str, value: float | None, limit: float, text: str, *, is_strict: bool = False) -> Gate:
    """Compare one figure with its limit; a missing or non-finite figure fails."""
    if value is None or not math.isfinite(value):
        return Gate(name, False, None, limit, f"{name.replace('_', ' ')} could not be computed: it counts as failed")
    passed = value > limit if is_strict else value >= limit
    return Gate(name, passed, value, limit, text.format(value=value, limit=limit))


def _problems(returns: FloatArray, baselines: Mapping[str, FloatArray]) -> tuple[str, ...]:
    found = [] if np.isfinite(returns).all() else ["the returns hold values that are not finite: the run is broken"]
    if len(returns) < MIN_PERIODS:
        found.append(f"{len(returns)} days are too few to resample: at least {MIN_PERIODS} are needed")
    for name, values in baselines.items():
        if values.shape != returns.shape:
            raise DataError(
                f"{len(returns)} candidate returns and {len(values)} of baseline {name!r}: expected the same days; "
                "use stats.benchmarks.align first"
            )
        if not np.isfinite(values).all():
            found.append(f"the returns of baseline {name} hold values that are not finite: its run is broken")
    return tuple(found)


def _best(baselines: Mapping[str, FloatArray]) -> str | None:
    ratios = {name: sharpe_ratio(values) or 0.0 for name, values in baselines.items() if name != CASH}
    return max(ratios, key=lambda name: ratios[name]) if ratios else None


def _total(returns: FloatArray) -> float | None:
    total = float(np.prod(1.0 + returns)) - 1.0
    return total if math.isfinite(total) else None

"""The report as one HTML file: no script, no outside address, readable on a desk, a phone and paper, light and dark.

It arranges what a `TearSheet` holds, bad news first, and measures nothing. The template is `templates/report.html`;
texts for it are made in `view`, pictures in `charts` and `panels`. Invariant: everything that came from outside is
escaped by the template engine, and a strict content policy in the page forbids what would slip through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.track import Track
from tradecore.reports import canvas, charts, panels, view
from tradecore.reports.charts import Mark
from tradecore.reports.tear_sheet import TearSheet

LARGEST_BYTES = 1_500_000
"""A page past this is a bug: it is meant to be mailed."""
CHARTED_PAIRS = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart drawn twice: for a desk and for a phone."""

    wide: Markup
    narrow: Markup


def render(sheet: TearSheet) -> str:
    """Return the whole page.

    Errors: DataError when it would be larger than `LARGEST_BYTES`.
    """
    page = _environment().get_template("report.html").render(view.context(sheet) | {"pictures": _pictures(sheet)})
    size = len(page.encode("utf-8"))
    if size > LARGEST_BYTES:
        raise DataError(
            f"report {sheet.title!r} would have {size:,} bytes, expected at most {LARGEST_BYTES:,}; "
            "show fewer baselines, folds or pairs"
        )
    return page


def fragment(sheet: TearSheet) -> str:
    """Return a short piece of HTML for a notebook: verdict, key figures and the account against its baselines."""
    text = f"Account value of {sheet.strategy} against its baselines"
    figure = charts.equity(sheet.track, sheet.baselines, name=sheet.strategy, marks=marks(sheet))
    chart = Markup(canvas.inline_svg(figure, "fragment-equity", text))
    return _environment().get_template("fragment.html").render(view.context(sheet) | {"chart": chart})


def marks(sheet: TearSheet) -> tuple[Mark, ...]:
    """Return the starts of the folds' test spans, to draw on the account."""
    return tuple(Mark(one.test_start, f"fold {one.number}") for one in sheet.folds)


def first(baselines: Mapping[str, Track]) -> dict[str, Track]:
    """Return the first baseline alone: a second drawdown is enough to compare with."""
    return dict(list(baselines.items())[:1])


def charted(sheet: TearSheet) -> list[Bars]:
    """Return the bars to draw trades on: the pairs with the most trades first, `CHARTED_PAIRS` at most."""
    counts = {pair: int((sheet.track.trades["pair"] == i).sum()) for i, pair in enumerate(sheet.track.pairs)}
    known = [sheet.bars[pair] for pair in sheet.track.pairs if pair in sheet.bars]
    return sorted(known, key=lambda one: -counts[one.pair])[:CHARTED_PAIRS]


def _pictures(sheet: TearSheet) -> dict[str, object]:
    track, name = sheet.track, sheet.strategy
    pictures: dict[str, object] = {
        "equity": _picture(
            "equity",
            f"Account value of {name} against {len(sheet.baselines)} baselines over time",
            lambda width: charts.equity(track, sheet.baselines, name=name, marks=marks(sheet), width=width),
        ),
        "drawdown": _picture(
            "drawdown",
            f"Fall of {name} from its running peak over time",
            lambda width: charts.drawdown(track, first(sheet.baselines), name=name, width=width),
        ),
        "exposure": _picture(
            "exposure", "Share of the account in the market", lambda width: charts.exposure(track, width=width)
        ),
        "distribution": _picture(
            "distribution",
            "Distribution of daily returns and trade results",
            lambda width: panels.distribution(track, width=width),
        ),
        "trades": [
            (str(bars.pair), _picture(f"trades{i}", f"Trades on the price of {bars.pair}", _trades(track, bars)))
            for i, bars in enumerate(charted(sheet))
        ],
        "worst": _worst(sheet),
    }
    if sheet.cost_sensitivity:
        pictures["costs"] = _picture(
            "costs",
            "Total return at multiples of the assumed costs",
            lambda width: panels.cost_sensitivity(sheet.cost_sensitivity, width=width),
        )
    if sheet.intervals:
        pictures["intervals"] = _picture(
            "intervals", "Estimates with their intervals", lambda width: panels.intervals(sheet.intervals, width=width)
        )
    return pictures


def _trades(track: Track, bars: Bars) -> Callable[[int], Figure]:
    return lambda width: charts.trades(track, bars, width=width)


def _worst(sheet: TearSheet) -> Picture | None:
    """Return a close-up of the trade that lost the most, where one lost and its bars are there."""
    trades, track = sheet.track.trades, sheet.track
    if not len(trades) or trades["net"].min() >= 0:
        return None
    worst = trades[int(trades["net"].argmin())]
    bars = sheet.bars.get(track.pairs[worst["pair"]])
    if bars is None:
        return None
    span = charts.around(track, worst)
    text = f"Close-up of the largest loss, on {bars.pair}"
    return _picture("worst", text, lambda width: charts.trades(track, bars, span=span, width=width))


def _picture(name: str, text: str, draw: Callable[[int], Figure]) -> Picture:
    wide, narrow = (
        Markup(canvas.inline_svg(draw(width), f"{name}-{width}", text)) for width in (canvas.WIDE, canvas.NARROW)
    )
    return Picture(wide, narrow)


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tradecore.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

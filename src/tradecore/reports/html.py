"""The report as one HTML file: no script, no outside address, readable on a desk, a phone and paper, light and dark.

It arranges what a `TearSheet` holds, bad news first, and measures nothing. The template is `templates/report.html`;
texts for it are made in `view`, pictures in `gallery`. Invariant: everything that came from outside is escaped by the
template engine, and a strict content policy in the page forbids what would slip through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from tradecore.core.errors import DataError
from tradecore.reports import canvas, gallery, view
from tradecore.reports.tear_sheet import TearSheet

LARGEST_BYTES = 1_500_000
"""A page past this is refused: it is meant to be mailed."""
OFF_PAGE = frozenset({"monthly"})
"""Pictures by name that the page does not show: it has the months as a table."""
_DETAILS = (1.0, 0.5, 0.25)

Also: TypeAlias = Callable[[gallery.Picture, Figure], object]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture drawn twice: for a desk and for a phone."""

    wide: Markup
    narrow: Markup


def render(sheet: TearSheet, also: Also | None = None) -> str:
    """Return the whole page. Many pairs or baselines are drawn with fewer points, extremes kept, to hold its size.

    `also` is given each picture with its figure for a desk in full detail, which it may change and keep: whoever wants
    the pictures elsewhere too need not draw them again.
    Errors: DataError when it would still be larger than `LARGEST_BYTES`.
    """
    texts = view.context(sheet)
    size = 0
    for detail in _DETAILS:
        with canvas.style():
            drawn = _pictures(sheet, detail, also if detail == _DETAILS[0] else None)
        page = render_template("report.html", texts | {"pictures": drawn})
        size = len(page.encode("utf-8"))
        if size <= LARGEST_BYTES:
            return page
    raise DataError(
        f"report {sheet.title!r} would have {size:,} bytes, expected at most {LARGEST_BYTES:,}; "
        "show fewer baselines, folds or pairs"
    )


def fragment(sheet: TearSheet) -> str:
    """Return a short piece of HTML for a notebook: verdict, key figures and the account against its baselines."""
    picture = gallery.account(sheet)
    chart = Markup(canvas.inline_svg(picture.draw(canvas.WIDE), "fragment-equity", picture.text))
    return render_template("fragment.html", view.context(sheet) | {"chart": chart})


def _pictures(sheet: TearSheet, detail: float, also: Also | None) -> dict[str, object]:
    on_page = {name.replace("-", "_"): one for name, one in gallery.single(sheet).items() if name not in OFF_PAGE}
    pictures: dict[str, object] = {name: _drawn(one, detail, also) for name, one in on_page.items()}
    pictures["trades"] = [(pair, _drawn(one, detail, also)) for pair, one in gallery.trades(sheet).items()]
    return pictures


def _drawn(picture: gallery.Picture, detail: float, also: Also | None) -> Drawn:
    shown = []
    for paper in (canvas.WIDE, canvas.NARROW):
        figure = picture.draw(replace(paper, points=int(paper.points * detail)))
        shown.append(Markup(canvas.inline_svg(figure, f"{picture.name}-{paper.width}", picture.text)))
        if also is not None and paper is canvas.WIDE:
            also(picture, figure)
    return Drawn(*shown)


def render_template(name: str, values: dict[str, object]) -> str:
    """Return a template of this package filled in; everything from outside is escaped."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tradecore.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

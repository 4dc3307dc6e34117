"""The paper that charts are drawn on: palette, sizes, figures, and how a figure becomes PNG bytes or inline SVG.

Only matplotlib's `Figure` objects: no pyplot, no display, no state that outlives a call. Charts ask it for axes; `html`
and `save` ask it for SVG and PNG. Invariant: the same figure gives the same bytes, and the SVG holds no address, no
script and no fixed colour: every colour is a CSS variable that the page defines for light, dark and print.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Pixels: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"

INK, MUTED, FAINT, GRID, CARD = "#1b1f24", "#636b75", "#9aa1ab", "#e4e7eb", "#ffffff"
MAIN, GAIN, LOSS, WASH = "#1d5fd1", "#14804a", "#c9352b", "#1d5fd2"
OTHERS = ("#c46a00", "#0b8a80", "#7d4fc2", "#b83278", "#7a828d")
PALETTE = {
    "ink": INK,
    "muted": MUTED,
    "faint": FAINT,
    "grid": GRID,
    "card": CARD,
    "main": MAIN,
    "wash": WASH,
    "gain": GAIN,
    "loss": LOSS,
    **{f"other-{i}": colour for i, colour in enumerate(OTHERS)},
}
"""Roles and their colours on paper; each colour is unique, so that the SVG can be turned back into roles."""

_DOTS_PER_PIXEL = 72
_PNG_SCALE = 2
_DOTS_PER_METRE = round(_DOTS_PER_PIXEL * _PNG_SCALE / 0.0254)
_UP = 2
"""PNG's name for rows written as differences to the row above."""
_EFFORT = 4
"""How hard zlib tries: a fifth faster than its default, for files 1 % larger."""
_TITLE_INCHES = 36 / _DOTS_PER_PIXEL

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 11.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 1.0,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "timezone": "UTC",
    "svg.fonttype": "none",
    "svg.hashsalt": "tradecore",
    "path.simplify": True,
    "path.simplify_threshold": 0.2,
}
_is_open: ContextVar[bool] = ContextVar("_is_open", default=False)


@dataclass(frozen=True, slots=True)
class Paper:
    """What a chart is drawn for: its width in CSS pixels, and the points one line may have on it."""

    width: int
    points: int

    @property
    def is_narrow(self) -> bool:
        """Whether it is a phone's: labels go above the axes instead of beside them."""
        return self.width < 600


WIDE, NARROW = Paper(1040, 1_600), Paper(358, 560)
"""A desk and a phone. Each chart is drawn for both, so that text keeps its size; two points fit on one pixel."""


@dataclass(frozen=True, slots=True)
class Space:
    """Free room around the axes, in pixels."""

    left: int = 58
    right: int = 16
    top: int = 12
    bottom: int = 30


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style; the settings of the calling program are left as they were. Inside itself it is free."""
    if _is_open.get():
        yield
        return
    settings: dict[Any, Any] = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
    settings.update(_STYLE)
    opened = _is_open.set(True)
    try:
        with mpl.rc_context(settings):
            yield
    finally:
        _is_open.reset(opened)


def sheet(width: int, height: int, space: Space | None = None, rows: Sequence[int] = (1,)) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of a size in pixels, with one styled axes per row, tallest shares as given."""
    room = space or Space()
    figure = Figure(figsize=(width / _DOTS_PER_PIXEL, height / _DOTS_PER_PIXEL), dpi=_DOTS_PER_PIXEL)
    grid = figure.add_gridspec(
        len(rows),
        1,
        height_ratios=list(rows),
        left=room.left / width,
        right=1 - room.right / width,
        top=1 - room.top / height,
        bottom=room.bottom / height,
        hspace=0.28,
    )
    axes = [figure.add_subplot(grid[row]) for row in range(len(rows))]
    for one in axes:
        dress(one)
    return figure, axes


def dress(axes: Axes) -> None:
    """Give axes the house look: no box, horizontal hairlines, no tick marks."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.tick_params(length=0, pad=7)
    axes.patch.set_alpha(0)
    axes.margins(x=0)


def titled(figure: Figure, text: str, warning: str = "") -> Figure:
    """Put a line above a finished figure, which grows by it: a picture that travels alone says what it is.

    `warning` stands at the right, in the colour of a loss.
    """
    width, height = figure.get_size_inches()
    shrink = height / (height + _TITLE_INCHES)
    figure.set_size_inches(width, height + _TITLE_INCHES)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0 * shrink, box.width, box.height * shrink))
    with style():
        at = 1.0 - 0.42 * (1.0 - shrink)
        figure.text(0.012, at, text, fontsize=13.5, weight="bold", va="center")
        figure.text(0.988, at, warning, fontsize=11.5, weight="bold", va="center", ha="right", color=LOSS)
    return figure


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG on white, two pixels per CSS pixel; the same figure gives the same bytes."""
    return packed(pixels(figure))


def pixels(figure: Figure) -> Pixels:
    """Return the figure drawn on white as red, green and blue, (rows, columns, 3), two pixels per CSS pixel."""
    with style():
        figure.set_facecolor(CARD)
        figure.set_dpi(_DOTS_PER_PIXEL * _PNG_SCALE)
        page: Any = FigureCanvasAgg(figure)
        page.draw()
        figure.set_dpi(_DOTS_PER_PIXEL)
    return np.array(page.buffer_rgba())[:, :, :3]


def packed(picture: Pixels) -> bytes:
    """Return pixels as a PNG file: each row as its difference to the one above, then deflated.

    Nearly all of it runs outside the interpreter's lock, so that the next picture can be drawn meanwhile; Pillow's
    encoder holds it.
    """
    rows, columns, _ = picture.shape
    lines = np.empty((rows, 1 + columns * 3), np.uint8)
    lines[:, 0] = _UP
    flat = picture.reshape(rows, columns * 3)
    lines[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)  # eight bits of each of three colours, plain rows
    resolution = struct.pack(">IIB", _DOTS_PER_METRE, _DOTS_PER_METRE, 1)
    parts = ((b"IHDR", head), (b"pHYs", resolution), (b"IDAT", zlib.compress(lines.data, _EFFORT)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
              for name, data in parts)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def inline_svg(figure: Figure, name: str, text: str) -> str:
    """Return the figure as an `<svg>` for a page: `name` makes its ids unique, `text` says what it shows, escaped."""
    target = io.StringIO()
    with style():
        none = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(target, format="svg", transparent=True, metadata=none)
    raw = target.getvalue()
    start = raw.index("<svg")
    view = re.search(r'viewBox="([^"]*)"', raw[start:])
    assert view is not None, "matplotlib always writes a view box"
    body = raw[raw.index(">", start) + 1 : raw.rindex("</svg>")]
    return f'<svg viewBox="{view[1]}" role="img" aria-label="{_escaped(text)}">{_clean(body, name)}</svg>'


_NUMBER = re.compile(r"-?\d+\.\d+")
_PATH = re.compile(r' d="([^"]*)"')
_ROLES = {colour: f"var(--{role})" for role, colour in PALETTE.items()}


def _clean(body: str, name: str) -> str:
    """Drop what a page does not need, round coordinates to a tenth of a pixel, and turn colours into variables."""
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.S)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r"font-family: [^;\"]*;?", "", body)
    body = _PATH.sub(lambda m: f' d="{_shorter(m[1])}"', body)
    body = body.replace("xlink:href", "href")
    used = set(re.findall(r"url\(#([^)]+)\)", body)) | set(re.findall(r'href="#([^"]+)"', body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r"url\(#", f"url(#{name}-", body).replace('href="#', f'href="#{name}-')
    body = re.sub(r"#[0-9a-f]{6}\b", lambda m: _ROLES.get(m[0], m[0]), body)
    return re.sub(r">\s+<", "><", body).strip()


def _shorter(path: str) -> str:
    rounded = _NUMBER.sub(lambda m: f"{float(m[0]):.1f}".removesuffix(".0"), path)
    return " ".join(rounded.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")

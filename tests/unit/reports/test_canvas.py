"""How a figure becomes SVG and PNG."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tradecore.reports import axis, canvas, charts, price
from tradecore.reports.tear_sheet import TearSheet


def labelled(text: str) -> Figure:
    with canvas.style():
        figure, (axes,) = canvas.sheet(400, 200)
        axes.plot([0, 1], [0, 1], color=canvas.MAIN)
        axes.text(0.5, 0.5, text, color=canvas.INK)
    return figure


def test_an_inline_picture_names_no_address_and_holds_no_script(sheet: TearSheet) -> None:
    svg = canvas.inline_svg(charts.equity(sheet.track, sheet.baselines), "equity", "Account")
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    for word in ("http", "://", "<script", "<style", "<metadata", "xmlns", "<!--", "font-family", "<image"):
        assert word not in svg


def test_every_colour_of_an_inline_picture_is_a_role(sheet: TearSheet) -> None:
    for figure in (
        charts.equity(sheet.track, sheet.baselines),
        charts.drawdown(sheet.track, sheet.baselines),
        price.trades(sheet.track, next(iter(sheet.bars.values()))),
        charts.exposure(sheet.track),
    ):
        svg = canvas.inline_svg(figure, "x", "x")
        assert re.findall(r"#[0-9a-fA-F]{6}\b", svg) == []
        assert "var(--main)" in svg or "var(--gain)" in svg


def test_two_pictures_on_one_page_share_no_id(sheet: TearSheet) -> None:
    found = [
        set(re.findall(r' id="([^"]+)"', canvas.inline_svg(charts.equity(sheet.track), name, "x")))
        for name in ("a", "b")
    ]
    assert found[0]
    assert not found[0] & found[1]


def test_every_reference_inside_a_picture_is_there(sheet: TearSheet) -> None:
    svg = canvas.inline_svg(price.trades(sheet.track, next(iter(sheet.bars.values()))), "t", "x")
    named = set(re.findall(r' id="([^"]+)"', svg))
    used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
    assert used
    assert used <= named


def test_text_in_a_picture_stays_text_and_is_escaped() -> None:
    svg = canvas.inline_svg(labelled('<script>alert("1")</script> & $x^2$'), "t", 'a "b" <c>')
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    assert "$x^2$" in svg
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in svg


def test_the_same_figure_gives_the_same_bytes(sheet: TearSheet) -> None:
    figures = [charts.equity(sheet.track, sheet.baselines) for _ in range(2)]
    assert canvas.png(figures[0]) == canvas.png(figures[1])
    assert canvas.inline_svg(figures[0], "a", "x") == canvas.inline_svg(figures[1], "a", "x")


def test_the_callers_own_plot_settings_are_left_alone() -> None:
    with mpl.rc_context({"font.size": 33.0, "svg.fonttype": "path"}):
        assert "<text" in canvas.inline_svg(labelled("words"), "t", "x")
        assert mpl.rcParams["font.size"] == 33.0
        assert mpl.rcParams["svg.fonttype"] == "path"


def test_drawing_never_loads_pyplot_or_a_display() -> None:
    code = (
        "import sys, tradecore.reports.save; sys.exit('matplotlib.pyplot' in sys.modules or 'tkinter' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_labels_at_the_right_edge_do_not_overlap() -> None:
    with canvas.style():
        _, (axes,) = canvas.sheet(400, 300)
        axes.set_ylim(0, 10)
        axis.end_labels(axes, [(9.9, "a", canvas.INK), (9.8, "b", canvas.INK), (9.85, "c", canvas.INK)])
    places = sorted(text.get_position()[1] for text in axes.texts)
    assert places[-1] <= 1.0
    assert min(b - a for a, b in pairwise(places)) == pytest.approx(15 / axes.bbox.height)


def test_a_picture_that_travels_alone_carries_its_title_and_its_warning(sheet: TearSheet) -> None:
    figure = charts.equity(sheet.track)
    height = figure.get_size_inches()[1]
    top = figure.axes[0].get_position().y1 * height
    canvas.titled(figure, "Account value", "SYNTHETIC MARKET")
    assert [text.get_text() for text in figure.texts] == ["Account value", "SYNTHETIC MARKET"]
    # The axes keep their size in pixels; only the paper grew.
    assert figure.axes[0].get_position().y1 * figure.get_size_inches()[1] == pytest.approx(top)
    assert figure.get_size_inches()[1] > height


def test_packed_pixels_are_a_png_that_reads_back_as_the_same_pixels() -> None:
    drawn = np.random.default_rng(3).integers(0, 256, (7, 11, 3), np.uint8)
    read = Image.open(io.BytesIO(canvas.packed(drawn)))
    assert (np.asarray(read) == drawn).all()
    assert read.info["dpi"] == pytest.approx((144, 144), abs=0.1)


def test_the_house_style_inside_itself_stays_and_ends_with_the_outer_one() -> None:
    before = mpl.rcParams["svg.hashsalt"]
    with canvas.style():
        with canvas.style():
            pass
        assert mpl.rcParams["svg.hashsalt"] == "tradecore"
    assert mpl.rcParams["svg.hashsalt"] == before

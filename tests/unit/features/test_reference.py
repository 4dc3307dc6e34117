"""The generated reference page is the one in the docs."""

from __future__ import annotations

from pathlib import Path

from tradecore.features import catalogue
from tradecore.features.reference import render

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "indicators.md"


def test_the_page_in_the_docs_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "docs/reference/indicators.md is stale; write tradecore.features.reference.render() to it"
    )


def test_the_page_has_a_section_for_every_indicator() -> None:
    page = render()
    assert all(f"### {name}\n" in page for name in catalogue.names())

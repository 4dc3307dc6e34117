"""The page on the simulator names a test for each rule, and leaves none out."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = Path(__file__).resolve().parents[3] / "docs" / "concepts" / "simulator.md"


def test_every_test_that_the_page_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    there = set(re.findall(r"^def (test_\w+)", (HERE / "test_rules.py").read_text(encoding="utf-8"), re.M))
    assert len(named) >= 40
    assert named <= there

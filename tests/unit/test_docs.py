"""Documentation held true: generated pages are fresh, links resolve, examples run, every public word is in its page."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tradecore
from tradecore.config.load import setting_fields
from tradecore.interfaces.cli.main import EXIT_CODES
from tradecore.interfaces.reference import PAGES, command_help, error_classes

REPOSITORY = Path(__file__).resolve().parents[2]
REFERENCE = REPOSITORY / "docs" / "reference"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
RUNNABLE = re.compile(r"^```python run\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _pages() -> list[Path]:
    top = sorted(REPOSITORY.glob("*.md"))
    return [*top, *sorted((REPOSITORY / "docs").rglob("*.md")), *sorted((REPOSITORY / "examples").rglob("*.md"))]


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def _modules() -> list[str]:
    found = pkgutil.walk_packages(tradecore.__path__, "tradecore.")
    return sorted(module.name for module in found if not module.name.endswith(("__main__", "migrations.env")))


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_what_the_code_says_now(page: str) -> None:
    stored = (REFERENCE / page).read_text(encoding="utf-8")
    assert stored == PAGES[page](), f"docs/reference/{page} is stale; run: make docs"


def test_every_command_stands_in_the_reference() -> None:
    text = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    assert [name for name, _ in command_help() if f"## `{name}`\n" not in text] == []


def test_every_command_and_option_says_what_it_does() -> None:
    for name, text in command_help():
        assert text.splitlines()[2].strip(), f"{name} has no line of help"
        bare = re.findall(r"^  (-[-\w, ]+(?: <\w+>)?)$\n(?!  {10})", text, re.MULTILINE)
        assert bare == [], f"{name}: options without help"


def test_every_setting_stands_in_the_reference() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    assert [key for key, _ in setting_fields() if f"| `{key.rpartition('.')[2]}` |" not in text] == []


def test_every_error_and_exit_code_stands_in_the_reference() -> None:
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    assert [kind.__name__ for kind in error_classes() if f"| `{kind.__name__}` |" not in text] == []
    assert {kind.exit_code for kind in error_classes()} | {0} == set(EXIT_CODES)


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for page in _pages():
        text = FENCED.sub("", page.read_text(encoding="utf-8"))
        for match in LINK.finditer(text):
            target = (match[1] or match[2]).partition("#")[0]
            if (
                target
                and "://" not in target
                and not target.startswith("mailto:")
                and not (page.parent / target).exists()
            ):
                broken.append(f"{_name(page)}: {target}")
    assert broken == []


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_link_to_a_heading_names_one() -> None:
    broken = []
    for page in _pages():
        for match in LINK.finditer(FENCED.sub("", page.read_text(encoding="utf-8"))):
            name, _, anchor = (match[1] or match[2]).partition("#")
            target = page.parent / name if name else page
            if not anchor or "://" in name or target.suffix != ".md":
                continue
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            if anchor not in {_anchor(heading) for heading in headings}:
                broken.append(f"{_name(page)}: {name}#{anchor}")
    assert broken == []


def _examples() -> Iterator[object]:
    for page in _pages():
        code = "\n".join(match[1] for match in RUNNABLE.finditer(page.read_text(encoding="utf-8")))
        if code:
            yield pytest.param(code, id=_name(page))


@pytest.mark.slow
@pytest.mark.parametrize("code", list(_examples()) or [pytest.param("", id="none")])
def test_the_examples_of_a_page_run_from_top_to_bottom(code: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", _modules())
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0


def test_the_readme_opens_with_what_it_is_and_is_not_two_commands_a_picture_and_four_links() -> None:
    first_screen = "\n".join((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()[:60])
    assert "make hello" in first_screen
    assert "make test" in first_screen
    assert "no profit" in first_screen
    assert len(LINK.findall(first_screen)) >= 4


def test_the_changelog_has_a_section_for_the_version_in_force() -> None:
    version = re.search(
        r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert version is not None
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text or f"## [{version[1]}]" in text

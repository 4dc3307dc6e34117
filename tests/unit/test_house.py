"""The house rules that no linter knows: sizes, names, boundaries, pins, and nothing from this machine in a file."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "src" / "tradecore"
MODULES = sorted(PACKAGE.rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
PURE = ("core", "stats", "features", "portfolio", "sim", "risk")

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def _tracked() -> tuple[Path, ...]:
    """Return the text files git keeps; the whole package where this is no checkout."""
    done = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    names = [REPOSITORY / line for line in done.stdout.splitlines()] if done.returncode == 0 else list(MODULES)
    suffixes = {
        ".py",
        ".md",
        ".toml",
        ".txt",
        ".html",
        ".css",
        ".js",
        ".json",
        ".yml",
        ".yaml",
        ".cfg",
        ".mako",
        ".ini",
        "",
    }
    return tuple(path for path in names if path.is_file() and path.suffix in suffixes)


def _functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def _code_lines(path: Path, pattern: str) -> list[str]:
    found = re.compile(pattern)
    lines = path.read_text(encoding="utf-8").splitlines()
    return [f"{_name(path)}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if found.search(line)]


def test_every_package_and_module_says_what_it_is() -> None:
    folders = {path.parent for path in MODULES}
    assert [_name(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
    assert [_name(path) for path in MODULES if not ast.get_docstring(_tree(path))] == []


def test_no_module_is_longer_than_500_lines() -> None:
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{_name(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, node in _functions()
    }
    assert {name: length for name, length in long.items() if length > 60} == {}


def test_modules_are_named_by_what_they_hold() -> None:
    assert [_name(path) for path in MODULES if FORBIDDEN_NAMES & {path.stem, path.parent.name}] == []


def test_no_module_asks_which_mode_it_is_in() -> None:
    outside = [path for path in MODULES if _name(path) != "src/tradecore/engine/modes.py"]
    assert [line for path in outside for line in _code_lines(path, r"\bis_(live|paper|backtest)\b")] == []


def test_only_config_reads_the_environment() -> None:
    outside = [path for path in MODULES if path.parent != PACKAGE / "config"]
    assert [
        line for path in outside for line in _code_lines(path, r"\bos\.(environ|getenv)\b|^from os import .*environ")
    ] == []


def test_the_product_never_imports_pandas() -> None:
    found = [
        f"{_name(path)}:{line}" for path in MODULES for line, name in _imports(path) if name.split(".")[0] == "pandas"
    ]
    assert found == []


def test_the_pure_floors_read_no_clock_and_draw_no_global_random_number() -> None:
    pattern = r"\btime\.time(_ns)?\(|\bdatetime\.(now|utcnow)\(|\bnp\.random\.(?!Generator|Philox)\w+\(|^import random"
    pure = [
        path for path in MODULES if path.relative_to(PACKAGE).parts[0] in PURE and path != PACKAGE / "core" / "clock.py"
    ]
    assert [line for path in pure for line in _code_lines(path, pattern)] == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in kinds
    )


def test_a_broad_except_is_marked_as_a_boundary_or_raises_again() -> None:
    found = []
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.ExceptHandler) or not _is_broad(node):
                continue
            raises_again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if not raises_again and "# boundary:" not in lines[node.lineno - 1]:
                found.append(f"{_name(path)}:{node.lineno}")
    assert found == []


def test_no_exception_is_swallowed() -> None:
    found = [
        f"{_name(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
    ]
    assert found == []


def test_nothing_is_left_to_do_later() -> None:
    pattern = r"\b(TODO|FIXME|XXX)" + r"\b"
    here = Path(__file__).resolve()
    assert [line for path in _tracked() if path != here for line in _code_lines(path, pattern)] == []


def test_no_file_names_this_machine_or_a_download_address() -> None:
    pattern = r"(?<![\w.])/(w[o]rk|r[o]ot|h[o]me/\w+)/|(extra-)?index-u[r]l|find-l[i]nks|--h[a]sh="
    here = Path(__file__).resolve()
    assert [line for path in _tracked() if path != here for line in _code_lines(path, pattern)] == []


def test_no_market_data_is_committed() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert [name for name in done.stdout.splitlines() if name.endswith((".parquet", ".feather", ".zip"))] == []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements() -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {_normal(re.split(r"[\[<>=!~ ;]", line, maxsplit=1)[0]) for line in lines}
    return names - {project["name"]}


def test_constraints_pin_a_version_of_every_dependency_and_nothing_else() -> None:
    lines = [
        line for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"
    ]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line)] == []
    assert sorted(_requirements() - {_normal(line.partition("==")[0]) for line in lines}) == []


def test_every_dependency_has_a_line_in_the_decision_record() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "docs" / "adr").glob("*.md")))
    named = {_normal(word) for word in re.findall(r"`([A-Za-z0-9_.-]+)", text)}
    assert sorted(_requirements() - named) == []


def test_unit_tests_mirror_the_packages() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    folders = {
        path.name for path in (REPOSITORY / "tests" / "unit").iterdir() if path.is_dir() and any(path.glob("test_*.py"))
    }
    assert sorted(folders - packages) == []

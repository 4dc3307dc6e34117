# tradecore: `make hello` shows it doing its job, `make test` shows that it works. Each needs only Python 3.11 to 3.13.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= 2

.PHONY: help hello test quick check docs bench bench-docs fetch-kills fetch-faults oracles coverage install clean

help:
	@echo "make hello      a market, a strategy, an honest verdict and a report, in about a minute"
	@echo "make test       every test"
	@echo "make check      style, types, floors, documentation"
	@echo "make quick      the tests that take no time"
	@echo "make docs       write the generated pages of docs/reference again"
	@echo "make coverage   what the tests reach, branch by branch"
	@echo "make bench      measure beside the peers; ONLY=backtest,sweep chooses, make bench-docs writes the page"
	@echo "make clean      delete .venv and every cache"

hello: $(VENV)/.base $(VENV)/.kernels
	@$(BIN)/tradecore hello $(ARGS)

test: $(VENV)/.dev $(VENV)/.kernels
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

quick: $(VENV)/.dev $(VENV)/.kernels
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow and not real_data" tests/unit $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/unit/test_docs.py tests/unit/test_house.py

docs: $(VENV)/.dev
	$(BIN)/python -m tradecore.interfaces.reference docs/reference

# Compiled kernels are invisible to coverage, so they run here as the Python they are written in.
coverage: $(VENV)/.dev
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest -m "not slow" tests/unit tests/property $(ARGS)
	$(BIN)/coverage report --skip-covered --show-missing

bench: $(VENV)/.dev $(VENV)/.kernels
	@$(BIN)/python benchmarks/bench.py $(if $(ONLY),--only $(ONLY)) $(ARGS)

# 200 kills of the real command, and a million trades through every fault: what the tests do with 15 and 30,000.
fetch-kills: $(VENV)/.dev
	@$(BIN)/python benchmarks/fetch_kills.py $(ARGS)

fetch-faults: $(VENV)/.dev
	@$(BIN)/python benchmarks/fetch_faults.py $(ARGS)

# Runs the peers of the golden files again and writes what they say now.
oracles: $(VENV)/.dev
	@$(BIN)/python benchmarks/oracles/make_golden.py $(ARGS)

bench-docs: $(VENV)/.dev
	@$(BIN)/python benchmarks/pages.py $(ARGS)

install: $(VENV)/.dev

# hello needs the product alone; tests and checks need the tools too. The tools' stamp covers both.
$(VENV)/.base: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing tradecore into $(VENV) (once; a few minutes on a slow line)"
	@$(PIP) install -qq --editable . --constraint constraints.txt
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing tradecore and its test tools into $(VENV) (once; a few minutes on a slow line)"
	@$(PIP) install -qq --editable '.[dev]' --constraint constraints.txt
	@touch $(VENV)/.base $@

# A compiled kernel is kept as long as its own file is unchanged, whatever changed in the files it calls: after an edit to
# any of them, all are compiled again.
$(VENV)/.kernels: $(BIN)/python $(wildcard src/tradecore/sim/*.py src/tradecore/portfolio/*.py src/tradecore/features/kernels/*.py)
	@find src -name '*.nb[ci]' -delete
	@touch $@

$(BIN)/python:
	@for name in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	  if "$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then \
	    echo "making $(VENV) with $$("$$name" --version)"; \
	    "$$name" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	  fi; \
	done; \
	echo "error: no usable Python 3.11, 3.12 or 3.13 found (on Debian and Ubuntu: apt install python3-venv);" >&2; \
	echo "       or name one: make hello PYTHON=/path/to/python3.12" >&2; \
	exit 1

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

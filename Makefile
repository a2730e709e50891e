# Everything runs inside .venv, which the first call makes. Another Python: make PYTHON=python3.12 run

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
DESK  ?= double-eleven-small
WORKERS ?= 2
RUN   := runs/$(shell date +%Y%m%d-%H%M%S)-$(DESK)

# the first Python on the path that is new enough
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# peakdesk exits with 3 when it is done but a target is not certified: for a demonstration that is no failure
EVEN_IF_MISSED := || [ $$? -eq 3 ]

.PHONY: help run test test-all bench bench-plans lint clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/make \1\t\2/p' Makefile

# the bound of a desk with many skills takes a third of the time and lies far below (docs/planner.md §10)
run: $(STAMP)  ## simulate a promotion day, propose shifts, prove them, write the report
	$(BIN)/peakdesk simulate $(DESK) --replications 20 --out $(RUN)-simulate $(EVEN_IF_MISSED)
	$(BIN)/peakdesk plan $(DESK) --no-bound --workers $(WORKERS) --out $(RUN)-plan $(EVEN_IF_MISSED)
	$(BIN)/peakdesk report $(RUN)-plan

test: lint  ## what a change must pass
	$(BIN)/pytest -q -n 2

test-all: lint  ## and the tests that take minutes
	$(BIN)/pytest -q -n 2 -m "not bench"

bench: $(STAMP)  ## time the engines; writes docs/benchmarks.md
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/pytest -q -s -m bench

bench-plans: $(STAMP)  ## plan the whole instance set, write docs/benchmarks.md; takes an hour or more
	$(BIN)/python tests/bench/plans.py

lint: $(STAMP)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:  ## remove caches and builds; runs and .venv stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "peakdesk needs Python 3.11 or newer: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	touch $@

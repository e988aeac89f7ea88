# `make` alone lists what it can do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | column -t -s "$$(printf '\t')"

$(VENV)/ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --progress-bar off --constraint requirements.lock --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --no-deps --constraint requirements.lock open_clip_torch
	touch $@

setup: $(VENV)/ready  ## make the environment in .venv from locked versions

app: setup  ## open the app in the browser
	$(BIN)/python app.py

browser:  # Chromium and its fonts, for the browser tests
	@command -v chromium >/dev/null || ($(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core)

lint: setup  ## format check, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup browser lint  ## lint, types and every test, the browser's included
	$(BIN)/pytest tests/browser
	$(BIN)/pytest --ignore tests/browser --numprocesses auto --dist loadfile

AUDIT := build/audit
audit:  ## look the locked packages up among known vulnerabilities, which needs a network
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet "pip-audit==2.10.1"
	$(AUDIT)/bin/python tools/audit.py $(AUDIT)/bin/pip-audit requirements.lock

clean:  ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

.PHONY: help setup app browser lint format test audit clean

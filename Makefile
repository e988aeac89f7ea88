# `make` alone lists what it can do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | column -t -s "$$(printf '\t')"

# The lock names every file of every package by its hash, so that nothing else is installed. Only torch is pinned by its
# version alone: its builds differ from machine to machine. The last step adds what other systems and Pythons need.
$(VENV)/ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --progress-bar off $(TORCH)
	$(BIN)/python -m pip install --quiet --progress-bar off --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --progress-bar off --editable ".[dev]"
	touch $@

setup: $(VENV)/ready  ## make the environment in .venv from locked versions

app: setup  ## open the app in the browser
	$(BIN)/python app.py

# The headless shell draws pages alone; Chromium itself draws a window of its own for each, a second of work every time.
browser:  # Chromium and its fonts, for the browser tests
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || ($(SUDO) apt-get update -qq && \
	  for shell in chromium-headless-shell chromium; do \
	    $(SUDO) apt-get install -y -qq --no-install-recommends $$shell fonts-dejavu-core && break; done)

lint: style types  ## format check, lint, types

style: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m tools.docs --check
	$(BIN)/python -m tools.house --check

types: setup
	$(BIN)/mypy

format: setup  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Workers share the cores already, so that each computes on one.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 1 --durations 30

# mypy takes one core for most of a minute where it has no cache yet, and the tests leave one idle now and then.
ALL_AT_ONCE := --keep-going --no-print-directory --jobs 3

check: setup  ## lint, types and the quick tests, in a minute and a half: run it while you work
	@$(MAKE) $(ALL_AT_ONCE) style types quick-tests

test: setup browser  ## lint, types and every test, the browser's included: all stages, whichever fail
	@$(MAKE) $(ALL_AT_ONCE) style types all-tests

quick-tests: setup
	$(PYTEST) -m "not (browser or slow or hostile)"

all-tests: setup
	$(PYTEST)

NEWER := build/newer
contract-newer:  ## run examples/pe_audio with transformers 5, in an environment of its own
	$(PYTHON) -m venv $(NEWER)
	$(NEWER)/bin/python -m pip install --quiet --progress-bar off $(TORCH) "transformers>=5,<6" platformdirs pytest
	OMP_NUM_THREADS=1 $(NEWER)/bin/python -m pytest --noconftest -rs tests/unit/models/test_pe_audio.py

LOCK := build/lock
lock: setup  ## write requirements.lock anew, with hashes, from what is installed in .venv
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet "uv==0.13.9"
	$(BIN)/python -m pip freeze --exclude-editable | grep -v "^torch==" > $(LOCK)/installed.txt
	$(LOCK)/bin/uv pip compile --quiet --no-deps --generate-hashes --no-annotate --no-header -o requirements.lock $(LOCK)/installed.txt

AUDIT := build/audit
audit:  ## look the locked packages up among known vulnerabilities, which needs a network
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet "pip-audit==2.10.1"
	(echo "$(TORCH)"; sed -nE 's/^([^ ]+==[^ ]+) .*/\1/p' requirements.lock) > $(AUDIT)/packages.txt
	$(AUDIT)/bin/python tools/audit.py $(AUDIT)/bin/pip-audit $(AUDIT)/packages.txt

clean:  ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

.PHONY: help setup app browser lint style types format check test quick-tests all-tests contract-newer lock audit clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow lint bench lock clean
.DEFAULT_GOAL := demo

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Vigie needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	touch $@

demo: $(READY)  ## the main job on the simulated network
	$(BIN)/vigie demo --folder vigie-demo

test: lint  ## lint, types, import rule, fast tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(READY)  ## the long suites
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(READY)  ## the figures of the README, as ratios in one run each
	for bench in camera_ingest camera_append satellite_ingest satellite_window satellite_archive satellite_day seviri_native alignment_month satellite_cover orchestration water_speed crowd; do \
		$(BIN)/python -m tests.benchmarks.bench_$$bench || exit 1; done

lock:  ## resolve anew, and write down what was installed
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --editable '.[dev]'
	$(VENV)-lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) vigie-demo

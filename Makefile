# Two commands set everything up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
NOTICE := trained on generated sounds only: for trying out, not for decisions about anybody's care

.PHONY: help demo setup test bench lint default-bundle clean

help:
	@echo 'make demo            run the monitor on a simulated hour, and compare with the truth (ARGS=... passes options on)'
	@echo 'make setup           full development environment in .venv'
	@echo 'make test            lint, types and tests'
	@echo 'make bench           measure the speed, against other libraries (ARGS="--json FILE" keeps all values)'
	@echo 'make default-bundle  make what ships in monitor/bundles again, from nothing'
	@echo 'make clean           remove .venv, build and caches'

# An hour in a home that no model has learnt from, all nine activities in it.
demo: $(VENV)/simulate build/demo.flac
	@rm -f build/demo.journal*
	$(BIN)/activity-monitor --replay build/demo.flac --speed max --journal build/demo.journal $(ARGS)
	@$(BIN)/activity-trainer agreement build/demo.tsv build/demo.journal

build/demo.flac: | $(VENV)/simulate
	$(BIN)/activity-trainer simulate --day $@ --hours 1 --seed 1 --held-out

setup: $(VENV)/dev

test: lint
	.ci/virtual-card
	$(BIN)/pytest --numprocesses auto --dist worksteal

# Some minutes, on a machine that does nothing else.
bench: $(VENV)/dev
	@$(BIN)/python -m tests.benchmarks $(ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Some hours on two cores; on the machine that made it, the same bytes but for the date.
default-bundle: $(VENV)/dev
	rm -rf build
	$(BIN)/activity-trainer simulate --hours 20 --seed 1 --to build/simulated
	$(BIN)/activity-trainer train crnn --data build/simulated --recipe default --folds 1 --threads 2 \
		--cache build/features --out build/default-run
	$(BIN)/activity-export bundle build/default-run -o monitor/bundles/default --name default --notice "$(NOTICE)"

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/simulate: pyproject.toml .ci/constraints.txt | $(BIN)/python
	$(PIP) --editable '.[simulate]'
	@touch $@

$(VENV)/dev: pyproject.toml .ci/constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/simulate $@

# Two commands set everything up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
NOTICE := trained on generated sounds only: for trying out, not for decisions about anybody's care

.PHONY: help demo setup test bench chaos soak lint default-bundle clean

help:
	@echo 'make demo            run the monitor on a recorded demo (ARGS=... passes options on)'
	@echo 'make setup           full development environment in .venv'
	@echo 'make test            lint, types and tests'
	@echo 'make bench           measure the speed, against other libraries (ARGS="--json FILE" keeps all values)'
	@echo 'make chaos           break a running monitor in every way (some minutes; a virtual sound card where there is one)'
	@echo 'make soak            48 h of audio at full speed: does anything grow?'
	@echo 'make default-bundle  make what ships in monitor/bundles again, from nothing'
	@echo 'make clean           remove .venv, build and caches'

demo: $(VENV)/base
	$(BIN)/activity-monitor --replay monitor/bundles/demo.flac --speed 10 $(ARGS)

setup: $(VENV)/dev

test: lint
	.ci/virtual-card
	$(BIN)/pytest --numprocesses auto --dist worksteal

# Some minutes, on a machine that does nothing else.
bench: $(VENV)/dev
	@$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(VENV)/dev
	.ci/virtual-card
	$(BIN)/python -m tests.drills
	$(BIN)/python -m tests.chaos

soak: $(VENV)/dev
	$(BIN)/python -m tests.soak

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Three minutes on two cores; on the machine that made it, the same bytes but for the date.
default-bundle: $(VENV)/dev
	rm -rf build
	$(BIN)/activity-trainer simulate --clips 40 --seed 1 --to build/generated
	$(BIN)/activity-trainer train crnn --data build/generated --recipe default --folds 1 --threads 2 \
		--cache build/features --out build/default-run
	$(BIN)/activity-export bundle build/default-run -o monitor/bundles/default --name default --notice "$(NOTICE)"
	$(BIN)/activity-trainer simulate --demo monitor/bundles/demo.flac --seed 3

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: pyproject.toml .ci/constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev: pyproject.toml .ci/constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/base $@

# Two commands set everything up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
# Where `make install` puts things; DESTDIR stages them elsewhere, as packages are made.
prefix ?= /usr/local
unitdir ?= $(prefix)/lib/systemd/system
program := $(prefix)/lib/activity-monitor
# What `make bundle` makes: OUT of DATA, called NAME, with training runs in RUNS; LISTEN="--listen DIR" tries it on other
# sounds and says so in the model card.
OUT ?= build/$(NAME).bundle
NAME ?= mine
RUNS ?= build/$(NAME)

.PHONY: help demo setup test bench chaos soak lint install uninstall bundle default-bundle clean

help:
	@echo 'make demo            run the monitor on a simulated hour, and compare with the truth (ARGS=... passes options on)'
	@echo 'make setup           full development environment in .venv'
	@echo 'make test            lint, types and tests'
	@echo 'make bench           measure the speed, against other libraries (ARGS="--json FILE" keeps all values)'
	@echo 'make chaos           break a running monitor in every way (some minutes; a virtual sound card where there is one)'
	@echo 'make soak            48 h of audio at full speed: does anything grow?'
	@echo 'make install         the monitor and its systemd units for this machine, as root (prefix=/usr/local DESTDIR=)'
	@echo 'make uninstall       remove them; settings in /etc and what was recorded in /var/lib stay'
	@echo 'make bundle DATA=DIR train on your own recordings or a data set, and pack build/mine.bundle (NAME=mine)'
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
	.ci/debian-packages
	$(BIN)/pytest --numprocesses auto --dist worksteal

# An hour, on a machine that does nothing else; ARGS=--only-bundles takes some minutes.
bench: $(VENV)/dev
	@$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(VENV)/dev
	.ci/debian-packages
	$(BIN)/python -m tests.drills
	$(BIN)/python -m tests.chaos

soak: $(VENV)/dev
	$(BIN)/python -m tests.soak

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install:
	$(PYTHON) -m venv $(DESTDIR)$(program)
	$(DESTDIR)$(program)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint .ci/constraints.txt '.[homeassistant]'
	sed -i '1,3s|$(DESTDIR)$(program)/|$(program)/|' $(DESTDIR)$(program)/bin/activity-*
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(unitdir)
	ln -sf $(program)/bin/activity-monitor $(DESTDIR)$(prefix)/bin/activity-monitor
	for unit in activity-monitor.service activity-monitor-homeassistant.service; do \
		sed 's|/usr/local/bin/|$(prefix)/bin/|' systemd/$$unit >$(DESTDIR)$(unitdir)/$$unit; \
	done
	cp $(DESTDIR)$(unitdir)/activity-monitor.service $(DESTDIR)$(unitdir)/activity-monitor@.service

uninstall:
	rm -rf $(DESTDIR)$(program)
	rm -f $(DESTDIR)$(prefix)/bin/activity-monitor
	rm -f $(addprefix $(DESTDIR)$(unitdir)/activity-monitor,.service @.service -homeassistant.service)

# A bundle of DATA: a data set that `activity-trainer data check` knows, or a folder of your own with one folder for
# each activity.
bundle: $(VENV)/dev
	$(BIN)/activity-trainer train crnn --data $(DATA) --recipe default --folds 1,2 --threads 2 \
		--cache build/features --out $(RUNS)/crnn
	$(BIN)/activity-trainer train svm --data $(DATA) --recipe default-deep-spectrum --folds 1,2 --threads 1 \
		--cache build/features --out $(RUNS)/deep-spectrum
	$(BIN)/activity-trainer fuse $(RUNS)/crnn $(RUNS)/deep-spectrum --out $(RUNS)/fusion --threads 2
	$(BIN)/activity-export bundle $(RUNS)/fusion -o $(OUT) --name $(NAME) --notice "$(NOTICE)" $(LISTEN)

# An hour on two cores.
default-bundle: $(VENV)/dev
	$(BIN)/activity-trainer simulate --hours 14 --seed 1 --to build/simulated
	$(MAKE) bundle DATA=build/simulated OUT=monitor/bundles/default NAME=default RUNS=build/default \
		NOTICE="trained on simulated homes only: for trying out, not for decisions about anybody's care"

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

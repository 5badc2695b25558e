# Two commands set everything up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
# Where `make install` puts things; DESTDIR stages them elsewhere, as packages are made.
prefix ?= /usr/local
unitdir ?= $(prefix)/lib/systemd/system
program := $(prefix)/lib/activity-monitor
NOTICE := trained on generated sounds only: for trying out, not for decisions about anybody's care

.PHONY: help demo setup test bench chaos soak lint install uninstall default-bundle clean

help:
	@echo 'make demo            run the monitor on a recorded demo (ARGS=... passes options on)'
	@echo 'make setup           full development environment in .venv'
	@echo 'make test            lint, types and tests'
	@echo 'make bench           measure the speed, against other libraries (ARGS="--json FILE" keeps all values)'
	@echo 'make chaos           break a running monitor in every way (some minutes; a virtual sound card where there is one)'
	@echo 'make soak            48 h of audio at full speed: does anything grow?'
	@echo 'make install         the monitor and its systemd units for this machine, as root (prefix=/usr/local DESTDIR=)'
	@echo 'make uninstall       remove them; settings in /etc and what was recorded in /var/lib stay'
	@echo 'make default-bundle  make what ships in monitor/bundles again, from nothing'
	@echo 'make clean           remove .venv, build and caches'

demo: $(VENV)/base
	$(BIN)/activity-monitor --replay monitor/bundles/demo.flac --speed 10 $(ARGS)

setup: $(VENV)/dev

test: lint
	.ci/debian-packages
	$(BIN)/pytest --numprocesses auto --dist worksteal

# Some minutes, on a machine that does nothing else.
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

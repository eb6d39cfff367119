# Clockline. On a machine with Python >= 3.11, git and make: `make demo`, `make test`.
# Each target sets up what it needs; nothing depends on what an earlier run left behind.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORE   := $(VENV)/.core-installed
DEV    := $(VENV)/.dev-installed
PEERS  := tests/peers/node_modules/.installed

.PHONY: help demo test test-slow check bench soak lock vendor package clean

help:
	@echo "make demo     the whole path on this machine: terminals -> gateway -> core -> payslip"
	@echo "make test     lint, types, layers, tests (installs real servers through apt)"
	@echo "make test-slow  browsers; kills, power cuts and full disks: claims R1-R22 with their controls"
	@echo "make soak     the reliability claims R1-R22 at full length: hours (docs/reliability.md)"
	@echo "make check    lint, types and layers only"
	@echo "make bench    the benchmarks, with ratios"
	@echo "make package  wheel, sdist, SBOM and checksums in dist/"

demo: $(CORE)
	@$(BIN)/edge-agent demo

test: $(DEV) check
	tests/system-packages
	$(MAKE) --no-print-directory $(PEERS)
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow and not rig"

test-slow: $(DEV)
	tests/system-packages
	$(MAKE) --no-print-directory $(PEERS)
	$(BIN)/pytest -n 2 --dist loadgroup -m "slow or rig"

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	benchmarks/all

soak: $(DEV)
	tests/system-packages
	$(BIN)/python -m benchmarks.reliability

package: $(DEV)
	tools/package

lock: $(DEV)
	requirements/lock.sh

# Other people's scripts and styles that the core's pages serve, by hash.
vendor:
	tools/vendored_parts.py

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The venv holds exactly what the lock files name, by hash; our own code is linked, not copied.
$(CORE): requirements/core.txt pyproject.toml
	tools/venv $(PYTHON) $(VENV) requirements/core.txt
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml
	tools/venv $(PYTHON) $(VENV) requirements/dev.txt
	@touch $@ $(CORE)

# Independent programs that the tests talk with; by hash, and none of their install scripts runs.
$(PEERS): tests/peers/package-lock.json
	cd tests/peers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

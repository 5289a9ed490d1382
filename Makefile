# make demo    a release of all three embedded sources, its audit, answers with citations, an update, a rollback
# make test    what every push has to pass
# make help    the rest
# Set-up (a virtual environment in .venv with the exact versions of requirements-dev.lock) is done when it is missing or the lock has changed.

SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test test-all lint promises lock hashes sbom audit clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/project.stamp  ## A virtual environment with everything in it

# Made anew whenever the lock changes, so that nothing stays behind that the lock no longer names.
$(VENV)/lock.stamp: requirements-dev.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed; name it with make PYTHON=..."; exit 1; }
	rm -rf $(VENV)
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements-dev.lock
	$(BIN)/python -m pip check
	touch $@

$(VENV)/project.stamp: $(VENV)/lock.stamp pyproject.toml
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: setup  ## The whole of it, on the samples the project ships (home: .demo)
	$(BIN)/python -m bench.demo

# The tests of a file share what they set up, so one worker runs them all. (xdist_group is no way: pytest 9.2 with
# pytest-xdist 3.8 silently ignores it.)
test: setup lint  ## What every push has to pass
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-all: setup lint  ## The same, one after the other, with the time of the slowest
	PROBATUM_FUZZ=10000 PROBATUM_KILLS=100 PROBATUM_TRAINING=1 $(BIN)/python -m pytest --durations 20

lint: setup  ## Style, formatting, and that no deployment file names what moves
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python deploy/pinned.py deploy prefect.yaml

promises: setup  ## Write README's promises, and tests/PROMISES.md, from the tests that prove them
	$(BIN)/python tests/promises.py

lock:  ## Resolve pyproject.toml afresh and write both lock files
	rm -rf .lock
	"$(PYTHON)" -m venv .lock
	.lock/bin/python -m pip install --quiet --upgrade "setuptools>=77"
	.lock/bin/python -m pip install --quiet --no-build-isolation .
	.lock/bin/python -m pip freeze --all | grep -vE '^(pip|probatum)( @|==)' | sed 's/+cpu$$//' > requirements.lock
	.lock/bin/python -m pip install --quiet --no-build-isolation ".[dev]"
	.lock/bin/python -m pip freeze --all | grep -vE '^(pip|probatum)( @|==)' | sed 's/+cpu$$//' > requirements-dev.lock
	rm -rf .lock build *.egg-info
	$(MAKE) hashes

# Of the files for CPython 3.11 on Linux on x86, without torch: see deploy/hashes.py. pip asks the registry for each.
hashes: setup  ## Write the sha256 of every file of requirements.lock to requirements.hashes
	grep -v '^torch==' requirements.lock > .hashes.lock
	$(BIN)/python -m pip install --quiet --dry-run --ignore-installed --no-deps --report .hashes.json -r .hashes.lock
	$(BIN)/python deploy/hashes.py .hashes.json > requirements.hashes
	rm -f .hashes.lock .hashes.json

sbom: setup  ## Write the bill of materials of this environment to sbom.cdx.json
	$(BIN)/python deploy/sbom.py requirements.lock --hashes requirements.hashes --commit "$$(git rev-parse HEAD)" > sbom.cdx.json

audit: setup  ## Ask the network which locked versions have known weaknesses
	$(BIN)/pip-audit --requirement requirements.lock --no-deps --disable-pip

clean:  ## Remove the environment and the demo's home
	rm -rf $(VENV) .demo

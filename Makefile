# make demo and make test set up everything they need on a machine with Python >= 3.11 and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO   := demo

.PHONY: help demo test lint types pytest test-faults test-separation bench clean

help:
	@echo "make demo   five architectures on copy memory, five seeds, and a report"
	@echo "make test   ruff, import-linter, mypy --strict and pytest"
	@echo "make bench  every speed target beside what is measured, some ten minutes; wants a quiet machine"
	@echo "make test-faults  the fault tests as often as the engine promises; takes long"
	@echo "make test-separation  trains the quick presets that tell models apart, some twenty minutes"
	@echo "make clean  remove what these made"

demo: $(VENV)/.for-use
	$(BIN)/rnnbench run --task copy-memory --preset quick --store $(DEMO)/rnnbench.db --report $(DEMO)/report
	@echo "Open $(DEMO)/report/index.html"

test: lint types pytest

lint: $(VENV)/.for-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.for-test
	$(BIN)/mypy

pytest: $(VENV)/.for-test
	$(BIN)/pytest --numprocesses 2 --dist worksteal

bench: $(VENV)/.for-test
	$(BIN)/python -m benchmarks --write reports/performance

# make test kills 8 trials and 2 drivers; here it is 50 and 25.
test-faults: $(VENV)/.for-test
	$(BIN)/pytest tests/execution -m faults

# make test trains one of these presets, shortened.
test-separation: $(VENV)/.for-test
	$(BIN)/pytest tests/tasks/test_separation.py -m separation

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rnnbench needs Python 3.11 or later; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The build tools first, so that the project itself builds without fetching them again.
$(VENV)/.for-use: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) setuptools wheel
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/.for-test: $(VENV)/.for-use
	$(PIP) --no-build-isolation --editable '.[test,lint]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO) build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name '__pycache__' -o -name '*.egg-info' | xargs rm -rf

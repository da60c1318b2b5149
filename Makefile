# Each target does its own set-up (.ci/setup): virtual environment, packages, system packages on Debian and Ubuntu.
# On Windows and macOS see docs/install.md; nothing there needs make.

PYTHON_BIN = .venv/bin/python
OUT ?= demo
WORKERS ?= 2
TESTS ?= tests
MINUTES ?= 120

.PHONY: help demo gui test check format soak clean

help:
	@echo "make demo    grow lesions on a patient; results in $(OUT)/"
	@echo "make gui     open the program"
	@echo "make test    run the tests (TESTS=tests/surface for a part)"
	@echo "make check   formatting, lint, types, architecture"
	@echo "make soak    random schedules of the live link for MINUTES=$(MINUTES)"

demo:
	@.ci/setup demo
	.venv/bin/moulage demo -o $(OUT)

gui:
	@.ci/setup gui
	.venv/bin/moulage gui

# Each worker gets its share of the cores; torch would otherwise start one thread per core in each of them.
test:
	@.ci/setup test
	OMP_NUM_THREADS=1 $(PYTHON_BIN) -m pytest $(TESTS) -q -n $(WORKERS) --dist loadfile

check:
	@.ci/setup test
	$(PYTHON_BIN) -m ruff format --check .
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PYTHON_BIN) -m pytest -q tests/test_architecture.py

format:
	@.ci/setup test
	$(PYTHON_BIN) -m ruff format .
	$(PYTHON_BIN) -m ruff check --fix .

soak:
	@.ci/setup test
	$(PYTHON_BIN) tests/bridge/soak.py --minutes $(MINUTES)

clean:
	rm -rf build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each target does its own set-up (.ci/setup): virtual environment, packages, system packages on Debian and Ubuntu.
# On Windows and macOS see docs/install.md; nothing there needs make.

PYTHON_BIN = .venv/bin/python
OUT ?= demo
WORKERS ?= 2
TESTS ?= tests
MINUTES ?= 120

.PHONY: help demo gui screenshots train-demo test check format soak clean

help:
	@echo "make demo    grow lesions on a patient; results in $(OUT)/"
	@echo "make gui     open the program"
	@echo "make train-demo  train a small network for half a minute, see and measure what it paints; DATA=folder of images"
	@echo "make screenshots  pictures of the window into docs/images/"
	@echo "make test    run the tests (TESTS=tests/surface for a part)"
	@echo "make check   formatting, lint, types, architecture"
	@echo "make soak    random schedules of the live link for MINUTES=$(MINUTES)"

demo:
	@.ci/setup demo
	.venv/bin/moulage demo -o $(OUT)

gui:
	@.ci/setup gui
	.venv/bin/moulage gui

# From images to a measured model on a CPU, in three minutes: packs, trains for half a minute, paints the sheet, measures.
# Without DATA, lesions are drawn to train on: everything runs, nothing worth seeing is learnt.
DATA ?= ../shared/data/dermoscopy-512
train-demo:
	@.ci/setup train
	@rm -rf $(OUT)/train && mkdir -p $(OUT)/train
	@[ -d "$(DATA)" ] || { echo "no folder $(DATA): training on drawn lesions (docs/training.md says where to get images)"; \
		$(PYTHON_BIN) tests/training/trees.py $(OUT)/train/data; }
	data=$(DATA); [ -d "$$data" ] || data=$(OUT)/train/data; \
	.venv/bin/moulage train --data $$data --limit 80 --size small --teacher default --minutes 0.5 --batch 8 --stages 64 \
		-o $(OUT)/train/model && \
	.venv/bin/moulage evaluate $(OUT)/train/model --data $$data --quick --count 32 --observer-steps 60 \
		--work $(OUT)/train/evaluation

screenshots:
	@.ci/setup test
	xvfb-run -a -s "-screen 0 3840x2160x24" $(PYTHON_BIN) -m docs.figures.desktop

# Each worker gets its share of the cores; torch would otherwise start one thread per core in each of them. Files are
# shared out in the order of tests/conftest.py: the longest first.
test:
	@.ci/setup test
	OMP_NUM_THREADS=1 $(PYTHON_BIN) -m pytest $(TESTS) -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

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

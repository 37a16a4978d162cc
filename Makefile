# make demo   set up, then raw text -> pretrain -> fine-tune -> export -> serve -> query
# make test   set up, then lint and the test suite
# make slow   whole runs and heavy references
# make bench  all benchmarks beside the peers (about 25 minutes; installs these into runs/bench/peer)
# make bench-quick   the ratios that moved since benchmarks/baseline.json (about 5 minutes)
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

export TF_CPP_MIN_LOG_LEVEL ?= 2
export KERAS_BACKEND := tensorflow

.PHONY: setup demo lint format test slow bench bench-quick clean

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: setup
	$(BIN)/python demo/run.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

slow: setup
	$(BIN)/python -m pytest -m slow

BENCHMARKS := tokenization single_latency batch_inference training_step server_throughput \
	export_load scaling

bench: setup
	for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

bench-quick: setup
	$(BIN)/python -m benchmarks.quick

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .mypy_cache .ruff_cache

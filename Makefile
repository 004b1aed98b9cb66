# The two commands of the README are `make demo` and `make test`; each sets up .venv first when it is missing or stale.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PYTEST_ARGS ?=

.PHONY: demo test check lint types layers lock train test-train bench clean

demo: .venv/ready
	$(BIN)/redraft demo

test: .venv/ready
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types layers test

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/pyright

layers: .venv/ready
	$(BIN)/lint-imports

# uv builds the environment in seconds where pip takes minutes, so pip is asked for uv first.
.venv/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet -c constraints.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --extra dev --quiet pyproject.toml -o constraints.txt

# Trains the embedded model from scratch (about 25 minutes on one core) and writes llm/embedded/weights.npz.
train: .venv/ready
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev,train]'
	$(BIN)/python -m redraft.llm.embedded.train

# What needs PyTorch: that training works, and that numpy computes what PyTorch does.
test-train: .venv/ready
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev,train]'
	$(BIN)/python -m pytest -m train

bench: .venv/ready
	for file in startup embedded feedback oracle; do echo "== bench/$$file.py"; $(BIN)/python bench/$$file.py; done

clean:
	rm -rf .venv build dist *.egg-info

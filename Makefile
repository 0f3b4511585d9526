# Needs python3 (3.11 or newer), make and the package index; everything else is made below .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CONSTRAINTS := .ci/constraints.txt

.PHONY: demo test lint format types docs bench clean constraints

demo: $(READY)  ## The main job, told step by step on the embedded stack
	@$(BIN)/python docs/demo.py $(BIN)/orderctl

test: $(READY)  ## All tests, end to end included
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY)
	@$(BIN)/mypy

docs: $(READY)  ## Write the generated pages anew
	@$(BIN)/python docs/generate.py

bench: $(READY)  ## Ratios against plain alternatives; BENCH="--with-peers --write" for all of docs/benchmarks.md
	@$(BIN)/python -m tests.benchmarks $(BENCH)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

constraints:  ## Pin anew: the same commit installs the same versions later
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile -q --no-emit-index-url --no-annotate --no-header --extra local --extra dev \
	  --universal --python-version 3.11 pyproject.toml .ci/build-requirements.in -o $(CONSTRAINTS)

$(READY): pyproject.toml $(CONSTRAINTS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -r .ci/build-requirements.in
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) --no-build-isolation -e '.[local,dev]'
	@touch $@

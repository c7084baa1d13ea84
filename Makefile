# The commands of this project. Each sets up what it needs; none needs another one first.
PYTHON ?= python3
BIN = .venv/bin
# Node.js comes with the virtual environment, so that none has to be installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
MAKEFLAGS += --no-print-directory
# Of the tests' order, the same in each run: a failure can be repeated. SEED=2 tries another order.
SEED ?= 1517098551

.PHONY: help rehearse test test-slow test-product faults sizes queues preflight install browser synth docs pictures lock clean
.DEFAULT_GOAL = help

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

rehearse: .venv/ready ## run a refresh in the embedded cloud; ARGS='--help' tells what else it can
	@$(BIN)/python -m rehearsal $(ARGS)

test: install browser ## check everything but the slow tests, in less than five minutes on two cores
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest --numprocesses 3 --randomly-seed $(SEED) -m "not slow"

test-slow: install browser ## run the tests that `make test` leaves out: long ones, and further cases of what it tries once
	$(BIN)/pytest --numprocesses 3 --randomly-seed $(SEED) -m slow

test-product: install ## run the tests but the embedded cloud's own
	$(BIN)/pytest --numprocesses 3 --randomly-seed $(SEED) --ignore tests/embedded_aws

faults: .venv/ready ## fail every call of a refresh in every way; DEEP=1 adds thousands of random sequences
	@$(BIN)/python -m rehearsal.fault_matrix $(ARGS)
	$(if $(DEEP),DEEP=$(DEEP) $(BIN)/pytest --numprocesses 2 --dist load --no-header tests/rehearsal/test_sequences.py)

sizes: .venv/ready ## print what 40, 150 and 300 campaigns need, against AWS's limits
	@$(BIN)/python -m tools.sizes $(ARGS)

queues: .venv/ready ## refresh 100 and 300 campaigns behind the default quotas (half an hour)
	@$(BIN)/python -m tools.queues $(ARGS)

preflight: .venv/ready ## measure the check of 1 GB of data, in one file and in a thousand
	@$(BIN)/python -m tools.preflight

install: .venv/ready node_modules/ready ## set up Python, Node.js and the CDK CLI in this folder

browser: # a Chromium for the tests of the report: Debian's, if there is none and it can be installed
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing chromium …" && \
	    { apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 || \
	      { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; }; } || \
	    echo "No Chromium: the report is not tested in a browser (apt-get install chromium)"; }

synth: install ## synthesise every environment into cdk.out
	@$(BIN)/python app.py

docs: .venv/ready ## generate what is generated: the schema, the workflow's picture
	@$(BIN)/python -m tools.generate

pictures: .venv/ready browser ## draw the pictures of the documents anew
	@$(BIN)/python -m tools.pictures

lock: .venv/ready ## resolve pyproject.toml anew into requirements*.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header pyproject.toml --group dev -o requirements-dev.txt

clean: ## remove all that these commands have made
	rm -rf .venv node_modules cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …"; exit 1; }
	@echo "Setting up the Python environment in .venv (a minute or two) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

node_modules/ready: package-lock.json .venv/ready
	@echo "Setting up the CDK CLI in node_modules …"
	@$(BIN)/npm ci --silent
	@touch $@

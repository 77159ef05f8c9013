# Everything runs in .venv, which is made from the hashed lock when it is missing or older.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

# The first Python that is new enough and can make environments.
PYTHON ?= $(shell for python in python3.12 python3.11 python3.13 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && { echo "$$python"; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help install demo test bench-install fuzz lint format lock image clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' \
		| while IFS='|' read -r target text; do printf '  make %-13s %s\n' "$$target" "$$text"; done
	@echo '  ARGS="..." passes options on to demo and test'

install: $(READY) ## Make .venv with everything the other targets need

$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or later with its venv module is needed' \
		'(Debian, Ubuntu: apt-get install python3 python3-venv)' >&2; exit 2; }
	@echo "Making $(VENV) from requirements-dev.lock, once; it takes a minute or two"
	@"$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Run the whole pipeline on a Kafka of its own and report
	@$(BIN)/sesame demo $(ARGS)

test: $(READY) ## Run the unit, property and integration tests
	@$(BIN)/pytest $(ARGS)

PEERS := $(VENV)/bench

bench-install: $(PEERS)/.ready ## Install the peers of sesame bench --peers, apart from the rest

$(PEERS)/.ready: requirements-bench.lock pyproject.toml | $(READY)
	@echo "Making $(PEERS) from requirements-bench.lock, once; it takes a minute or two"
	@$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --requirement requirements-bench.lock
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation --editable .
	@touch $@

SECONDS ?= 600

fuzz: $(READY) ## Fuzz the decoder; SECONDS=3600 for an hour (Linux, Python 3.11)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --target $(VENV)/fuzz --requirement requirements-fuzz.lock
	@PYTHONPATH=$(VENV)/fuzz:. $(BIN)/python -m tests.fuzz.decoder \
		-max_total_time=$(SECONDS) -artifact_prefix=$(VENV)/fuzz/ $(ARGS)

lint: $(READY) ## Check style, types, layers and schemas
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sesame schemas check

format: $(READY) ## Format the code and sort its imports
	$(BIN)/ruff check --select I --fix
	$(BIN)/ruff format

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'
PROJECT := pyproject.toml
DEVELOP := $(PROJECT) --extra dev --extra lint --extra test --group build
AGREE := --constraint requirements-train.lock

lock: $(READY) ## Resolve the dependencies again, keeping the versions that still fit
	$(COMPILE) $(DEVELOP) --extra train --output-file requirements-train.lock
	$(COMPILE) $(DEVELOP) $(AGREE) --output-file requirements-dev.lock
	$(COMPILE) $(PROJECT) $(AGREE) --output-file requirements.lock
	$(COMPILE) --group build $(AGREE) --output-file requirements-build.lock
	$(COMPILE) $(PROJECT) --extra bench --group build --output-file requirements-bench.lock

image: ## Build the container image; ARGS="--build-arg BASE=..." for another base
	docker build --file deploy/docker/Dockerfile --tag sesame:dev $(ARGS) .

clean: ## Remove .venv and what the tools keep
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Every target sets up what it needs on a machine with Python 3.11 or newer and a package index.
# `make help` lists them.

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-trino soak check format package bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

setup: $(INSTALLED) ## make the virtual environment

$(INSTALLED): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or run make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned requirements into $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED) ## run the whole pipeline on this machine; ARGS="--records 10000" passes arguments
	@$(BIN)/dmd demo $(ARGS)

test: $(INSTALLED) ## run the tests; ARGS="-k writer" passes arguments
	@$(BIN)/python -m pytest $(ARGS)

test-trino: $(INSTALLED) ## hold the tables against a real Trino; needs Maven and a JDK 24 or newer
	@$(BIN)/python -m pytest -m trino tests/trino $(ARGS)

soak: $(INSTALLED) ## kill the packaged writer hundreds of times and count the rows; ARGS="--kills 50"
	@$(BIN)/python -m tests.soak $(ARGS)

check: $(INSTALLED) ## lint, formatting, types, and the direction of dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

format: $(INSTALLED) ## format the code, and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

package: $(INSTALLED) ## build the functions' packages for AWS Lambda below build/lambda/
	@$(BIN)/python -m release.package $(ARGS)

bench: $(INSTALLED) ## measure transform and writer beside their peers
	@$(BIN)/python -m bench $(ARGS)

lock: $(INSTALLED) ## pin requirements.in and all that it needs in requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header \
		$(ARGS) requirements.in --output-file requirements.txt

clean: ## remove what the targets have made
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

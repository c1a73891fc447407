# Each target first installs what it needs, on a machine with Python 3.11 to 3.14 and a package index.
# `make help` lists them.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# Touched when the packages of a lock are installed: what running needs, and what checking needs.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

# pip shows each package with its size while it is fetched. Byte code is made when a module is first
# imported: half of pip's time would go into modules that nothing imports.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
define install
echo "Installing the $$(grep -c '^[a-z0-9].*==' $(1)) packages that $(1) pins (a minute or two, once)"; \
$(PIP) install --no-compile --require-hashes --only-binary=:all: --requirement $(1) || \
	{ echo "error: $(1) is not installed; pip says why above. It needs a package index (pip config, PIP_INDEX_URL) and 1 GB of disk." >&2; exit 1; }
endef

# The Python that makes the virtual environment: the first that fits, or the one that is named.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
ifeq ($(origin PYTHON), undefined)
PYTHON = $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(FITS)' 2>/dev/null && { echo $$p; break; }; done)
else
$(RUNTIME): | named-python
endif

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo picture test test-trino soak check lint formatting imports types format \
	package bench lock clean named-python

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

setup: $(RUNTIME) ## install what running needs into .venv; PYTHON=python3.13 names the Python

setup-dev: $(DEV) ## install what checking and measuring need as well

$(RUNTIME): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.14 was found: install one, or name it with make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || \
		{ echo "Making the virtual environment $(VENV)"; $(PYTHON) -m venv $(VENV) --clear; }
	@$(call install,requirements.txt)
	@echo "Installing the project itself, and its command $(BIN)/dmd"
	@$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@$(call install,requirements-dev.txt)
	@touch $@

# Looked at each time, even if there is nothing to install.
named-python:
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || \
		{ echo "error: PYTHON=$(PYTHON) cannot be run: name a Python 3.11 to 3.14" >&2; exit 1; }; \
	$(PYTHON) -c '$(FITS)' || \
		{ echo "error: PYTHON=$(PYTHON) is Python $$version: name a Python 3.11 to 3.14" >&2; exit 1; }; \
	present=$$($(BIN)/python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null); \
	test "$${present:-$$version}" = "$$version" || \
		{ echo "error: $(VENV) has Python $$present, not $$version: run make clean first" >&2; exit 1; }

demo: $(RUNTIME) ## run the whole pipeline on this machine; ARGS="--records 10000" passes arguments
	@$(BIN)/dmd demo $(ARGS)

picture: $(RUNTIME) ## run the demo and draw docs/demo.svg, which the README shows
	@$(BIN)/python -m demo.picture $(ARGS)

test: $(DEV) ## run the tests in several processes; ARGS="-k writer" passes arguments
	@$(BIN)/python -m pytest --numprocesses=auto --no-loadscope-reorder $(ARGS)

test-trino: $(DEV) ## hold the tables against a real Trino; needs Maven and a JDK 24 or newer
	@$(BIN)/python -m pytest -m trino tests/trino $(ARGS)

soak: $(DEV) ## kill the packaged writer hundreds of times and count the rows; ARGS="--kills 50"
	@$(BIN)/python -m tests.soak $(ARGS)

check: lint formatting imports types ## lint, formatting, import rules and types; pre-commit runs the same

lint: $(DEV)
	@$(BIN)/ruff check .

formatting: $(DEV)
	@$(BIN)/ruff format --check .

imports: $(DEV)
	@$(BIN)/lint-imports

types: $(DEV)
	@$(BIN)/mypy

format: $(DEV) ## format the code, and correct what the linter can correct
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

package: $(RUNTIME) ## build the functions' packages for AWS Lambda in build/lambda/
	@$(BIN)/python -m release.package $(ARGS)

bench: $(DEV) ## measure transform and writer beside their peers
	@$(BIN)/python -m bench $(ARGS)

# The functions' locks and the second set take their versions from requirements.txt.
PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
lock: $(DEV) ## pin versions and hashes of all requirements; ARGS=--upgrade takes newer versions
	@$(PIN) $(ARGS) requirements.in --output-file requirements.txt
	@for function in transform avro_writer; do \
		$(PIN) $$function/requirements.in --constraint requirements.txt \
			--output-file $$function/requirements.txt || exit 1; done
	@$(PIN) $(ARGS) requirements-dev.in --constraint requirements.txt \
		--output-file requirements-dev.txt

clean: ## remove what the targets have made
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

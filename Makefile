# Spectrum. `make` alone prints this list; everything is installed into .venv, nothing outside it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that runs; override with `make PYTHON=/path/to/python3 ...`.
PYTHON ?= $(shell for p in python3.11 python3 python; do "$$p" -c '' 2>/dev/null && echo "$$p" && break; done)
PORT ?= 8000
export PORT

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# Its dependencies that are needed stand in the extra `train`; the rest is 150 MB that nothing uses.
ANNY := $(PIP) install --quiet --no-deps --constraint constraints.txt anny
INSTALL := $(PIP) install --quiet --constraint constraints.txt --editable

.PHONY: help
help: ## Print this list
	@echo "Spectrum: human parsing as an HTTP service"
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1                  @\2/; s/^(.{20}) *@/\1/p' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: PORT=$(PORT)  PYTHON=$(if $(PYTHON),$(PYTHON),none found)  REDIS_URL (empty: an embedded server)"

.PHONY: serve
serve: $(VENV)/.installed ## Install if needed, then serve on 127.0.0.1:PORT: API, one worker, embedded Valkey
	@exec $(BIN)/spectrum serve --port "$(PORT)"

.PHONY: test
test: lint ## Install if needed, then lint, check types and layers, and run every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: lint
lint: $(VENV)/.installed-dev ## ruff, mypy, import-linter, and the linters of Dockerfile, Compose and Kubernetes files
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict docker-compose.yml docker k8s
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/hadolint Dockerfile

.PHONY: browser
browser: $(VENV)/.installed-dev ## Get a Chromium if there is none, use the playground in it, draw its pictures anew
	$(BIN)/python -m tests.browser.chromium
	PLAYGROUND_IMAGES=docs/images $(BIN)/python -m pytest tests/browser $(PYTEST_ARGS)

.PHONY: coverage
coverage: $(VENV)/.installed-dev ## The tests again, with line and branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

.PHONY: chaos
chaos: $(VENV)/.installed-dev ## Prove the delivery contract: workers and broker killed under 10,000 requests (CHAOS_ARGS)
	$(BIN)/python -m tests.chaos $(CHAOS_ARGS)
	$(BIN)/python -m tests.chaos --real-model 300

.PHONY: overload
overload: $(VENV)/.installed-dev ## Five times as many requests as can be served, for a minute
	$(BIN)/python -m tests.chaos.overload $(OVERLOAD_ARGS)

.PHONY: report
report: $(VENV)/.installed-dev ## Measure the shipped checkpoint; write docs/report/ and the pages' figures (REPORT_ARGS)
	$(BIN)/spectrum evaluate --all --examples 0 --out docs/report $(REPORT_ARGS)
	$(BIN)/python -m model.evaluation.card docs/report

.PHONY: manifests
manifests: $(VENV)/.installed-manifests ## Render and validate the Compose and Kubernetes files (downloads about 150 MB of tools)
	$(BIN)/docker-compose --profile cpu --profile gpu config --quiet
	$(BIN)/python -m pytest tests/unit/test_rendered.py

.PHONY: docs
docs: $(VENV)/.installed-docs ## Build the site of docs/ into site/; a link that leads nowhere fails it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The site is in site/; open site/index.html"

.PHONY: wheel
wheel: $(VENV)/.installed ## Build the wheel into dist/
	$(PIP) wheel --quiet --no-deps --wheel-dir dist .

# async-timeout is for Pythons before 3.11.3 alone, and so not in every .venv.
.PHONY: lock
lock: $(VENV)/.installed-manifests ## Write constraints.txt anew from what .venv holds
	@{ grep '^#' constraints.txt; { grep '^async-timeout==' constraints.txt; $(PIP) freeze --all --exclude-editable; } \
	  | grep -v '^pip==' | sed -E 's/\+[a-z0-9.]+$$//' | sort -fu; } > $(VENV)/lock
	@mv $(VENV)/lock constraints.txt

.PHONY: clean
clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) dist build site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Spectrum needs Python 3.11 or newer, and none was found on PATH. Install it, or say where it is: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Spectrum needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Say where a newer one is: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv --clear $(VENV)

# The stamps make a second call instant; a change of the dependencies installs again.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Spectrum and its dependencies into $(VENV) (once; PyTorch is the large one) ..."
	@$(INSTALL) .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Spectrum, its dependencies and the development tools into $(VENV) (once) ..."
	@$(INSTALL) '.[dev,train]'
	@$(ANNY)
	@touch $(VENV)/.installed $@

$(VENV)/.installed-docs: pyproject.toml constraints.txt | $(BIN)/python
	@$(INSTALL) '.[docs]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-manifests: pyproject.toml constraints.txt | $(BIN)/python
	@$(INSTALL) '.[dev,train,manifests]'
	@$(ANNY)
	@touch $(VENV)/.installed $(VENV)/.installed-dev $@

# Guildhall: everything starts here. `make help` lists the targets.
# Only Python >= 3.11 and make are needed; the rest is installed into .venv and node_modules.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NODE   := $(BIN)/python tools/node.py
export PYTHONUTF8 := 1
export UV_SYSTEM_CERTS ?= 1

.PHONY: help setup lock frontend demo demo-reset test test-fast test-full check format bench screenshots docs clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready src/guildhall/surfaces/kit/static/.ready ## Build the environment: Python packages and the front end

$(VENV)/.ready: requirements/dev.txt requirements/uv.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("Guildhall needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip -q install --require-hashes -r requirements/uv.txt
	@$(BIN)/python -m uv -q pip sync --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/python -m uv -q pip install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

FRONTEND := package.json package-lock.json $(shell find frontend -type f) $(shell find src/guildhall/surfaces -name '*.html')
src/guildhall/surfaces/kit/static/.ready: $(VENV)/.ready $(FRONTEND)
	@$(NODE) npm ci --no-audit --no-fund --silent
	@$(NODE) node_modules/vite/bin/vite.js build --config frontend/vite.config.js --logLevel warn
	@touch $@

lock: ## Resolve requirements/*.in again, with hashes
	@$(BIN)/python -m uv -q pip compile requirements/dev.in --universal --python-version 3.11 --generate-hashes -o requirements/dev.txt
	@$(BIN)/python -m uv -q pip compile requirements/app.in --universal --python-version 3.11 --generate-hashes -c requirements/dev.txt -o requirements/app.txt
	@$(BIN)/python -m uv -q pip compile requirements/uv.in --universal --python-version 3.11 --generate-hashes -o requirements/uv.txt

demo: setup ## Serve the demo world; PORT and GUILDHALL_HOME are honoured
	@$(BIN)/guildhall demo

demo-reset: setup ## Throw the demo world away; the next `make demo` starts anew
	@$(BIN)/guildhall demo --reset

test: setup ## Every test, browser included
	@$(BIN)/python tools/programs.py
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests

test-fast: setup ## Every test that only reads: no browser, no copy of the world
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not browser and not slow and not writes" tests

test-full: setup ## Every test, and axe over every page of every role in both languages
	@$(BIN)/python tools/programs.py
	@$(BIN)/python -m compileall -q src
	@TEST_FULL=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests

check: setup ## Lint, types, layers, templates, translations, docs
	@$(BIN)/ruff check src tests tools bench
	@$(BIN)/ruff format --check -q src tests tools bench
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/djlint --quiet --check --lint src/guildhall/surfaces
	@$(BIN)/python tools/translations.py --check
	@$(BIN)/python tools/docs.py --check

format: setup ## Put code and templates into shape
	@$(BIN)/ruff check --fix -q src tests tools bench || true
	@$(BIN)/ruff format -q src tests tools bench

docs: setup ## Write the generated tables of docs/domain.md anew
	@$(BIN)/python tools/docs.py

bench: setup ## Speed, with the floor beside it
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.decision
	@$(BIN)/python -m bench.revocation
	@$(BIN)/python -m bench.many
	@$(BIN)/python -m bench.feed
	@$(BIN)/python -m bench.export
	@$(BIN)/python -m bench.processor

screenshots: setup ## Pictures of every page into build/screenshots
	@$(BIN)/python tools/programs.py
	@TEST_SCREENSHOTS=build/screenshots $(BIN)/python -m pytest tests/journeys/test_pages.py

clean: ## Remove what was built (not the data)
	@rm -rf $(VENV) node_modules build src/guildhall/surfaces/kit/static

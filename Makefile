# Everything a developer, a visitor or CI does here. `make` alone lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WEB    := clients/web
ARGS   ?=
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup system demo cluster run check fix test test-fast test-web size bench web schema e2e \
        screenshots hooks constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## --- using it

setup: ## make .venv, install the libraries, build the web client; instantaneous when nothing changed
	@.ci/setup

demo: setup ## open a living room: seeded shop, a show on air, a simulated audience, sign-in links
	@$(BIN)/livecommerce demo $(ARGS)

cluster: setup system ## the demo on two nodes and a worker, with PostgreSQL and Redis of its own
	@$(BIN)/python -m tests.demo.cluster $(ARGS)

run: setup ## serve on this machine (settings: LIVECOMMERCE_* in the environment)
	@$(BIN)/livecommerce serve $(ARGS)

## --- changing it

check: setup ## format, lint, types, layers, schema drift, web types, bundle size
	@.ci/check

fix: setup ## format, and repair what lint can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

test: setup system ## everything: real PostgreSQL, Redis and Chromium, the web client's tests, sizes
	@$(BIN)/python -m pytest $(ARGS) || { \
	  echo "· what failed is run once more, alone; what passes now is unsteady and wants a look"; \
	  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS); }
	@.ci/web test
	@.ci/web size

test-fast: setup ## what needs nothing of the machine and takes no seconds
	@$(BIN)/python -m pytest -m "not slow and not browser and not redis" $(ARGS)

test-web: setup ## the web client's unit tests
	@.ci/web test

e2e: setup system ## only the tests that drive a real Chromium
	@$(BIN)/python -m pytest -m browser $(ARGS)

bench: setup system ## measure every question under benchmarks/ and write the report (ARGS=--quick: 15 min)
	@$(BIN)/python -c 'import matplotlib' 2>/dev/null || $(BIN)/python -m pip install --quiet \
	  --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@$(BIN)/python -m benchmarks $(ARGS)

web: setup ## the web client with live reload, against `make run` in another terminal
	@cd $(WEB) && npm run dev

size: setup ## sizes of the built pages against their budgets
	@.ci/web size

schema: setup ## write the wire schema, OpenAPI and TypeScript types that come from the code
	@$(BIN)/livecommerce schema $(ARGS)

screenshots: setup system ## pictures for the documents, taken in a real Chromium
	@$(BIN)/python -m tests.e2e.screenshots $(ARGS)

hooks: setup ## run the quick checks before every git commit
	@$(BIN)/pre-commit install

constraints: ## pin every library anew, from an empty environment
	@.ci/constraints

system: ## what the tests need from the machine: Chromium, redis-server, Arabic and emoji fonts
	@.ci/system

clean: ## remove what was built (not your data)
	@rm -rf $(VENV) $(WEB)/node_modules $(WEB)/dist build dist \
	  .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

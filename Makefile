# `make` alone lists what there is. Every target installs what it needs, quietly and only what is missing.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Else every start of Python compiles our sources anew: a sixth of a command, two thirds of a test worker's start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
# The shop of tests/integration/test_foreign_shop.py has an environment of its own.
OSCAR := .tools/oscar
BIN := $(CURDIR)/$(VENV)/bin
# Node.js comes from PyPI into the virtual environment: the same version everywhere, nothing from the system.
NPM := PATH="$(BIN):$$PATH" npm --prefix services/web-client
NATIVE := PYTHONPATH=deploy/native AVISO_PYTHON="$(BIN)/python" $(PYTHON) -m aviso_native
PYTEST := PATH="$(BIN):$$PATH" $(BIN)/python -m pytest
# Several files run at once, each worker with servers of its own; WORKERS=0: one by one. In the order of their collection,
# which has those first that take long: no worker is left alone with one of them. A worker waits for its servers for up to
# half of its time: three keep two cores busy.
WORKERS ?= 3
PYTEST_MANY = $(PYTEST) --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

API := services/records-api
PUSHER := services/xmpp-pusher
AMQP := services/amqp-client
WEB := services/web-client
LOCKS := $(API)/requirements.txt $(PUSHER)/requirements.txt $(AMQP)/build.txt $(WEB)/node.txt demo/requirements.txt
# PostgreSQL's servers from npm, without its client programs.
SERVERS := $(API)/tests/servers
SERVER = $(SERVERS)/node_modules/postgresql-$(VERSION)
OURS := deploy/native demo examples tests

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ In containers (Docker)
.PHONY: up down logs
up: ## build, start, wait until healthy, print the page's address and a key
	@deploy/compose/up.sh
down: ## stop the containers; the data stays
	@deploy/compose/down.sh
logs: ## follow the containers' logs
	@deploy/compose/logs.sh

##@ Natively (Debian, Ubuntu)
.PHONY: run manage
run: install-run web ## the same stack as private local processes; Ctrl-C stops it
	@exec env $(NATIVE) run
manage: $(VENV)/.installed-run ## a command of the running stack (ARGS="createsuperuser", "track …"; ARGS=help lists them)
	@exec env $(NATIVE) manage $(ARGS)

##@ Seeing it work
.PHONY: demo bench compare
demo: $(VENV)/.installed-run ## write real records into the running stack (ARGS="--rate 5")
	@exec $(BIN)/python demo/replay.py $(ARGS)
compare: install-test web $(VENV)/.installed-compare ## the same faults against Aviso and Django Channels, in one table
	@deploy/native/install.sh compare
	@exec $(BIN)/python -m tests.compare $(ARGS)
bench: install-test web $(VENV)/.installed-compare $(VENV)/.installed-bench ## what it takes, holds and lasts, beside the bare parts (ARGS="many-feeds --full")
	@deploy/native/install.sh compare
	@exec $(BIN)/python -m tests.bench $(ARGS)

##@ Tests
CHECKS := check-api check-audit check-web check-pusher check-amqp check-native
.PHONY: test installed test-unit test-integration test-faults soak test-postgresql test-compose check audit $(CHECKS)
test: installed check test-unit test-integration ## everything, on servers of its own
installed: system-test
	@$(MAKE) --no-print-directory --jobs=2 install-test web $(OSCAR)/.installed
test-unit: install-test web ## each service by itself
	cd $(AMQP) && $(PYTEST) -q
	cd $(API) && $(PYTEST_MANY) -q
	cd $(PUSHER) && $(PYTEST_MANY) -q
	$(NPM) test
test-integration: install-test web $(OSCAR)/.installed ## across services, in a real browser (ARGS="-k name")
	$(PYTEST_MANY) tests/integration $(ARGS)
test-faults: install-test web ## what happens when things are killed, cut and stopped (part of test-integration)
	$(PYTEST_MANY) tests/integration/faults $(ARGS)
soak: install-test web ## the same faults, often and long
	AVISO_FAULTS=soak $(PYTEST_MANY) tests/integration/faults $(ARGS)
test-postgresql: install-test $(SERVERS)/node_modules/.installed ## tables and triggers on another PostgreSQL (VERSION=14 … 18, ARGS="-k name")
	@test -d $(SERVER) || { echo "VERSION is '$(VERSION)', expected one of $(patsubst $(SERVERS)/node_modules/postgresql-%,%,$(wildcard $(SERVERS)/node_modules/postgresql-*))"; exit 1; }
	cd $(API) && AVISO_TEST_POSTGRESQL=$(CURDIR)/$(SERVER)/native/bin $(PYTEST_MANY) -q tests/capture $(ARGS)
test-compose: install-test ## the containers, for real (needs Docker)
	$(PYTEST) tests/compose $(ARGS)
check: install-test web ## format, lint, types, imports, the npm package, known vulnerabilities
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target $(CHECKS)
check-api:
	cd $(API) && $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy . && $(BIN)/lint-imports
check-audit:
	@deploy/audit.sh $(BIN)
check-web:
	$(NPM) run check
check-pusher:
	cd $(PUSHER) && $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy src
check-amqp:
	cd $(AMQP) && $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
check-native:
	$(BIN)/ruff format --check $(OURS) && $(BIN)/ruff check $(OURS)
	MYPYPATH=deploy/native $(BIN)/mypy deploy/native/aviso_native demo
audit: install-test web-modules ## known vulnerabilities of what is locked; fails when nobody could say
	AVISO_AUDIT=required deploy/audit.sh $(BIN)

##@ House
.PHONY: wheel pictures format lock clean
wheel: $(VENV)/.installed-run ## dist/: the wheels django-aviso, and aviso-amqp-client for its extra [relay]
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist ./$(API) ./$(AMQP)
	@ls dist/*.whl
pictures: install-test web $(VENV)/.installed-pictures ## of the page: docs/images made anew, and each view in .pictures/ (ARGS=readme or views: that alone)
	@$(BIN)/python -m tests.pictures $(ARGS)
format: install-test web-modules ## format everything
	$(BIN)/ruff format $(OURS) $(AMQP) $(API) $(PUSHER)
	$(BIN)/ruff check --fix --select I $(OURS) $(AMQP) $(API) $(PUSHER)
	$(NPM) run format
lock: $(VENV)/bin/python ## choose versions again; writes the lock files
	deploy/lock.sh $(BIN)
clean: ## remove what was installed and built here (not .run, which holds data)
	rm -rf $(VENV) $(OSCAR) $(WEB)/node_modules $(SERVERS)/node_modules $(WEB)/dist $(WEB)/packages/*/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .pictures

# ---- what the targets above stand on -------------------------------------------------------------------------------

.PHONY: install-run install-test system-run system-test web web-modules
install-run: system-run $(VENV)/.installed-amqp
install-test: system-test $(VENV)/.installed-amqp $(VENV)/.installed-test
system-run:
	@deploy/native/install.sh
system-test:
	@deploy/native/install.sh test

PIP_INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)
$(VENV)/.installed-run: $(LOCKS) | $(VENV)/bin/python
	@echo "installing Python packages and Node.js"
	@$(PIP_INSTALL) $(foreach lock,$(LOCKS),-r $(lock))
	@touch $@
# Our own package, made here from its folder: nothing is asked of an index.
$(VENV)/.installed-amqp: $(shell find $(AMQP)/src -name '*.py') $(AMQP)/pyproject.toml $(VENV)/.installed-run
	@$(BIN)/pip install --quiet --disable-pip-version-check --force-reinstall --no-index --no-deps --no-build-isolation ./$(AMQP)
	@touch $@
$(VENV)/.installed-test: tests/requirements.txt | $(VENV)/.installed-amqp
	@echo "installing the tests' Python packages"
	@$(PIP_INSTALL) -r $<
	@touch $@
$(VENV)/.installed-compare: tests/compare/requirements.txt $(VENV)/.installed-test
	@echo "installing the peer's Python packages"
	@$(PIP_INSTALL) -r $<
	@touch $@

$(OSCAR)/.installed: tests/integration/oscar_shop/requirements.txt
	@echo "installing django-oscar, which is somebody else's shop"
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@
$(VENV)/.installed-pictures: tests/pictures/requirements.txt $(VENV)/.installed-test
	@echo "installing what writes pictures"
	@$(PIP_INSTALL) -r $<
	@touch $@
$(VENV)/.installed-bench: tests/bench/requirements.txt $(VENV)/.installed-test
	@echo "installing what is measured beside ours"
	@$(PIP_INSTALL) -r $<
	@touch $@

WEB_SOURCES := $(shell find $(WEB)/packages $(WEB)/*.json -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/tests/*' 2>/dev/null)

web-modules: $(WEB)/node_modules/.installed
web: $(WEB)/dist/.built
$(WEB)/node_modules/.installed: $(WEB)/package-lock.json $(VENV)/.installed-run
	@echo "installing the web client's packages"
	@$(NPM) ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@
$(SERVERS)/node_modules/.installed: $(SERVERS)/package-lock.json $(VENV)/.installed-run
	@echo "installing PostgreSQL's servers"
	@PATH="$(BIN):$$PATH" npm --prefix $(SERVERS) ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@
$(WEB)/dist/.built: $(WEB)/node_modules/.installed $(WEB_SOURCES)
	@echo "building the page"
	@$(NPM) run --silent build >$(WEB)/node_modules/.build.log 2>&1 || { cat $(WEB)/node_modules/.build.log; exit 1; }
	@touch $@

# The stranger's commands. Everything is set up on the way: Python 3.11+, make and access to the package registries are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WEEKS ?= 46
SABOTAGE ?= 0

.PHONY: setup demo test check unit e2e bench lock clean

setup: $(VENV)/.ready

# One environment for everything, from the hashed lock; the client bundle too, where npm is.
$(VENV)/.ready: requirements.lock pyproject.toml web/package-lock.json web/build.mjs $(wildcard web/src/*)
	@scripts/setup $(PYTHON) $(VENV)
	@touch $@

demo: setup
	@$(BIN)/homeostat demo --weeks $(WEEKS) $(if $(filter-out 0,$(SABOTAGE)),--sabotage)

test: setup
	@scripts/test

check: setup
	@scripts/check

bench: setup
	@$(BIN)/python -m bench

# Names every package with its hashes and no index address. Without the extras that weigh hundreds of megabytes: tests of lake formats skip.
lock:
	uv pip compile pyproject.toml --extra demo --extra excel --group test --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock

clean:
	rm -rf $(VENV) demo build dist

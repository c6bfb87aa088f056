# Every recipe uses relative paths only: make cannot quote a path with spaces, so the clone's own path never appears.
# Further targets live in deploy/make/*.mk, one fragment for one subject.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long bench lint format contract lock
BIN := .venv/bin
# What a shell may have forbidden: each start would compile every module anew.
export PYTHONDONTWRITEBYTECODE :=

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' Makefile deploy/make/*.mk

setup: ## the virtual environment with every dependency, in .venv
	@sh deploy/setup.sh

demo: setup ## the service with the demo city, on http://127.0.0.1:8000
	@$(BIN)/python -m services.commands.cli demo

# What needs more than the lock installs has a target of its own, and so have proofs that take long.
PLAIN := not archive and not spark and not kafka and not chaos and not pages and not fuzz and not deploy and not image

test: setup ## the test suite (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "$(PLAIN) and not long" $(ARGS)

test-long: setup ## the proofs that take long: laws over many histories, kills, rebuilds, crowds (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "$(PLAIN) and long" $(ARGS)

bench: setup ## the benchmarks, each beside its peers
	@$(BIN)/python -m tests.bench $(ARGS)

lint: setup ## ruff and mypy, without changing a file
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

format: setup ## ruff's formatter and its safe fixes
	@$(BIN)/python -m ruff format .
	@$(BIN)/python -m ruff check --fix .

lock: setup ## pins every dependency again, in requirements.lock and a lock beside it for each heavy extra
	@sh deploy/lock.sh $(ARGS)

-include deploy/make/*.mk

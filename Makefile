# For GNU make 3.81 or later and any POSIX shell. `make help` explains itself.
#
#   make test ARGS="tests/unit -k redeem"     what pytest is told
#   make demo PORT=8001                       another port
#   make setup PYTHON=/path/to/python3        another interpreter

SHELL = /bin/sh
RUN = .venv/bin/python -m
UV_EXPORT = uv export --quiet --frozen --no-emit-project --no-header

# A server that may not keep compiled modules compiles a thousand of them at each start, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test generated check static format bench screenshots drill lock audit sbom clean

help: ## Show this list
	@sed -n 's/^\([a-z][a-z]*\):.*## \(.*\)/\1	\2/p' Makefile | while read -r name says; do \
		printf '  make %-11s %s\n' "$$name" "$$says"; done

setup: ## Make .venv with the locked dependencies (the other targets do it by themselves)
	@PYTHON="$(PYTHON)" sh scripts/setup.sh

demo: setup ## Start a server with a demo merchant and print commands to try; Ctrl-C stops it
	@$(RUN) kado demo $(if $(PORT),--port $(PORT))

test: static ## Check everything, then run all tests, four files at a time, each on a real PostgreSQL that comes along
	@sh scripts/browser.sh
	@$(RUN) pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

generated: setup ## Try every operation with a thousand made-up requests (KADO_TEST_EXAMPLES=… for another number)
	@KADO_TEST_EXAMPLES=$${KADO_TEST_EXAMPLES:-1000} $(RUN) pytest -n 2 tests/contract/test_generated.py tests/contract/test_all_phases.py $(ARGS)

check: static ## Check format, style, types, imports and tidiness
	@$(RUN) pytest tests/tidy

static: setup
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@.venv/bin/lint-imports --no-cache

format: setup ## Format the code, write the generated reference pages and the client's blocking half
	@.venv/bin/python scripts/client.py
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .
	@.venv/bin/python scripts/reference.py

bench: setup ## Measure, against what PostgreSQL itself can do on this machine
	@.venv/bin/python bench/run.py $(ARGS)

screenshots: setup ## Take pictures of every page in every state, for docs/reference/pages.md
	@sh scripts/browser.sh
	@.venv/bin/python scripts/screenshots.py $(ARGS)

drill: setup ## Break, flood and check servers of its own for half an hour; ARGS="--only kills --scale 0.1" for less
	@.venv/bin/python drills/run.py $(ARGS)

lock: ## Write requirements.lock and those of the container from uv.lock (needs uv)
	@uv lock --check
	@$(UV_EXPORT) --all-groups --extra embedded --extra otel --output-file requirements.lock
	@$(UV_EXPORT) --no-dev --extra embedded --extra otel --output-file deploy/container/runtime.lock
	@$(UV_EXPORT) --only-group build --output-file deploy/container/build.lock

audit: setup ## Look for known weaknesses of what is locked (OSV); ARGS=--strict fails where it cannot be reached
	@.venv/bin/python scripts/audit.py $(ARGS)

sbom: setup ## Write dist/sbom.cdx.json: what is in Kado, with licences and hashes
	@.venv/bin/python scripts/sbom.py

clean: ## Remove .venv and everything else that can be made again; data directories are left alone
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests scripts clients examples -type d -name __pycache__ -prune -exec rm -rf {} +

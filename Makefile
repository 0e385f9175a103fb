# make serve: the dashboard on http://localhost:8001 with the sample database
# make test:  everything that must be true, as CI runs it
# make proof: the fault tests in their long form, half an hour or more; their figures go into docs/promises.md
# The first run sets up .venv; later ones start at once. CONTRIBUTING.md shows the same lines for use without make.

PYTHON ?= python3
# Options for headway serve or pytest: make serve ARGS="--database shop.duckdb", make test ARGS="-k store"
ARGS ?=

.PHONY: serve test proof clean

serve: .venv/installed
	.venv/bin/headway serve $(ARGS)

test: .venv/installed-tests
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/python scripts/typecheck.py
	.venv/bin/pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

proof: .venv/installed-tests
	.venv/bin/pytest tests/proof --long --numprocesses 2 --dist loadfile -o faulthandler_timeout=3000 $(ARGS)

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/installed: .venv/made pyproject.toml constraints.txt
	@echo "Installing Headway into .venv; the first time this takes a few minutes"
	.venv/bin/pip install -q -c constraints.txt -e .
	@touch $@

.venv/installed-tests: .venv/made pyproject.toml constraints.txt scripts/browser.py scripts/programs.py
	@echo "Installing Headway and what its tests need into .venv; the first time this takes a few minutes"
	.venv/bin/pip install -q -c constraints.txt -e '.[tests]'
	.venv/bin/python scripts/browser.py
	.venv/bin/python scripts/programs.py
	@touch $@

.venv/made:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "Headway needs Python 3.11 or later, and $(PYTHON) is %d.%d: say make PYTHON=python3.12 (or where yours is)" % v[:2])'
	$(PYTHON) -m venv .venv
	@touch $@

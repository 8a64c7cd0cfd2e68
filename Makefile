# Short names for dev.py's commands. `make test ARGS="tests/engine -k fold"` hands arguments on.
PYTHON ?= python3

.PHONY: run test setup lock clean

run test setup lock:
	@$(PYTHON) dev.py $@ $(ARGS)

# What can be made again; var/, with its database and keys, stays.
clean:
	rm -rf .venv .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each target makes .venv from requirements.lock when it is missing or stale, and then does its work.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: serve test check audit bench bench-accuracy bench-loop bench-swap bench-cascade bench-score bench-retrain chaos \
	clean lock
.DEFAULT_GOAL := serve

serve: $(READY)
	@exec $(BIN)/understudy serve $(ARGS)

# A real Ray wants both cores for itself. 5: ARGS has left nothing to run, such as a folder without such tests.
test: $(READY)
	$(BIN)/python -m pytest -m "not cluster" -n 2 $(ARGS) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -m cluster $(ARGS) || [ $$? -eq 5 ]

# What came from elsewhere: our code as others' tools see it, known vulnerabilities, licences, the lock.
audit: $(READY)
	$(BIN)/bandit -q -ll -c pyproject.toml -r serve_app pipelines
	$(BIN)/python -m pytest -q tests/unit/test_supply.py
	$(BIN)/python -m tests.supply.licences
	$(BIN)/python -m tests.supply.advisories

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/unit/test_boundaries.py
	$(BIN)/understudy check

# Peers get environments of their own, in .understudy/bench. PEERS=none: Understudy alone.
bench: $(READY)
	$(BIN)/python -m tests.benchmarks.serving $(if $(PEERS),--peers $(PEERS)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(CASES),--cases $(CASES)) $(ARGS)

bench-accuracy: $(READY)
	$(BIN)/python -m tests.benchmarks.accuracy $(ARGS)

bench-loop: $(READY)
	$(BIN)/python -m tests.benchmarks.loop $(ARGS)

bench-swap: $(READY)
	$(BIN)/python -m tests.benchmarks.swap $(ARGS)

bench-cascade: $(READY)
	$(BIN)/python -m tests.benchmarks.cascade $(ARGS)

bench-score: $(READY)
	$(BIN)/python -m tests.benchmarks.score $(ARGS)

bench-retrain: $(READY)
	$(BIN)/python -m tests.benchmarks.retrain $(ARGS)

# Faults against a real Ray, with figures. FAULTS=proxy,model: some; SHORT=1: as the tests do; HOURS=4: a longer soak.
chaos: $(READY)
	$(BIN)/python -m tests.reliability.chaos $(if $(FAULTS),--faults $(FAULTS)) $(if $(SHORT),--short) \
		$(if $(HOURS),--hours $(HOURS)) $(ARGS)
	$(if $(FAULTS)$(SHORT),,CHAOS=1 $(BIN)/python -m pytest -q -s tests/reliability/test_callers.py tests/cluster/test_jobs.py)

clean:
	rm -rf .venv .understudy .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

# uv stands in the lock with its hash like everything else; pip fetches it, and it fetches the rest.
$(READY): requirements.lock pyproject.toml
	@echo "making .venv from requirements.lock (about a minute the first time, 1.5 GB)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@UV_COMPILE_BYTECODE=1 $(BIN)/uv pip sync --python $(BIN)/python --require-hashes requirements.lock 2>&1 \
		| { grep -vE '^ [-+~] |^WARNING' || true; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# After a change of pyproject.toml: new exact versions and hashes, without any address.
lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --extra test --extra check --extra bootstrap pyproject.toml -o requirements.lock

# Everything runs in the project's own virtual environment; PYTHON chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test soak fuzz lint bench scale clean

demo: $(INSTALLED)
	$(BIN)/xlite demo

# Two processes with a thread each; a file stays in one, since its tests share what they train.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -W error::UserWarning:xlite -n 2 --dist loadfile --no-loadscope-reorder

# Exact resume under 200 kills, then under 50 with loader processes; then studies whose agents are
# killed 200 times, one agent and three, and some that train; half an hour.
soak: $(INSTALLED)
	folder=$$(mktemp -d) && \
	$(BIN)/python tests/training/kill_harness.py --kills 200 --out $$folder/without-workers && \
	$(BIN)/python tests/training/kill_harness.py --kills 50 --workers 2 --out $$folder/with-workers && \
	export PYTHONPATH=tests && \
	$(BIN)/python tests/executors/kill_agents.py --kills 200 --out $$folder/one-agent && \
	$(BIN)/python tests/executors/kill_agents.py --kills 200 --agents 3 --out $$folder/agents && \
	$(BIN)/python tests/executors/kill_agents.py --kills 20 --real --out $$folder/trainings && \
	rm -r $$folder

# Ten thousand damaged images and tables before the readers; five minutes.
fuzz: $(INSTALLED)
	$(BIN)/python tests/hostile/fuzz.py --cases 10000

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Every speed beside its peers, on an idle machine; 20 minutes.
bench: $(INSTALLED)
	$(BIN)/pip install --quiet -e ".[bench]"
	$(BIN)/python -m benchmarks

# Time and memory against size, up to ten million rows; a quarter of an hour.
scale: $(INSTALLED)
	$(BIN)/python -m benchmarks.scale

# Reinstalled only when the dependencies change.
$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo .mypy_cache .pytest_cache .ruff_cache

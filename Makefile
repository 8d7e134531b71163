# `make demo` and `make test` set up everything they need and then do their job; `make help` lists the rest.
#
# Variables: PYTHON (3.11 to 3.13), VENV, BOARD, MODEL, PYTEST_ARGS, RUNS.

PYTHON      ?= python3
VENV        ?= .venv
MODEL       ?= zoo:convfsenet-dyncp25
BOARD       ?= virtual-m4
# One worker more than processors: some tests wait for a line most of their time.
PYTEST_ARGS ?= -n $(shell expr $$(nproc) + 1) --dist worksteal
RUNS        ?= 10000000

BIN := $(VENV)/bin

# Several workers share the processors; more threads in each only wait for one another at every small product.
export OPENBLAS_NUM_THREADS ?= 1
# Where no bytecode is to be kept, each of the hundreds of programs that the tests start compiles all sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test explore fuzz bench bench-check bench-accept docs boards boards-check lint format wheel clean \
    distclean system-demo system-test
.DEFAULT_GOAL := help

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Enhance the bundled noisy clips on a virtual Cortex-M4 and report what the gates saved
	$(BIN)/slimse measure $(MODEL) --board $(BOARD) --audio tests/data/noisy --reference tests/data/clean \
	    --out build/demo

test: $(VENV)/.test ## Run all tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

explore: $(VENV)/.test ## Run all tests with random examples that no run has seen
	$(BIN)/python -m pytest $(PYTEST_ARGS) --hypothesis-profile=explore

fuzz: $(VENV)/.test ## Run ten million inputs through what the firmware takes from strangers (RUNS=...)
	$(BIN)/python -m tests.fuzz --runs $(RUNS)

BENCH := PYTHONPATH=tests $(BIN)/python -m bench

bench: $(VENV)/.test ## Print what a frame costs on every virtual board, beside what others need
	$(BENCH)

bench-check: $(VENV)/.test ## Fail if a count or size has grown by more than 1 % since docs/bench.json
	$(BENCH) --check

bench-accept: $(VENV)/.test ## Write docs/bench.json and docs/bench.md anew
	$(BENCH) --accept

docs: $(VENV)/.demo ## Write docs/layers.md from the registry of layers
	$(BIN)/python docs/make_layers.py

boards: $(VENV)/.demo ## Build every board with every zoo model and write docs/boards.md
	$(BIN)/python docs/make_boards.py

boards-check: $(VENV)/.demo ## Build every board with every zoo model and compare with docs/boards.md
	$(BIN)/python docs/make_boards.py --check

lint: $(VENV)/.test ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test ## Format the Python code
	$(BIN)/ruff format .

wheel: $(VENV)/.test ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build --outdir dist

clean: ## Remove what was built
	rm -rf build dist

distclean: clean ## Remove the virtual environment too
	rm -rf $(VENV)

# Looked at every time, because it costs nothing when all is there.
system-demo:
	@.ci/system-packages demo "$(PYTHON)" "$(BOARD)"

system-test:
	@.ci/system-packages test "$(PYTHON)"

# A stamp is newer than pyproject.toml when its packages are installed, so a second run has nothing to do.
$(VENV)/.demo: pyproject.toml | system-demo
	@.ci/python-packages "$(PYTHON)" "$(VENV)" quality
	@touch $@

$(VENV)/.test: pyproject.toml | system-test
	@.ci/python-packages "$(PYTHON)" "$(VENV)" test
	@touch $@ $(VENV)/.demo

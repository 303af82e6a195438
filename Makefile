# Causeway: what a person types. `make` alone explains.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-slow test-cluster images bench lint compile clean results

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/demo
WORKERS ?= 2
export TOKENIZERS_PARALLELISM := false
# recorded drives for tests and examples; where there are none, what needs them skips
ifneq ($(wildcard ../shared/data),)
export CAUSEWAY_TEST_DRIVES ?= $(abspath ../shared/data)
endif
# a cluster that reaches no registry has databases of its own, built beside the tests, and its node may be drained
ifneq ($(wildcard ../shared/cluster/image),)
export CAUSEWAY_TEST_VALUES ?= tests/e2e/stand_ins/values.yaml
export CAUSEWAY_TEST_EVENT_BUS ?= tests/e2e/stand_ins/event-bus.yaml
export CAUSEWAY_TEST_API_RESTART ?= tests/e2e/stand_ins/restart_api_server ../shared/cluster
export CAUSEWAY_TEST_DRAIN ?= 1
STAND_INS := mysql:10.11 postgres:15 redis:7
endif

help: ## explain the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  own drives: make demo DRIVES=path/to/drives LAYOUT=kitti-odometry"

setup: $(VENV)/.ready ## make .venv with everything in the lock

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || \
		{ echo "Python 3.11 or 3.12 is needed: install it, or name it with PYTHON=…"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv and python3-dev are needed: install them"; exit 2; }
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## the whole loop on this machine; ends with an answer and report.html
	@$(BIN)/causeway demo --out $(OUT) $(if $(DRIVES),--drives "$(DRIVES)" --layout $(or $(LAYOUT),auto))

test: setup ## the tests (at most 10 minutes on two cores)
	@# a worker for each core: with more threads than one they would only wait for each other; a file's tests share what they set up
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not slow and not cluster"

test-slow: setup ## fuzz, kill and soak runs
	$(BIN)/pytest -m slow

test-cluster: setup ## install to uninstall, pipelines, a release on the cluster at KUBECONFIG (its nodes need the images)
	@for each in $(STAND_INS); do ../shared/cluster/image tests/e2e/stand_ins/$${each%:*} causeway-test/$$each || exit 1; done
	$(BIN)/pytest -m cluster -s --durations=0 --durations-min=1 tests/e2e

images: ## build the images with docker, podman or buildah; names go to out/images.env: make images TORCH_BASE=… BUILDER=…
	@$(PYTHON) scripts/build_images.py $(TARGETS) $(if $(TORCH_BASE),--torch-base "$(TORCH_BASE)") \
		$(if $(BASE),--base "$(BASE)") $(if $(BUILDER),--builder "$(BUILDER)") $(if $(REGISTRY),--registry "$(REGISTRY)")

bench: setup ## benchmarks; each runs both sides and prints the ratio
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

results: setup ## measured results, in resumable parts of at most 40 minutes: make results PART=policy SEED=0
	@$(BIN)/python benchmarks/$(if $(filter families,$(PART)),results_families,$(if $(filter rl%,$(PART)),results_rl,results_policy)).py --part $(or $(PART),policy) --seed $(or $(SEED),0)

lint: setup ## formatting rules, types, and which room may import which
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

compile: setup ## write the pipelines as Kubeflow IR into out/pipelines
	@$(BIN)/causeway compile --out out/pipelines

lock: ## compile requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-header --no-annotate --quiet -o requirements.lock pyproject.toml

clean: ## remove what runs made (not .venv)
	rm -rf out dist

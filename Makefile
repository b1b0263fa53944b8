.DEFAULT_GOAL := help
PYTHON3 ?= python3
VENV    ?= .venv
PYTHON  := $(VENV)/bin/python
# Of this folder: an environment that was copied or moved with its checkout is set up again.
READY   := $(VENV)/.ready-$(shell pwd | cksum | cut -d ' ' -f 1)
NUMBERED := $(sort $(wildcard notebooks/[0-9]*.ipynb))

# A PYTHONPATH of the reader's would put other libraries before the locked ones. Without compiled
# files, which some containers forbid, each kernel would compile the libraries anew.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help doctor lab run test hub test-hub record traps handout slides lecture marks site browser data bench drill rerun determinism gpu latest lock lint format clean

help:  ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The script says in a sentence when this Python cannot do it. `-I`: nothing of the reader's own.
$(READY): pyproject.toml .github/requirements.txt .github/slides.txt data/models/encoder.txt src/hf_tutorial/install.py
	@$(PYTHON3) -I src/hf_tutorial/install.py $(VENV)
	@touch $@

# Checked at each start, so that a lost or damaged model mends itself.
.PHONY: models
models: $(READY)
	@$(PYTHON) -m hf_tutorial.sources

# In the environment if it starts, else in the reader's Python: it looks at broken ones, too.
doctor:  ## say what this machine has, what would stop a notebook, and how to mend it
	@PYTHONPATH=src $(shell $(PYTHON) -c 1 2>/dev/null && echo $(PYTHON) || echo $(PYTHON3)) -m hf_tutorial.doctor

lab: models  ## open the first notebook in JupyterLab (LAB="--allow-root" passes options on)
	$(PYTHON) -m jupyterlab $(LAB) $(firstword $(NUMBERED))

run: models  ## execute every notebook top to bottom into build/, with pages to read
	$(PYTHON) -m hf_tutorial.publish run

test: models  ## check code, notebooks and saved outputs, as CI does
	$(PYTHON) -m pytest

hub: models  ## fetch every full-size model and dataset that the notebooks use into the Hub's cache
	$(PYTHON) -m hf_tutorial.hub

test-hub: models  ## run all notebooks on full-size models from a Hub on this machine: 30 min (HUB=08, README=1)
	$(PYTHON) -m tests.hub_notebooks $(HUB)

record: models  ## execute every notebook and save its outputs into notebooks/
	$(PYTHON) -m hf_tutorial.publish record

traps: models  ## write notebooks/traps.md from tests/traps
	$(PYTHON) -m tests.traps

handout: models  ## copies for students into build/handout/, with solutions into build/instructor/
	$(PYTHON) -m hf_tutorial.publish handout

slides: models  ## a deck for a lecture hall from each saved notebook, into build/slides/
	$(PYTHON) -m hf_tutorial.publish slides

site: models  ## the saved notebooks as pages that search, for screen, phone and paper, into build/site/
	$(PYTHON) -m hf_tutorial.publish site

browser: models  ## open slides, pages and JupyterLab in a real Chromium, and look for faults
	$(PYTHON) -m tests.browser

lecture: models  ## the same notebooks live in JupyterLab, for a hall: large type (ONLY=03, LAB="--no-browser")
	$(PYTHON) -m hf_tutorial.live $(if $(ONLY),--only $(ONLY)) -- $(LAB)

marks: models  ## run what students hand back, ask our checks: SUBMISSIONS=folder (MARKS="--seconds 300")
	@$(PYTHON) -m hf_tutorial.marks $(MARKS) "$(SUBMISSIONS)"

data: models  ## rebuild stories, models and cards, measure them, then replace: 40 min
	$(PYTHON) data/recipes/rebuild.py

bench: models  ## measure what README and CONTRIBUTING promise (BASE=COMMIT: against that)
	$(PYTHON) -m tests.bench

drill: models  ## what takes too long for test: kills, 2 GB as a stream, DeepSpeed
	$(PYTHON) -m tests.drill
	DRILL=1 $(PYTHON) -m pytest -n0 tests/test_live.py tests/test_marks_running.py

rerun: models  ## run every cell twice in a row, and every section again
	$(PYTHON) -m tests.rerun

determinism: models  ## compare all outputs under seven settings of the processor: an hour
	$(PYTHON) -m tests.determinism

gpu: models  ## run 02 to 10 on the first GPU, and list what failed or differs
	$(PYTHON) -m tests.gpu

latest: models  ## the same tests on the newest releases, in build/latest
	$(PYTHON) -m tests.latest

lock: $(READY)  ## find the newest version of all that is not pinned, and write it down
	$(PYTHON) -m tests.lock

lint: $(READY)  ## look for mistakes in code and notebooks, change nothing
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format: $(READY)  ## rewrite code and notebooks in one style
	$(PYTHON) -m ruff check --fix-only .
	$(PYTHON) -m ruff format .

clean:  ## remove build/ and the environment; notebooks/ and data/ stay as they are
	rm -rf build
	@[ ! -e "$(VENV)" ] || [ -e "$(VENV)/pyvenv.cfg" ] || { echo "$(VENV) is no environment: it stays"; exit 1; }
	rm -rf "$(VENV)"

# The whole developer interface. Everything runs in .venv, which the first command that needs it makes.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONWARNINGS ?= ignore::FutureWarning
NOTEBOOKS ?= $(wildcard nbs/[0-9]*.ipynb) nbs/proofs.ipynb nbs/index.ipynb

.PHONY: help run test lab notebooks constraints
help: ## Show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

.venv/ready: settings.ini setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	python -m pip install -c constraints.txt -e '.[dev]'
	touch .venv/ready

run: .venv/ready ## Climb the ladder: a table, and a chart in out/
	fastbook_ch4 ladder --chart out/ladder.png

test: .venv/ready ## Run every notebook as a test, then the other checks
	OMP_NUM_THREADS=1 nbdev_test --n_workers 2 --timing
	pytest -q tests

lab: .venv/ready ## Open JupyterLab on the course
	jupyter lab nbs/index.ipynb

notebooks: .venv/ready ## Export the package, execute the notebooks in place, clean them, and make README.md
	nbdev_export
	jupyter nbconvert --to notebook --execute --inplace $(NOTEBOOKS)
	nbdev_clean
	python nbs/scripts/readme.py

constraints: ## Write constraints.txt anew from the newest versions that settings.ini allows
	rm -rf .venv && $(PYTHON) -m venv .venv
	python -m pip install -e '.[dev]'
	(echo "# The exact versions of the development environment. Made by 'make constraints'."; python -m pip freeze --exclude-editable) > constraints.txt
	touch .venv/ready

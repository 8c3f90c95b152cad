# The whole developer interface. Everything runs in .venv, which the first command that needs it makes.
PYTHON ?= python3
BIN := .venv/bin
OLDEST := $(shell sed -n 's/^min_python *= *//p' settings.ini)
comma := ,
export PATH := $(CURDIR)/$(BIN):$(PATH)
DIGITS ?= 3,7
SEEDS ?= 1
CHECKS := -q -n 2 --dist loadfile tests --ignore tests/test_site.py --ignore tests/test_live_browser.py
NOTEBOOKS ?= $(wildcard nbs/chapters/*.ipynb nbs/pages/*.ipynb nbs/engine/*.ipynb nbs/about/*.ipynb) nbs/index.ipynb

.PHONY: help run test thorough browser taken environments faults audit lab exercises docs preview bench elsewhere cost results choices notebooks constraints
help: ## Show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

.venv/ready: settings.ini setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < ($(subst .,$(comma),$(OLDEST))) and f"$(PYTHON) is Python {sys.version.split()[0]}, and the course needs $(OLDEST) or newer. Name a newer one: make PYTHON=python$(OLDEST) ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	touch .venv/ready

run: .venv/ready ## Climb the ladder: a table, and a chart in out/; with DIGITS=all for ten digits, SEEDS=3 for three seeds
	$(BIN)/fastbook_ch4 ladder --digits $(DIGITS) --seeds $(SEEDS) --chart out/ladder.png

# Two processes at a time, each on one core
test thorough: export OMP_NUM_THREADS = 1
test: .venv/ready ## Run every notebook as a test, then the other checks: about five minutes on two cores; without Node.js those of the live pages are left out
	$(BIN)/python tools/run_notebooks.py
	$(BIN)/pytest $(CHECKS)

thorough: .venv/ready ## Run what make test runs and what takes longer, as must pass before a change lands: a quarter of an hour
	$(BIN)/python tools/run_notebooks.py --thorough
	$(BIN)/pytest $(CHECKS) --thorough

browser: docs site/node_modules/.bin/lighthouse ## Test the site in Chromium, which has to be there
	$(BIN)/pytest -q --thorough tests/test_site.py tests/test_live_browser.py

site/node_modules/.bin/lighthouse: site/package-lock.json
	npm ci --prefix site
	touch $@

taken: .venv/ready ## Run every notebook as somebody takes it away: with the wheel and what it asks for alone, in an empty folder; five minutes
	TAKEN=all OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --thorough tests/test_taken_away.py

environments: .venv/ready ## Make every environment that README promises, and run its commands there without a network, for the table there: an hour, 14 GB; ONLY=lowest makes one
	$(BIN)/python tools/environments.py $(if $(ONLY),--only '$(ONLY)')

audit: ## Ask the advisory database about every version of constraints.txt, but for what SECURITY.md explains
	test -x .audit/bin/pip-audit || { $(PYTHON) -m venv .audit && .audit/bin/pip install --quiet pip-audit==2.10.1; }
	.audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip --progress-spinner off \
		$$(sed -nE 's/^\| ((GHSA|PYSEC|CVE)-[^ ]+) \|.*/--ignore-vuln \1/p' SECURITY.md)

lab: .venv/ready ## Open JupyterLab on the course
	$(BIN)/jupyter lab nbs/index.ipynb

exercises: .venv/ready ## Write the exercises as learners get them, with stubs in place of solutions, to exercises/
	$(BIN)/python tools/exercises.py

docs: .venv/ready ## Build the site in _docs/; needs npm
	$(BIN)/python tools/docs

preview: .venv/ready ## Build the site, serve it, and build it again after each change
	$(BIN)/python tools/docs --serve

bench: .venv/ready ## Time the course's pieces against fastai and PyTorch, for the page Benchmarks
	$(BIN)/python tools/bench.py fastbook_ch4/results/bench.json

faults: export OMP_NUM_THREADS = 1
faults: .venv/ready ## Kill the programs at random moments, fill the disk, damage the data, and print what held; about three minutes
	$(BIN)/python tools/faults.py --into fastbook_ch4/results/faults.json

elsewhere: .venv/ready ## Measure predict on pictures of many kinds, for the page Digits from elsewhere; four minutes
	$(BIN)/python tools/elsewhere.py fastbook_ch4/results/elsewhere.json

cost: .venv/ready ## Measure how the cost of an epoch grows with the images, for the page Benchmarks
	$(BIN)/python tools/cost.py fastbook_ch4/results/cost.json

results: .venv/ready ## Climb both ladders and the book's recipes anew, into fastbook_ch4/results: an hour
	$(BIN)/python tools/results.py

choices: .venv/ready ## Make every choice of the ladders anew on held-out training images, into fastbook_ch4/results/choices.json: an hour
	$(BIN)/python tools/choices.py

notebooks: .venv/ready ## Export the package, execute the notebooks in place, clean them, make README.md, and say which outputs changed other than by time; NOTEBOOKS=nbs/chapters/03_loss.ipynb names some
	$(BIN)/nbdev_export
	$(BIN)/python tools/questions.py
	FASTBOOK_CH4_PUBLISH=1 IPYTHONDIR=$(CURDIR)/tools/ipython $(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.timeout=-1 $(NOTEBOOKS)
	$(BIN)/python tools/questions.py --clear
	$(BIN)/python tools/road.py --write
	$(BIN)/nbdev_clean
	$(BIN)/python tools/readme.py
	$(BIN)/python tools/changed.py $(NOTEBOOKS)

constraints: .venv/ready ## Write constraints.txt anew, for every Python that is promised; UPGRADE=name moves one package to its newest version, UPGRADE=all moves all
	$(BIN)/uv pip compile --quiet --universal --python-version $(OLDEST).0 setup.py --extra dev --no-annotate \
		--custom-compile-command 'make constraints' $(if $(filter all,$(UPGRADE)),--upgrade,$(if $(UPGRADE),--upgrade-package $(UPGRADE))) --output-file constraints.txt

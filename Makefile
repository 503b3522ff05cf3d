# `make lab` to learn, `make test` to check that all is well; `make` alone lists the rest.

PYTHON ?= python3
# A run of the tests starts a hundred interpreters: where this is set, each would compile the course again.
unexport PYTHONDONTWRITEBYTECODE

VENV_PYTHON := .venv/bin/python
PIP_INSTALL := $(VENV_PYTHON) -m pip install --disable-pip-version-check -c constraints.txt

# uv does in seconds what takes pip more than a minute. What it has in its cache it takes without asking anybody; else
# it is asked to use the index and the certificates that pip uses; where it fails all the same, or has no build for
# this system, pip installs the rest, too.
UV_INSTALL = UV_SYSTEM_CERTS=1 $(VENV_PYTHON) -m uv pip install --python $(VENV_PYTHON) -c constraints.txt
PIP_INDEX = $${PIP_INDEX_URL:-$$($(VENV_PYTHON) -m pip config get global.index-url 2>/dev/null)}
INSTALL = { { $(VENV_PYTHON) -m uv --version >/dev/null 2>&1 || $(PIP_INSTALL) -q uv; } && \
  { $(UV_INSTALL) --offline $(1) 2>/dev/null || \
  { index=$(PIP_INDEX); $(UV_INSTALL) $${index:+--default-index "$$index"} $(1); }; }; } || \
  { echo "uv could not install that, so pip does. It takes some minutes, and is silent while it unpacks."; $(PIP_INSTALL) $(1); }
# In a variable, since a comma in a call ends an argument.
LAB_AND_TEST := -e '.[lab,test]'
INSTALL_ALOUD = echo "Installing the course and what it needs in .venv, in pinned versions. From nothing, that is more than 100"; \
  echo "packages, 200 MB to download and 900 MB on the disk. It takes a minute or less; longer where the network is slow."; \
  $(INSTALL)
# What is compiled on all cores now need not be compiled by each program that is the first to import it. Left out is
# what no program of ours imports, but for a lexer or two. What does not compile, Python says when that is imported.
NOT_IMPORTED := /(tests?|pip|setuptools|pkg_resources|mypy|mypyc|fontTools|lexers|wcwidth|distutils|_vendor(ed)?)/
COMPILE = echo "Compiling it, so that it starts faster: half a minute."; \
  $(VENV_PYTHON) -m compileall -qq -j 0 -x '$(NOT_IMPORTED)' .venv/lib course || true

NOTEBOOKS = $(wildcard notebooks/*.ipynb notebooks/solutions/*.ipynb)
CELL_TIMEOUT := 300

# One thread for each process: on all cores there is one process already, and more threads would only take turns.
PYTEST := OPENBLAS_NUM_THREADS=1 $(VENV_PYTHON) -m pytest
# A file of tests, or a notebook, goes to whichever core is free; tests/conftest.py puts the longest first.
ON_ALL_CORES := -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=$(CELL_TIMEOUT)
# What `make test-long` runs: make test-long LONG="stress fuzz" runs these two alone.
LONG = tests lessons stress fuzz levels coverages

# The learner's own copy of the lessons, which git does not see: what is written there, no update touches.
MY_WORK := my-work

# JupyterLab prints its address. Without a screen, and for root, that is all: it opens no browser.
NO_SCREEN = $(if $(filter Linux,$(shell uname -s)),$(if $(DISPLAY)$(WAYLAND_DISPLAY),,--no-browser))
ROOT_USER = $(if $(filter 0,$(shell id -u)),--no-browser --allow-root)
OPENS = $(if $(NO_SCREEN)$(ROOT_USER),Open that address in a browser.,It opens in the browser by itself.)

# What JupyterLab would ask who opens it for the first time, whether to fetch news from the internet, is answered. And
# it breaks a printed line between words, where it would cut within one. A stylesheet of the learner's own goes first.
LAB_SETTINGS := .venv/share/jupyter/lab/settings
NO_NEWS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
WHOLE_WORDS = .jp-OutputArea-output pre { word-break: normal !important; overflow-wrap: anywhere; }
SET_UP_LAB = mkdir -p $(LAB_SETTINGS) && echo '$(NO_NEWS)' > $(LAB_SETTINGS)/overrides.json; \
  for static in .venv/lib/python*/site-packages/jupyter_server/static; do \
  mkdir -p $$static/custom && echo '$(WHOLE_WORDS)' > $$static/custom/custom.css; done

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help lab test test-fast test-long test-lowest test-browser test-live doctor lint format data notebooks times workshop site serve bench reference release clean

help: ## list what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

lab: doctor ## install, check the installation, open your copy of the lessons in JupyterLab
	@$(VENV_PYTHON) -m course lessons $(MY_WORK)
	@$(SET_UP_LAB)
	@echo "Starting JupyterLab. In a few seconds it prints its address: http://localhost:8888/lab/..., or 8889 where 8888 is taken."
	@echo "$(OPENS) To stop it, press Control-C twice."
	$(VENV_PYTHON) -m jupyterlab $(sort $(NO_SCREEN) $(ROOT_USER)) --custom-css --ServerApp.root_dir=$(MY_WORK) --LabApp.default_url=/lab/tree/00-start-here.ipynb

test: .venv/installed-test style ## install with the test tools; run linter, tests, doctests, notebooks
	$(PYTEST) $(ON_ALL_CORES) course tests $(if $(NOTEBOOKS),$(NBVAL) --lessons-once $(NOTEBOOKS))

test-fast: .venv/installed-test ## run the tests that take no minute together, while editing
	$(PYTEST) $(ON_ALL_CORES) -m "not long and not slow" --hypothesis-profile=fast tests

test-long: .venv/installed-test $(addprefix long-,$(LONG)) ## run all that takes hours, and write the tables in tests/long

.PHONY: long-tests long-lessons long-stress long-fuzz long-levels long-coverages
long-tests:
	$(PYTEST) $(ON_ALL_CORES) -m "long or hypothesis or replicated" --hypothesis-profile=long tests

long-lessons:
	$(PYTEST) $(ON_ALL_CORES) $(NBVAL) $(NOTEBOOKS)

long-stress long-fuzz long-levels long-coverages: long-%:
	PYTHONPATH=tests $(VENV_PYTHON) tests/long/$*.py

test-lowest: .venv-lowest/installed ## run the tests on the lowest versions that pyproject.toml allows
	.venv-lowest/bin/python -m pytest $(ON_ALL_CORES) --deselect tests/project/test_doctor.py::test_this_installation_is_sound

# A file is one worker's: its tests share JupyterLab, or the Python that the browser has loaded. Where Chromium
# no longer answers, Playwright waits for it without end; after ten minutes a worker says where it stands and gives up.
test-browser: site .venv/installed-browser ## try the website and JupyterLab in Chromium
	$(VENV_PYTHON) -m pytest -n 2 --max-worker-restart 1 --dist loadfile -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true tests/browser

test-live: site .venv/installed-browser ## run all lessons on their pages in Chromium, and the package's tests there: half an hour
	$(VENV_PYTHON) -m pytest -m "long or not long" tests/browser/test_live_lessons.py tests/browser/test_live_package.py

.PHONY: .venv/installed-browser
.venv/installed-browser: .venv/installed-test
	@$(call INSTALL,-q -e '.[browser]')
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { \
	  [ -f /etc/debian_version ] && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } || { \
	  echo "There is no Chromium here, and the tests in a browser need one. On Debian: sudo apt install chromium"; exit 1; }

doctor: .venv/installed ## check the installation: OK and FAIL lines, with the mend
	$(VENV_PYTHON) -m course doctor

lint: style ## check style, types and likely bugs
	$(VENV_PYTHON) -m mypy

# Without the types, which take half a minute.
.PHONY: style
style: .venv/installed-test
	$(VENV_PYTHON) -m ruff check
	$(VENV_PYTHON) -m ruff format --check

format: .venv/installed-test ## put the code into the house style
	$(VENV_PYTHON) -m ruff check --fix
	$(VENV_PYTHON) -m ruff format

data: .venv/installed ## write the simulated data sets again, byte for byte
	$(VENV_PYTHON) data/make_data.py

notebooks: .venv/installed-test ## build and run the lessons from notebooks/source
	$(VENV_PYTHON) notebooks/build.py

times: .venv/installed-test ## run all notebooks and write notebooks/TIMES.md
	$(VENV_PYTHON) notebooks/times.py

workshop: .venv/installed-test ## write the one-day set into _workshop/
	$(VENV_PYTHON) notebooks/workshop.py

site: .venv/installed ## build the website into _site/; LIVE=0 without what runs lessons on their pages, PDF=1 with the course as PDF
	@$(call INSTALL,-q -e '.[site]')
	$(VENV_PYTHON) site/make_site.py $(if $(filter 0,$(LIVE)),--without-live) $(if $(filter 1,$(PDF)),--printed)

# HOST=0.0.0.0 lets others on the same network in.
HOST := localhost
PORT := 8000
serve: ## serve _site/ on this machine, so that lessons run on their pages
	@[ -f _site/index.html ] || { echo "There is no website yet: make site"; exit 1; }
	@echo "Open http://$(HOST):$(PORT) in a browser. To stop serving, press Control-C."
	@$(PYTHON) -m http.server --bind $(HOST) --directory _site $(PORT)

bench: .venv/installed ## measure speed against other packages of Python, of R where it is there, and an earlier build
	@$(call INSTALL,-e '.[bench]')
	$(VENV_PYTHON) tests/benchmarks/bench.py
	$(VENV_PYTHON) tests/benchmarks/earlier.py
	$(VENV_PYTHON) tests/benchmarks/intervals.py
	$(VENV_PYTHON) tests/benchmarks/generalised.py
	$(VENV_PYTHON) tests/benchmarks/studies.py

reference: ## compute the tests' reference values again (needs R with lme4, lmerTest, pbkrtest and haven)
	Rscript tests/reference/reference.R
	Rscript tests/reference/compare.R
	Rscript tests/reference/inference.R
	Rscript tests/reference/means.R
	Rscript tests/reference/generalised.R
	Rscript tests/reference/answers.R
	Rscript tests/reference/profile.R
	Rscript tests/reference/pooled.R
	Rscript tests/reference/weights.R
	Rscript tests/reference/survey.R
	Rscript tests/reference/aliased.R
	Rscript tests/reference/shared.R
	Rscript tests/reference/phrasebook.R
	Rscript tests/reference/files.R
	Rscript tests/reference/published.R

release: .venv/installed-test ## check version, changelog and citation; build sdist and wheel into dist/, and try them
	@$(call INSTALL,-q -e '.[release]')
	$(VENV_PYTHON) tools/release.py

clean: ## remove the installation and what tools left behind
	rm -rf _live .venv .venv-lowest .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The files named installed and installed-test stand for what pip did: it runs again only when one of these changes.
.venv/installed: .venv/pyvenv.cfg pyproject.toml constraints.txt
	@$(call INSTALL_ALOUD,-e '.[lab]')
	@$(COMPILE)
	@touch $@

.venv/installed-test: .venv/pyvenv.cfg pyproject.toml constraints.txt
	@$(call INSTALL_ALOUD,$(LAB_AND_TEST))
	@$(COMPILE)
	@touch .venv/installed $@

# The notebooks' stored outputs are those of the pinned versions, so the lowest run the tests alone.
.venv-lowest/installed: .venv/pyvenv.cfg pyproject.toml tests/project/lowest.py
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python tests/project/lowest.py > .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pip install --disable-pip-version-check -c .venv-lowest/constraints.txt -e '.[lab,test]'
	@touch $@

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The course needs Python 3.11 or newer as $(PYTHON). If it has another name: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Making a Python environment in .venv: some seconds."
	$(PYTHON) -m venv --without-pip .venv
	@# that Python's own pip, where it has one, does in half the time what ensurepip does
	@$(PYTHON) -m pip --python $(VENV_PYTHON) install -q --no-compile --disable-pip-version-check -c constraints.txt pip uv 2>/dev/null || \
	  $(VENV_PYTHON) -m ensurepip

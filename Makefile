# Every target sets up the .venv it runs in; the first time takes a few minutes.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
TORCH_INSTALLED := .venv-torch/.installed
PEERS_INSTALLED := .venv-peers/.installed

# Less of TensorFlow's chatter: warnings about this machine's CPU and absent GPU.
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: help demo test test-quick test-jax test-torch bench bench-quick bench-peers study study-quick lint install-check release-check tutorials notebooks docs clean

help:  ## Say what each target does.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

$(INSTALLED): setup.cfg setup.py pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

# Not the package itself, which would bring TensorFlow: its model side has to work without.
$(TORCH_INSTALLED):
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/python -m pip install --quiet 'torch>=2.6' 'keras>=3.10' numpy pytest hypothesis scipy
	@touch $@

$(PEERS_INSTALLED): setup.cfg
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --editable '.[evaluate]' keras-cv torch torchvision timm kornia albumentations
	@touch $@

demo: $(INSTALLED)  ## Compare mixers on clean and on wrong labels; the report is in build/demo.
	$(BIN)/keras-mix compare --data digits --train-size 1000 --label-noise 0,0.3 \
		--mixers none,mixup:alpha=1,cutmix,manifold --epochs 30 --seeds 5 --output build/demo

# In one run, so that no core waits for the last notebook.
test: $(INSTALLED) test-jax  ## Run the test suite and the tutorials.
	$(BIN)/python -m pytest -n 2 --nbmake --nbmake-timeout=600 tutorials tests

test-quick: $(INSTALLED)  ## Run the tests without XLA, statistics, training and notebooks.
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-jax: $(INSTALLED)  ## Test the model side on JAX.
	KERAS_BACKEND=jax JAX_PLATFORMS=cpu $(BIN)/python -m pytest -n 2 tests/backends

test-torch: $(TORCH_INSTALLED)  ## Test the model side on PyTorch, without TensorFlow.
	KERAS_BACKEND=torch PYTHONPATH=. .venv-torch/bin/python -m pytest tests/backends

bench: $(INSTALLED)  ## Measure the speed of everything, in both regimes of memory; the page is in build.
	$(BIN)/python tools/benchmark.py

bench-quick: $(INSTALLED)  ## Measure the speed of the mixers of images, in 2 minutes.
	$(BIN)/python tools/benchmark.py --quick --output build/benchmark-quick.json

bench-peers: $(PEERS_INSTALLED)  ## Measure keras_cv, torchvision, timm, kornia and albumentations beside it.
	.venv-peers/bin/python tools/benchmark.py --part peers --output build/benchmark-peers.json

study: $(INSTALLED)  ## Train the study of mixing (hours; goes on where it stopped); the page is in results.
	$(BIN)/python -m tools.study

study-quick: $(INSTALLED)  ## Train a part of the study, in minutes; the page is in build/study-quick.
	$(BIN)/python -m tools.study --quick

SCHEMA := $(BIN)/check-jsonschema --builtin-schema

lint: $(INSTALLED)  ## Check style, types and workflows; `.venv/bin/ruff format` mends the format.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.citation-file-format CITATION.cff

install-check:  ## Install the package into throw-away environments and use it there.
	$(PYTHON) tools/check_install.py

release-check:  ## Build both archives of a release into dist; install, use and test them elsewhere.
	$(PYTHON) tools/check_release.py $(if $(TAG),--tag "$(TAG)")

tutorials: $(INSTALLED)  ## Run every notebook from top to bottom.
	$(BIN)/python -m pytest -n 2 --nbmake --nbmake-timeout=600 tutorials

notebooks: $(INSTALLED)  ## Run the notebooks whose code has changed, and store what they show.
	$(BIN)/python tools/notebooks.py

docs: $(INSTALLED)  ## Build the site in build/docs, executing the notebooks that have changed.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file docs/mkdocs.yml

clean:  ## Remove what the other targets made, the .venv too.
	rm -rf .venv .venv-torch .venv-peers build dist *.egg-info .coverage htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

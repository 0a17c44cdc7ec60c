# Everything a newcomer needs is `make demo` and `make test`; the rest is for builders.
# Needs: Debian 12 or alike with Python 3.11+, pip, make and gcc. Each target installs what it lacks.

VENV ?= .venv
BIN := $(VENV)/bin
WORKSPACE ?= demo-workspace
CONSTRAINTS := .ci/constraints.txt
# One test process more than cores, up to four: tests wait for servers, too.
TESTERS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -gt 3 ] && echo 4 || echo $$((n + 1)))

.DEFAULT_GOAL := help
.PHONY: help demo test test-long soak peers lint types check format constraints clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(VENV)/.installed-all  ## the whole job, offline, on a museum of specimens drawn by the project
	@sh .ci/system-parts chromium
	$(BIN)/harvest demo -w $(WORKSPACE)

test: $(VENV)/.installed-test peers  ## every test, with the real browser, the real model and real servers
	$(BIN)/python -m pytest -m "not slow and not long" --numprocesses $(TESTERS) --dist loadfile

test-long: $(VENV)/.installed-test peers  ## the demo over and over, small runs of the benches, a cluster that loses a worker
	$(BIN)/python -m pytest -m "long and not slow" --numprocesses $(TESTERS) --dist loadfile

soak: $(VENV)/.installed-test peers  ## the slow tests
	$(BIN)/python -m pytest -m slow --timeout 3600

peers:  ## the programs that tests talk to: a browser, Redis, S3, an image server, a web archive
	@sh .ci/system-parts chromium redis-server iipimage-server lighttpd tiffcp
	@sh .ci/peer pywb pywb==2.10.0 'setuptools<81'
	@sh .ci/peer moto 'moto[server]==5.2.5'

lint: $(VENV)/.installed-dev  ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-dev  ## mypy --strict
	$(BIN)/mypy

check: test test-long lint types  ## what CI runs

format: $(VENV)/.installed-dev  ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: bench-crawl bench-ledger bench-dedupe bench-embed bench-filter bench-normalize bench-sheet bench-layout  ## every comparison with other programs; results in bench-results/

bench-crawl: $(VENV)/.installed-test  ## crawl 5,000 photographs from loopback, against img2dataset; IMAGES=DIR takes others
	-sh .ci/peer img2dataset img2dataset==1.47.0
	IMAGES=$(IMAGES) $(BIN)/python tests/bench/bench_crawl.py

bench-dedupe: $(VENV)/.installed-test  ## copies found by transformation, and speed, against imagehash, imagededup, faiss; IMAGES=DIR
	-sh .ci/peer faiss faiss-cpu==1.15.1
	-sh .ci/peer imagededup --no-deps imagededup==0.3.3.post2 tqdm PyWavelets matplotlib contourpy cycler fonttools \
		kiwisolver pyparsing python-dateutil six
	IMAGES=$(IMAGES) $(BIN)/python tests/bench/bench_dedupe.py

bench-embed: $(VENV)/.installed-test  ## embed photographs, against a plain open_clip loop and the model alone; IMAGES=DIR, MODEL=NAME
	IMAGES=$(IMAGES) MODEL=$(MODEL) $(BIN)/python tests/bench/bench_embed.py --memory

bench-text: $(VENV)/.installed-test  ## how well the share of text in pictures is told; IMAGES=DIR of photographs without words
	IMAGES=$(IMAGES) $(BIN)/python tests/bench/bench_text.py

bench-filter: $(VENV)/.installed-test  ## how well filters choose: by prompt, learned, by cover; HARVEST_WEIGHTS=DIR and IMAGES=DIR for photographs
	IMAGES=$(IMAGES) $(BIN)/python tests/bench/bench_filter.py

bench-ledger: $(VENV)/.installed-test  ## a ledger of a million images: ingest, status, dedupe, filter, audit, export; time and memory
	$(BIN)/python tests/bench/bench_ledger.py

bench-normalize: $(VENV)/.installed-test  ## 32 + 128 + 256 px of photographs, against ffmpeg, ImageMagick, libvips, img2dataset; IMAGES=DIR
	-@sh .ci/system-parts ffmpeg mogrify vipsthumbnail
	-sh .ci/peer img2dataset img2dataset==1.47.0
	-sh .ci/peer pyvips pyvips==3.1.1 pyvips-binary==8.18.0
	IMAGES=$(IMAGES) $(BIN)/python tests/bench/bench_normalize.py

bench-sheet: $(VENV)/.installed-test  ## contact sheets of 1,024 and 10,000 photographs, against montage; IMAGES=DIR takes others
	-@sh .ci/system-parts montage
	IMAGES=$(IMAGES) $(BIN)/python tests/bench/bench_sheet.py

bench-layout: $(VENV)/.installed-test  ## layouts against ImageRearranger's steps, t-SNE and vc-flas, up to a million; DIR=DIR with its two sets
	-sh .ci/peer imagerearranger umap-learn==0.5.12 lapjv==1.3.29
	@sh .ci/system-parts chromium
	DIR=$(DIR) IMAGES=$(IMAGES) $(BIN)/python tests/bench/bench_layout.py

constraints: $(VENV)/.installed-dev  ## pin what is installed now
	$(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' > $(CONSTRAINTS)

clean:  ## remove the venv, caches and the demo's workspace
	rm -rf $(VENV) $(WORKSPACE) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info

$(VENV)/bin/python:
	sh .ci/venv $(VENV)

$(VENV)/.installed-%: $(VENV)/bin/python pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[$*]'
	@touch $@

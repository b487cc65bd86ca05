# `make demo` and `make test` are the targets for newcomers; both create the environment first.
PYTHON ?= python3
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# uv does not read pip's setting for local wheels.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt

.PHONY: setup demo test test-slow fuzz lint docs package image bench train-mini pictures ablation leaderboard nightly constraints schemas mutants

setup: $(VENV)/ready

# Three packages are installed without dependencies: openai-whisper requires triton (1 GB; torch brings it on CUDA),
# trackeval OpenCV (which its metrics do not use), motmetrics pandas (tests read its data files only). The dependencies
# that they do use are listed explicitly.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mevis-bench needs Python 3.11 or newer, not " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(UV) --editable '.[rmeg,plots,notebook,dev]' jiwer more-itertools tiktoken tabulate
	$(UV) --no-deps openai-whisper trackeval motmetrics==1.4.0
	touch $@

demo: setup
	$(BIN)/mevis-bench suite demo --out runs/demo
	$(BIN)/mevis-bench pairs runs/demo/rvos-lmpmpp-valid_u

# Tests start hundreds of processes: compiled modules are kept even where the environment says not to.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadscope

test: setup
	$(PYTEST) -m "not slow"

# Trainings that overfit two clips, whole steps of the authors' trainings, installed packages.
test-slow: setup
	$(PYTEST) -m slow

# Every named mutant (tests/mutants/*.toml) must make a test fail; then mutmut changes every line of the modules that
# pyproject.toml lists and prints what no test noticed. About two hours on two cores.
mutants: setup
	$(UV) --editable '.[mutation]'
	$(BIN)/python -m scripts.mutants
	MEVIS_BENCH_SHARED=none OMP_NUM_THREADS=1 $(BIN)/mutmut run
	$(BIN)/mutmut results

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/python scripts/check_words.py

# JSON Schemas and reference pages of the stored formats, from the types in mevis_bench/schemas.
schemas: setup
	$(BIN)/python -m mevis_bench.schemas docs/reference

# The documentation as a site in build/site; a broken link or an undocumented reference fails it.
docs: setup
	$(UV) --editable '.[docs]'
	$(BIN)/python -m scripts.draw_architecture
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# sdist and wheel in build/dist.
package: setup
	$(BIN)/uv build --out-dir build/dist

# A container for CPUs; TORCH=cu128 makes it one for CUDA 12.8.
TORCH := cpu
image:
	docker build --build-arg TORCH=$(TORCH) --tag mevis-bench:$(TORCH) .
	docker run --rm mevis-bench:$(TORCH) doctor --require java,speech,rmeg,video

# Speed of scoring, of several expressions per call and of training, overhead of runner and trainer, on this machine.
bench: setup
	$(BIN)/python -m benchmarks.scoring
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.tracking
	$(BIN)/python -m benchmarks.encode_once_methods lmpmpp
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.sentence_batch
	$(BIN)/python -m benchmarks.large_split

train-mini: setup
	$(BIN)/mevis-bench train --method lmpmpp --variant mini

# Pictures of the documentation; those of pages require Chromium.
pictures: demo
	$(BIN)/mevis-bench picture runs/demo/rvos-lmpmpp-valid_u --sample 00017/0 --sample 00017/8 --sample 00012/2 \
		--out docs/pictures/lmpmpp-mini.png
	$(BIN)/mevis-bench roundtrip runs/demo/rmeg-videollama2-valid_u --reader lmpmpp:mini
	$(BIN)/mevis-bench roundtrip runs/demo/rmeg-trajectory_words-valid_u --reader lmpmpp:mini
	$(BIN)/python -m scripts.draw_pages runs/demo docs/pictures

# Table 4 of the paper on the bundled split and a larger one, three seeds (half a day): benchmarks/ablation.py.
# Repeated with training videos without opposite orders (equation 1 has to teach order) and with a third of the training.
# docs/results/lmpmpp-ablation.md has the six tables.
ABLATION := -m benchmarks.ablation --extractor runs/train-lmpmpp-mini --data runs/mini-100
ablation: train-mini runs/mini-100
	$(BIN)/python $(ABLATION)
	$(BIN)/python $(ABLATION) --set mini.opposite_orders=0 --out runs/ablation-no-opposite-orders
	$(BIN)/python $(ABLATION) --set alignment.steps=1000 --set language.steps=400 --set adapters.steps=125 \
		--out runs/ablation-third

runs/mini-100: | setup
	$(BIN)/mevis-bench data make-mini --split valid_u --videos 100 --seed 11 --out $@

# Every method with shipped weights and the yardsticks on 100 videos, each also with other words, then the ranking. The
# bundled split has too few videos to separate methods; it is the only one with speech, so AVOS is run on it.
BOARD := runs/leaderboard
REFERENCES := runs/leaderboard-references
leaderboard: runs/mini-100
	$(BIN)/mevis-bench suite leaderboard --out $(BOARD)
	$(BIN)/python -m benchmarks.yardsticks $(BOARD)/rvos-every_object-valid_u --references $(REFERENCES)
	for name in extractor-oracle single-query-ceiling; do $(BIN)/mevis-bench score $(REFERENCES)/$$name.json \
		--name $$name --data runs/mini-100 --split valid_u --out $(REFERENCES)/$$name || exit; done
	$(BIN)/mevis-bench report --leaderboard $(BOARD)/*/ \
		--reference $(REFERENCES)/extractor-oracle --reference $(REFERENCES)/single-query-ceiling

fuzz: setup
	MEVIS_BENCH_FUZZ=20000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n0 tests/fuzz

# Nightly CI: run the suite, add it to the history, write the site of runs/nightly/site, and compare with the baseline.
SUITE := nightly
EXPECTED := configs/suites/nightly.expected.json
NIGHT := runs/nightly
HISTORY := runs/history/history.jsonl
nightly: setup
	rm -rf $(NIGHT)
	mkdir -p $(dir $(HISTORY))
	$(BIN)/mevis-bench suite $(SUITE) --out $(NIGHT)/runs
	for run in $(NIGHT)/runs/rmeg-*/; do test ! -d $$run || $(BIN)/mevis-bench roundtrip $$run || exit 1; done
	$(BIN)/mevis-bench history add $(NIGHT)/runs/*/ --file $(HISTORY)
	$(BIN)/mevis-bench site $(NIGHT)/runs/*/ --file $(HISTORY) --out $(NIGHT)/site
	cp $(HISTORY) $(NIGHT)/site/history.jsonl
	$(BIN)/mevis-bench gate $(NIGHT)/runs/*/ --expected $(EXPECTED) --out $(NIGHT)

# Exact versions for Python 3.11 on Linux, without triton, OpenCV and the nvidia packages (see above); torch has no build
# tag, so that CUDA machines install their own build.
constraints: setup
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --upgrade --python-version 3.11 --all-extras \
		--no-emit-package triton --no-emit-package opencv-python \
		--constraint <(echo torch==2.13.0) pyproject.toml | sed 's/+cpu//' | grep -vE '^(nvidia|cuda)-' > constraints.new
	mv constraints.new constraints.txt

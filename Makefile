# make check: all that CI checks but the browser and the fresh install
PYTHON ?= .venv/bin/python
BIN := $(dir $(PYTHON))

.PHONY: check format results bench load study demo-data

check:
	$(BIN)ruff check .
	$(BIN)ruff format --check .
	$(BIN)mypy
	$(BIN)lint-imports
	$(PYTHON) -m pytest -q

format:
	$(BIN)ruff check --fix .
	$(BIN)ruff format .

# docs/results.md and the tables of README.md, on phantoms that nothing was fitted on (about 30 minutes)
results:
	$(PYTHON) -m skinscan.study validate

# speed and memory against their bars, into README.md and docs/speed.md (about five minutes, on a quiet machine)
bench:
	$(PYTHON) -m tests.bench --publish

# practitioners who save at once, against the real server; its figures are in docs/speed.md (about two minutes)
load:
	$(PYTHON) -m tests.bench.clinic_load

# everything fitted that ships with skinscan (about an hour)
study:
	$(PYTHON) -m skinscan.study unmixing
	$(PYTHON) -m skinscan.study colour-accuracy
	$(PYTHON) -m skinscan.study pore-classifier
	$(PYTHON) -m skinscan.study pore-accuracy
	$(PYTHON) -m skinscan.study repeatability

# the demo's two photos
demo-data:
	$(PYTHON) -m skinscan.study demo

# Two commands to begin with: `make demo` and `make test`. Both make the environment themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS := $(VENV)/.installed-tests
OUT ?= out

.PHONY: demo test nightly check format bench bench-peers docs tables clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(TESTS): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

demo: $(STAMP)        ## generate specs/patients.synth with a preview and a progress bar
	$(BIN)/synthdsl preview specs/patients.synth
	$(BIN)/synthdsl generate specs/patients.synth --rows 200_000 --out $(OUT) --overwrite --progress
	@echo "look into $(OUT)/, or write a data dictionary: $(BIN)/synthdsl docs specs/patients.synth -o $(OUT)/patients.html"

test: $(TESTS)        ## every test but the nightly ones
	$(BIN)/python -m pytest -n auto -m "not nightly"

nightly: $(TESTS)     ## the deeper runs
	$(BIN)/python -m pytest -n auto -m nightly

check: $(TESTS)       ## formatting, lint, types
	$(BIN)/ruff format --check synthdsl
	$(BIN)/ruff check synthdsl tests
	$(BIN)/mypy

format: $(TESTS)
	$(BIN)/ruff format synthdsl tests
	$(BIN)/ruff check --fix synthdsl tests

bench: $(STAMP)       ## ratios against the hand-written bar (see benchmarks/README.md)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/run_patient.py
	$(BIN)/python benchmarks/run_startup.py
	$(BIN)/python benchmarks/run_rule_baselines.py

bench-peers: $(STAMP) ## rules beside other tools; downloads about 2.5 GB into a temporary folder
	$(BIN)/python benchmarks/run_peers.py

docs: $(TESTS)        ## run every code block of the documentation
	$(BIN)/python -m pytest -n auto tests/docs tests/diagnostics

tables: $(STAMP)      ## rebuild the parser's tables after a change of the grammar
	$(BIN)/python -m synthdsl.language.tables

clean:
	rm -rf $(VENV) $(OUT) build dist *.egg-info

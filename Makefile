# make demo    install, then train and render on synthetic actors
# make test    install, then all tests
# make test-all       all tests, fuzzing and the matrix of faults among them, and how much of src they run
# make test-web       exported files against three.js, three-vrm and Khronos's validator (npm, Chromium)
# make viewer         bundle the page of `speechface view` with three.js anew
# make site    the documentation as a site, build/site/index.html (opens without a network)
# make lint    style of Python, workflow and prose; types
# make test-slurm     the workflow on a real Slurm of four nodes, started for the test (about ten minutes)
# make slurm-profile  let `snakemake --profile slurm` find profiles/slurm

PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
BIN := .venv/bin

.PHONY: demo test test-all test-web viewer test-slurm slurm-profile install lint format docs site clean

demo: install
	@$(BIN)/snakemake --cores $(CORES) --report results/report.html --report-after-run
	@echo "open this:   results/index.html   (the folder results/page may be copied anywhere)"
	@echo "provenance:  results/report.html, Snakemake's own report"

test: install
	$(BIN)/python -m pytest -q

test-all: install
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q -m ""; code=$$?; \
	$(BIN)/python -m coverage combine -q; $(BIN)/python -m coverage report; exit $$code

test-web: install
	@sh tests/web/install.sh
	$(BIN)/python -m pytest -q tests/unit/test_export.py $(wildcard tests/unit/test_export_*.py)

viewer:
	@sh tests/web/install.sh
	sh tests/web/bundle.sh "$(CURDIR)/src/speechface/viewer/viewer.min.js"

test-slurm: install
	@bash tests/slurm/lab.sh install || true
	$(BIN)/python -m pytest -q tests/slurm $(if $(SLURM_TESTS),-k "$(SLURM_TESTS)")

slurm-profile:
	@mkdir -p "$${XDG_CONFIG_HOME:-$$HOME/.config}/snakemake"
	@ln -sfn "$(CURDIR)/profiles/slurm" "$${XDG_CONFIG_HOME:-$$HOME/.config}/snakemake/slurm"
	@echo "$${XDG_CONFIG_HOME:-$$HOME/.config}/snakemake/slurm -> $(CURDIR)/profiles/slurm"

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt scripts/system-packages.sh
	@sh scripts/system-packages.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing pinned packages into .venv (about 3 GB, a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[workflow,train,docs,dev]'
	@touch $@

lint: install
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/codespell src tests workflow docs benchmarks README.md CHANGELOG.md

format: install
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/snakefmt Snakefile workflow

docs: install
	$(BIN)/python -m speechface reference config > docs/config.md
	$(BIN)/python -m speechface reference metrics > docs/metrics.md
	$(BIN)/python scripts/incremental.py > docs/incremental.md

site: install
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml
	@echo "open this:   build/site/index.html"

clean:
	rm -rf results logs

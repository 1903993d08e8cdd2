# `make app` opens the app with the demo ready; `make test` runs every test. Both set up what they need.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8501
# Where torch comes from. Without an NVIDIA driver the CPU build is tried first: it saves gigabytes.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
HAS_NVIDIA := $(shell command -v nvidia-smi 2>/dev/null)

BENCHMARKS := evidence intake journey kills lab map preparation scale training verdict

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TORCH := $(shell grep '^torch==' constraints.txt)
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

.PHONY: app test check format clean chromium map node

app: $(VENV)/installed
	$(BIN)/synweight app --demo --port $(PORT)

test: $(VENV)/installed-dev chromium
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -m "not long" --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: test node
	$(BIN)/pytest -m long
	@for name in $(BENCHMARKS); do echo "benchmarks/$$name.py --quick"; $(BIN)/python benchmarks/$$name.py --quick || exit 1; done

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The map's JavaScript: sources in assets/map, the built bundle in static/ is committed. Users need no Node.
map: node
	cd assets/map && npm ci --no-audit --no-fund --silent && npm run --silent build

clean:
	rm -rf $(VENV) assets/map/node_modules .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; found " + sys.version)'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -yq python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/torch: $(BIN)/python constraints.txt
ifeq ($(HAS_NVIDIA),)
	$(PIP) install --no-deps --retries 0 --timeout 10 --index-url $(TORCH_CPU_INDEX) $(TORCH) 2>/dev/null \
	  || $(PIP) install -c constraints.txt $(TORCH)
else
	$(PIP) install -c constraints.txt $(TORCH)
endif
	touch $@

$(VENV)/installed: $(VENV)/torch pyproject.toml
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install -c constraints.txt -e '.[dev]'
	touch $@

chromium: $(VENV)/installed-dev
	@command -v chromium chromium-browser google-chrome >/dev/null \
	  || { command -v apt-get >/dev/null && $(SUDO) apt-get update -q && $(SUDO) apt-get install -yq --no-install-recommends chromium; } \
	  || $(BIN)/playwright install --with-deps chromium

node:
	@command -v npm >/dev/null || { command -v apt-get >/dev/null && $(SUDO) apt-get update -q && $(SUDO) apt-get install -yq --no-install-recommends nodejs npm; }

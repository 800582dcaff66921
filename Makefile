# Two commands: `make demo` and `make test`. Both make .venv/ here; the first needs no torch.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
TORCH := torch==2.13.0

.PHONY: demo test test-real check bench blender-addon bpy-env clean

demo: $(VENV)/.core
	$(BIN)/sealcap demo $(if $(HEADLESS),--headless,)

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sealcap models pull blazepose-heavy blazepose-full blazepose-search movenet-lightning demo-clip
	$(BIN)/python -m pytest -m "not real"

test-real: $(VENV)/.dev
	$(BIN)/python -m pytest -m real

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/vs_mediapipe.py

blender-addon:
	$(PYTHON) realtime/clients/blender/pack.py dist/sealcap-blender.zip

# Blender 5.0 as a Python module, for `make test-real`: 374 MB, for Python 3.11 only, so in its own environment.
bpy-env: .venv-bpy/.ready
.venv-bpy/.ready:
	python3.11 -m venv .venv-bpy
	.venv-bpy/bin/python -m pip install --disable-pip-version-check bpy==5.0.1
	touch $@

$(VENV)/pyvenv.cfg:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Sealcap needs Python 3.11 or newer; try: make PYTHON=python3.11 demo')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e ".[cpu]"
	$(BIN)/python -c "open('$@', 'w').close()"

# torch first and pinned: this version's wheel is the CPU build where an index offers one.
$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python -m pip install --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]"
	$(BIN)/python -c "open('$@', 'w').close()"

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

# Two commands: `make demo` and `make test`. Both make .venv/ here; the first needs no torch.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
TORCH := torch==2.13.0

.PHONY: demo test test-real fuzz check bench bench-check soak faults blender-addon bpy-env trt-env mmpose clean

demo: $(VENV)/.core
	$(BIN)/sealcap demo $(if $(HEADLESS),--headless,)

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sealcap models pull blazepose-heavy blazepose-full blazepose-search movenet-lightning demo-clip
	$(BIN)/python -m pytest -m "not real"

test-real: $(VENV)/.dev $(if $(shell command -v python3.11),.venv-mmpose/.ready)
	$(BIN)/python -m pytest -m real

# Damaged input for every parser, long; guided by coverage where atheris is installed (docs/reliability.md).
fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz.run --runs $(or $(RUNS),20000) --seed $(or $(SEED),0)
	if $(BIN)/python -c "import atheris" 2>/dev/null; then set -e; cd out/fuzz; \
	for name in osc wire-pose session-inside vrm-skeleton vrm-model bvh asf amc calibration detections-npz; do \
	PYTHONPATH=../.. ../../$(BIN)/python -m tests.fuzz.with_atheris $$name -max_total_time=60; done; fi

# Speed, latency, memory, start and (DATA=FOLDER) accuracy beside MediaPipe, into docs/. Twenty quiet minutes.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.bench --write $(if $(DATA),--data "$(DATA)") $(if $(VIDEO),--video "$(VIDEO)") \
	$(if $(ONLY),--only $(ONLY))

# Fails when Sealcap has become more than 15 % slower beside MediaPipe (docs/performance.md). Five minutes.
bench-check: $(VENV)/.dev
	$(BIN)/python -m benchmarks.regression

# Eight hours of video with every output on, then every fault; both write docs/reliability.md. Hours.
soak: $(VENV)/.dev
	$(BIN)/python -m benchmarks.soak --write

faults: $(VENV)/.dev
	$(BIN)/python -m benchmarks.faults --write

blender-addon:
	$(PYTHON) realtime/clients/blender/pack.py dist/sealcap-blender.zip

# Blender 5.0 as a Python module, for `make test-real`: 374 MB, for Python 3.11 only, so in its own environment.
bpy-env: .venv-bpy/.ready
.venv-bpy/.ready:
	python3.11 -m venv .venv-bpy
	.venv-bpy/bin/python -m pip install --disable-pip-version-check bpy==5.0.1
	touch $@

# TensorRT for RTX, which builds engines without a GPU, for `make test-real`: 0.8 GB, in its own environment.
trt-env: .venv-trt/.ready
.venv-trt/.ready:
	python3.11 -m venv .venv-trt
	.venv-trt/bin/python -m pip install --disable-pip-version-check tensorrt-rtx==1.7.1.116 cuda-bindings pytest -e ".[cpu]"
	touch $@

# mmpose 1.3.2 with Sealcap beside it, in its own environment and without a compiler (docs/mmpose.md).
# --no-deps: what these ask for beyond this list needs a compiler or a GPU; realtime/openmmlab/absent.py stands in.
MMPOSE := mmpose==1.3.2 mmdet==3.3.0 mmengine==0.10.7 mmcv-lite==2.1.0
MMPOSE_NEEDS := setuptools==80.10.2 numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2 pillow==13.0.0 \
  addict==2.4.0 yapf==0.43.0 termcolor==3.3.0 packaging==26.3 six==1.17.0 munkres==3.0.0 json-tricks==3.17.3 \
  pycocotools==2.0.11 shapely==2.2.0 terminaltables==3.1.10 tqdm==4.70.1 \
  safetensors==0.8.0 onnx==1.23.2 onnxscript==0.7.2 opencv-python==5.0.0.93
ifeq ($(OS),Windows_NT)
MMPOSE_PIP := .venv-mmpose/Scripts/python -m pip install --disable-pip-version-check
else
MMPOSE_PIP := .venv-mmpose/bin/python -m pip install --disable-pip-version-check
endif
mmpose: .venv-mmpose/.ready
.venv-mmpose/.ready: pyproject.toml
	python3.11 -m venv .venv-mmpose
	$(MMPOSE_PIP) --only-binary :all: "$(TORCH)" $(MMPOSE_NEEDS)
	$(MMPOSE_PIP) --only-binary :all: --no-deps $(MMPOSE)
	$(MMPOSE_PIP) -e ".[cpu]" $(MMPOSE_NEEDS) pytest==9.2.0 pytest-timeout==2.4.0
	touch $@

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Sealcap needs Python 3.11 or newer; try: make PYTHON=python3.11 demo')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/pyvenv.cfg pyproject.toml
	@echo "Installing Sealcap into $(VENV)/: about 210 MB of packages, 700 MB on disk, one to five minutes."
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e ".[cpu]"
	@$(BIN)/python -c "open('$@', 'w').close()"
	@echo "Installed. What there is to type: $(BIN)/sealcap"

# torch first and pinned: this version's wheel is the CPU build where an index offers one.
$(VENV)/.dev: $(VENV)/.core
	@echo "Installing what tests and training need: torch first, 200 MB to 3 GB of it, then about 300 MB."
	$(BIN)/python -m pip install --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]"
	$(BIN)/python -c "open('$@', 'w').close()"

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

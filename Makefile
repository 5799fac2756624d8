# Everything from a fresh checkout; `make help` says what there is. Only this file knows where .venv lies.

SECONDS ?= 10
PYTHON ?= $(or $(shell command -v python3.11),python3)
VENV := .venv/bin/python
SET_UP = $(PYTHON) scripts/system_packages.py run && $(PYTHON) scripts/setup_environment.py

# As it was typed, through the environment: neither make nor a shell may take a path with $, spaces or quotes apart.
override VIDEO := $(value VIDEO)
export VIDEO

.DEFAULT_GOAL := help
.PHONY: help setup assets demo test coverage test-cluster test-install test-matrix test-packages lint showcase fuzz bench addon clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
	while IFS='|' read -r target text; do printf 'make %-12s %s\n' "$$target" "$$text"; done

setup: ## .venv with the engine, its development tools and Blender as a module
	@$(SET_UP)

# The demo clip and the detector's model, kept in .cache and checkpoint.
assets: setup
	@$(VENV) scripts/demo_clip.py >/dev/null
	@$(VENV) -m pose3d_engine weights fetch mediapipe-full

demo: assets ## the demo clip, or VIDEO=/path/to.mp4, as an armature, FBX, BVH, .blend and previews in out/
	@$(VENV) -m scripts.demo

test-packages:
	@$(PYTHON) scripts/system_packages.py run test

# One process for each kind: bpy and the detector's libraries do not share one, and a crash stays in its own.
test: test-packages assets lint ## set-up, linter, type checker and all tests
	$(VENV) -m pytest tests/unit/engine tests/fuzz
	$(VENV) -m pytest tests/unit/addon tests/blender
	$(VENV) -m pytest tests/ui

coverage: test-packages assets ## which of the engine's lines its tests run, but for those that only child processes run
	@mkdir -p out/coverage
	$(VENV) -m coverage run -m pytest -q tests/unit/engine tests/fuzz
	$(VENV) -m coverage report

test-matrix: test-packages setup ## the add-on's tests in Blender 4.2, 4.5 and 5.2 too, each in an environment of its own
	@$(VENV) scripts/test_matrix.py

test-install: test-packages assets ## the add-on's Install button for real: empty home, interrupted, offline, full disk
	$(VENV) -m pytest tests/slow/test_install.py

test-cluster: setup ## a hundred clips on two nodes of a Ray cluster, one of which is lost half way
	$(VENV) -m pytest tests/slow/test_cluster.py

lint: setup ## ruff, mypy and codespell
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check
	$(VENV) -m mypy
	$(VENV) -m codespell_lib

showcase: assets ## two real clips beside the captured body, from the video's camera and from the side, in out/showcase
	@mkdir -p out/showcase
	@for clip in demo single-cam03; do \
	    video=$$($(VENV) scripts/demo_clip.py $$clip) && \
	    $(VENV) -m pose3d_engine run "$$video" -o out/showcase/$$clip.npz && \
	    $(VENV) -m scripts.showcase "$$video" out/showcase/$$clip.npz -o out/showcase || exit; \
	done

fuzz: setup ## coverage-guided fuzzing of all readers, SECONDS=10 for each of them
	@$(VENV) -m tests.fuzz.run --seconds $(SECONDS)

bench: assets ## accuracy, speed and memory as tables; MOCAP=file.npz: tracking on motion capture
	@$(VENV) -m scripts.bench.real
	@$(VENV) -m scripts.bench.motion
	@$(VENV) -m scripts.bench.speed
	@$(VENV) -m scripts.bench.batch
	@$(VENV) -m scripts.bench.lifters
	@$(VENV) -m scripts.bench.long_clips
	@$(VENV) -m scripts.bench.camera
	@$(VENV) -m scripts.bench.capture
	@$(VENV) -m scripts.bench.window
	@$(VENV) -m scripts.bench.retarget
	@$(VENV) -m scripts.bench.clean_up $(wildcard out/demo/motion.npz)
	@$(VENV) -m scripts.bench.people
	@$(VENV) -m scripts.bench.views
	@$(VENV) -m scripts.bench.tracking $(if $(MOCAP),--data $(MOCAP))

addon: setup ## dist/video_to_mocap-VERSION.zip, and by itself the engine's wheel that travels in it
	@$(VENV) -m hatchling build -t wheel -d dist
	@$(VENV) -m scripts.build_addon

clean: ## removes .venv, results and caches; keeps the downloaded weights
	rm -rf .venv .venv-bpy-* .cache .mypy_cache .pytest_cache .ruff_cache out dist

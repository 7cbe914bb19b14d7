# Attune from a bare clone: Python 3.11 to 3.13 with its venv module is all that is needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
FACES  := models/faces/.fetched

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench hostile soak rivals node-red frame-to-card instructions faults screenshots train need oracle schema sbom licences audit wheel wheelhouse check-install check-arm64 lock clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.demo $(FACES) ## run a whole simulated shop on this machine
	@$(BIN)/python -m deploy.demo $(DEMO)

test: $(VENV)/.dev $(FACES) ## install what the tests need and run them all, on every core
	$(BIN)/python -m pytest -q -n auto --dist loadfile $(TESTS)

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev $(FACES) ## print the performance tables (CLIPS=folder of clips)
	@$(BIN)/python -m deploy.bench $(if $(CLIPS),--clips $(CLIPS))

hostile: $(VENV)/.dev $(FACES) ## send the hub and node what harms, and write docs/hostile.md (about 10 minutes)
	@$(BIN)/python -m bench.hostile --write

soak: $(VENV)/.dev $(FACES) ## play an hour of 20, 200 and 500 nodes into the hub, and write docs/soak.md (about 20 minutes)
	@$(BIN)/python -m bench.soak --write

faults: $(VENV)/.dev ## kill, cut, fill and part a shop for hours, and write docs/faults.md; goes on where it was cut off
	@$(BIN)/python -m bench.faults --write $(FAULTS)

rivals: $(VENV)/.dev $(FACES) ## the eye beside MediaPipe with fer and @vladmandic/human (CLIPS=folder of clips; Node.js, 2 GB)
	@$(BIN)/python -m bench.rivals --write --clips $(CLIPS)

node-red: $(VENV)/.dev $(FACES) ## the hub's ingest beside Node-RED with its SQLite node, and write docs/node-red.md (Node.js, make, g++)
	@$(BIN)/python -m bench.node_red --write

frame-to-card: $(VENV)/.dev $(FACES) ## how long a need takes to a tablet, stage by stage, and write docs/frame-to-card.md (about 12 minutes)
	@$(BIN)/python -m bench.frame_to_card --write

instructions: $(VENV)/.dev $(FACES) ## the eye's instructions on x86-64 and on a Pi's processors, emulated, and write docs/instructions.md (CLIPS=folder)
	@$(BIN)/python -m bench.instructions --write $(if $(CLIPS),--clips $(CLIPS))

screenshots: $(VENV)/.dev $(FACES) ## pictures of the demo's pages into docs/pictures (needs chromium)
	@$(BIN)/python -m deploy.screenshots

train: $(VENV)/.train ## train, quantise and evaluate the affect model (DATA=folder with the FER+ files)
	$(BIN)/python -m models.train $(if $(DATA),--data $(DATA))
	$(BIN)/python -m models.quantise $(if $(DATA),--data $(DATA))
	$(BIN)/python -m models.evaluate $(if $(DATA),--data $(DATA))

need: $(VENV)/.train $(FACES) ## judge the need score on random shops, and write docs/need-score.md
	$(BIN)/python -m edge.scene evaluate --write

oracle: $(VENV)/.dev $(FACES) ## record MediaPipe's boxes for the clips, in an environment of its own (CLIPS=folder)
	$(BIN)/python -m tests.oracle.record_boxes $(if $(CLIPS),--clips $(CLIPS))

schema: $(VENV)/.dev ## write docs/protocol from the contract, docs/api.md from the hub
	$(BIN)/python -m contract.schema --out docs/protocol
	$(BIN)/python -m hub.connect.apidoc --out docs

wheelhouse: $(VENV)/.dev $(FACES) ## make a stick to install from (STICK=folder ARCH=aarch64|x86_64 FOR=3.13|3.11 ROOT=root.json)
	@$(BIN)/python deploy/wheelhouse $(STICK) $(if $(ARCH),--arch $(ARCH)) $(if $(FOR),--python $(FOR)) $(if $(ROOT),--root $(ROOT))

check-install: $(VENV)/.dev $(FACES) ## install a hub and a node for real, as root, and have them meet
	@$(BIN)/python -m tests.install.check

check-arm64: $(VENV)/.dev $(FACES) ## the same on arm64, emulated
	@$(BIN)/python -m tests.install.check_arm64

sbom: $(VENV)/.dev ## what ships, as CycloneDX, into dist/sbom.json
	@$(BIN)/python -m deploy.supply sbom dist/sbom.json

licences: $(VENV)/.dev ## write docs/licences.md
	@$(BIN)/python -m deploy.supply licences

audit: $(VENV)/.dev ## known flaws of what is locked, where OSV can be reached
	@$(BIN)/python -m deploy.supply audit

wheel: $(VENV)/.dev ## the wheel into dist, the same bytes whenever the same commit is built
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build -t wheel -d dist

lock: ## refresh the hash-pinned locks from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --extra edge --extra hub pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --extra dev pyproject.toml -o requirements-dev.lock

clean: ## remove the environment and everything built or fetched
	rm -rf $(VENV) models/faces demo-data bench-out .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Attune needs Python 3.11, 3.12 or 3.13: set PYTHON=python3.11 (or .12, .13) and try again." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing: install it (Debian: apt install python3-venv) and try again." >&2; exit 1; }

$(VENV)/.demo: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing Attune into $(VENV) (a minute or two, once) …"
	@$(PIP) install -q --require-hashes -r requirements.lock
	@$(PIP) install -q --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing Attune and what its tests need into $(VENV) …"
	@$(PIP) install -q --require-hashes -r requirements-dev.lock
	@$(PIP) install -q --no-deps -e .
	@touch $@ $(VENV)/.demo

$(VENV)/.train: $(VENV)/.dev
	@$(PIP) install -q -e '.[train]'
	@touch $@

$(FACES): models/fetch.py | $(BIN)/python
	@$(BIN)/python -m models.fetch --portraits
	@touch $@

# What each target does: make help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build demo test lint bench clean-demo export-env test-export model-imagenet

# rustup's folder is on PATH only in shells opened after it was installed.
export PATH := $(CURDIR)/.deps/prometheus/usr/bin:$(PATH):$(HOME)/.cargo/bin
# Where scripts/get-onnxruntime puts the pinned library.
export ORT_DYLIB_PATH := $(CURDIR)/.deps/onnxruntime/lib/libonnxruntime.so

help: ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

deps: ## Install what building and running need
	@scripts/install-deps build
	@scripts/get-onnxruntime >/dev/null

build: deps ## Build target/release/percept
	cargo build --release --locked

demo: ## Damage a real stream, and show what Percept says (about 105 s once built)
	@scripts/install-deps demo
	@scripts/get-onnxruntime >/dev/null
	@scripts/get-demo-media >/dev/null
	cargo build --release --locked
	@scripts/demo

test: ## Run every test, against real servers
	@scripts/install-deps test
	@scripts/get-onnxruntime >/dev/null
	@scripts/get-prometheus >/dev/null
	@scripts/get-test-media >/dev/null
	cargo test --locked
	cargo test --locked --no-default-features --features onnx --lib

lint: ## Check the format, and clippy's warnings
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

bench: build ## Measure how fast this machine is
	@scripts/install-deps demo
	target/release/percept bench --clip "$$(scripts/make-bench-clip)"

clean-demo: ## Remove what the demo made and downloaded for itself
	rm -rf .demo .deps/media/street.avi .deps/media/street.wav

export-env: ## Make export/.venv, for training and exporting models (6 GB)
	python3 -m venv export/.venv
	export/.venv/bin/pip install -r export/requirements.txt -e 'export[test]'

export/.venv/bin/percept-export:
	$(MAKE) export-env

test-export: export/.venv/bin/percept-export ## Test the exporter of published Perceivers
	cd export && .venv/bin/python -m pytest -q

model-imagenet: export/.venv/bin/percept-export ## Get the published ImageNet model: models/imagenet.onnx (needs internet)
	export/.venv/bin/percept-export hf deepmind/vision-perceiver-fourier models/imagenet.onnx \
		--name vision-perceiver-fourier --license Apache-2.0

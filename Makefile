# Two commands do everything, set-up included:
#
#   make demo    store real files on a real local network, lose providers, read everything back, see slots replaced
#   make test    unit, property, runtime and end-to-end tests; benchmarks, try-runtime and zombienet are apart
#
# Others: build, lint, fmt, bench, benchmarks, try-runtime, collator, zombienet, weights, snapshot, docs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
ENV := $${NIL_CACHE_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/nil}/env.sh

# Cargo unifies features over all that it is asked to build. Naming a test beside the binaries, one that needs little
# itself, brings in the features of development dependencies, so that the demo and the tests share one build.
BINARIES := --workspace --bins --test conformance

# Benchmarks and the hooks of try-runtime are behind features, so that no build for tests compiles them. Features of
# FRAME reach everything above it: asked for over the whole workspace they would build node and runtime a second time.
# The pallets by themselves need FRAME and what lies below it once more, and nothing else.
PALLETS := pallet-beacon pallet-deals pallet-liveness pallet-mode2 pallet-providers
GATED := $(PALLETS:%=--package %) --lib --features runtime-benchmarks,try-runtime

.PHONY: help setup checks build demo test lint collator collator-lints collator-binaries collator-tests zombienet fmt bench benchmarks try-runtime weights snapshot docs

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

setup: ## install what building needs, and say what was installed
	@scripts/setup.sh

checks: ## likewise what tests and lints need
	@scripts/setup.sh --checks

build: setup ## node (development chain), provider and nil
	@. $(ENV); scripts/stage build cargo build $(BINARIES) --locked

demo: build ## the main job, from nothing to DEMO OK
	@. $(ENV); exec "$$CARGO_TARGET_DIR/debug/nil" devnet demo

test: checks ## unit, property, runtime and end-to-end tests
	@. $(ENV); \
	scripts/stage build cargo nextest run --workspace --locked --no-run; \
	scripts/stage "doc tests" cargo test --doc --workspace --locked --quiet; \
	scripts/stage tests cargo nextest run --workspace --locked --no-fail-fast

lint: checks ## formatting, clippy, licences and the borders between crates
	@. $(ENV); \
	scripts/stage rustfmt cargo fmt --all --check; \
	scripts/stage "rustfmt, zombienet" cargo fmt --all --check --manifest-path zombienet/Cargo.toml; \
	scripts/stage borders scripts/check-borders.sh; \
	scripts/stage licences cargo deny --locked --log-level error check licenses bans sources; \
	scripts/stage clippy cargo clippy --workspace --all-targets --locked -- -D warnings

collator: collator-lints collator-binaries collator-tests ## the node with the collator and the relay chain's client

collator-lints: setup
	@. $(ENV); \
	scripts/stage "clippy, collator" cargo clippy --workspace --all-targets --features nil-node/collator --locked -- -D warnings

# By themselves for `zombienet`, which would else lint once more what `.ci/run` has linted.
collator-binaries: setup
	@. $(ENV); scripts/stage collator cargo build $(BINARIES) --features nil-node/collator --locked

# The commands that only a node with the collator has. Everything else is in `make test`.
collator-tests: setup
	@. $(ENV); \
	scripts/stage "collator, tests" cargo test --workspace --test dev_chain --features nil-node/collator --locked --quiet -- exported

# Each test starts a network of its own and is told where our programs are. Its SDK is built beside ours, not into it.
# The runtime that `upgrade` goes over to comes from the node that was just built; no other test looks at it.
# `make zombienet TESTS=smoke` runs the shortest alone.
TESTS :=
zombienet: collator-binaries checks ## tests under a real relay chain; zombienet/README.md says what it takes
	@. $(ENV); \
	export NIL_BIN_DIR="$$CARGO_TARGET_DIR/debug" CARGO_TARGET_DIR="$$CARGO_TARGET_DIR/zombienet"; \
	export NIL_RFC163_WASM="$$CARGO_TARGET_DIR/rfc163.wasm"; \
	scripts/stage "zombienet, build" cargo nextest run --manifest-path zombienet/Cargo.toml --locked --no-run; \
	scripts/stage "zombienet, runtime" "$$NIL_BIN_DIR/nil-node" export-runtime --backend rfc163 "$$NIL_RFC163_WASM"; \
	scripts/stage zombienet cargo nextest run --manifest-path zombienet/Cargo.toml --locked --test-threads 1 --no-fail-fast $(TESTS)

fmt: ## format the sources
	cargo fmt --all
	cargo fmt --all --manifest-path zombienet/Cargo.toml

bench: setup ## criterion benches beside their peers
	@. $(ENV); cargo bench --package nil-benches

benchmarks: checks ## each benchmark of the pallets once
	@. $(ENV); scripts/stage benchmarks cargo nextest run $(GATED) --locked --no-fail-fast -E 'test(benchmark)'

# The checks are in a wasm of their own, so that the node and its SDK are the ones of `make test`. What it costs is that
# wasm: the runtime and all that it depends on, compiled once more for wasm, and the node linked with it.
try-runtime: checks ## let this runtime take over the kept states, with every check of every pallet
	@. $(ENV); scripts/stage try-runtime \
		cargo nextest run --workspace --test upgrade --features nil-node/try-runtime --locked --no-fail-fast

weights: setup ## measure the pallets, write runtime/src/weights
	@. $(ENV); scripts/stage weights scripts/weights.sh

# A test makes the state. A file that names a commit must be of that commit's runtime.
snapshot: checks ## keep the state that this commit's runtime leaves, for the tests of upgrades
	@. $(ENV); \
	git diff --quiet HEAD || { echo "commit first: the file is named after the commit" >&2; exit 1; }; \
	NIL_WRITE_SNAPSHOT=$$(git rev-parse --short=7 HEAD) scripts/stage snapshot \
		cargo nextest run --workspace --test upgrade --locked --no-capture -E 'test(the_state_to_be_kept)'

docs: setup ## the API documentation of our crates
	@. $(ENV); cargo doc --workspace --no-deps

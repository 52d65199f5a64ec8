#!/usr/bin/env bash
# Measures our pallets and writes runtime/src/weights/: builds a node with the feature `runtime-benchmarks`, whose
# runtime (wasm, as validators run it) executes every benchmark.
#
#   scripts/weights.sh [PALLET...]      by default all of ours
#
# STEPS and REPEAT override how many values of a component are measured, and how often each.
set -euo pipefail
cd "$(dirname "$0")/.."
pallets=("$@")
[ ${#pallets[@]} -gt 0 ] || pallets=(pallet_beacon pallet_deals pallet_mode2 pallet_providers)

cargo build --workspace --bins --test dev_chain --features nil-node/runtime-benchmarks --locked
for pallet in "${pallets[@]}"; do
	"$CARGO_TARGET_DIR/debug/nil-node" benchmark pallet \
		--chain dev \
		--pallet "$pallet" \
		--extrinsic '*' \
		--steps "${STEPS:-20}" \
		--repeat "${REPEAT:-10}" \
		--heap-pages 4096 \
		--output "runtime/src/weights/$pallet.rs"
done
cargo fmt --package nil-runtime

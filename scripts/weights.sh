#!/usr/bin/env bash
# Measures our pallets and writes runtime/src/weights/: builds a node with the feature `runtime-benchmarks`, whose two
# runtimes (wasm, as validators run it, with the curve arithmetic of either backend) execute every benchmark.
#
#   scripts/weights.sh [PALLET...]      by default all of ours
#
# STEPS and REPEAT override how many values of a component are measured, and how often each. PROFILE=release measures with
# an optimised node, as weights of a public network must be: the development profile builds sooner, and its storage accesses come
# out too dear.
set -euo pipefail
cd "$(dirname "$0")/.."
pallets=("$@")
[ ${#pallets[@]} -gt 0 ] || pallets=(pallet_beacon pallet_deals pallet_liveness pallet_mode2 pallet_providers)

profile=debug
arguments=()
if [ "${PROFILE:-}" = release ]; then
	profile=release
	arguments=(--release)
fi
cargo build --workspace --bins --test conformance --features nil-node/runtime-benchmarks --locked "${arguments[@]}"
measure() { # BACKEND CHAIN PALLET
	local output=runtime/src/weights/$1/$3.rs
	"$CARGO_TARGET_DIR/$profile/nil-node" benchmark pallet \
		--chain "$2" \
		--pallet "$3" \
		--extrinsic '*' \
		--steps "${STEPS:-10}" \
		--repeat "${REPEAT:-5}" \
		--heap-pages 4096 \
		--output "$output"
	# Whose machine it was is nobody's business.
	sed -i -e 's|^// /.*/nil-node$|// nil-node|' -e 's|^//! HOSTNAME: `[^`]*`, |//! |' "$output"
}

for pallet in "${pallets[@]}"; do
	measure portable dev "$pallet"
	measure rfc163 dev-rfc163 "$pallet"
done

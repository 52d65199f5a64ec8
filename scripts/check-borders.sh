#!/usr/bin/env bash
# Checks the borders that the architecture draws: which crates may depend on what, and under which licences.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0

# Only runtime and node may link GPL code, which comes with cumulus and polkadot crates. Everything else stays
# Apache-2.0 in source and in what it links.
apache_only=(nil-types nil-kzg nil-coding nil-slab nil-host nil-runtime-api
	pallet-beacon pallet-providers pallet-deals pallet-mode2 pallet-liveness nil-client nil-provider nil-cli)
for crate in "${apache_only[@]}"; do
	tree=$(cargo tree --locked --package "$crate" --edges normal,build --prefix none --format '{p} {l}')
	if bad=$(grep -E '^(polkadot-(primitives|service|node|runtime)|cumulus-)' <<<"$tree"); then
		printf 'borders: %s must not depend on\n%s\n' "$crate" "$bad"
		fail=1
	fi
	# GPL with the Classpath exception (substrate's client crates) is still GPL to those who link it.
	if bad=$(grep -E ' [A-Za-z0-9.-]*GPL-[0-9]' <<<"$tree" | grep -vE '(OR|/) *(Apache|MIT)|(Apache|MIT)[A-Za-z0-9.-]* *(OR|/)' | sort -u); then
		[ -z "$bad" ] || { printf 'borders: %s links code under a copyleft licence\n%s\n' "$crate" "$bad"; fail=1; }
	fi
done

# The one core hashes and lays out data; what stands above it must not do so again.
if bad=$(git grep -nE '\b(blake2_256|blake2b_simd|sp_crypto_hashing|sha2::)' -- provider client cli '*.rs' ':!primitives' ':!runtime' ':!node' ':!pallets' | grep -v '^[^:]*tests/'); then
	printf 'borders: hash through nil-types instead\n%s\n' "$bad"
	fail=1
fi

# The node with a collator must share its build of the SDK with everything else (node/shared-features says why). Only
# what opens a RocksDB may differ.
shared() {
	cargo tree --locked --workspace --edges normal,build,dev --prefix none --format '{p} {f}' "$@" |
		sed 's/ (\*)$//' | grep -E '^(bs58|cumulus|finality-grandpa|frame|merlin|pallet|polkadot|secp256k1|sp|staging|trie-db|xcm)[a-z0-9-]* v' |
		grep -v '^sp-database ' | sort -u
}
default=$(shared)
with_collator=$(shared --features nil-node/collator)
# Crates that only a collator has are no difference.
if bad=$(comm -13 <(printf '%s\n' "$default") <(printf '%s\n' "$with_collator") |
	awk 'NR == FNR { known[$1]; next } $1 in known' <(printf '%s\n' "$default") - | grep .); then
	printf 'borders: the feature `collator` asks for other features of these; add them to node/shared-features\n%s\n' "$bad"
	fail=1
fi

exit $fail

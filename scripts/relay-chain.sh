#!/usr/bin/env bash
# Succeeds when the relay chain's node is there, and else says what is missing. It looks where the tests under a relay chain
# look (zombienet/src/programs.rs), so that nothing is built for tests that would be skipped.
set -euo pipefail

programs=(polkadot polkadot-prepare-worker polkadot-execute-worker)
IFS=: read -ra folders <<<"${PATH:-}"
for folder in "${folders[@]}" "${HOME:-}"/.cache/nil-relay/*; do
	missing=0
	for program in "${programs[@]}"; do
		[ -f "$folder/$program" ] && [ -x "$folder/$program" ] || missing=1
	done
	[ $missing = 1 ] || exit 0
done
printf 'no relay chain: %s are neither on PATH nor in ~/.cache/nil-relay/<version> (zombienet/README.md)\n' "${programs[*]}"
exit 1

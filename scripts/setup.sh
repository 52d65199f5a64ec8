#!/usr/bin/env bash
# Installs what building NilStore needs.
#
#   scripts/setup.sh             install what is missing, say what was done
#   scripts/setup.sh --checks    and what tests and lints need
#
# It also writes env.sh, the variables that cargo needs, into the cache folder ($NIL_CACHE_DIR, by default ~/.cache/nil); the
# Makefile reads it.
#
# Idempotent: a second run finds everything in place and takes about a second. On an ordinary machine the wasm
# target comes from `rustup target add wasm32v1-none`. Where rustup cannot download (a closed network), Debian's
# own Rust with its library source serves instead: core and alloc are built for the target once and put into
# Debian's sysroot, and only the runtime's wasm is compiled with that toolchain.
set -euo pipefail

TARGET=wasm32v1-none
CACHE="${NIL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/nil}"
ENV_FILE="$CACHE/env.sh"
did=()

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else return 1; fi
}

apt_install() {
	have apt-get || return 1
	if [ ! -e "$CACHE/apt-updated" ]; then
		as_root apt-get update -qq >/dev/null || return 1
		mkdir -p "$CACHE" && touch "$CACHE/apt-updated"
	fi
	DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
	did+=("installed with apt: $*")
}

system_packages() {
	local missing=()
	have clang || missing+=(clang)
	have protoc || missing+=(protobuf-compiler)
	have cmake || missing+=(cmake)
	have pkg-config || missing+=(pkg-config)
	have curl || missing+=(curl)
	have ld.lld || missing+=(lld)
	ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so* >/dev/null 2>&1 || missing+=(libclang-dev)
	{ have pkg-config && pkg-config --exists openssl; } || missing+=(libssl-dev)
	[ ${#missing[@]} -eq 0 ] && return
	apt_install "${missing[@]}" || die "please install these packages (no apt or no rights here): ${missing[*]}"
}

rustup_target() {
	rustc --print sysroot >/dev/null 2>&1 || die "no Rust toolchain found; install one from https://rustup.rs and run this again"
	[ -d "$(rustc --print sysroot)/lib/rustlib/$TARGET/lib" ] && return 0
	have rustup || return 1
	# A closed network must not make this hang.
	timeout 60 rustup target add "$TARGET" >/dev/null 2>&1 || return 1
	did+=("rustup target add $TARGET")
}

# Debian's Rust, linked into rustup as `debian-web`, with core and alloc built for the target. link-time
# optimisation of the runtime needs bitcode in those libraries, hence embed-bitcode.
debian_toolchain() {
	dpkg -s rustc-web cargo-web rust-web-src >/dev/null 2>&1 ||
		apt_install rustc-web cargo-web rust-web-src ||
		die "rustup cannot add $TARGET here and Debian's rustc-web is not available; run 'rustup target add $TARGET' on an open network"
	local lib="/usr/lib/rustlib/$TARGET/lib" version
	version=$(/usr/bin/rustc --version)
	if [ "$(cat "$lib/.nil-built-with" 2>/dev/null)" != "$version" ]; then
		local work
		work=$(mktemp -d)
		mkdir -p "$work/src"
		printf '#![no_std]\n' >"$work/src/lib.rs"
		printf '[package]\nname = "sysroot"\nversion = "0.0.0"\nedition = "2021"\n' >"$work/Cargo.toml"
		(cd "$work" && env -u CARGO_TARGET_DIR -u RUSTUP_TOOLCHAIN RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
			RUSTFLAGS="-C embed-bitcode=yes" /usr/bin/cargo build -q --release -Z build-std=core,alloc --target "$TARGET")
		as_root mkdir -p "$lib"
		as_root rm -f "$lib"/*.rlib
		for crate in core alloc compiler_builtins; do
			as_root cp "$work/target/$TARGET/release/deps/lib$crate"-*.rlib "$lib/"
		done
		printf '%s' "$version" | as_root tee "$lib/.nil-built-with" >/dev/null
		rm -rf "$work"
		did+=("built core and alloc for $TARGET with $version")
	fi
	if have rustup && ! rustup toolchain list | grep -q '^debian-web'; then
		rustup toolchain link debian-web /usr
		did+=("rustup toolchain link debian-web /usr")
	fi
}

write_env() {
	mkdir -p "$CACHE"
	{
		echo "# Written by scripts/setup.sh; sourced by the Makefile."
		echo "export CARGO_TARGET_DIR=\"\${CARGO_TARGET_DIR:-$CACHE/target}\""
		echo 'export OPENSSL_NO_VENDOR=1'
		echo 'export SKIP_FRAME_STORAGE_ACCESS_TEST_RUNTIME_WASM_BUILD=1'
		# The wasm build runs in the target folder, which is outside the workspace: tell it where Cargo.lock lies.
		echo 'export WASM_BUILD_WORKSPACE_HINT="${WASM_BUILD_WORKSPACE_HINT:-$PWD}"'
		if [ "$1" = debian-web ]; then
			echo 'export WASM_BUILD_TOOLCHAIN=debian-web'
			echo "export PATH=\"\$PATH:$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin\""
		fi
	} >"$ENV_FILE.part"
	if cmp -s "$ENV_FILE.part" "$ENV_FILE" 2>/dev/null; then rm "$ENV_FILE.part"; else mv "$ENV_FILE.part" "$ENV_FILE"; fi
}

# A cargo subcommand, compiled when it is missing: `cargo_tool NAME VERSION [OPTION...]`.
cargo_tool() {
	local name=$1 version=$2
	shift 2
	cargo "${name#cargo-}" --version >/dev/null 2>&1 && return
	say "installing $name (a few minutes)"
	cargo install --locked "$name" --version "$version" "$@" >"$CACHE/$name.log" 2>&1 ||
		die "cargo install $name failed, see $CACHE/$name.log"
	did+=("cargo install $name")
}

system_packages
# NIL_WASM_TOOLCHAIN=debian-web takes the second way even where the first would do.
if [ "${NIL_WASM_TOOLCHAIN:-}" != debian-web ] && rustup_target; then write_env rustup; else
	debian_toolchain
	write_env debian-web
fi
if [ "${1:-}" = --checks ]; then
	cargo_tool cargo-nextest ^0.9
	cargo_tool cargo-deny ^0.20 --no-default-features
fi
if [ ${#did[@]} -eq 0 ]; then say "everything is in place"; else for d in "${did[@]}"; do say "$d"; done; fi

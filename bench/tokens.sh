#!/usr/bin/env bash
# The rates of tokens on one core, into a file of JSON: tokens.sh FILE [SECONDS].
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked -p identity --example token_rate
taskset -c 0 "${CARGO_TARGET_DIR:-target}/release/examples/token_rate" "${2:-5}" | tee "$1"

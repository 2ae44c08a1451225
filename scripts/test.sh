#!/usr/bin/env bash
# Everything that must hold before a change lands: format, lints, unit and integration tests, and the programs from
# outside. The optimised profile is the one that `make run` starts, so the engine is compiled once for both.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
target=${CARGO_TARGET_DIR:-target}

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step "format"
cargo fmt --all --check

step "the engine's features are the same for one crate and for all"
scripts/check-features.sh

step "build"
cargo build --release --workspace --locked

step "lints"
cargo clippy --release --workspace --all-targets --locked -- -D warnings

# The tests of the store run on PostgreSQL as well where there is a server.
postgres=$(mktemp -d -u /tmp/bartizan-pg.XXXXXX)
trap 'scripts/postgres.sh stop "$postgres"' EXIT
if BARTIZAN_TEST_POSTGRES=$(scripts/postgres.sh start "$postgres"); then
  export BARTIZAN_TEST_POSTGRES
  step "tests"
else
  unset BARTIZAN_TEST_POSTGRES
  step "tests; those of the store are SKIPPED on PostgreSQL, as there is none"
fi
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --release --workspace --tests --locked --no-fail-fast
else
  cargo test --release --workspace --tests --locked --no-fail-fast
fi

step "documented scenarios with curl"
tests/scenarios.sh "$target/release/bartizan"

step "sign-in with the libraries of others and in a browser"
tests/sign-in.sh "$target/release/bartizan"

step "the OpenAPI document holds"
tests/openapi.sh "$target/release/bartizan"

step "examples"
tests/examples.sh "$target/release/bartizan"

step "changes are followed whoever is killed"
tests/changes.sh "$target/release/bartizan"

step "actions"
tests/actions.sh "$target/release/bartizan"

step "recorded attacks"
tests/attack-data.sh "$target/release/bartizan"

step "hunting queries over recorded attacks"
tests/hunting-corpus.sh "$target/release/bartizan"

step "queries that want too much"
tests/hostile.sh "$target/release/bartizan"

step "object stores"
tests/object-stores.sh "$target/release/bartizan"

step "a full disk"
tests/full-disk.sh "$target/release/bartizan"

step "the state in PostgreSQL"
tests/postgres.sh "$target/release/bartizan"

step "log shippers"
tests/shippers.sh "$target/release/bartizan"

if cargo deny --version >/dev/null 2>&1; then
  step "licences and advisories"
  cargo deny --locked check
else
  step "licences and advisories: skipped, cargo-deny is not installed"
fi

step "all passed"

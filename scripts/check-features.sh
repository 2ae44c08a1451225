#!/usr/bin/env bash
# Says whether building a single crate would compile the engine's dependencies with other features than building
# the whole workspace does. If so, add what is missing to crates/engine-features/Cargo.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
features() { cargo tree --locked "$@" -e normal,build,dev --prefix none -f '{p} [{f}]' | sed -e 's/ (\*)$//' -e 's| (/[^)]*)||' -e 's/ (proc-macro)//' | sort -u; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
features --workspace >"$work/all"
# Only what the engine itself links matters.
cargo tree --locked -p datafusion -e normal,build --prefix none -f '{p}' | sed -e 's/ (\*)$//' -e 's/ (proc-macro)//' | sort -u >"$work/engine"
status=0
for crate in lake query api bartizan; do
  features -p "$crate" >"$work/one"
  missing=$(comm -23 "$work/one" "$work/all" | awk 'NR==FNR {engine[$1" "$2]; next} ($1" "$2) in engine' "$work/engine" -)
  if [ -n "$missing" ]; then
    echo "crate $crate builds these with other features than the workspace does:" >&2
    echo "$missing" >&2
    status=1
  fi
done
[ $status = 0 ] && echo "the engine is built with the same features everywhere"
exit $status

#!/usr/bin/env bash
# Published hunting queries and converted rules run over recorded attacks without an error of the engine. Needs the
# queries and recordings of BARTIZAN_SHARED and is skipped without them. A number as second argument takes only each so
# manyth query; 1 takes all, which takes minutes.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
each=${2:-1}
shared=$(realpath -m "${BARTIZAN_SHARED:-$(dirname "$0")/../../shared}")
queries="$shared/corpus/kql-visible.jsonl"
rules="$shared/data/sigma/kql-xdr-visible.jsonl.gz"
recordings="$shared/data/telemetry"
if [ ! -f "$queries" ] || [ ! -f "$rules" ] || [ ! -d "$recordings" ]; then
  echo "SKIPPED: no queries or recordings at $shared (set BARTIZAN_SHARED)"
  exit 0
fi

"$bartizan" kql check "$queries" --each "$each" --at-least 99 --events "$recordings"
"$bartizan" kql check "$rules" --each "$each" --at-least 100 --events "$recordings"
"$bartizan" kql check "$shared/corpus/kql-binding-vectors.jsonl" --at-least 99
echo "hunting queries passed"

#!/usr/bin/env bash
# The lake is open: DuckDB, delta-rs and Polars read it while events come in, and see the rows that hunting sees.
# Needs python3 and the readers from the package index, or in the folder OPEN_LAKE_VENV; is skipped without them.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
shared=$(realpath -m "${BARTIZAN_SHARED:-$tests/../../shared}")
recordings="$shared/data/telemetry/otrf-security-datasets"
if [ ! -d "$recordings" ]; then
  echo "SKIPPED: no recordings at $recordings (set BARTIZAN_SHARED)"
  exit 0
fi

. "$tests/server.sh"

# DuckDB gets its `delta` extension from a package, since its own way of installing goes elsewhere.
venv=${OPEN_LAKE_VENV:-$work/venv}
packages="deltalake==1.6.6 polars==2.1.0 pyarrow==26.0.1 duckdb==1.4.4 duckdb-ext-delta==1.4.4.20260205 duckdb-ext-icu==1.4.4.20260205 duckdb-ext-parquet==1.4.4.20260205"
if ! "$venv/bin/python" -c 'import deltalake, duckdb, polars, pyarrow' 2>/dev/null; then
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --retries 1 --timeout 15 $packages; } >"$work/pip" 2>&1; then
    echo "SKIPPED: the readers cannot be installed: $(tail -n 1 "$work/pip")"
    exit 0
  fi
fi
python="$venv/bin/python"

start
connection="$work/data/quickstart.json"
# Again and again, so that rows come in all the time that readers read.
ingest_again() {
  trap '[ -z "$sender" ] || kill "$sender" 2>/dev/null; exit' TERM
  for _ in 1 2 3 4 5 6; do
    "$bartizan" ingest --connection "$connection" --output json "$recordings" >/dev/null 2>&1 & sender=$!
    wait "$sender" || true
  done
}
ingest_again &
ingest=$!
processes+=("$ingest")
for _ in $(seq 120); do
  compgen -G "$work/data/lake/*/*/_delta_log/*.json" >/dev/null && break
  sleep 1
done
"$python" "$tests/open_lake.py" live "$work/data/lake" 70 || fail "reading while rows come in"
kill "$ingest" 2>/dev/null && wait "$ingest" 2>/dev/null || true
processes=()

# Stopping flushes: from here on files hold every row.
stop
start
"$python" "$tests/open_lake.py" equal "$work/data/lake" "$connection" || fail "readers and hunting differ"
stop
echo "open lake passed"

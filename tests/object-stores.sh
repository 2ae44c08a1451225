#!/usr/bin/env bash
# A server whose files are in an object store: S3 as moto plays it, and Azure Blob Storage as Azurite does. Events come
# in, files are written, merged, hunted; the server is killed, the store is out of reach for a while; another engine
# reads the published tables. Needs python3 and npm and their package indexes, or what an earlier run installed.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
tools=$(realpath -m "${OBJECT_STORES_TOOLS:-${CARGO_TARGET_DIR:-$tests/../target}/object-stores}")

. "$tests/server.sh"
. "$tests/serving.sh"

skip() { echo "SKIPPED: $*"; exit 0; }
for need in python3 npm node jq curl; do command -v "$need" >/dev/null 2>&1 || skip "there is no $need"; done

install() {
  [ -x "$tools/venv/bin/moto_server" ] && "$tools/venv/bin/python" -c 'import deltalake' 2>/dev/null ||
    { python3 -m venv "$tools/venv" && "$tools/venv/bin/pip" install --quiet --retries 1 --timeout 15 'moto[server]==5.2.5' deltalake==1.6.6; } &
  local python=$!
  # Scripts of packages are not run: they ask for a desktop.
  [ -x "$tools/node_modules/.bin/azurite-blob" ] ||
    npm install --prefix "$tools" --ignore-scripts --no-audit --no-fund --silent azurite@3.35.0 &
  wait $! && wait "$python"
}
mkdir -p "$tools"
install >"$work/install" 2>&1 || skip "moto, deltalake and azurite cannot be installed: $(tail -n 1 "$work/install")"
python="$tools/venv/bin/python"

# A key that is known to everybody, of the account that Azurite has.
azure_account=devstoreaccount1
azure_key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
s3_secret=not-so-secret-key-of-s3

wait_for_port() { for _ in $(seq 200); do (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done; fail "nothing listens at $1"; }

start_s3() {
  service_port=$(( port + 2 ))
  "$tools/venv/bin/moto_server" -H 127.0.0.1 -p "$service_port" >"$work/service.log" 2>&1 &
  service=$!
  processes=("$service")
  wait_for_port "$service_port"
}
start_azure() {
  service_port=$(( port + 3 ))
  node "$tools/node_modules/.bin/azurite-blob" --disableTelemetry --skipApiVersionCheck --location "$work/azurite" \
    --blobPort "$service_port" >>"$work/service.log" 2>&1 &
  service=$!
  processes=("$service")
  wait_for_port "$service_port"
}
# moto has everything in memory and is stopped; Azurite is ended and started again over its files.
down_s3() { kill -STOP "$service"; }
up_s3() { kill -CONT "$service"; }
down_azure() { kill "$service"; wait "$service" 2>/dev/null || true; processes=(); }
up_azure() { start_azure; }
end_service() { kill "$service" 2>/dev/null; wait "$service" 2>/dev/null || true; processes=(); }

until_true() { # seconds, command
  local end=$(( SECONDS + $1 ))
  until "${@:2}"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done
}
nothing_is_hot() { [ -z "$(find "$data/log" -name '*.log' -size +0 -print -quit)" ]; }
has_merged() { [ "$(metric bartizan_lake_merged_rows_total)" -gt 0 ]; }
had_flush_errors() { [ "$(metric bartizan_lake_flush_errors_total)" -gt 0 ]; }

calls=0 rows=0
ingest_some() { # calls
  for _ in $(seq "$1"); do
    calls=$(( calls + 1 ))
    "$python" "$tests/object_stores.py" rows "$rows" 300 >"$work/rows"
    [ "$(send "$work/rows" "$calls")" = 200 ] || fail "call $calls was not accepted: $(cat "$work/answer")"
    rows=$(( rows + 300 ))
  done
}
expect_rows() { local found; found=$(count); [ "$found" = "$rows" ] || fail "$1: $found of $rows rows"; }

play() { # s3 or azure
  local kind=$1 began=$SECONDS
  data="$work/data-$kind" config="$work/$kind.toml"
  operator_port=$(( port + 1 ))
  calls=0 rows=0
  {
    echo "data = '$data'"
    echo "listen = '127.0.0.1:$port'"
    echo "operator_listen = '127.0.0.1:$operator_port'"
    printf '[first_tenant]\ndisplay_name = "Example"\ndomain = "corp.example"\n'
    printf '[lake]\nflush_seconds = 1\nupkeep_seconds = 1\ngrace_seconds = 40\n[hunting]\ntimeout_seconds = 30\n'
    printf '[lake.object_store]\nallow_http = true\ntimeout_seconds = 2\nretry_seconds = 2\nsecret_key_file = "%s.key"\n' "$kind"
    if [ "$kind" = s3 ]; then
      printf 'url = "s3://events/siem"\nendpoint = "http://127.0.0.1:%s"\nregion = "us-east-1"\naccess_key_id = "test"\n' "$service_port"
    else
      printf 'url = "az://events/siem"\nendpoint = "http://127.0.0.1:%s/%s"\naccount = "%s"\n' "$service_port" "$azure_account" "$azure_account"
    fi
  } >"$config"
  serve
  token

  ingest_some 1
  until_true 20 nothing_is_hot || fail "the log is not flushed"
  [ ! -e "$data/lake" ] || fail "there are files of events in the data folder"
  for _ in 1 2 3 4 5 6 7 8; do ingest_some 1; sleep 1.1; done
  until_true 30 has_merged || fail "nothing was merged"
  expect_rows "after merging"

  local query="DeviceProcessEvents | where FileName == 'tool777.exe' | project ReportId"
  [ "$(hunt "$query")" = '[{"ReportId":777}]' ] || fail "a search for a rare value: $(hunt "$query")"
  sleep 2
  hunt "$query" >/dev/null
  local before after
  before=$(metric bartizan_lake_cache_misses_total)
  for _ in 1 2 3 4 5; do hunt "$query" >/dev/null; done
  after=$(metric bartizan_lake_cache_misses_total)
  [ "$before" = "$after" ] || fail "a question asked again read $(( after - before )) pieces again"

  # Killed while rows come in and files are written.
  for _ in 1 2 3; do
    ingest_some 2
    sleep "0.$(( RANDOM % 9 ))"
    kill_hard
    serve
    expect_rows "after a kill"
  done

  # Out of reach: rows are taken, nothing is lost.
  ingest_some 1
  "down_$kind"
  ingest_some 4
  until_true 30 had_flush_errors || fail "no flush failed"
  ingest_some 2
  "up_$kind"
  until_true 60 nothing_is_hot || fail "the flush does not recover"
  expect_rows "after the store was out of reach"

  stop
  grep -q "cannot flush; trying again" "$work/log" || fail "the log says nothing of the outage"
  if grep -qF -e "$s3_secret" -e "$azure_key" "$work/log"; then fail "a secret is in the log"; fi
  "$bartizan" lake verify --config "$config" 2>>"$work/log" | tail -n 1 | tee "$work/verified"
  grep -q "rows [0-9]*, .*findings 0" "$work/verified" || fail "verify finds something"
  "$bartizan" lake stats --config "$config" 2>>"$work/log" | cut -c1-200
  [ "$("$bartizan" lake stats --config "$config" 2>>"$work/log" | sed -n 's/.* DeviceProcessEvents: rows \([0-9]*\),.*/\1/p')" = "$rows" ] || fail "stats"
  "$bartizan" lake rebuild-profiles --config "$config" 2>>"$work/log" | cut -c1-200
  if "$bartizan" lake verify --data "$data" >/dev/null 2>"$work/refused"; then fail "verify without the object store"; fi
  grep -q "lake.object_store" "$work/refused" || fail "a command without the object store says: $(cat "$work/refused")"

  local options url tenant
  tenant=$(value tenant_id)
  if [ "$kind" = s3 ]; then
    options=$(jq -n --arg e "http://127.0.0.1:$service_port" --arg k "$s3_secret" '{AWS_ENDPOINT_URL: $e, AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: $k, AWS_ALLOW_HTTP: "true"}')
    url="s3://events/siem/$tenant/DeviceProcessEvents"
  else
    options=$(jq -n --arg e "http://127.0.0.1:$service_port/$azure_account" --arg a "$azure_account" --arg k "$azure_key" '{azure_storage_account_name: $a, azure_storage_account_key: $k, azure_storage_endpoint: $e, azure_allow_http: "true", allow_http: "true"}')
    url="az://events/siem/$tenant/DeviceProcessEvents"
  fi
  [ "$("$python" "$tests/object_stores.py" delta "$url" "$options")" = "$rows $rows" ] || fail "deltalake reads something else"

  # Another data folder does not get at it.
  sed "s|^data = .*|data = '$work/other-$kind'|" "$config" >"$work/other.toml"
  cp "$work/$kind.key" "$work/other.key"
  if timeout 20 "$bartizan" serve --config "$work/other.toml" >/dev/null 2>"$work/refused"; then fail "a second lake in the same place"; fi
  grep -q "its files are those of the lake" "$work/refused" || fail "a second lake: $(cat "$work/refused")"
  echo "$kind: $rows rows in $calls calls, $(( SECONDS - began )) s"
}

echo -n "$s3_secret" >"$work/s3.key"
echo "$azure_key" >"$work/azure.key"

start_s3
curl -sf -X PUT "http://127.0.0.1:$service_port/events" >/dev/null || fail "no bucket"
play s3
end_service
start_azure
"$python" "$tests/object_stores.py" container "http://127.0.0.1:$service_port/$azure_account" "$azure_account" "$azure_key" events || fail "no container"
play azure
end_service
echo "object stores passed"

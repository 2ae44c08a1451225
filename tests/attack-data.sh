#!/usr/bin/env bash
# Recorded attacks go in; rules fire, machines and evidence are there, and hunting gives the same numbers after a
# restart. Needs the recordings and rules of BARTIZAN_SHARED and is skipped without them.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
shared=$(realpath -m "${BARTIZAN_SHARED:-$(dirname "$0")/../../shared}")
recordings="$shared/data/telemetry/otrf-security-datasets"
rules="$shared/data/sigma/sigma-visible.tar.gz"
if [ ! -d "$recordings" ] || [ ! -f "$rules" ]; then
  echo "SKIPPED: no recordings at $recordings (set BARTIZAN_SHARED)"
  exit 0
fi

. "$(dirname "$0")/server.sh"
mkdir "$work/rules" && tar -xzf "$rules" -C "$work/rules"

start --rules "$work/rules"
connection="$work/data/quickstart.json"
"$bartizan" ingest --connection "$connection" --output json "$recordings" >"$work/summary.json" || fail "ingest: $(cat "$work/summary.json")"
jq -c . "$work/summary.json" | cut -c1-400

value() { jq -er ".$1" "$connection"; }
base=$(value base_url) ca=$(value ca_file)
bearer=$(curl -sS --cacert "$ca" "$(value authority)/oauth2/v2.0/token" -d grant_type=client_credentials \
  -d "client_id=$(value client_id)" --data-urlencode "client_secret=$(value client_secret)" -d "scope=$base/.default" | jq -er .access_token)
get() { curl -sS --cacert "$ca" -H "Authorization: Bearer $bearer" "$base$1"; }
hunt() { "$bartizan" hunt --connection "$connection" --output ndjson "$1"; }

by_device='DeviceProcessEvents | summarize count() by DeviceName | top 5 by count_'
joined='DeviceProcessEvents | join kind=inner (DeviceNetworkEvents) on DeviceId, $left.ProcessId == $right.InitiatingProcessId | summarize n = count() by FileName, RemoteIP | order by n desc, FileName asc, RemoteIP asc | take 20'
hunt "$by_device" >"$work/devices" && hunt "$joined" >"$work/joined"
[ "$(wc -l <"$work/devices")" = 5 ] || fail "hunting by device: $(cat "$work/devices")"
[ "$(wc -l <"$work/joined")" -ge 1 ] || fail "the join gives no rows"
cat "$work/devices"

# Alerts follow the rows shortly: wait until their number stands still.
before=-1
for _ in $(seq 240); do
  count=$(get '/api/alerts/$count')
  [ "$count" = "$before" ] && [ "$count" -gt 0 ] && break
  before=$count
  sleep 1
done
path='/api/alerts?$expand=evidence&$top=10000'
get "$path" >"$work/alerts.json"
fired=$(jq '[.value[].detectorId] | unique | length' "$work/alerts.json")
echo "$(jq '.value | length' "$work/alerts.json") alerts of $fired rules"
[ "$fired" -ge 25 ] || fail "only $fired different rules fired"
jq -e '.value | all(.description | test("by |author"; "i"))' "$work/alerts.json" >/dev/null || fail "an alert does not name its rule's author"

for machine in $(jq -r '[.value[].machineId] | unique[]' "$work/alerts.json"); do
  get "/api/machines/$machine" | jq -e --arg id "$machine" '.id == $id' >/dev/null || fail "machine $machine is not found"
done

# The evidence, hunted again: processes by device and id, files by name, addresses, registry keys.
jq -r '.value[] | .machineId as $m | .evidence[] | select(.entityType == "Process" and .processId != null) | [$m, .processId] | @csv' "$work/alerts.json" | sort -u | tr '\n' ',' >"$work/processes"
wanted=$(jq '[.value[] | .machineId as $m | .evidence[] | select(.entityType == "Process" and .processId != null) | [$m, .processId]] | unique | length' "$work/alerts.json")
found=$(hunt "let wanted = datatable(m:string, p:long)[$(sed 's/,$//' "$work/processes")]; let rows = union DeviceProcessEvents, DeviceEvents, DeviceNetworkEvents, DeviceFileEvents, DeviceRegistryEvents, DeviceImageLoadEvents, DeviceLogonEvents; union (rows | distinct DeviceId, p = ProcessId), (rows | distinct DeviceId, p = InitiatingProcessId) | distinct DeviceId, p | join kind=inner wanted on \$left.DeviceId == \$right.m, p | count" | jq .Count)
echo "$found of $wanted processes of evidence are found by hunting"
[ "$found" = "$wanted" ] || fail "evidence is not found again"

stop
start --rules "$work/rules"
hunt "$by_device" | diff - "$work/devices" || fail "other numbers after a restart"
hunt "$joined" | diff - "$work/joined" || fail "another join after a restart"
stop
echo "attack data passed"

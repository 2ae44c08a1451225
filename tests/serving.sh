# Sourced after server.sh by the tests that start a server by a configuration: `serve`, `kill_hard`, `token`, `api`,
# `metric`, `ingest_rows`, `count`. Needs $config, $data, $port and $operator_port.

serve() {
  "$bartizan" serve --config "$config" >>"$work/log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    curl -sf "http://127.0.0.1:$operator_port/readyz" >/dev/null 2>&1 && return
    kill -0 "$server" 2>/dev/null || fail "the server ended"
    sleep 0.1
  done
  fail "the server does not answer"
}

kill_hard() { kill -9 "$server"; wait "$server" 2>/dev/null || true; server=; }

value() { jq -er ".$1" "$data/credentials.json"; }

# A token lives an hour: one is enough.
token() {
  bearer=$(curl -sS --cacert "$data/tls/ca.pem" "$(value authority)/oauth2/v2.0/token" -d grant_type=client_credentials \
    -d "client_id=$(value client_id)" --data-urlencode "client_secret=$(value client_secret)" \
    -d "scope=$(value base_url)/.default" | jq -er .access_token)
}

api() { # path, arguments of curl
  curl -sS --cacert "$data/tls/ca.pem" -H "Authorization: Bearer $bearer" "https://127.0.0.1:$port$1" "${@:2}"
}

metric() { curl -sS "http://127.0.0.1:$operator_port/metrics" | awk -v name="$1" '$1 == name {print $2; found = 1} END {if (!found) print 0}'; }

# Sends a file of rows; prints the status. Its retries add nothing twice.
send() { # file, number of the call
  api /api/ingest/DeviceProcessEvents --data-binary "@$1" -H "Bartizan-Producer: test" -H "Bartizan-Sequence: $2" \
    -o "$work/answer" -D "$work/headers" -w '%{http_code}'
}

hunt() { # query
  jq -n --arg q "$1" '{Query: $q}' | api /api/advancedqueries/run -H 'Content-Type: application/json' -d @- | jq -c .Results
}

count() { hunt "DeviceProcessEvents | summarize n = count(), d = dcount(ReportId, 4), least = min(ReportId), most = max(ReportId)" | jq -r '.[0].n'; }

#!/usr/bin/env bash
# Calls every operation of the OpenAPI document with good and bad data, by schemathesis, against a server with simulated
# devices: no server error, no status, form or shape that is not declared, and nothing without a token.
# Needs python3 and schemathesis from its index, in the folder OPENAPI_VENV where it is there already; what cannot be
# installed is skipped. SECONDS_MAX and EXAMPLES make it longer.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
. "$(dirname "$(realpath "$0")")/server.sh"
limit=${SECONDS_MAX:-60} examples=${EXAMPLES:-5}

venv=${OPENAPI_VENV:-$work/venv}
if ! "$venv/bin/schemathesis" --version >/dev/null 2>&1 &&
  ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --retries 1 --timeout 15 schemathesis==4.32.5; } >"$work/pip" 2>&1; then
  echo "SKIPPED: schemathesis cannot be installed: $(tail -n 1 "$work/pip")"
  exit 0
fi

"$bartizan" quickstart --data "$work/data" --port "$port" --rate-limit-factor 100000 >"$work/out" 2>>"$work/log" &
server=$!
wait_ready
value() { jq -er ".$1" "$work/data/quickstart.json"; }
base=$(value base_url) ca=$(value ca_file)
bearer=$(curl -sS --cacert "$ca" "$(value authority)/oauth2/v2.0/token" -d grant_type=client_credentials \
  -d "client_id=$(value client_id)" --data-urlencode "client_secret=$(value client_secret)" \
  -d "scope=$base/.default" | jq -er .access_token)

# Streams without an end, pages of sign-in and protocols of others are in other tests.
others='^/(\{tenant\}|common|organizations|account|device|federated|downloads|explorer|services|v1/logs|_bulk|\{index\}|_cat|_cluster)'
check() { # name, arguments
  "$venv/bin/schemathesis" run "$base/openapi.json" --tls-verify "$ca" -H "Authorization: Bearer $bearer" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth \
    --exclude-path /api/changes/stream --exclude-path-regex "$others" --request-timeout 30 --workers 2 \
    --continue-on-failure --warnings off --max-time "$limit" --no-color "${@:2}" >"$work/$1.txt" 2>&1 ||
    { cat "$work/$1.txt"; fail "an answer is not as the document says"; }
  grep -E 'Selected|generated' "$work/$1.txt"
}
cd "$work"
check known --phases examples,coverage
check random --phases fuzzing -n "$examples"

# What needs a token by the document is refused without one, by every operation of it. Over HTTP/1.1: curl ends a stream
# of HTTP/2 early when it is refused before its body is sent, and takes the answer to that for an error.
curl -sS --cacert "$ca" "$base/openapi.json" | jq -r '.paths | to_entries[] | .key as $path | .value | to_entries[]
  | select(.value.security != []) | "\(.key) \($path)"' >"$work/guarded"
while read -r method path; do
  path=$(sed -E 's/\{[^}]*\}/x/g' <<<"$path")
  status=$(curl -sS --http1.1 --cacert "$ca" -g -o /dev/null -w '%{http_code}' -X "${method^^}" "$base$path" -H 'Content-Type: application/json' -d '{}')
  [ "$status" = 401 ] || fail "$method $path without a token answers $status"
done <"$work/guarded"
[ "$(wc -l <"$work/guarded")" -gt 100 ] || fail "the document names no operations that need a token"
echo "  $(wc -l <"$work/guarded") operations answer 401 without a token"
stop
echo "openapi passed"

#!/usr/bin/env bash
# The server with its state in PostgreSQL: the documented scenarios and every action on devices, the latter with servers
# killed in the middle, each in a database of its own. Then what keeps two servers, or another data folder, from the
# state of one. Starts a PostgreSQL server of its own; needs what the scripts it runs need.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
. "$tests/server.sh"

# On a socket, whose path may not be long.
postgres=$(mktemp -d -u /tmp/bartizan-pg.XXXXXX)
at_end() { "$tests/../scripts/postgres.sh" stop "$postgres"; }
address=$("$tests/../scripts/postgres.sh" start "$postgres") || { echo "SKIPPED: no PostgreSQL server"; exit 0; }
sql() { psql -qAtX -v ON_ERROR_STOP=1 "${address/\/postgres?/\/$1?}" -c "$2"; }
# The address of a new database, whose order of texts is not that of bytes.
database() {
  sql postgres "CREATE DATABASE $1 TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
  echo "${address/\/postgres?/\/$1?}"
}

for script in scenarios actions; do
  echo "== $script"
  place=$(database "$script")
  BARTIZAN_DATABASE=$place KILLS=1 "$tests/$script.sh" "$bartizan"
  [ "$(sql "$script" 'SELECT count(*) FROM alerts')" -gt 0 ] || fail "the state of $script is not in the database"
done

echo "== one server, one data folder"
BARTIZAN_DATABASE=$(database one)
export BARTIZAN_DATABASE
start
[ ! -e "$work/data/state.db" ] || fail "there is a file of SQLite besides"
curl -sf "http://127.0.0.1:$(( port + 1000 ))/readyz" >/dev/null || fail "not ready"

refused() { # what, expected text, command...
  local what=$1 expected=$2
  shift 2
  if timeout 60 "$@" >"$work/refused" 2>&1; then fail "$what was let in"; fi
  grep -qF -- "$expected" "$work/refused" || fail "$what: $(tail -n 3 "$work/refused")"
  echo "  refused: $what"
}
other() { "$bartizan" quickstart --data "$work/$1" --port $(( port + 1 )) --no-sandbox "${@:2}"; }
export -f other; export bartizan work port
refused "a second server" "another server is using it" bash -c 'other second'
stop
refused "a server with another data folder" "cannot open the issuer" bash -c 'other third'
refused "the data folder without its database" "no store.database is set" \
  env -u BARTIZAN_DATABASE "$bartizan" quickstart --data "$work/data" --port "$port" --no-sandbox
refused "an address with a password" "has a password" bash -c 'other fourth --database postgres://b:s3cret@localhost/b'
! grep -rqs s3cret "$work"/*log || fail "the password is in a log"

echo "== commands without a server"
cat >"$work/config.toml" <<END
data = '$work/data'
[store]
database = '$BARTIZAN_DATABASE'
END
"$bartizan" lake verify --config "$work/config.toml" >/dev/null || fail "lake verify"
refused "a command without the database" "no store.database is set" "$bartizan" lake verify --data "$work/data"

echo "== the database goes away and comes back"
start
"$tests/../scripts/postgres.sh" restart "$postgres"
for _ in $(seq 100); do
  curl -sf --cacert "$work/data/tls/ca.pem" "https://127.0.0.1:$port/readyz" >/dev/null 2>&1 && break
  sleep 0.2
done
token() {
  local base id secret tenant
  base=$(jq -er .base_url "$work/data/quickstart.json") tenant=$(jq -er .tenant_id "$work/data/quickstart.json")
  id=$(jq -er .client_id "$work/data/quickstart.json") secret=$(jq -er .client_secret "$work/data/quickstart.json")
  curl -sSf --cacert "$work/data/tls/ca.pem" "$base/$tenant/oauth2/v2.0/token" -d grant_type=client_credentials \
    -d "client_id=$id" -d "client_secret=$secret" -d "scope=$base/.default" | jq -er .access_token
}
bearer=$(token) || fail "no token after the database came back"
base=$(jq -er .base_url "$work/data/quickstart.json")
curl -sSf --cacert "$work/data/tls/ca.pem" -H "Authorization: Bearer $bearer" -H "Content-Type: application/json" \
  -d '{"indicatorValue":"203.0.113.9","indicatorType":"IpAddress","action":"Block","title":"t","description":"d"}' \
  "$base/api/indicators" | jq -e '.id' >/dev/null || fail "nothing can be written after the database came back"
stop
echo "the state is as well off in PostgreSQL"

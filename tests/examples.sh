#!/usr/bin/env bash
# Runs the examples against simulated devices: those of curl and Python, the notebook, and the receivers of webhooks, which
# are real HTTP servers. Those of actions are in actions.sh. Needs jq and python3, and for the notebook nbclient, ipykernel
# and pandas from their index, in the folder EXAMPLES_VENV where they are there already; what cannot be installed is
# skipped.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
examples=$(realpath "$tests/../examples")
. "$tests/server.sh"
data=$work/data config=$work/bartizan.toml operator_port=$((port + 1))
value() { jq -er ".$1" "$data/quickstart.json"; }

"$bartizan" quickstart --data "$data" --port "$port" --devices 6 >"$work/out" 2>>"$work/log" &
server=$!
wait_ready
export BARTIZAN="$data/quickstart.json"
token() {
  bearer=$(curl -sS --cacert "$(value ca_file)" "$(value authority)/oauth2/v2.0/token" -d grant_type=client_credentials \
    -d "client_id=$(value client_id)" --data-urlencode "client_secret=$(value client_secret)" \
    -d "scope=$(value base_url)/.default" | jq -er .access_token)
}
api() { curl -sS --cacert "$data/tls/ca.pem" -H "Authorization: Bearer $bearer" -H 'Content-Type: application/json' "$(value base_url)$1" "${@:2}"; }
token
for _ in $(seq 300); do
  [ "$(api "/api/alerts/\$count?\$filter=severity%20ne%20'Low'")" -ge 2 ] && break
  sleep 0.3
done

run() { # what it has to say, program, arguments
  "${@:2}" >"$work/said" 2>&1 || { cat "$work/said"; fail "$2 $3"; }
  grep -qE "$1" "$work/said" || { cat "$work/said"; fail "$3 does not say: $1"; }
  echo "  $(basename "$3"): $(tail -n 1 "$work/said" | cut -c1-100)"
}
echo "the examples run"
run 'Alert.Read.All' bash "$examples/hello.sh"
grep -qE '^"da[0-9]+_' "$work/said" || fail "hello.sh lists no alert"
run 'severe alerts on' python3 "$examples/hunt_by_alerts.py"
run '^Timestamp,' python3 "$examples/hunt_to_csv.py"
printf 'DeviceProcessEvents\n| where isnotempty(FileName)\n| summarize n = count() by FileName\n| top 3 by n\n' >"$work/query.kql"
run '^FileName,n' python3 "$examples/hunt_to_csv.py" "$work/query.kql"
[ "$(wc -l <"$work/said")" = 4 ] || fail "not three rows"
run 'hunting: [1-9]' python3 "$examples/power_bi.py"
run 'indicators as STIX' python3 "$examples/indicators.py"
run 'is Resolved' python3 "$examples/tickets.py"
run '^[1-9][0-9]* alerts' python3 "$examples/siem_pull.py" "$work/place.json"
grep '^{' "$work/said" | sort >"$work/pulled"
# Of what was there, the second round brings what was changed, and nothing again.
alert=$(jq -er .id <<<"$(head -n 1 "$work/pulled")")
api "/api/alerts/$alert" -X PATCH -d '{"status":"InProgress"}' -o /dev/null -f
run '^[1-9][0-9]* alerts' python3 "$examples/siem_pull.py" "$work/place.json"
grep '^{' "$work/said" | sort >"$work/pulled-again"
jq -es --arg id "$alert" 'any(.id == $id and .status == "InProgress")' "$work/pulled-again" >/dev/null ||
  fail "siem_pull.py does not bring the alert that was changed"
[ -z "$(comm -12 "$work/pulled" "$work/pulled-again")" ] || fail "siem_pull.py brings what it brought already"
run '[1-9][0-9]* alerts' python3 "$examples/partner.py"

venv=${EXAMPLES_VENV:-$work/venv}
if "$venv/bin/python" -c 'import nbclient, ipykernel, pandas' 2>/dev/null ||
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --retries 1 --timeout 15 nbclient==0.11.0 ipykernel pandas; } >"$work/pip" 2>&1; then
  cat >"$work/notebook.py" <<'PY'
import sys
import nbclient
import nbformat

notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": sys.argv[2]}}).execute()
print("".join(output.get("text", "") for output in notebook.cells[-1].outputs))
PY
  run '[1-9][0-9]* connections' "$venv/bin/python" "$work/notebook.py" "$examples/hunting.ipynb" "$examples"
else
  echo "SKIPPED: the notebook: $(tail -n 1 "$work/pip")"
fi
stop

# Webhooks go to hosts of one's own network only where the operator names them.
cat >"$config" <<TOML
data = "$data"
listen = "127.0.0.1:$port"
operator_listen = "127.0.0.1:$operator_port"
[webhooks]
private_hosts = ["127.0.0.1"]
TOML
"$bartizan" serve --config "$config" >>"$work/log" 2>&1 &
server=$!
wait_ready
token
hook() { # format, port
  api /api/webhooks -d "{\"url\":\"http://127.0.0.1:$2/hook\",\"kinds\":[\"alert\"],\"filters\":{\"alert\":\"severity ne 'Low'\"},\"format\":\"$1\"}" |
    jq -er .secret >"$work/$1.secret"
}
hook slack $((port + 2))
hook serviceNow $((port + 3))
python3 "$examples/slack_receiver.py" $((port + 2)) "$work/slack.secret" >"$work/slack.txt" 2>>"$work/receivers.log" &
processes+=($!)
python3 "$examples/servicenow_receiver.py" $((port + 3)) "$work/serviceNow.secret" "$work/table.json" >>"$work/receivers.log" 2>&1 &
processes+=($!)
alert=$(api "/api/alerts?\$top=1&\$filter=severity%20eq%20'High'" | jq -er '.value[0].id')
api "/api/alerts/$alert" -X PATCH -d '{"status":"InProgress"}' -o /dev/null -f
api "/api/alerts/$alert" -X PATCH -d '{"status":"Resolved","assignedTo":"desk@contoso.example"}' -o /dev/null -f
for _ in $(seq 100); do
  grep -q 'status Resolved' "$work/slack.txt" && jq -e '.[0].state == "6"' "$work/table.json" >/dev/null 2>&1 && break
  sleep 0.2
done
grep -q "alert $alert (changed): .*severity High, status Resolved" "$work/slack.txt" || { cat "$work/slack.txt"; fail "the receiver for Slack was told something else"; }
jq -e --arg id "$alert" 'length == 1 and .[0].correlation_id == $id and .[0].state == "6" and .[0].urgency == "1"
  and .[0].assigned_to == "desk@contoso.example" and .[0].number == "INC0000001"' "$work/table.json" >/dev/null ||
  { cat "$work/table.json"; fail "the table has something else"; }
echo "  receivers: a text for Slack, one ticket of the alert for ServiceNow"
stop
echo "examples passed"

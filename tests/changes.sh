#!/usr/bin/env bash
# Follows CHANGES changes by the stream of server-sent events and by a webhook, while both consumers, and the server in
# the end, are killed and started again at random: each change is seen in order, none is missing, and repeats are known
# by their ids. Needs jq and python3. CHANGES=100000 is the long form.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
. "$tests/server.sh"
changes=${CHANGES:-4000}
start
stop
config=$work/bartizan.toml data=$work/data operator_port=$((port + 1)) receiver_port=$((port + 2))
cat >"$config" <<TOML
data = "$data"
listen = "127.0.0.1:$port"
operator_listen = "127.0.0.1:$operator_port"
[rate_limits]
enabled = false
[webhooks]
private_hosts = ["127.0.0.1"]
TOML
. "$tests/serving.sh"
value() { jq -er ".$1" "$data/quickstart.json"; }
serve
token
webhook=$(api /api/webhooks -H 'Content-Type: application/json' \
  -d "{\"url\":\"http://127.0.0.1:$receiver_port/hook\",\"kinds\":[\"indicator\"]}")
jq -er .secret <<<"$webhook" >"$work/secret"
echo "$bearer" >"$work/token"

# The consumers are killed by who runs them; the server is killed here, three times.
python3 "$tests/changes.py" --base "https://127.0.0.1:$port" --ca "$data/tls/ca.pem" --token "$work/token" \
  --secret "$work/secret" --receiver "$receiver_port" --changes "$changes" --folder "$work" >"$work/told" 2>"$work/changes.log" &
follower=$!
processes+=("$follower")
in_the_middle=0
for kill in 1 2 3; do
  for _ in $(seq 6000); do
    [ -s "$work/sent" ] && [ "$(cat "$work/sent")" -ge $(( changes * kill / 4 )) ] && break
    kill -0 "$follower" 2>/dev/null || break
    sleep 0.1
  done
  kill -0 "$follower" 2>/dev/null || break
  [ "$(cat "$work/sent" 2>/dev/null || echo 0)" -ge "$changes" ] || in_the_middle=$((in_the_middle + 1))
  kill_hard
  serve
done
wait "$follower" || { cat "$work/told"; fail "a consumer saw something else"; }
cat "$work/told"
[ "$in_the_middle" -ge 2 ] || fail "the server was killed $in_the_middle times while changes were made"
echo "  the server was killed $in_the_middle times while changes were made"
stop
echo "changes passed"

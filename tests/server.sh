# Sourced by the tests that start a server of their own: `start [ARGUMENT...]`, `stop`, `fail`, and at the end of the
# script the server is gone and so is its folder. Needs $bartizan; `processes` are ended as well, and
# a function `at_end` is called.

. "$(dirname "${BASH_SOURCE[0]}")/ports.sh"

work=$(mktemp -d)
port=$(free_port)
server=
processes=()

start() {
  "$bartizan" quickstart --data "$work/data" --port "$port" --no-sandbox "$@" >"$work/out" 2>>"$work/log" &
  server=$!
  wait_ready
}

wait_ready() {
  for _ in $(seq 300); do
    curl -sf --cacert "$work/data/tls/ca.pem" "https://127.0.0.1:$port/readyz" >/dev/null 2>&1 && return
    kill -0 "$server" 2>/dev/null || fail "the server ended"
    sleep 0.1
  done
  fail "the server does not answer"
}

stop() { kill "$server" && wait "$server" || fail "the server did not end cleanly"; server=; }

fail() { echo "FAILED: $*" >&2; exit 1; }

finish() {
  status=$?
  for process in "${processes[@]}" $server; do
    # One that was stopped does not end.
    kill -CONT "$process" 2>/dev/null || true
    kill "$process" 2>/dev/null && wait "$process" 2>/dev/null || true
  done
  [ $status = 0 ] || { echo "the logs end with:"; tail -n 20 "$work"/*log 2>/dev/null || true; }
  if declare -F at_end >/dev/null; then at_end; fi
  rm -rf "$work"
  exit $status
}
trap finish EXIT

# Sourced by shippers.sh: `play_rsyslog` sends lines of a file by rsyslog and the bulk protocol, through a server that is
# killed and one that has little room.

# Finds rsyslogd with its module for the bulk protocol: $rsyslogd and $modules.
find_rsyslog() {
  modules=$(dirname "$(compgen -G '/usr/lib/*/rsyslog/omelasticsearch.so' | head -n 1)")
  rsyslogd=$(command -v rsyslogd || true)
  [ -n "$rsyslogd" ] && [ -f "$modules/omelasticsearch.so" ] && return
  # The packages of rsyslog and syslog-ng exclude each other, so that this one is not installed beside it.
  mkdir "$work/packages" && cd "$work/packages" || return
  apt-get download rsyslog rsyslog-elasticsearch libfastjson4 libestr0 liblognorm5 >/dev/null 2>"$work/packages.err" &&
    for package in *.deb; do dpkg -x "$package" unpacked || return; done
  cd "$OLDPWD" || return
  rsyslogd=$work/packages/unpacked/usr/sbin/rsyslogd
  modules=$(dirname "$(compgen -G "$work/packages/unpacked/usr/lib/*/rsyslog/omelasticsearch.so" | head -n 1)")
  export LD_LIBRARY_PATH=${modules%/rsyslog}
  "$rsyslogd" -v >/dev/null 2>&1 && [ -f "$modules/omelasticsearch.so" ]
}

# An action of omelasticsearch with a template and whatever else is given.
bulk_action() {
  cat <<END
  action(type="omelasticsearch" template="$1" server="127.0.0.1" serverport="$port" usehttps="on" tls.cacert="$ca"
    uid="$id" pwd="$secret" bulkmode="on" maxbytes="64k" searchindex="audit" searchtype="_doc"
    retryfailures="on" retryruleset="again" ratelimit.interval="0" errorfile="$work/rsyslog.errors"
    queue.type="disk" queue.filename="$1" queue.dequeuebatchsize="50"
    action.resumeRetryCount="-1" action.resumeInterval="1")
END
}

start_rsyslog() {
  mkdir -p "$work/rsyslog"
  cat >"$work/rsyslog.conf" <<END
global(workDirectory="$work/rsyslog" maxMessageSize="64k")
module(load="imfile" mode="polling" pollingInterval="1")
module(load="omelasticsearch")
template(name="event" type="list") {
  constant(value="{") property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  constant(value=",") constant(outname="host" value="web-4.example" format="jsonf")
  constant(value=",") property(outname="message" name="msg" format="jsonf") constant(value="}")
}
template(name="again" type="string" string="%\$!all-json-plain%")
ruleset(name="again") {
  action(type="omfile" file="$work/rsyslog.again" template="again")
  if \$.omes!status == 429 or \$.omes!status >= 500 then {
$(bulk_action again)
  }
}
ruleset(name="bartizan") {
$(bulk_action event)
}
input(type="imfile" file="$work/rsyslog.in" tag="audit" ruleset="bartizan")
action(type="omfile" file="$work/rsyslog.log")
END
  "$rsyslogd" -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" -M "$modules" >>"$work/rsyslog.out.log" 2>&1 &
  rsyslog=$!
  processes+=("$rsyslog")
}

# The same server with next to no room for rows that are in no file yet, and no patience.
start_small() {
  cat >"$work/small.toml" <<END
data = "$work/data"
listen = "127.0.0.1:$port"
operator_listen = "127.0.0.1:$((port + 1000))"
[lake]
flush_bytes = 2048
hot_bytes_max = 2048
[ingest]
wait_seconds = 0
END
  "$bartizan" serve --config "$work/small.toml" >>"$work/out" 2>>"$work/log" &
  server=$!
  wait_ready
}

# Waits until so many programs arrived from rsyslog, and says how many rows they are.
arrived_by_rsyslog() {
  local query="DeviceProcessEvents | where DeviceName == 'web-4.example' and FileName == 'id'"
  for _ in $(seq 150); do
    found=$(hunt "$query | summarize Rows = count() by ProcessId | summarize Programs = count(), Rows = sum(Rows)" | jq -r '"\(.Programs) programs in \(.Rows) rows"')
    [ "${found%% *}" = "$1" ] && { echo "rsyslog: $found"; return; }
    kill -0 "$rsyslog" 2>/dev/null || fail "rsyslog ended"
    sleep 0.2
  done
  fail "of $1 programs by rsyslog, $found arrived"
}

play_rsyslog() {
  find_rsyslog || { echo "SKIPPED: rsyslog cannot be had: $(tail -n 1 "$work/packages.err" 2>/dev/null)"; return 0; }
  started 1 200 | grep SYSCALL >"$work/rsyslog.in"
  start_rsyslog
  arrived_by_rsyslog 200

  # Killed while lines come: what was answered is there, and what was not is sent again.
  (for n in $(seq 201 50 951); do started "$n" $((n + 49)) | grep SYSCALL >>"$work/rsyslog.in"; sleep 0.2; done) &
  local feeder=$!
  sleep 1.2
  kill -9 "$server" && wait "$server" 2>/dev/null || true
  sleep 2
  start
  wait "$feeder"
  arrived_by_rsyslog 1000

  # A server with room for a few rows at a time refuses most of what comes, until it is sent again.
  stop
  start_small
  [ ! -e "$work/rsyslog.again" ] || mv "$work/rsyslog.again" "$work/rsyslog.again.before"
  started 1001 2000 | grep SYSCALL >>"$work/rsyslog.in"
  arrived_by_rsyslog 2000
  [ -s "$work/rsyslog.again" ] || fail "nothing was refused for want of room"
  echo "rsyslog: sent $(grep -o '"message"' "$work/rsyslog.again" | wc -l) lines again after 429"
  kill "$rsyslog" && wait "$rsyslog" || fail "rsyslog did not end cleanly"
  stop
  start
  [ ! -s "$work/rsyslog.errors" ] || fail "rsyslog gave lines up: $(head -c 500 "$work/rsyslog.errors")"
}

#!/usr/bin/env bash
# A PostgreSQL server for tests: scripts/postgres.sh start FOLDER makes one in a new folder and prints its address,
# scripts/postgres.sh stop FOLDER ends it and removes the folder, scripts/postgres.sh restart FOLDER crashes it and starts
# it again. It listens on a socket in the folder alone and does not keep what it holds.
set -euo pipefail

usage() { echo "usage: $0 start|restart|stop FOLDER" >&2; exit 2; }
[ $# = 2 ] || usage
folder=$2

# The newest of Debian's, which are not in PATH, or what is in PATH.
tools() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  if [ -n "$found" ] && [ -x "$found/initdb" ]; then
    echo "$found"
  elif command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then
    dirname "$(command -v initdb)"
  else
    return 1
  fi
}

install_tools() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  # Debian would start a server of its own.
  local policy=/usr/sbin/policy-rc.d is_ours=
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; is_ours=1; }
  apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null 2>&1 || true
  [ -z "$is_ours" ] || rm -f $policy
}

# PostgreSQL does not run as root.
as_owner() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi
}

run() {
  local options="-c listen_addresses= -k $folder -c fsync=off -c max_connections=400"
  as_owner "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -o "$options" start >/dev/null ||
    { cat "$folder/log" >&2; exit 1; }
}

case $1 in
start)
  bin=$(tools) || { install_tools && bin=$(tools); } || {
    echo "PostgreSQL is not installed. On Debian or Ubuntu: sudo apt-get install postgresql" >&2
    exit 1
  }
  mkdir -m 700 "$folder"
  if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
  cd "$folder"
  as_owner "$bin/initdb" -D "$folder/data" -A trust -U postgres --encoding=UTF8 --locale=C.UTF-8 >"$folder.log" 2>&1 ||
    { cat "$folder.log" >&2; exit 1; }
  rm -f "$folder.log"
  run
  echo "postgres:///postgres?host=$folder&user=postgres"
  ;;
restart)
  bin=$(tools)
  cd /
  as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null
  run
  ;;
stop)
  [ -d "$folder/data" ] || exit 0
  bin=$(tools)
  cd /
  as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$folder"
  ;;
*) usage ;;
esac

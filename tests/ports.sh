# Sourced by the tests that listen: `free_port` prints a port on which nothing listens, nor on the three after it, nor
# on the one a thousand further, where a quickstart answers its operator. All are below those that Linux takes for
# outgoing connections (32768), as one of these may hold any port above for a while.
free_port() {
  local port other
  while true; do
    port=$(( 11000 + RANDOM % 20000 ))
    for other in "$port" $(( port + 1 )) $(( port + 2 )) $(( port + 3 )) $(( port + 1000 )); do
      if (: >"/dev/tcp/127.0.0.1/$other") 2>/dev/null; then continue 2; fi
    done
    echo "$port"
    return
  done
}

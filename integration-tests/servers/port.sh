# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# Ports on loopback.

claimed=" "

connect() { exec 3<>"/dev/tcp/127.0.0.1/$1"; }

# Only a refusal shows that a port is free: a program that is too busy to take a connection has it.
port_taken() {
  local status=0
  bounded 1 connect "$1" 2>/dev/null || status=$?
  [ "$status" -ne 1 ]
}

# claim VARIABLE...: leaves in each variable the port that it holds, once that is known to be
# free, else a free one: below the range that systems take for outgoing connections.
claim() {
  local variable port tries kept
  kept=" $(private_ports)"
  for variable; do
    port=${!variable:-}
    [ -n "$port" ] || continue
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then fail "$variable=$port is not a port"; fi
    if [[ $claimed == *" $port "* ]]; then fail "$variable=$port: that port is set for something else too"; fi
    if port_taken "$port"; then fail "$variable=$port: that port is taken"; fi
    claimed+="$port "
  done
  for variable; do
    [ -z "${!variable:-}" ] || continue
    for ((tries = 0; tries < 100; tries++)); do
      port=$((20000 + RANDOM % 12000))
      [[ $claimed$kept == *" $port "* ]] || port_taken "$port" || break
    done
    claimed+="$port "
    printf -v "$variable" %s "$port"
  done
}

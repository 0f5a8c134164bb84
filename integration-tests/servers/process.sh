# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# Server processes: started apart from the caller, found again by a mark in their environment.
# The mark is the server's data folder, so it names this checkout and nothing else; children
# inherit it, and unlike a pid file it is never stale.

mark=OTEL_MESSAGING_BROKER_DATA

# launch DIR COMMAND...: starts the server, whose output goes to DIR/log. Prints nothing, waits
# for nothing, and keeps none of the caller's files open: a caller may be waiting for their end.
launch() {
  local dir=$1
  shift
  (
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      ((fd <= 2)) || eval "exec $fd>&-"
    done
    cd "$dir" || exit
    export "$mark=$dir"
    exec setsid "$@" </dev/null >>"$dir/log" 2>&1
  ) &
}

# The children of PostgreSQL write their titles over their environment; they stay in their folder.
processes() { # DIR
  {
    grep -lszxF -- "$mark=$1" /proc/[0-9]*/environ || true
    ! [ -L "$1/elsewhere" ] || find /proc/[0-9]*/cwd -maxdepth 0 -lname "$(readlink "$1/elsewhere")/*" 2>/dev/null || true
  } | tr -dc '0-9\n' | sort -u
}

# stop DIR SIGNAL...: each signal has five seconds. A node of RabbitMQ that is still booting takes
# SIGTERM only once it has booted.
stop() {
  local dir=$1 signal pids tick
  shift
  for signal; do
    for ((tick = 0; tick < 50; tick++)); do
      pids=$(processes "$dir")
      [ -n "$pids" ] || return 0
      # SIGKILL again and again: a process may just have made another.
      # shellcheck disable=SC2086 # a list of numbers
      ((tick > 0)) && [ "$signal" != KILL ] || kill "-$signal" $pids 2>/dev/null || true
      sleep 0.1
    done
  done
  return 1
}

# await BROKER DIR: until the server that was launched there answers; its status says whether.
await() {
  local deadline=$((SECONDS + ${BROKERS_START_TIMEOUT:-60})) port seen='' tick=0
  read -r _ port _ <"$2/server"
  while ((SECONDS < deadline)); do
    # The mark is there only once the command has taken the shell's place, which takes its time on a
    # busy machine; one that has ended by then is found missing a little later.
    if [ -n "$(processes "$2")" ]; then
      seen=1
    elif [ -n "$seen" ] || ((++tick > 20)); then
      return 1
    fi
    if [[ $(check "$1" "$(url "$1" "$port")") == ok* ]]; then
      # Kafka listens some time before it can serve.
      if [ "$1" != kafka ] || grep -q 'Kafka Server started' "$2/log"; then return 0; fi
    fi
    sleep 0.1
  done
  echo "no answer within ${BROKERS_START_TIMEOUT:-60} s" >>"$2/log"
  return 1
}

# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# A broker for one caller, which kills it and starts it again. This script stays beside it and ends
# with its standard input, so a caller that is killed leaves nothing behind. What is left when the
# script itself is killed, `down` finds: by the folder of all private brokers.

private_data=$data/private

private() { # BROKER
  local command start prepare
  # Nothing that is set for the three shared brokers is meant for this one.
  unset AMQP_URL KAFKA_BROKERS NATS_URL DATABASE_URL BROKERS_AMQP_MANAGEMENT_PORT BROKERS_NATS_MONITOR_PORT
  no_way="install Docker with its compose plugin"
  # shellcheck disable=SC2086 # lists of names
  unset $rabbitmq_ports $kafka_ports $nats_ports $postgres_ports
  all=$1 data=$private_data/$$ project=$project-private-$$ signals=$(private_signals "$1")
  # Tests start several at a time.
  BROKERS_START_TIMEOUT=${BROKERS_START_TIMEOUT:-120}
  trap abandon EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  trap 'exit 141' PIPE
  lock
  starting=$1
  clear "$1" # of an earlier process that had this one's number
  if compose_answers; then prepare=compose_prepare start=compose_start; else prepare=native_prepare start=native_start; fi
  "$prepare" "$1"
  mkdir -p "$data/$1"
  echo "$claimed" >"$data/$1/ports"
  exec 9>&- # the ports are this one's, so others may start while this one does
  private_start "$1"
  while read -r command; do
    case $command in
      kill) private_kill "$1" ;;
      start) private_start "$1" ;;
      *) say "no such command: $command; there are kill and start" ;;
    esac
  done
}

# PostgreSQL, killed, would leave a piece of the system's shared memory behind.
private_signals() { if [ "$1" = postgres ]; then echo INT KILL; else echo KILL; fi; } # BROKER

private_start() { # BROKER
  local starter command status
  if [[ $(answer "$1") != ok* ]]; then
    "$start" "$1" &
    starter=$!
    # The caller may be gone before it has started.
    while kill -0 "$starter" 2>/dev/null; do
      status=0
      read -r -t 0.1 command || status=$?
      case $status in
        0) say "not while it starts: $command" ;;
        1) exit ;;
      esac
    done
    wait "$starter"
  fi
  started_url "$1"
}

private_kill() { # BROKER
  local how port version said
  recall "$1" || fail "the data of the private $(title "$1") is gone"
  if [ "$how" = compose ]; then
    said=$(compose kill "$1" </dev/null 2>&1) || fail "docker compose could not kill $1: $said"
  else
    stop "$data/$1" KILL || fail "$(title "$1") does not die"
  fi
  echo killed
}

# The ports of private brokers, which nobody listens on between kill and start.
private_ports() { cat "$private_data"/*/*/ports 2>/dev/null | tr '\n' ' ' || true; }

private_marks() {
  grep -hszF -- "$mark=$private_data/" /proc/[0-9]*/environ | tr '\0' '\n' | sort -u || true
}

private_projects() {
  command -v docker >/dev/null || return 0
  bounded 5 docker ps --all --format '{{.Label "com.docker.compose.project"}}' 2>/dev/null |
    grep -xE -- "$project-private-[0-9]+" | sort -u || true
}

private_left() {
  compgen -G "$private_data/*" >/dev/null || [ -n "$(private_marks)" ] || [ -n "$(private_projects)" ]
}

# Ends all private brokers, whoever has them.
private_clear() {
  local line stops='' stop projects
  while read -r line; do
    [ -n "$line" ] || continue
    # shellcheck disable=SC2046 # a list of signals
    stop "${line#"$mark="}" $(private_signals "${line##*/}") &
    stops+=" $!"
  done <<<"$(private_marks)"
  for stop in $stops; do wait "$stop" || fail "a private server does not die; its data stays in $private_data"; done
  projects=$(private_projects)
  for project in $projects; do compose_down; done
  remove "$private_data"
}

# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# The real servers, started on this machine.

# native_prepare BROKER...: their ports, and what has to be installed.
native_prepare() {
  local broker ports='' ports_of_broker
  [ -r /proc/self/environ ] || fail "no Docker engine answers and this is not Linux: $no_way"
  for broker; do
    ports_of_broker=${broker}_ports
    ports+=" ${!ports_of_broker}"
  done
  # shellcheck disable=SC2086 # a list of names
  claim $ports
  # One after the other: apt-get and the cores are shared.
  for broker; do "${broker}_fetch"; done
}

native_up() { # BROKER...
  local broker starters='' starter status=0
  native_prepare "$@"
  for broker; do
    native_start "$broker" &
    starters+=" $!"
  done
  for starter in $starters; do wait "$starter" || status=1; done
  return "$status"
}

native_start() { # BROKER
  local started=${EPOCHREALTIME:-$SECONDS.0} dir=$data/$1 version='' took
  case $1 in
    kafka) version=$kafka_version ;;
    postgres) version=$(postgres_version) ;;
  esac
  remember "$1" native "$version"
  if ! "$1_start" "$dir" || ! await "$1" "$dir"; then
    fail_with "$dir/log" "$(title "$1") did not start"
  fi
  took=$((${EPOCHREALTIME//[!0-9]/} - ${started//[!0-9]/}))
  say "$(title "$1") $(version_of "$1") on 127.0.0.1:$(port_of "$1"), ready in $((took / 1000000)).$((took / 100000 % 10)) s"
}

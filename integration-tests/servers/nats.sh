# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# nats-server: the user's, else the current one built with Go, else Debian's. Where a version is
# asked for, the first of them that is of that version, else that version built with Go.

case ${BROKERS_NATS:-} in
  2.12) nats_release=v2.12.15 ;;
  '' | 2.15) nats_release=v2.15.2 ;;
  *) fail "BROKERS_NATS=$BROKERS_NATS: there are 2.12 and 2.15" ;;
esac
nats_bin=$cache/nats-server-$nats_release
nats_ports="BROKERS_NATS_PORT"

nats_server() {
  local candidate
  for candidate in "${NATS_SERVER_BIN:-nats-server}" "$nats_bin/nats-server" /usr/sbin/nats-server; do
    ! nats_suits "$candidate" || { command -v "$candidate" && return; }
    [ -z "${NATS_SERVER_BIN:-}" ] || fail "NATS_SERVER_BIN=$NATS_SERVER_BIN is not a nats-server${BROKERS_NATS:+ $BROKERS_NATS}"
  done
  return 1
}

nats_suits() { # PROGRAM
  [[ $("$1" --version 2>/dev/null) == "nats-server: v${BROKERS_NATS:+$BROKERS_NATS.}"* ]]
}

nats_fetch() {
  if nats_server >/dev/null; then return; fi
  if go_ready; then
    say "building nats-server $nats_release with Go"
    if GOBIN="$nats_bin" go_cached install "github.com/nats-io/nats-server/v2@$nats_release" >"$cache/go.log" 2>&1; then return; fi
    say "that failed ($(tail -n 1 "$cache/go.log"))"
  fi
  [ -z "${BROKERS_NATS:-}" ] || fail "nats-server $BROKERS_NATS is not here, nor can it be built: $no_way"
  install nats-server
}

nats_start() { # DIR
  local server
  server=$(nats_server)
  [[ $server == /* ]] || server=$PWD/$server # it is started in its data folder
  # Tests ask for accounts by a file of configuration.
  launch "$1" "$server" ${BROKERS_NATS_CONFIG:+--config "$BROKERS_NATS_CONFIG"} \
    --addr 127.0.0.1 --port "$BROKERS_NATS_PORT" --jetstream --store_dir "$1"
}

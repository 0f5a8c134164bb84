# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# The brokers as containers of docker-compose.yml, in a project named after this checkout.

project=otel-messaging-$(cksum <<<"$data" | cut -d ' ' -f 1)

# The profile is for `down`, which else leaves its services alone.
compose() {
  docker compose --profile database --project-name "$project" --file "$root/docker-compose.yml" \
    ${BROKERS_NATS_CONFIG:+--file "$servers/nats-config.yml"} "$@" 9>&-
}

# Images of the versions that are chosen; else the file's own.
case ${BROKERS_RABBITMQ:-} in
  3.10) export RABBITMQ_TAG=3.10-management-alpine ;;
  4) unset RABBITMQ_TAG ;;
esac
case ${BROKERS_NATS:-} in
  2.12) export NATS_TAG=2.12-alpine ;;
  2.15) unset NATS_TAG ;;
esac

# The client without an engine is common; a remote engine that is gone may take minutes to say so.
compose_answers() {
  command -v docker >/dev/null && bounded 5 docker info >/dev/null 2>&1 && bounded 5 docker compose version >/dev/null 2>&1
}

# compose_prepare BROKER...: their ports.
compose_prepare() {
  local broker tag
  # shellcheck disable=SC2046 # a list of names
  claim $(for broker; do port_variable "$broker"; done) BROKERS_AMQP_MANAGEMENT_PORT BROKERS_NATS_MONITOR_PORT
  # Empty for a broker that is not started here, and then of no account.
  export AMQP_PORT=${BROKERS_AMQP_PORT:-} KAFKA_PORT=${BROKERS_KAFKA_PORT:-} NATS_PORT=${BROKERS_NATS_PORT:-}
  export POSTGRES_PORT=${BROKERS_POSTGRES_PORT:-} POSTGRES_PASSWORD=
  [[ " $* " != *" postgres "* ]] || POSTGRES_PASSWORD=$(postgres_password)
  export AMQP_MANAGEMENT_PORT=$BROKERS_AMQP_MANAGEMENT_PORT NATS_MONITOR_PORT=$BROKERS_NATS_MONITOR_PORT
  for broker; do
    eval "tag=$(sed -n "s|.*image: .*$broker:||p" "$root/docker-compose.yml")" # it may name a variable
    remember "$broker" compose "$tag"
  done
}

compose_up() { # BROKER...
  compose_prepare "$@"
  compose_start "$@"
}

# compose_start BROKER...: a container that was killed is started again, with what is in it.
compose_start() {
  local broker started=$SECONDS
  say "starting $* with docker compose"
  if ! compose up --detach --wait "$@" </dev/null >&2; then
    compose logs --tail 20 "$@" >&2 || true
    fail "docker compose could not start $*; their last log lines are above"
  fi
  if [ -n "${BROKERS_RABBITMQ_DEFINITIONS:-}" ]; then
    compose exec -T rabbitmq rabbitmq-plugins enable rabbitmq_federation </dev/null >&2
    compose exec -T rabbitmq rabbitmqctl import_definitions <"$BROKERS_RABBITMQ_DEFINITIONS" >&2
  fi
  for broker; do
    say "$(title "$broker") $(version_of "$broker") on 127.0.0.1:$(port_of "$broker"), ready within $((SECONDS - started)) s"
  done
}

# Also true of containers whose data folder `cargo clean` took.
compose_runs() {
  command -v docker >/dev/null &&
    [ -n "$(bounded 5 docker ps --all --quiet --filter "label=com.docker.compose.project=$project" 2>/dev/null)" ]
}

# Its output is kept back: the caller of a private broker may be gone, and with it who reads that.
compose_down() {
  local said
  said=$(compose down --volumes --timeout 10 </dev/null 2>&1) || fail "docker compose could not remove $project: $said"
}

compose_remove() { # BROKER...
  local said
  said=$(compose rm --stop --force --volumes "$@" </dev/null 2>&1) || fail "docker compose could not remove $*: $said"
  compose_runs || compose_down # the network
}

# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# RabbitMQ from Debian's package: this machine's, or where another version is asked for, that of the
# release of Debian which has it.

# Not the one in /usr/sbin, which switches to a system user and its folders.
rabbitmq_server=/usr/lib/rabbitmq/bin/rabbitmq-server

rabbitmq_ports="BROKERS_AMQP_PORT BROKERS_AMQP_NODE_PORT BROKERS_EPMD_PORT"

case ${BROKERS_RABBITMQ:-} in
  '' | 3.10 | 4) ;;
  *) fail "BROKERS_RABBITMQ=$BROKERS_RABBITMQ: there are 3.10 and 4" ;;
esac

# rabbitmq_release: prints the release of Debian whose package is needed; nothing where any will do.
rabbitmq_release() {
  local installed
  installed=$(dpkg-query --show --showformat '${Version}' rabbitmq-server 2>/dev/null) || true
  case ${BROKERS_RABBITMQ:-}:$installed in
    3.10:3.10.* | 4:4.* | :*) ;;
    3.10:*) echo bookworm ;;
    4:*) echo trixie ;;
  esac
}

rabbitmq_fetch() {
  local release
  release=$(rabbitmq_release)
  if [ -n "$release" ]; then
    debian_unpack "$release" rabbitmq-server
  elif [ ! -x "$rabbitmq_server" ]; then
    install rabbitmq-server
  fi
}

rabbitmq_start() { # DIR
  local dir=$1 release debian_command=()
  release=$(rabbitmq_release)
  [ -z "$release" ] || debian_in "$release"
  : >"$dir/rabbitmq-env.conf"
  # Tests ask for a federated broker by a file of definitions.
  echo "[${BROKERS_RABBITMQ_DEFINITIONS:+rabbitmq_federation}]." >"$dir/enabled_plugins"
  cat >"$dir/rabbitmq.conf" <<CONF
listeners.tcp.default = 127.0.0.1:$BROKERS_AMQP_PORT
log.console = true
log.file = false
# The defaults go by the size of the machine and block publishers on a small or full one.
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 50MB
${BROKERS_RABBITMQ_DEFINITIONS:+load_definitions = $BROKERS_RABBITMQ_DEFINITIONS}
CONF
  # A node is known by its name to the epmd it registers with. This one has an epmd of its own, on
  # a port of its own, and does not depend on how the machine's name resolves.
  # HOME is for the Erlang cookie. With input "allowed" the script replaces itself by the server,
  # in place of staying as its parent; the argument -noinput then takes the input away again.
  launch "$dir" "${debian_command[@]}" env \
    HOME="$dir" \
    RABBITMQ_NODENAME="otel-messaging@localhost" \
    RABBITMQ_CONF_ENV_FILE="$dir/rabbitmq-env.conf" \
    RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$dir/mnesia" \
    RABBITMQ_LOG_BASE="$dir" \
    RABBITMQ_PID_FILE="$dir/pid" \
    RABBITMQ_GENERATED_CONFIG_DIR="$dir/config" \
    RABBITMQ_DIST_PORT="$BROKERS_AMQP_NODE_PORT" \
    ERL_EPMD_PORT="$BROKERS_EPMD_PORT" \
    ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_ALLOW_INPUT=true \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-noinput -kernel inet_dist_use_interface {127,0,0,1} +sbwt none" \
    "$rabbitmq_server"
}

# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# Broker addresses: reading them, showing them, and asking who answers there.

title() { case $1 in rabbitmq) echo RabbitMQ ;; kafka) echo Kafka ;; nats) echo NATS ;; postgres) echo PostgreSQL ;; esac; }
variable() {
  case $1 in rabbitmq) echo AMQP_URL ;; kafka) echo KAFKA_BROKERS ;; nats) echo NATS_URL ;; postgres) echo DATABASE_URL ;; esac
}

port_variable() {
  case $1 in
    rabbitmq) echo BROKERS_AMQP_PORT ;;
    kafka) echo BROKERS_KAFKA_PORT ;;
    nats) echo BROKERS_NATS_PORT ;;
    postgres) echo BROKERS_POSTGRES_PORT ;;
  esac
}

# url BROKER PORT: the address of a broker that we started.
url() {
  case $1 in
    rabbitmq) echo "amqp://guest:guest@127.0.0.1:$2/%2f" ;;
    kafka) echo "127.0.0.1:$2" ;;
    nats) echo "nats://127.0.0.1:$2" ;;
    postgres) echo "postgres://postgres:$(postgres_password)@127.0.0.1:$2/postgres" ;;
  esac
}

# redacted URL: the same, on one line and without user, password or token. Whatever stands before
# the last @ goes, list separators too: in a malformed address any of it may be the password.
redacted() {
  local text=${1//[[:cntrl:]]/?} scheme=
  if [[ $text == *@* ]]; then
    [[ $text =~ ^[a-z]+:// ]] && scheme=${BASH_REMATCH[0]}
    text="$scheme***@${text##*@}"
  fi
  printf '%s\n' "${text%%\?*=*}"
}

# bounded SECONDS COMMAND...: its status, or 124 after that time. Unlike timeout(1) it runs shell
# functions, and is there on every system that has bash.
bounded() {
  local tick=$(($1 * 50)) pid
  shift
  "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    if ((tick-- <= 0)); then
      kill -KILL "$pid" 2>/dev/null || true
      wait "$pid" 2>/dev/null || true
      return 124
    fi
    sleep 0.02
  done
  wait "$pid"
}

# The probes run in a subshell of `bounded` and use builtins only, so that killing that one
# process ends them. Each prints "ok", then the server's version where it tells one.

probe_connection() { # HOST PORT
  exec 3<>"/dev/tcp/$1/$2" || exit 1
  echo ok
}

# The reply to the protocol header is Connection.Start, whose server properties hold
# "version", the type S, a four-byte length and the text. `read -d ''` splits at zero bytes, so
# the three zero bytes of the length part the name from its value.
probe_amqp() { # HOST PORT
  local chunk after='' length first=1
  exec 3<>"/dev/tcp/$1/$2" || exit 1
  printf 'AMQP\0\0\x09\x01' >&3
  while IFS= read -r -d '' -t 2 -u 3 chunk; do
    if [ -n "$first" ]; then
      [ "$chunk" = $'\x01' ] || break # a method frame
      first=
    elif [ -n "$after" ] && [ -n "$chunk" ]; then
      printf -v length %d "'${chunk:0:1}"
      echo "ok ${chunk:1:length}"
      exit 0
    elif [[ $chunk == *versionS ]]; then
      after=1
    fi
  done
  if [ -n "$first" ]; then
    echo "something listens there, but does not speak AMQP 0-9-1"
    exit 1
  fi
  echo ok
}

# ApiVersions in its version 0, which any broker answers. The answer begins with its length, and
# that with a zero byte; text, TLS and other protocols do not.
probe_kafka() { # HOST PORT
  local first=
  exec 3<>"/dev/tcp/$1/$2" || exit 1
  printf '\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff' >&3
  if IFS= read -r -d '' -t 2 -u 3 first && [ -z "$first" ]; then
    echo ok
  else
    echo "something listens there, but does not speak Kafka's protocol"
    exit 1
  fi
}

probe_nats() { # HOST PORT
  local greeting=
  exec 3<>"/dev/tcp/$1/$2" || exit 1
  IFS= read -r -t 2 -u 3 greeting || true
  if [[ $greeting != INFO\ * ]]; then
    echo "something listens there, but does not speak NATS"
    exit 1
  fi
  if [[ $greeting =~ \"version\":\"([^\"]*)\" ]]; then echo "ok ${BASH_REMATCH[1]}"; else echo ok; fi
}

# To a user who says hello it answers R, how to prove that, or E, an error: it is starting.
probe_postgres() { # HOST PORT
  local first=
  exec 3<>"/dev/tcp/$1/$2" || exit 1
  printf '\0\0\0\x17\0\x03\0\0user\0postgres\0\0' >&3
  IFS= read -r -N 1 -t 2 -u 3 first || true
  case $first in
    R) echo ok ;;
    E) echo "it takes no connections yet" && exit 1 ;;
    *) echo "something listens there, but does not speak PostgreSQL's protocol" && exit 1 ;;
  esac
}

# probe BROKER SERVER: "ok [VERSION]", or what is wrong with that one server's address.
probe() {
  local broker=$1 scheme host port probe=probe_connection answer status=0
  local form='^(([A-Za-z_]+)://)?([^/?#]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:([0-9]{1,5}))?([/?].*)?$'
  if ! [[ $2 =~ $form ]]; then
    echo "not a valid address"
    return
  fi
  scheme=${BASH_REMATCH[2]} host=${BASH_REMATCH[4]} port=${BASH_REMATCH[6]}
  case $broker:$scheme in
    rabbitmq:amqp) probe=probe_amqp port=${port:-5672} ;;
    # What TLS hides stays unasked: that something listens is all that is checked.
    rabbitmq:amqps) port=${port:-5671} ;;
    nats: | nats:nats) probe=probe_nats port=${port:-4222} ;;
    nats:tls) port=${port:-4222} ;;
    postgres:postgres) probe=probe_postgres port=${port:-5432} ;;
    kafka:*) probe=probe_kafka port=${port:-9092} ;;
    *)
      echo "not a valid address"
      return
      ;;
  esac
  if ((10#$port < 1 || 10#$port > 65535)); then
    echo "not a valid port: $port"
    return
  fi
  host=${host#[} host=${host%]}
  answer=$(bounded 4 "$probe" "$host" "$((10#$port))" 2>&1) || status=$?
  case $status:$answer in
    124:*) echo "no answer within 4 s" ;;
    *:ok*) echo "$answer" ;;
    *)
      answer=${answer%%$'\n'*} # the first of bash's two complaints, which ends in the reason
      echo "${answer##*: }"
      ;;
  esac
}

# check BROKER URL: as `probe`, for an address that may be a list: one server that answers will do.
check() {
  local servers server answers
  # Some addresses are no lists, and a password may hold a comma.
  case $1 in
    rabbitmq | postgres) servers=("$2") ;;
    *) IFS=, read -r -d '' -a servers <<<"$2," || true ;;
  esac
  answers=$(
    for server in "${servers[@]}"; do
      server=${server#"${server%%[![:space:]]*}"} # without the space around it
      server=${server%"${server##*[![:space:]]}"}
      [ -z "$server" ] || probe "$1" "$server" &
    done
    wait
  )
  case $'\n'$answers in
    *$'\n'ok*) grep -m 1 '^ok' <<<"$answers" ;;
    $'\n') echo "not a valid address" ;;
    *) echo "${answers##*$'\n'}" ;;
  esac
}

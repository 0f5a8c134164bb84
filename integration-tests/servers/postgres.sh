# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# PostgreSQL from Debian's package. It is no broker, but private to a test in the same way.

postgres_ports="BROKERS_POSTGRES_PORT"

# The folder of its programs, which Debian keeps off the PATH: the newest there is.
postgres_bin() {
  local bin
  bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  if [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ]; then
    echo "$bin"
  elif command -v initdb >/dev/null && command -v postgres >/dev/null; then
    dirname "$(command -v postgres)"
  else
    return 1
  fi
}

postgres_fetch() { postgres_bin >/dev/null || install postgresql; }

postgres_version() {
  local version
  read -r _ _ version _ <<<"$("$(postgres_bin)/postgres" --version)"
  echo "$version"
}

# What a private one will be, so that no test has to wait for its installation.
postgres_ready() {
  trap unmake_policy EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  if [[ ${DATABASE_URL:-} == postgres* ]]; then
    echo "PostgreSQL, that of DATABASE_URL"
  elif compose_answers; then
    echo "PostgreSQL $(sed -n 's|.*image: postgres:||p' "$root/docker-compose.yml"), private to each test, docker compose"
  else
    lock
    postgres_fetch
    echo "PostgreSQL $(postgres_version), private to each test, native"
  fi
}

# Its superuser runs programs as the user of the server, and others may be on this machine.
postgres_password() {
  local file=$data/postgres/password
  if ! [ -s "$file" ]; then
    mkdir -p "${file%/*}"
    (umask 077 && od -An -N 16 -t x1 /dev/urandom | tr -d ' \n' >"$file")
  fi
  cat "$file"
}

postgres_start() { # DIR
  local dir=$1 bin user=() files
  bin=$(postgres_bin)
  # Neither program works for root.
  [ "$EUID" -ne 0 ] || user=(setpriv --reuid=postgres --regid=postgres --init-groups)
  if ! [ -e "$dir/elsewhere" ]; then
    # That user may not look into the folder of this checkout. `remove` follows the link.
    files=$(mktemp -d /tmp/otel-messaging-postgres.XXXXXX)
    ln -s "$files" "$dir/elsewhere"
    postgres_password >"$files/password"
    [ "$EUID" -ne 0 ] || chown -R postgres: "$files"
    env --chdir="$files" "$mark=$dir" ${user[@]+"${user[@]}"} "$bin/initdb" --pgdata="$files/data" --username=postgres \
      --pwfile="$files/password" --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync \
      </dev/null >"$dir/log" 2>&1 9>&- || return 1
  fi
  files=$(readlink "$dir/elsewhere")
  # The one that was killed is gone, but as long as nobody has asked for its end, its number is not.
  rm -f "$files/data/postmaster.pid"
  # Without fsync, as a process dies here and not the machine. What is in shared memory would be
  # left behind by a SIGKILL.
  launch "$dir" env --chdir="$files" ${user[@]+"${user[@]}"} "$bin/postgres" -D "$files/data" -p "$BROKERS_POSTGRES_PORT" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c dynamic_shared_memory_type=mmap
}

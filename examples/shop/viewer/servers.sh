# shellcheck shell=bash disable=SC2034,SC2154 # one program with pictures, which checks it all
# The store of metrics and Jaeger, on this machine: the versions and flags of docker-compose.yml.

# image NAME: its version in docker-compose.yml.
image() { sed -n "s|.*image: .*$1:||p" "$root/docker-compose.yml"; }

store_release=$(image victoria-metrics)
# The last release of Jaeger that is a Go module. It has no pages: they are a project of their own.
jaeger_release=v1.76.0

# built PROGRAM RELEASE PACKAGE: leaves the program in the cache. In a module of its own, because
# `go install PACKAGE@RELEASE` refuses modules that replace others.
built() {
  local bin=$cache/$1-$2/$1 module=$cache/$1-$2/module
  [ ! -x "$bin" ] || return 0
  go_ready || fail "so $1 cannot be built"
  say "building $1 $2 with Go"
  rm -rf "$module"
  mkdir -p "$module"
  (cd "$module" && go_cached mod init viewer && go_cached get -tool "$3@$2" && go_cached build -o "$bin" "$3") \
    >"$cache/$1.log" 2>&1 || fail_with "$cache/$1.log" "$1 could not be built"
}

store_fetch() {
  store_bin=$(absolute "${VICTORIA_METRICS_BIN:-}")
  store_bin=${store_bin:-$cache/victoria-metrics-$store_release/victoria-metrics}
  [ -n "${VICTORIA_METRICS_BIN:-}" ] ||
    built victoria-metrics "$store_release" github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics
}

jaeger_fetch() {
  jaeger_bin=$(absolute "${JAEGER_BIN:-}")
  jaeger_bin=${jaeger_bin:-$cache/jaeger-$jaeger_release/jaeger}
  [ -n "${JAEGER_BIN:-}" ] || built jaeger "$jaeger_release" github.com/jaegertracing/jaeger/cmd/jaeger
}

# serve NAME COMMAND...: launches it, in DATA/NAME. Without `disown` bash would tell of its end.
serve() {
  mkdir -p "$data/$1"
  launch "$data/$1" "${@:2}"
  disown
}

# absolute PATH: what is served runs in its data folder.
absolute() { case $1 in '' | /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

# answers URL: whether it does, with success.
answers() { curl --silent --fail --max-time 5 --output /dev/null "$1"; }

# up_at NAME URL: waits until what was launched in DATA/NAME answers there.
up_at() {
  local deadline=$((SECONDS + 60))
  until answers "$2"; do
    ((SECONDS < deadline)) || fail_with "$data/$1/log" "$1 does not answer at $2"
    sleep 0.1
  done
}

# The panels of the picture.
panels=(Consumed "Failed handlings, last 5 minutes" "Handling, p95" "Queue time"
  "Share of messages that joined their sender's trace" "Consumed, by tenant")

store_start() {
  local flags
  mkdir -p "$data/store/dashboards"
  python3 "$viewer/dashboard.py" vmui "${panels[@]}" >"$data/store/dashboards/dashboard.json"
  mapfile -t flags < <(sed -n '/^  metrics:/,/^  [a-z]*:/s/^ *- \(-.*\)/\1/p' "$root/docker-compose.yml")
  serve store "$store_bin" -httpListenAddr="127.0.0.1:$METRICS_PORT" \
    -storageDataPath="$data/store/data" -vmui.customDashboardsPath="$data/store/dashboards" "${flags[@]}"
  store=http://127.0.0.1:$METRICS_PORT
  up_at store "$store/health"
}

jaeger_start() {
  JAEGER_PORT=$JAEGER_PORT JAEGER_GRPC_PORT=$JAEGER_GRPC_PORT OTLP_HTTP_PORT=$OTLP_HTTP_PORT JAEGER_UI=$(absolute "${JAEGER_UI:-}") \
    serve jaeger "$jaeger_bin" --config "$viewer/jaeger.yaml"
  jaeger=http://127.0.0.1:$JAEGER_PORT
  up_at jaeger "$jaeger/api/services"
}

driver_start() {
  serve driver chromedriver --port="$DRIVER_PORT"
  driver=http://127.0.0.1:$DRIVER_PORT
  up_at driver "$driver/status"
}

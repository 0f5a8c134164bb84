# shellcheck shell=bash disable=SC2154 # one program with send, which checks it all
# The producer in Go, built with the modules in go.sum.

go_producer=$(named_for go "$producers"/go/*.go "$producers"/go/go.*)

go_complete() { [ -x "$go_producer" ]; }

go_install() {
  local log=$made/go.log
  go_ready || fail "so there is no producer in Go"
  say "building integration-tests/producers/go"
  (cd "$producers/go" && go_cached build -mod=readonly -o "$go_producer.partial" .) >"$log" 2>&1 ||
    fail_with "$log" "go build failed"
  mv "$go_producer.partial" "$go_producer"
}

go_send() { # ADDRESS DESTINATION MISTAKE COUNT
  exec "$go_producer" "$@"
}

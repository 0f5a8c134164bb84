# shellcheck shell=bash disable=SC2034,SC2154 # one program with send, which checks it all
# Node, with the packages in package-lock.json.

node_files=$(named_for node "$producers/node/package-lock.json")

# What OpenTelemetry 2 runs on.
node_suffices() {
  [[ $(node --version 2>/dev/null) =~ ^v([0-9]+)\.([0-9]+) ]] || return 1
  local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  ((major > 20 || major == 20 && minor >= 6 || major == 18 && minor >= 19))
}

node_complete() { [ -d "$node_files" ] && node_suffices; }

node_install() {
  local missing=() log=$made/npm.log
  why_install="no Node of version 18.19, 20.6 or later, or no npm" no_way="put them on the PATH"
  node_suffices || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
  node_suffices || fail "$why_install, not even Debian's: $no_way"
  [ ! -d "$node_files" ] || return 0
  say "installing integration-tests/producers/node/package-lock.json"
  rm -rf "$node_files.partial"
  mkdir "$node_files.partial"
  cp "$producers/node/package.json" "$producers/node/package-lock.json" "$node_files.partial"
  npm ci --prefix "$node_files.partial" --ignore-scripts --no-audit --no-fund </dev/null >"$log" 2>&1 9>&- ||
    fail_with "$log" "npm could not install the packages"
  mv "$node_files.partial" "$node_files"
}

node_send() { # ADDRESS DESTINATION MISTAKE COUNT
  NODE_PATH=$node_files/node_modules exec node "$producers/node/producer.js" "$@"
}

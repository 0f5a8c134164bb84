# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# What is known of each broker: given, started by us or not there.

# Of a broker that we started it is one line, "how port version", in DATA/BROKER/server.
remember() { # BROKER HOW VERSION
  local port
  port=$(port_variable "$1")
  mkdir -p "$data/$1"
  echo "$2 ${!port} $3" >"$data/$1/server"
}

recall() { # BROKER: sets how, port and version
  how='' port='' version=''
  [ -f "$data/$1/server" ] && read -r how port version <"$data/$1/server"
}

# remove DIR...: with what lies elsewhere, because another user runs the server.
remove() {
  local elsewhere
  while read -r elsewhere; do
    rm -rf "$elsewhere"
  done < <(find "$@" -type l -name elsewhere -exec readlink {} \; 2>/dev/null)
  rm -rf "$@"
}

port_of() {
  local how port version
  recall "$1" && echo "$port"
}

started_url() {
  local how port version
  recall "$1" && url "$1" "$port"
}

# given BROKER: whether its variable names a broker of the user's. With the output of `env`
# evaluated, the variables name our own.
given() {
  local variable
  variable=$(variable "$1")
  [ -n "${!variable:-}" ] && [ "${!variable}" != "$(started_url "$1")" ]
}

# address BROKER: as given, else of the one that we started; a failure if there is neither.
address() {
  local variable
  variable=$(variable "$1")
  if given "$1"; then echo "${!variable}"; else started_url "$1"; fi
}

# answer BROKER: "ok [VERSION]", or what is wrong.
answer() {
  local how port version url
  if ! url=$(address "$1"); then
    echo "not started"
  # Its port may by now be someone else's.
  elif ! given "$1" && recall "$1" && [ "$how" = native ] && [ -z "$(processes "$data/$1")" ]; then
    echo "its process is gone"
  else
    check "$1" "$url"
  fi
}

version_of() { # BROKER [ANSWER]
  local how='' port='' version='' answer=${2:-}
  [ -n "$answer" ] || answer=$(answer "$1")
  given "$1" || recall "$1" || true
  [[ $answer != ok\ * ]] || version=${answer#ok }
  echo "${version:-(version not told)}"
}

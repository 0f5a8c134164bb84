# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# What is told of the brokers, all three at a time.

# each COMMAND...: runs it for all brokers at a time, and prints their output in order.
each() {
  local broker place=0
  for broker in $all; do
    place=$((place + 1))
    "$@" "$broker" | sed "s/^/$place/" &
  done | sort -s -k 1.1,1.1 | cut -c 2-
}

given_line() { # BROKER
  local answer variable shown
  given "$1" || return 0
  variable=$(variable "$1")
  shown=$(redacted "${!variable}")
  answer=$(answer "$1")
  case $answer in
    ok*) echo "ok $(title "$1") $(version_of "$1" "$answer") at $shown, given" ;;
    *) echo "$(title "$1") does not answer at $variable=$shown: $answer" ;;
  esac
}

status_line() { # BROKER
  local how='' port version answer url
  answer=$(answer "$1")
  url=$(address "$1") || true
  if [ -z "$url" ]; then
    echo "$(title "$1"), $answer, down"
    return
  fi
  if given "$1"; then how=given url=$(redacted "$url"); else recall "$1" && url=127.0.0.1:$port; fi
  if [[ $answer == ok* ]]; then
    echo "$(title "$1") $(version_of "$1" "$answer"), $url, $how, up"
  else
    echo "$(title "$1"), $url, $how, down: $answer"
  fi
}

status() {
  local lines
  lines=$(each status_line)
  printf '%s\n' "$lines"
  ! grep -qv ', up$' <<<"$lines"
}

print_env() {
  local broker found=
  for broker in $all; do
    if given "$broker" || [[ $(answer "$broker") == ok* ]]; then
      printf 'export %s=%q\n' "$(variable "$broker")" "$(address "$broker")"
      found=1
    fi
  done
  [ -n "$found" ] || fail "nothing is up: run integration-tests/brokers up"
}

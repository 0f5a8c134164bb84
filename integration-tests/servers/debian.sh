# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# Programs of another release of Debian than this machine's: unpacked into a folder of the cache and
# run there, with that release's libraries. Neither takes a right that the user does not have.

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_unpack RELEASE PACKAGE...: with what they need. No program of a package runs.
debian_unpack() {
  local release=$1 root=$cache/debian-$1 apt=$cache/debian-$1.apt mirror packages package
  local log=$cache/debian-$1.log options
  shift
  [ ! -d "$root" ] || return 0
  { command -v apt-get && command -v unshare; } >/dev/null || fail "$why_install, and this is not Debian: $no_way"
  [ -e "$debian_keyring" ] || fail "$debian_keyring is missing: install debian-archive-keyring, or $no_way"
  say "fetching $* of Debian's $release"
  rm -rf "$apt" "$root.partial"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$root.partial"
  : >"$apt/status" # nothing is installed, so that all that is needed comes
  mirror=$(grep -ohsE 'https?://[^ ]*/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* | head -n 1) || true
  echo "deb [signed-by=$debian_keyring] ${mirror:-http://deb.debian.org/debian} $release main" >"$apt/sources.list"
  # The user's proxy and the like apply; their sources and preferences do not.
  options=(-q -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
    -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root
    -o Debug::NoLocking=true)
  { apt-get "${options[@]}" update &&
    apt-get "${options[@]}" -y --no-install-recommends --download-only install '?essential' "$@"; } \
    </dev/null >"$log" 2>&1 9>&- || fail_with "$log" "apt-get could not fetch $* of Debian's $release"
  for package in "$apt"/archives/*.deb; do
    dpkg-deb --extract "$package" "$root.partial" >>"$log" 2>&1 || fail_with "$log" "dpkg-deb could not unpack $package"
  done
  rm -rf "$apt"
  mv "$root.partial" "$root"
}

# debian_in RELEASE: leaves in `debian_command` the words that run a command with that release's
# /usr, for itself and its children alone; their other folders are the machine's. It ends with them.
debian_in() {
  debian_command=(unshare --mount)
  [ "$EUID" -eq 0 ] || debian_command+=(--map-root-user)
  # shellcheck disable=SC2016 # for the shell in there
  debian_command+=(sh -c 'mount --bind "$0/usr" /usr && exec "$@"' "$cache/debian-$1")
}

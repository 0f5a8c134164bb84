# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# Programs of another release of Debian than this machine's: unpacked into a folder of the cache and
# run there, with that release's libraries. Neither takes a right that the user does not have; the
# machine has to let the user make a mount namespace.

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_namespace: leaves in `debian_command` the words that run a command in a mount namespace of its
# own. Root in a container may have no right to that, and then gets one as any other user does.
debian_namespace() {
  local said='' mapped
  command -v unshare >/dev/null || fail "$why_install, and this is not Debian: $no_way"
  for mapped in '' --map-root-user; do
    debian_command=(unshare --mount ${mapped:+"$mapped"})
    if said=$("${debian_command[@]}" mount --bind /usr /usr 2>&1); then return; fi
  done
  fail "RabbitMQ of another release of Debian runs in a mount namespace of its own, and this machine does not allow one (${said%%$'\n'*}): allow unprivileged user namespaces, or CAP_SYS_ADMIN to a container, or $no_way"
}

# debian_mirror: the one that apt is configured for. Other publishers have folders of the name too.
debian_mirror() {
  local uri=
  [ -n "${BROKERS_DEBIAN_MIRROR:-}" ] && echo "$BROKERS_DEBIAN_MIRROR" && return
  # shellcheck disable=SC2016 # for apt
  uri=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' | sed -n '/^Debian|Debian|/{s///p;q}')
  # Before the first update nothing is known but the addresses.
  # shellcheck disable=SC2016 # for apt
  [ -n "$uri" ] || uri=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' | grep -m 1 -E '^[a-z+]+://[^/]+/debian/?$')
  echo "$uri"
}

# debian_unpack RELEASE PACKAGE...: with what they need. No program of a package runs.
debian_unpack() {
  local release=$1 root=$cache/debian-$1 apt=$cache/debian-$1.apt mirror folder package
  local log=$cache/debian-$1.log options
  shift
  debian_namespace
  [ ! -d "$root" ] || return 0
  command -v apt-get >/dev/null || fail "$why_install, and this is not Debian: $no_way"
  [ -e "$debian_keyring" ] || fail "$debian_keyring is missing: install debian-archive-keyring, or $no_way"
  mirror=$(debian_mirror) || true
  [ -n "$mirror" ] || fail "apt has no source of Debian's: set BROKERS_DEBIAN_MIRROR to the address of a mirror, or $no_way"
  say "fetching $* of Debian's $release"
  rm -rf "$apt" "$root.partial"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$root.partial"
  : >"$apt/status" # nothing is installed, so that all that is needed comes
  echo "deb [signed-by=$debian_keyring] $mirror $release main" >"$apt/sources.list"
  # The user's proxy and the like apply; their sources and preferences do not.
  options=(-q -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
    -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root
    -o Debug::NoLocking=true)
  { apt-get "${options[@]}" update &&
    apt-get "${options[@]}" -y --no-install-recommends --download-only install '?essential' "$@"; } \
    </dev/null >"$log" 2>&1 9>&- || fail_with "$log" "apt-get could not fetch $* of Debian's $release"
  # Up to Bookworm packages have files in /lib, and find them in /usr/lib: the links are the release's.
  for folder in bin sbin lib lib32 lib64 libx32; do
    mkdir -p "$root.partial/usr/$folder"
    ln -s "usr/$folder" "$root.partial/$folder"
  done
  for package in "$apt"/archives/*.deb; do
    # As `dpkg-deb --extract`, which would put folders in the place of the links.
    dpkg-deb --fsys-tarfile "$package" 2>>"$log" |
      tar --extract --keep-directory-symlink --no-same-owner --directory "$root.partial" >>"$log" 2>&1 ||
      fail_with "$log" "dpkg-deb could not unpack $package"
  done
  rm -rf "$apt"
  mv "$root.partial" "$root"
}

# debian_in RELEASE: leaves in `debian_command` the words that run a command with that release's
# /usr, for itself and its children alone; their other folders are the machine's. It ends with them.
debian_in() {
  debian_namespace
  # shellcheck disable=SC2016 # for the shell in there
  debian_command+=(sh -c 'mount --bind "$0/usr" /usr && exec "$@"' "$cache/debian-$1")
}

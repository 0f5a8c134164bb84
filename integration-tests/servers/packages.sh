# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers or python, which check it all
# Debian's packages.

policy_made=

# install PACKAGE...: its program says why it is needed, and what can be done instead of it.
install() {
  local sudo='' policy=/usr/sbin/policy-rc.d package
  command -v apt-get >/dev/null || fail "$why_install, and this is not Debian: $no_way"
  if [ "$EUID" -ne 0 ]; then
    sudo=sudo
    command -v sudo >/dev/null || fail "neither root nor sudo to install $*: do that, or $no_way"
  fi
  say "installing $* from Debian"
  # Without it, packages start their servers on the default ports.
  if [ ! -e "$policy" ]; then
    policy_made="$sudo rm -f $policy"
    # shellcheck disable=SC2016
    $sudo sh -c 'printf "#!/bin/sh\nexit 101\n" >"$0" && chmod 755 "$0"' "$policy"
  fi
  { $sudo apt-get -q update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"; } \
    </dev/null >"$cache/apt.log" 2>&1 9>&- || fail_with "$cache/apt.log" "apt-get could not install $*"
  unmake_policy
  if [ -d /run/systemd/system ]; then
    # Nor shall they start by themselves at the next boot.
    for package; do
      case $package in *-server | postgresql) $sudo systemctl disable "$package" >/dev/null 2>&1 || true ;; esac
    done
  fi
}

# Run at the end of `install`, and by the caller's exit trap when it did not get there.
unmake_policy() {
  ${policy_made:-:}
  policy_made=
}

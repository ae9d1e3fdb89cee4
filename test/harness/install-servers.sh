#!/usr/bin/env bash
# Makes sure that the programs which tests start by themselves are here: PostgreSQL 15 or newer, Redis, Chromium.
# Does nothing when they are; else installs Debian's packages (root only) without starting or enabling their services
# and without creating a database cluster.
set -euo pipefail

has_postgresql() {
  local dir version
  for dir in /usr/lib/postgresql/*/bin; do
    version=$(basename "$(dirname "$dir")")
    [[ $version =~ ^[0-9]+$ && $version -ge 15 && -x $dir/postgres && -x $dir/initdb ]] && return 0
  done
  return 1
}

missing_packages() {
  has_postgresql || echo postgresql
  command -v redis-server >/dev/null || echo redis-server
  command -v chromium >/dev/null || echo chromium
}

fail() {
  echo "install-servers: $1" >&2
  exit 69
}

mapfile -t missing < <(missing_packages)
[[ ${#missing[@]} -eq 0 ]] && exit 0

command_line="apt-get install -y --no-install-recommends ${missing[*]}"
command -v apt-get >/dev/null || fail "the tests need ${missing[*]} (Debian's package names), and apt-get is not here to install them"
[[ $(id -u) -eq 0 ]] || fail "the tests need ${missing[*]}; as root, once: $command_line"

# Two runs at once: the second waits, and finds everything there.
exec 9>/run/lock/marketflow-test-packages
flock -w 900 9 || fail 'another run installs packages and does not end'
mapfile -t missing < <(missing_packages)
[[ ${#missing[@]} -eq 0 ]] && exit 0

# A service is started by its package unless this program forbids it; somebody's own one stays in force.
# https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
policy=/usr/sbin/policy-rc.d
cluster_settings=/etc/postgresql-common/createcluster.conf
made_policy=0
log=$(mktemp)
saved_settings=
undo() {
  rm -f "$log"
  [[ $made_policy -eq 0 ]] || rm -f "$policy"
  [[ -z $saved_settings ]] || { cp -p "$saved_settings" "$cluster_settings" && rm -f "$saved_settings"; }
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [[ ! -e $policy ]]; then
  made_policy=1
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt() {
  apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=false \
    -o Dpkg::Options::=--force-confold "$@" >"$log" 2>&1 9>&- || {
    tail -20 "$log" >&2
    fail "apt-get $* failed"
  }
}

echo "install-servers: installing ${missing[*]}"
apt update
if [[ " ${missing[*]} " == *' postgresql '* ]]; then
  # Its settings exist from here on, and are what keeps the server's package from making a cluster of its own.
  apt install -y postgresql-common
  [[ -f $cluster_settings ]] || : >"$cluster_settings"
  saved_settings=$(mktemp)
  cp -p "$cluster_settings" "$saved_settings"
  echo 'create_main_cluster = false' >>"$cluster_settings"
fi
apt install -y "${missing[@]}"
[[ " ${missing[*]} " != *' redis-server '* ]] || update-rc.d redis-server disable >/dev/null 2>&1 || true

mapfile -t missing < <(missing_packages)
[[ ${#missing[@]} -eq 0 ]] || fail "${missing[*]} still not here, or too old: PostgreSQL must be 15 or newer"

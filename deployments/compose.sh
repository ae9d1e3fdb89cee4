#!/usr/bin/env bash
# compose.sh up | down | logs | ps | load-exchanges: what `make` runs. ENGINE=podman uses another engine than Docker.
set -euo pipefail
cd "$(dirname "$0")/.."

ENGINE=${ENGINE:-docker}

fail() {
  echo "compose: $1" >&2
  exit 69
}

need_engine() {
  local answer
  command -v "$ENGINE" >/dev/null || fail "$ENGINE is not installed: this needs a container engine (Docker 24 or newer, with Compose)"
  answer=$("$ENGINE" version 2>&1 >/dev/null) || fail "$ENGINE is installed, but its engine does not answer: ${answer%%$'\n'*}"
}

need_compose() {
  need_engine
  "$ENGINE" compose version >/dev/null 2>&1 || fail "$ENGINE has no compose command: install its plugin (docker-compose-plugin)"
}

# Passwords are made up once, for this checkout; nobody else knows them.
need_env() {
  [[ ! -e .env ]] || return 0
  local password
  umask 077
  while IFS= read -r line; do
    if [[ $line == *_PASSWORD= ]]; then
      password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
      line+=$password
    fi
    printf '%s\n' "$line"
  done <.env.example >.env
  echo 'compose: wrote .env with new passwords'
}

compose() {
  local version revision
  version=$(sed -nE 's/^  "version": "([^"]+)",$/\1/p' package.json)
  revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
  VERSION=$version REVISION=$revision "$ENGINE" compose --env-file .env --file deployments/docker-compose.yml "$@"
}

architecture() {
  local machine
  machine=$(uname -m)
  case $machine in
    x86_64) echo amd64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) fail "there are no exchange images for $machine, only for amd64 and arm64" ;;
  esac
}

# Loads the archives that are there; returns 1 when there is none.
load_exchanges() {
  local arch number tar name output loaded any=1
  arch=$(architecture)
  for number in 1 2 3; do
    name=exchange$number
    tar=sources/${name}_$arch.tar
    [[ -f $tar ]] || continue
    output=$("$ENGINE" load --input "$tar") || fail "$tar can't be loaded"
    # Last line: "Loaded image: NAME:TAG", or "Loaded image ID: sha256:…" for an image without a name.
    loaded=$(sed -nE 's/^Loaded image( ID)?: *//p' <<<"$output" | tail -1)
    [[ -n $loaded ]] || fail "$tar holds no image: $output"
    "$ENGINE" tag "$loaded" "$name:latest"
    echo "$tar → $name"
    any=0
  done
  return $any
}

case ${1:-} in
  up)
    need_compose
    need_env
    load_exchanges || echo 'compose: no exchange images in sources/: stand-ins are built under their names'
    compose build marketflow
    compose up --detach --wait --wait-timeout 300 || { compose ps --all; fail 'not everything became healthy: make logs'; }
    compose ps
    ;;
  down)
    need_compose
    need_env
    compose down
    ;;
  logs)
    need_compose
    need_env
    compose logs --follow --tail 200
    ;;
  ps)
    need_compose
    need_env
    compose ps --all
    ;;
  load-exchanges)
    need_engine
    arch=$(architecture)
    load_exchanges || fail "there is no sources/exchange{1,2,3}_$arch.tar to load; see sources/README.md"
    ;;
  *)
    echo 'compose.sh up | down | logs | ps | load-exchanges' >&2
    exit 64
    ;;
esac

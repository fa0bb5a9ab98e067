# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What ci/packages, ci/quickstart and ci/test share: say the step, stop at the first failure with the reason, become root
# where it is needed. Sourced, never run. Sets `repo` (the source tree) and `jobs` (processors).
set -Eeuo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || echo 2)
script=${0##*/}
current_step="start"

# One line per step on standard output; the failure message names the last one.
step() {
  current_step=$*
  printf '==> %s\n' "$*"
}

# Stops with the reason (first argument) and, if given, what to do about it (second).
die() {
  trap - ERR
  printf 'ci/%s: %s\n' "$script" "$1" >&2
  [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

on_error() {
  local status=$? line=$1 command=$2
  trap - ERR
  printf '\nci/%s: failed at "%s" (status %d, line %d: %s)\n' "$script" "$current_step" "$status" "$line" "$command" >&2
  exit "$status"
}
trap 'on_error "$LINENO" "$BASH_COMMAND"' ERR

# True if commands can be run as root: we are root, or sudo is there (it may ask for a password at a terminal).
can_be_root() {
  [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "'$1' needs root, and there is no sudo" "run ci/$script as root, or install sudo and allow this user to use it"
  fi
}

# build/ may be left over from a run as another user: say so before a tool says it less clearly.
need_writable_build() {
  mkdir -p "$repo/build" 2>/dev/null || true
  [ -w "$repo/build" ] || die "$repo/build is not writable for $(id -un)" "remove it: it holds nothing but build results"
}

# A step whose output is only of interest when it fails: quiet_step LOGFILE COMMAND...
quiet_step() {
  local log=$1 status=0
  shift
  "$@" >"$log" 2>&1 || status=$?
  [ "$status" -eq 0 ] && return 0
  printf '    last lines of %s:\n' "$log" >&2
  tail -n 30 "$log" | sed 's/^/    | /' >&2
  return "$status"
}

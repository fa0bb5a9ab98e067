# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the package tests share.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cmake=${CMAKE:-cmake} ctest=${CTEST:-ctest}
# A test must see its own rows and colours alone, whatever ctest it is run by.
unset CTEST_INTERACTIVE_DEBUG_MODE CTEST_OUTPUT_ON_FAILURE CTEST_PARALLEL_LEVEL CMAKE_GENERATOR LD_LIBRARY_PATH || true

fail() {
  echo "$(basename "$0"): $1" >&2
  exit 1
}

# quietly LOG COMMAND...: its output is shown only if it fails.
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    fail "failed: $*"
  }
}

expect_status() {
  local wanted=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" -eq "$wanted" ] || fail "status $status, not $wanted: $*"
}
expect_text() { grep -qF -- "$2" "$1" || { tail -n 60 "$1" >&2; fail "'$2' is not in $1"; }; }
expect_no_text() { ! grep -qF -- "$2" "$1" || fail "'$2' is in $1"; }

# What doctor found out; a test that traces skips where nobody can, as live tests do.
need_tracing() {
  local status
  status=$(cat "${LEAKGATE_DOCTOR_STATUS:-/dev/null}" 2>/dev/null || true)
  [ "${status:-0}" != 0 ] || return 0
  [ "${LEAKGATE_REQUIRE_BPF:-0}" != 1 ] || fail "tracing does not work here, and LEAKGATE_REQUIRE_BPF=1 says that it has to"
  echo "tracing does not work here"
  exit 77
}

# configure SOURCE BUILD PREFIX [OPTIONS...]
configure() {
  local source=$1 build=$2 prefix=$3
  shift 3
  rm -rf "$build"
  mkdir -p "$build"
  quietly "$build/configure.log" "$cmake" -S "$source" -B "$build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF "$@"
}
build() { quietly "$1/build.log" "$cmake" --build "$1"; }

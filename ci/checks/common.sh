# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What all checks share. A check takes the tree to look at as its only argument (default: this one), prints one line
# "file:line: what is wrong" per finding, and ends with 0 (nothing found), 1 (findings) or 77 (cannot be told here).
set -euo pipefail

root=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd)
cd "$root"
findings=0
check=${0##*/}

finding() {
  printf '%s\n' "$1"
  findings=$((findings + 1))
}

# Files of the project, one per line, relative; build results and git's own files are not part of it.
project_files() {
  find . \( -name .git -o -name .cache -o -path './build' -o -path './build-*' \) -prune -o -type f -print | sed 's|^\./||' | LC_ALL=C sort
}

# Only C and C++ sources, the kernel side included.
source_files() { project_files | grep -E '\.(c|cc|cpp|h|hpp)$' || true; }

# A script is what starts with #!.
script_files() {
  project_files | tr '\n' '\0' | xargs -0 -r awk 'FNR == 1 && /^#!/ {print FILENAME} {nextfile}'
}

# Ends the check. The argument says in a few words what was looked at.
conclude() {
  if [ "$findings" -gt 0 ]; then
    echo "$check: $findings findings ($1)"
    exit 1
  fi
  echo "$check: ok ($1)"
}

skip() {
  echo "$check: skipped: $1"
  exit 77
}

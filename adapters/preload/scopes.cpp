// SPDX-License-Identifier: Apache-2.0
// Scopes that are open in a process: a stack, innermost last. A scope knows how many of the blocks charged to
// it, and to what was opened inside it and closed since, are outstanding. See bpf/scopes.bpf.h.
#include "adapters/preload/state.h"

namespace leakgate::preload {

void count_in_scope(u32 window, s64 change) {
  Scope* const scopes = g.process->scopes;
  for (u32 i = kMaxScopes; i-- > 0;) {
    if (!scopes[i].window || scopes[i].window > window) continue;
    __atomic_fetch_add(&scopes[i].live, change, __ATOMIC_RELAXED);
    return;
  }
}

u32 close_scopes_in(u32 window) {
  Process& process = *g.process;
  u32 innermost = 0;
  for (Scope& scope : process.scopes) {
    if (scope.window > window) {
      scope.window = 0;
      if (process.figures.scopes) --process.figures.scopes;
    } else if (scope.window) {
      innermost = scope.window;
    }
  }
  return innermost;
}

bool push_scope(u64 object, u32 window) {
  Process& process = *g.process;
  const u32 depth = __atomic_fetch_add(&process.figures.scopes, 1, __ATOMIC_RELAXED);
  if (depth >= kMaxScopes) {
    __atomic_fetch_sub(&process.figures.scopes, 1, __ATOMIC_RELAXED);
    return false;
  }
  process.scopes[depth] = {object, 0, window, 0};
  return true;
}

u32 pull_scope(u64 object) {
  Process& process = *g.process;
  Scope* const scopes = process.scopes;
  u32 innermost = 0;
  bool found = false;
  for (u32 i = 0; i < kMaxScopes; ++i) {
    if (!found && scopes[i].window && scopes[i].object == object) {
      found = true;
      if (i > 0) scopes[i - 1].live += scopes[i].live;
    }
    if (found) {
      if (i + 1 < kMaxScopes)
        scopes[i] = scopes[i + 1];
      else
        scopes[i].window = 0;
    }
    if (scopes[i].window) innermost = scopes[i].window;
  }
  if (found && process.figures.scopes) --process.figures.scopes;
  return innermost;
}

u32 find_dirty_scope(u64 object) {
  u32 window = 0;
  s64 live = 0;
  for (const Scope& scope : g.process->scopes) {
    if (!window && scope.window && scope.object == object) window = scope.window;
    if (window && scope.window) live += scope.live;
  }
  return live > 0 ? window : 0;
}

}  // namespace leakgate::preload

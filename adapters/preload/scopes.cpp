// SPDX-License-Identifier: Apache-2.0
// Scopes that are open in a process, in no order: threads open and close them at the same moment. The one
// with the largest number is the innermost. A scope knows how many of the blocks that are charged to it, or
// to what was opened inside it, are outstanding; where threads meet it may count too many, never too few. See
// bpf/scopes.bpf.h.
#include "adapters/preload/state.h"

namespace leakgate::preload {
namespace {

constexpr u32 kClaimed = ~0u;         ///< in place of a number: it is about to be opened
constexpr u32 kNoBlocks = 1u << 30;   ///< no count falls below 0, into the number
constexpr u32 kAnnounced = 1u << 31;  ///< leakgate has been told of it

u32 upper(u64 state) {
  return static_cast<u32>(state >> 32);
}

u64 state_of(const Scope& scope) {
  return __atomic_load_n(&scope.state, __ATOMIC_ACQUIRE);
}

void set_state(Scope& scope, u64 state) {
  __atomic_store_n(&scope.state, state, __ATOMIC_RELEASE);
}

bool replace(u64& state, u64& expected, u64 wanted) {
  return __atomic_compare_exchange_n(&state, &expected, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/// The number of the open scope in a place, 0 where none is.
u32 number_of(const Scope& scope) {
  const u32 number = upper(state_of(scope));
  return number == kClaimed ? 0 : number;
}

/// Closes scope `number` in a place; whoever does it is the only one. What is not announced yet is nobody's
/// to close but its opener's.
bool close_place(Scope& scope, u32 number) {
  u64 state = state_of(scope);
  do
    if (upper(state) != number || !(state & kAnnounced)) return false;
  while (!replace(scope.state, state, 0));  // a block of it came or went
  __atomic_fetch_sub(&g.process->figures.scopes, 1, __ATOMIC_RELAXED);
  return true;
}

/// The open scope that `object` names, the innermost of them; null for none.
Scope* find_scope(u64 object) {
  Scope* found = nullptr;
  u32 largest = 0;
  for (Scope& scope : g.process->scopes) {
    const u32 number = number_of(scope);
    if (number <= largest || __atomic_load_n(&scope.object, __ATOMIC_RELAXED) != object) continue;
    largest = number;
    found = &scope;
  }
  return found;
}

}  // namespace

void count_in_scopes(u32 window, bool made) {
  for (Scope& scope : g.process->scopes) {
    u64 state = state_of(scope);
    while (upper(state) && upper(state) <= window) {
      if (made) {
        __atomic_fetch_add(&scope.state, 1, __ATOMIC_RELAXED);
        break;
      }
      if (replace(scope.state, state, state - 1)) break;  // not from what may be another scope by now
    }
  }
}

u32 innermost_scope(u32 limit) {
  u32 innermost = 0;
  for (const Scope& scope : g.process->scopes) {
    const u64 state = state_of(scope);
    if ((state & kAnnounced) && upper(state) < limit && upper(state) > innermost) innermost = upper(state);
  }
  return innermost;
}

static u32 innermost_charge() {
  const u32 innermost = innermost_scope(kClaimed), root = load(g.process->figures.test_root);
  return innermost > root ? innermost : root;
}

void settle_charge() {
  u32& charge = g.process->figures.test;
  for (;;) {
    u32 before = __atomic_load_n(&charge, __ATOMIC_ACQUIRE);
    const u32 innermost = innermost_charge();
    // another thread may have set the same meanwhile, for newer reasons: looked at once more
    if (__atomic_compare_exchange_n(&charge, &before, innermost, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
        innermost_charge() == innermost)
      return;
  }
}

void close_scopes_in(u32 window) {
  for (Scope& scope : g.process->scopes)
    if (const u32 number = number_of(scope); number > window) close_place(scope, number);
}

u32 open_scope(u64 object) {
  lg_proc& figures = g.process->figures;
  __atomic_fetch_add(&figures.scopes, 1, __ATOMIC_ACQ_REL);  // from here on blocks are counted
  for (Scope& scope : g.process->scopes) {
    u64 state = state_of(scope);
    if (upper(state) || !replace(scope.state, state, u64{kClaimed} << 32)) continue;
    __atomic_store_n(&scope.object, object, __ATOMIC_RELAXED);
    u32 last = __atomic_load_n(&figures.last_test, __ATOMIC_ACQUIRE);
    // seen before the number is taken: no block can be charged to it, or to a later one, that it misses
    do
      set_state(scope, u64{last + 1} << 32 | kNoBlocks);
    while (!__atomic_compare_exchange_n(&figures.last_test, &last, last + 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE));
    return last + 1;
  }
  __atomic_fetch_sub(&figures.scopes, 1, __ATOMIC_RELAXED);
  return 0;
}

void announce_scope(u64 object) {
  if (Scope* const scope = find_scope(object); scope)
    __atomic_fetch_or(&scope->state, u64{kAnnounced}, __ATOMIC_ACQ_REL);
}

u32 close_scope(u64 object) {
  Scope* const scope = find_scope(object);
  const u32 number = scope ? number_of(*scope) : 0;
  return number && close_place(*scope, number) ? number : 0;
}

u32 find_dirty_scope(u64 object) {
  const Scope* const scope = find_scope(object);
  const u64 state = scope ? state_of(*scope) : 0;
  return (state & (kAnnounced - 1)) > kNoBlocks ? upper(state) : 0;
}

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// What an adapter in the process says and asks (bpf/queries.bpf.c, docs/decisions/0050). Where an answer is
// wanted and there is something to tell, the thread waits and leakgate writes the answer into its memory.
#include "adapters/preload/ledger.h"
#include "adapters/preload/marks.h"

namespace leakgate::preload {
namespace {

/// Closes the open window as the adapter tells it.
void end_asked_test(const lg_query& query) {
  lg_record_test record;
  describe_end(record);
  record.failed += query.failed;
  record.skipped += query.skipped;
  send_record(&record.head, sizeof record, false);
  shut_window();
}

/// A test that its framework's functions told of already is the same test: both have the same object.
void start_asked_test(const lg_query& query) {
  lg_proc& figures = g.process->figures;
  figures.listens = 1;
  if (figures.test_root) {
    if (figures.test_object == query.object) return;
    end_asked_test(query);
  }
  open_window(query.framework, query.object);
  await_body();
  lg_record_test record;
  begin_record(record, LG_REC_TEST_START);
  record.test = figures.test_root;
  record.framework = query.framework;
  record.line = query.line;
  record.tid = own_tid();
  copy_string(record.suite, LG_NAME_MAX, query.suite);
  copy_string(record.name, LG_NAME_MAX, query.name);
  copy_string(record.file, LG_PATH_MAX, query.file);
  send_record(&record.head, sizeof record, false);
}

/// The window to answer for, 0 where there is nothing to tell.
u32 end_of_test(const lg_query& query) {
  const lg_proc& figures = g.process->figures;
  if (figures.test_object != query.object) return 0;
  if (figures.test_root) end_asked_test(query);
  return figures.ended_dirty && g.header->moments == kMomentsTests ? figures.ended_test : 0;
}

/// What a thread of an earlier test makes in a scope of its own is the scope's.
void enter_own_scope(Thread& thread, u32 window) {
  if (!thread.births) return;
  thread.later_births = thread.births;
  thread.births = 0;
  thread.own_scope = window;
}

void leave_own_scope(Thread& thread, u32 window) {
  if (thread.own_scope != window) return;
  thread.births = thread.later_births;
  thread.own_scope = 0;
}

void start_scope(const lg_query& query, Thread& thread) {
  const u32 window = open_scope(query.object);
  if (!window) {
    lose(LG_LOST_scopes_too_deep);
    return;
  }
  const u32 parent = innermost_scope(window), root = g.process->figures.test_root;
  lg_record_scope record;
  begin_record(record, LG_REC_SCOPE);
  record.window = window;
  record.parent = parent > root ? parent : root;
  copy_string(record.name, LG_NAME_MAX, query.name);
  send_record(&record.head, sizeof record, false);
  announce_scope(query.object);  // by now leakgate can say what blocks of it are of
  settle_charge();
  enter_own_scope(thread, window);
}

/// Tells leakgate something about a window or scope.
void tell_of_window(u32 type, u32 window) {
  lg_record_window record;
  begin_record(record, type);
  record.window = window;
  send_record(&record.head, sizeof record, false);
}

}  // namespace

void hit_query(const u64* registers, const lg_query* asked) {
  Thread* const thread = current_thread();
  if (!thread || g.process->figures.tgid != own_pid()) return;  // a vfork child, in its parent's memory
  lg_query query;
  if (read_memory(&query, static_cast<u64>(word(asked)), sizeof query) != sizeof query || query.version != 1)
    return;
  u32 window = 0;
  switch (query.kind) {
    case LG_ASK_TEST_START:
      start_asked_test(query);
      break;
    case LG_ASK_TEST_END:
      window = end_of_test(query);
      break;
    case LG_ASK_TEST_FAILED:
      tell_of_window(LG_REC_TEST_FAILED, g.process->figures.ended_test);
      break;
    case LG_ASK_SCOPE_START:
      start_scope(query, *thread);
      break;
    case LG_ASK_SCOPE_END:
      if (const u32 scope = close_scope(query.object); scope) {
        settle_charge();
        leave_own_scope(*thread, scope);
      }
      break;
    case LG_ASK_SCOPE_CHECK:
      window = find_dirty_scope(query.object);
      break;
    case LG_ASK_ACCEPT:
      // a scope of which nothing is outstanding has nothing to accept
      tell_of_window(LG_REC_ACCEPTED, find_dirty_scope(query.object));
      break;
    case LG_ASK_IGNORE:
      ignore_block(query.object);
      break;
    case LG_ASK_DISABLE:
      ++thread->disabled;
      break;
    case LG_ASK_ENABLE:
      if (thread->disabled) --thread->disabled;
      break;
    case LG_ASK_SNAPSHOT:
      if (!is_idle_moment()) hold_at_moment(registers, LG_MOMENT_ASKED, 0, &query);
      break;
    default:
      break;
  }
  if (window && !is_idle_moment()) hold_at_moment(registers, LG_MOMENT_ASKED, window, &query);
}

}  // namespace leakgate::preload

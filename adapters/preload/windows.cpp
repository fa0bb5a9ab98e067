// SPDX-License-Identifier: Apache-2.0
// Test windows: who is charged for a block. Numbers of windows and scopes are one series in each process, so
// whatever was opened inside a window has a larger number. See bpf/windows.bpf.h.
#include "adapters/preload/state.h"

namespace leakgate::preload {

u32 open_window(u32 framework, u64 object) {
  lg_proc& figures = g.process->figures;
  __atomic_fetch_add(&g.process->epoch, 1, __ATOMIC_ACQ_REL);
  figures.test_failed = 0;
  figures.test_last_throw = 0;
  figures.test_last_failure = 0;
  figures.test_skipped = 0;
  figures.test_allocations = 0;
  figures.test_bytes = 0;
  figures.test_live_bytes = 0;
  g.process->test_told_bytes = 0;
  figures.test_peak_bytes = 0;
  figures.framework = framework;
  figures.test_object = object;
  figures.test_root = __atomic_add_fetch(&figures.last_test, 1, __ATOMIC_RELAXED);
  settle_charge();
  return figures.test_root;
}

void await_body() {
  lg_proc& figures = g.process->figures;
  if (!figures.tells_bodies || figures.tells_bodies != figures.framework) return;
  figures.awaits_body = 1;
  figures.test = 0;
}

void begin_body(u32 framework, u64 function) {
  lg_proc& figures = g.process->figures;
  if (!figures.test_root || figures.framework != framework) return;
  if (function - figures.test_object < LG_TEST_OBJECT_BYTES) figures.tells_bodies = framework;
  if (figures.awaits_body && !figures.test) figures.test = figures.test_root;
  figures.awaits_body = 0;
}

u32 shut_window() {
  lg_proc& figures = g.process->figures;
  const u32 window = figures.test_root;
  sum_up();
  figures.ended_test = window;
  figures.ended_dirty = static_cast<s64>(figures.test_live_bytes) > 0;
  figures.test_root = 0;
  if (figures.awaits_body) figures.tells_bodies = 0;  // it did not come: not every body is told of
  figures.awaits_body = 0;
  if (figures.scopes) close_scopes_in(window);
  settle_charge();
  return figures.ended_dirty ? window : 0;
}

void describe_end(lg_record_test& record) {
  sum_up();
  const lg_proc& figures = g.process->figures;
  begin_record(record, LG_REC_TEST_END);
  record.test = figures.test_root;
  record.framework = figures.framework;
  record.failed = figures.test_failed;
  record.last_throw = figures.test_last_throw;
  record.last_failure = figures.test_last_failure;
  record.skipped = figures.test_skipped;
  record.allocations = figures.test_allocations;
  record.bytes = figures.test_bytes;
  record.peak_bytes = figures.test_peak_bytes;
  record.tid = own_tid();
}

}  // namespace leakgate::preload

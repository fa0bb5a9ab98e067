// SPDX-License-Identifier: Apache-2.0
// Test windows seen from outside: detours at the entries of the test framework's own functions lead here,
// with the registers of the call. What each argument points at is described by struct lg_mark (bpf/wire.h).
// Memory is read by way of the kernel: a framework that is not what it seems must not bring the program down.
// See bpf/marks.bpf.c.
#include "adapters/preload/marks.h"

namespace leakgate::preload {
namespace {

bool read_object(void* to, u64 from, u64 bytes) {
  return read_memory(to, from, bytes) == bytes;
}

u64 argument(const u64* registers, u32 number) {
  constexpr u8 kRegisters[] = {LG_REG_DI, LG_REG_SI, LG_REG_DX, LG_REG_CX, LG_REG_8};
  return number < sizeof kRegisters ? registers[kRegisters[number]] : 0;
}

u64 follow(u64 address, u32 times) {
  for (u32 i = 0; i < 3 && i < times; ++i)
    if (!read_object(&address, address, sizeof address)) return 0;
  return address;
}

u64 first_word(const u8* bytes) {
  u64 value;
  copy_bytes(&value, bytes, sizeof value);
  return value;
}

/// Copies a text of at most `bytes`, up to its terminator, and ends it.
void copy_text(char* out, u32 room, u64 from, u64 bytes) {
  const u64 most = bytes < room - 1 ? bytes : room - 1;
  const u64 got = read_memory(out, from, most);
  out[got] = 0;
}

void read_text(char* out, u32 room, u64 object, const lg_text_field& field) {
  u64 range[2] = {0, room - 1};
  u8 head[24] = {};
  const u64 at = object + field.off;
  out[0] = 0;
  switch (field.kind) {
    case LG_TEXT_STD_STRING:
    case LG_TEXT_STRING_REF:
      if (!read_object(range, at, sizeof range)) return;
      break;
    case LG_TEXT_C_STRING:
      if (!read_object(range, at, 8)) return;
      break;
    case LG_TEXT_INLINE:
      range[0] = at;
      break;
    case LG_TEXT_LIBCXX_STRING:
      if (!read_object(head, at, sizeof head)) return;
      range[0] = head[0] & 1 ? first_word(head + 16) : at + 1;
      range[1] = head[0] & 1 ? first_word(head + 8) : head[0] >> 1;
      break;
    case LG_TEXT_DOCTEST_STRING:
      if (!read_object(head, at, sizeof head)) return;
      range[0] = head[23] & 0x80 ? first_word(head) : at;
      break;
    default:
      return;
  }
  copy_text(out, room, range[0], range[1]);
}

void add_totals(const u64* registers, const lg_mark& mark, lg_record_test& record) {
  if (mark.outcome_arg == 0xff) return;
  const u64 base = argument(registers, mark.outcome_arg);
  u64 count = 0;
  if (mark.outcome_form == LG_OUTCOME_PASSED_FLAG) {
    u8 passed = 1;
    read_object(&passed, base + mark.failed_off, 1);
    record.failed += !passed;
    return;
  }
  if (mark.failed_off != 0xffff && read_object(&count, base + mark.failed_off, sizeof count))
    record.failed += static_cast<u32>(count);
  if (mark.skipped_off != 0xffff && read_object(&count, base + mark.skipped_off, sizeof count))
    record.skipped += static_cast<u32>(count);
}

/// Closes the open window; the process is held while what the test left behind is looked at: here, or when
/// its adapter asks, which comes next.
void close_test(const u64* registers, const lg_mark& mark) {
  const lg_proc& figures = g.process->figures;
  if (!figures.test_root) return;
  lg_record_test record;
  describe_end(record);
  const u32 window = shut_window();
  if (mark.role == LG_MARK_TEST_END) add_totals(registers, mark, record);
  send_record(&record.head, sizeof record, false);
  if (window && !figures.listens && g.header->moments == kMomentsTests && !is_idle_moment())
    hold_at_moment(registers, LG_MOMENT_TEST_END, window, nullptr);
}

void start_test(const lg_mark& mark, u64 object) {
  lg_record_test record;
  open_window(mark.framework, object);
  await_body();
  begin_record(record, LG_REC_TEST_START);
  record.test = g.process->figures.test_root;
  record.framework = mark.framework;
  if (mark.line_off != 0xffff) read_object(&record.line, object + mark.line_off, sizeof record.line);
  record.tid = own_tid();
  read_text(record.suite, LG_NAME_MAX, object, mark.suite);
  read_text(record.name, LG_NAME_MAX, object, mark.name);
  read_text(record.file, LG_PATH_MAX, object, mark.file);
  send_record(&record.head, sizeof record, false);
}

/// A suite has no window; its name is a level of the path of the tests in it.
void tell_suite(const lg_mark& mark, u64 object) {
  lg_record_test record;
  begin_record(record, mark.role == LG_MARK_SUITE_START ? LG_REC_SUITE_START : LG_REC_SUITE_END);
  record.framework = mark.framework;
  read_text(record.suite, LG_NAME_MAX, object, mark.suite);
  read_text(record.name, LG_NAME_MAX, object, mark.name);
  send_record(&record.head, sizeof record, false);
}

/// The number of an error that has just happened.
u32 next_error() {
  return __atomic_add_fetch(&g.header->errors, 1, __ATOMIC_RELAXED);
}

void note_failure(lg_proc& figures) {
  __atomic_fetch_add(&figures.test_failed, 1, __ATOMIC_RELAXED);
  figures.test_last_failure = next_error();
}

void note_part(const u64* registers, const lg_mark& mark) {
  lg_proc& figures = g.process->figures;
  u64 type = argument(registers, mark.outcome_arg);
  if (mark.outcome_form == LG_OUTCOME_ALWAYS) {
    note_failure(figures);
    return;
  }
  if (mark.outcome_form == LG_OUTCOME_IN_MEMORY) {
    u32 stored = 0;
    if (!read_object(&stored, type, sizeof stored)) return;
    type = stored;
  }
  type &= 0xffffffff;
  if (type > 7) return;
  if (mark.failed_mask >> type & 1) note_failure(figures);
  if (mark.skipped_mask >> type & 1) __atomic_fetch_add(&figures.test_skipped, 1, __ATOMIC_RELAXED);
}

bool does_not_apply(const lg_mark& mark, u64 object) {
  u8 value = 0;
  if (mark.when_off == 0xffff) return false;
  return !read_object(&value, object + mark.when_off, 1) || value != mark.when_value;
}

}  // namespace

void copy_string(char* out, u32 room, u64 from) {
  out[0] = 0;
  if (from) copy_text(out, room, from, room - 1);
}

bool is_idle_mark(const u64* registers, u32 number) {
  constexpr u64 kTypes = 8;
  const lg_mark& mark = reinterpret_cast<const lg_mark*>(g.control + kMarksAt)[number];
  if (mark.role != LG_MARK_TEST_PART || mark.outcome_form != LG_OUTCOME_PLAIN) return false;
  const u64 type = argument(registers, mark.outcome_arg) & 0xffffffff;
  return type < kTypes && !((mark.failed_mask | mark.skipped_mask) >> type & 1);
}

void hit_mark(const u64* registers, u32 number) {
  const lg_mark& mark = reinterpret_cast<const lg_mark*>(g.control + kMarksAt)[number];
  lg_proc& figures = g.process->figures;
  const u64 object = follow(argument(registers, mark.arg), mark.deref);
  if (does_not_apply(mark, object)) return;
  switch (mark.role) {
    case LG_MARK_TEST_START:
      if (figures.test_root && figures.test_object == object) return;  // another mark told of this start
      close_test(registers, mark);  // where the framework shows no end, the next start is it
      start_test(mark, object);
      return;
    case LG_MARK_TEST_END:
      if (!figures.crashed) close_test(registers, mark);
      return;
    case LG_MARK_TEST_CRASH:
      figures.crashed = 1;
      return;
    case LG_MARK_TEST_PART:
      note_part(registers, mark);
      return;
    case LG_MARK_SUITE_START:
    case LG_MARK_SUITE_END:
      tell_suite(mark, object);
      return;
    case LG_MARK_TESTS_DUE:
      figures.tests_due = 1;
      return;
    case LG_MARK_THROW:
      figures.test_last_throw = next_error();
      return;
    case LG_MARK_TEST_BODY:
      begin_body(mark.framework, object);
      return;
    case LG_MARK_DEATH_FORK:
      figures.death_tid = own_tid();
      return;
    default:
      return;
  }
}

}  // namespace leakgate::preload

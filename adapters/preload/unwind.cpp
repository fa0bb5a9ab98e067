// SPDX-License-Identifier: Apache-2.0
// See unwind.h. What depends on the processor: the registers rsp, rbp and rip, and rt_sigreturn's frame.
#include "adapters/preload/unwind.h"

namespace leakgate::preload {
namespace {

constexpr u64 kLongestStack = 8 << 20;
// offsets of the saved rbp, rsp and rip in the ucontext that rsp points at
constexpr u64 kContextRbp = 120;
constexpr u64 kContextRsp = 160;
constexpr u64 kContextRip = 168;

const lg_row* row_at(u64 index) {
  return reinterpret_cast<const lg_row*>(g.control + kRowsAt) + index;
}

u32 find_rule(u32 module, u64 address) {
  const lg_module_info& info = reinterpret_cast<const lg_module_info*>(g.control + kModulesAt)[module];
  if (!info.rows) return LG_RULE_NONE;
  const u64 pc = address - info.base;
  if (pc < info.origin || pc >= info.limit) return LG_RULE_NONE;
  const u64 page = info.first_page + ((pc - info.origin) >> info.page_shift);
  const auto& range = *reinterpret_cast<const lg_row_range*>(row_at(page));
  u32 low = info.first_row + range.low;
  u32 high = info.first_row + range.high + 1;
  while (high > low + 1) {
    const u32 middle = low + (high - low) / 2;
    if (row_at(middle)->pc <= pc)
      low = middle;
    else
      high = middle;
  }
  return row_at(low)->pc <= pc ? row_at(low)->rule : static_cast<u32>(LG_RULE_NONE);
}

const lg_mapping* find_mapping(u64 address) {
  const Region& region = *g.region;
  const u64 mappings = load(region.mappings);
  const auto* const table =
      reinterpret_cast<const lg_mapping*>(g.region_bytes + kMappingsAt) + (mappings >> 32) * LG_MAX_MAPPINGS;
  u32 low = 0, high = static_cast<u32>(mappings);
  if (!high) return nullptr;
  while (high - low > 1) {
    const u32 middle = low + (high - low) / 2;
    if (table[middle].start <= address)
      low = middle;
    else
      high = middle;
  }
  return address >= table[low].start && address < table[low].end ? &table[low] : nullptr;
}

void search(PcEntry& entry, u64 pc, bool exact) {
  const u64 wanted = exact ? pc : pc - 1;
  const lg_mapping* const mapping = find_mapping(wanted);
  if (!mapping) {
    entry.frame = LG_FRAME_NO_MODULE << LG_FRAME_MODULE_SHIFT | (pc & LG_FRAME_ADDR_MASK);
    entry.rule = LG_RULE_NONE;
  } else {
    entry.frame = static_cast<u64>(mapping->module) << LG_FRAME_MODULE_SHIFT |
                  ((pc - mapping->bias) & LG_FRAME_ADDR_MASK);
    entry.rule = find_rule(mapping->module, wanted - mapping->bias);
    // nothing calls from in front of a function's first byte: this is the bottom of a makecontext stack
    if (!exact && !LG_RULE_KIND(entry.rule) && LG_RULE_KIND(find_rule(mapping->module, pc - mapping->bias)))
      entry.rule = LG_RULE_END;
  }
  // a signal handler "returns" to the first instruction of its trampoline
  if (exact || LG_RULE_KIND(entry.rule) == LG_RULE_SIGNAL) entry.frame |= LG_FRAME_EXACT;
}

u64 check_of(const PcEntry& entry) {
  return entry.pc ^ entry.frame * 0x9e3779b97f4a7c15ull ^
         (static_cast<u64>(entry.generation) << 32 | entry.rule);
}

bool stop(Step& step, u32 why) {
  if (why != LG_TRUNCATED_NOT) __atomic_fetch_add(&g.header->truncated[why], 1, __ATOMIC_RELAXED);
  step.truncated = static_cast<u16>(why);
  return false;
}

bool step_signal(Step& step) {
  const u64 context = step.sp;
  step.loose = true;
  step.bp_at = context + kContextRbp;
  if (!read_word(step, context + kContextRbp, step.bp) || !read_word(step, context + kContextRsp, step.sp) ||
      !read_word(step, context + kContextRip, step.pc))
    return stop(step, LG_TRUNCATED_UNREADABLE);
  step.exact = true;
  return true;
}

/// A frame without a rule: the frame pointer is trusted for this frame alone, if it can be one.
bool step_frame_pointer(Step& step, u32 why) {
  u64 saved[2];
  step.uses_bp = true;
  step.loose = false;
  step.bp_at = step.bp;
  if (step.bp < step.sp || step.bp & 7 || step.bp - step.sp > kLongestStack) return stop(step, why);
  if (!read_word(step, step.bp, saved[0]) || !read_word(step, step.bp + 8, saved[1])) {
    step.unkept = true;
    return stop(step, why);
  }
  if (saved[1] && !find_mapping(saved[1] - 1)) return stop(step, why);  // bp was in other use
  step.sp = step.bp + 16;
  step.bp = saved[0];
  step.pc = saved[1];
  step.exact = false;
  return true;
}

bool find_cfa(Step& step, u32& rule, u64& cfa) {
  const u64 off = static_cast<u64>(static_cast<s64>(LG_RULE_OFF(rule)));
  const u32 kind = LG_RULE_KIND(rule);
  u64 at = step.sp;
  switch (kind) {
    case LG_RULE_RSP:
      cfa = step.sp + off;
      return true;
    case LG_RULE_RBP:
      cfa = step.bp + off;
      step.uses_bp = true;
      return true;
    case LG_RULE_RSP_FAR:
      cfa = step.sp + static_cast<u64>(LG_RULE_FAR_OFF(rule));
      rule = LG_RULE_MAKE(0, 0, 0, LG_RULE_FAR_RBP_OFF(rule));
      return true;
    case LG_RULE_PLT:
      cfa = step.sp + off + ((step.pc & 15) >= 11 ? 8 : 0);
      return true;
    case LG_RULE_RSP_DEREF:
    case LG_RULE_RSP_DEREF_PLUS8:
    case LG_RULE_RBP_DEREF:
    case LG_RULE_RBP_DEREF_PLUS8:
      step.loose = true;
      if (kind == LG_RULE_RBP_DEREF || kind == LG_RULE_RBP_DEREF_PLUS8) {
        at = step.bp;
        step.uses_bp = true;
      }
      if (!read_word(step, at + off, cfa)) return stop(step, LG_TRUNCATED_UNREADABLE);
      if (kind >= LG_RULE_RSP_DEREF_PLUS8) cfa += 8;
      return true;
    default:
      return stop(step, LG_TRUNCATED_UNSUPPORTED);
  }
}

bool step_rule(Step& step, u32 rule) {
  u64 cfa = 0;
  step.uses_bp = false;
  step.loose = false;
  step.bp_at = 0;
  if (!find_cfa(step, rule, cfa)) return false;
  if (cfa <= step.sp || cfa & 7) return stop(step, LG_TRUNCATED_UNREADABLE);
  if (rule >> 20) {
    u64 at = cfa;
    if (LG_RULE_RBP_IN_FRAME(rule)) {
      at = step.bp;
      step.uses_bp = true;
    }
    at += static_cast<u64>(static_cast<s64>(LG_RULE_RBP_OFF(rule)));
    step.bp_at = at;
    step.loose = step.loose || (at & 7) != 0;
    if (!read_word(step, at, step.bp)) return stop(step, LG_TRUNCATED_UNREADABLE);
  }
  if (!read_word(step, cfa - 8, step.pc)) return stop(step, LG_TRUNCATED_UNREADABLE);
  step.sp = cfa;
  step.exact = false;
  return true;
}

}  // namespace

/// The same by way of a file, where a sandbox allows that alone.
static long read_own_file(u64 to, u64 from, u64 bytes) {
  const long fd = system_call(SYS_openat, -100, word("/proc/thread-self/mem"), 02000000);
  if (fd < 0) return fd;
  const long got =
      system_call(SYS_pread64, fd, static_cast<long>(to), static_cast<long>(bytes), static_cast<long>(from));
  system_call(SYS_close, fd);
  return got;
}

u64 read_memory(void* to, u64 from, u64 bytes) {
  constexpr long kNotPermitted = -1, kNoSuchCall = -38;
  struct {
    u64 base;
    u64 bytes;
  } local{static_cast<u64>(word(to)), 0}, remote{from, 0};
  u64 done = 0;
  // by the thread's own number: a main thread that has ended has no memory any more. Page by page: a transfer
  // ends at the first page that is not there, and says nothing of the part before
  while (done < bytes) {
    const u64 left_in_page = 4096 - (from + done) % 4096;
    local = {static_cast<u64>(word(to)) + done, bytes - done < left_in_page ? bytes - done : left_in_page};
    remote = {from + done, local.bytes};
    long got = system_call(SYS_process_vm_readv, own_tid(), word(&local), 1, word(&remote), 1, 0);
    if (got == kNotPermitted || got == kNoSuchCall) got = read_own_file(local.base, remote.base, local.bytes);
    if (got <= 0) break;
    done += static_cast<u64>(got);
  }
  return done;
}

void look_up(Step& step, PcEntry& entry) {
  const u64 tagged = step.pc | static_cast<u64>(step.exact) << 63;
  const u32 slot =
      static_cast<u32>(step.pc * 0x9e3779b97f4a7c15ull >> 40 ^ step.generation) & (kPcEntries - 1);
  PcEntry& cached = reinterpret_cast<PcEntry*>(g.region_bytes + kPcCacheAt)[slot];
  entry = cached;
  if (LG_LIKELY(entry.pc == tagged && entry.generation == step.generation && entry.check == check_of(entry)))
    return;
  search(entry, step.pc, step.exact);
  entry.pc = tagged;
  entry.generation = step.generation;
  entry.check = check_of(entry);
  cached = entry;
}

bool step_out(Step& step, const PcEntry& entry) {
  const u32 kind = LG_RULE_KIND(entry.rule);
  if (g.header->unwind == kFramePointers) return step_frame_pointer(step, LG_TRUNCATED_NOT);
  if (kind == LG_RULE_END) return stop(step, LG_TRUNCATED_NOT);
  if (kind == LG_RULE_SIGNAL) return step_signal(step);
  if (kind == LG_RULE_NONE)
    return step_frame_pointer(step, entry.frame >> LG_FRAME_MODULE_SHIFT == LG_FRAME_NO_MODULE
                                        ? LG_TRUNCATED_NO_MODULE
                                        : LG_TRUNCATED_NO_CFI);
  return step_rule(step, entry.rule);
}

void begin_walk(Step& step, u64 sp, u64 bp, const Thread& thread) {
  step.pc = *reinterpret_cast<const u64*>(sp);
  step.sp = sp + 8;
  step.bp = bp;
  step.bp_at = 0;
  // on its own stack everything further out is there; on another one the kernel is asked
  const bool own = sp >= thread.stack_low && sp < thread.stack_high;
  step.low = own ? sp : 0;
  step.high = own ? thread.stack_high : 0;
  step.generation = g.region->generation;
  step.truncated = LG_TRUNCATED_NOT;
  step.exact = false;
  step.loose = false;
  step.uses_bp = false;
  step.unkept = false;
  step.window_at = 0;
  step.window_bytes = 0;
}

bool in_signal_handler(u64 sp, u64 bp, const Thread& thread, u64 limit) {
  constexpr u32 kMostFrames = 64;
  Step step;
  if (g.header->unwind != kEhFrame) return false;
  begin_walk(step, sp, bp, thread);
  for (u32 turn = 0; turn < kMostFrames && step.pc && step.sp <= limit; ++turn) {
    PcEntry entry;
    look_up(step, entry);
    if (LG_RULE_KIND(entry.rule) == LG_RULE_SIGNAL) return true;
    if (!step_out(step, entry)) return false;
  }
  return false;
}

}  // namespace leakgate::preload

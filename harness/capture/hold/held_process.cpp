// SPDX-License-Identifier: Apache-2.0
// The thread that reached the moment waits inside its probe. It is asked to stop by ptrace and then let out
// of the probe, so that it really sleeps while memory is read; where ptrace is refused it goes on waiting
// there.
#include "harness/capture/hold/held_process.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "harness/capture/hold/held_mappings.h"
#include "harness/capture/hold/residue.h"

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kReturnAddress = 8;  // bytes
constexpr int kRounds = 8;
constexpr std::chrono::milliseconds kStopLimit{10'000};  // a busy machine may take seconds

/// Whether a general register may hold a value that the program still uses. At the entry of a function, which
/// is where the thread that reached a moment stands, scratch registers that carry no argument are dead, and
/// _exit has but one argument, a number (System V ABI, x86-64, 3.2.3). A process that ended inside a system
/// call has none either.
bool holds_value(int number, std::uint32_t moment_kind) {
  switch (number) {
    case LG_REG_SP:
    case LG_REG_IP:
    case LG_REG_FS_BASE:
      return false;
    case LG_REG_AX:
    case LG_REG_10:
    case LG_REG_11:
      return moment_kind == 0;
    case LG_REG_CX:
    case LG_REG_DX:
    case LG_REG_SI:
    case LG_REG_DI:
    case LG_REG_8:
    case LG_REG_9:
      return moment_kind == 0 || moment_kind == LG_MOMENT_TEST_END;
    default:
      return true;
  }
}

const lg_thread_state* find(const std::vector<lg_thread_state>& states, std::uint32_t tid) {
  const auto found = std::find_if(states.begin(), states.end(),
                                  [tid](const lg_thread_state& state) { return state.tid == tid; });
  return found == states.end() ? nullptr : &*found;
}

}  // namespace

Error HeldProcess::gave_up_memory() {
  return {ErrorKind::io, "it died or became another program, and gave up its memory before that was read", "",
          0};
}

Status HeldProcess::hold(bool all_threads) {
  view_ = {};
  view_.process = moment_.head.proc;
  const bool end_of_test = moment_.kind == LG_MOMENT_TEST_END ||
                           (moment_.kind == LG_MOMENT_ASKED && moment_.question == LG_ASK_TEST_END);
  view_.window = end_of_test ? moment_.window : 0;
  view_.groups_from = moment_.kind != LG_MOMENT_ASKED       ? 0
                      : moment_.question == LG_ASK_SNAPSHOT ? ~0u  // figures alone
                                                            : moment_.window;
  view_.threads_known = moment_.kind != LG_MOMENT_DEATH;
  if (view_.threads_known) {
    if (auto stopped = stop_threads(all_threads); !stopped) return stopped;
  } else if (auto states = session_.threads(pid_); states) {
    states_ = std::move(*states);  // the last one, on its way out
  }
  describe_threads();
  return describe_memory();
}

Status HeldProcess::stop_threads(bool all_threads) {
  const auto asker = static_cast<std::int32_t>(moment_.tid);
  if (!session_.asker_sleeps()) (void)threads_.stop(asker);
  const auto let_go_on = [&] {
    session_.answer_moment(moment_.head.proc, moment_.moment);
    answered_ = true;
  };
  // at the end of the process others may wait with the asker, who would end it if they were not asked first
  bool lets_go_later = !answered_ && moment_.kind == LG_MOMENT_EXIT && threads_.was_asked(asker);
  if (!lets_go_later && threads_.was_asked(asker)) let_go_on();
  for (int round = 0; round < kRounds; ++round) {
    if (!lets_go_later && !threads_.wait(kStopLimit))
      return Error{ErrorKind::io, "a thread did not stop within 10 seconds", "", 0};
    auto states = session_.threads(pid_);
    if (!states) return std::move(states).error();
    if (states->empty()) return Error{ErrorKind::not_found, "the process is gone", "", 0};
    states_ = std::move(*states);
    bool running = lets_go_later;
    for (const lg_thread_state& state : states_) {
      const auto tid = static_cast<std::int32_t>(state.tid);
      if (threads_.has_stopped(tid) || (tid == asker && !answered_)) continue;
      if (!state.running && !all_threads) continue;
      if (threads_.was_asked(tid) || HeldThreads::has_ended(tid)) continue;
      running = true;
      if (auto asked = threads_.stop(tid); !asked) return asked;
    }
    if (std::exchange(lets_go_later, false)) let_go_on();
    if (!running) return {};
  }
  return Error{ErrorKind::io, "threads are started faster than they can be held", "", 0};
}

void HeldProcess::describe_threads() {
  const auto process = session_.process(moment_.head.proc);
  for (const lg_thread_state& state : states_) {
    model::HeldThread thread;
    thread.tid = static_cast<std::int32_t>(state.tid);
    thread.stack_pointer = state.registers[LG_REG_SP];
    thread.thread_pointer = state.registers[LG_REG_FS_BASE];
    thread.signal_stack = state.signal_stack;
    if (state.moving != 0) thread.in_hand.push_back({state.moving, state.moving_bytes});
    if (state.given != 0) thread.in_hand.push_back({state.given, state.given_bytes});
    const bool at_entry = state.tid == moment_.tid;
    for (int i = 0; i < LG_REG_COUNT; ++i)
      if (holds_value(i, at_entry ? moment_.kind : 0u)) thread.registers.push_back(state.registers[i]);
    // at a function's entry nothing below the stack pointer is in use
    if (at_entry && view_.threads_known) thread.stack_pointer += model::kRedZone;
    if (at_entry && moment_.kind == LG_MOMENT_EXIT && process && process->exit_tid == moment_.tid &&
        process->exit_sp > state.registers[LG_REG_SP]) {
      // what exit's own frames hold is left over from earlier calls
      thread.stack_pointer = process->exit_sp + kReturnAddress + model::kRedZone;
      thread.registers.assign(std::begin(process->exit_registers), std::end(process->exit_registers));
    }
    view_.threads.push_back(std::move(thread));
  }
  if (view_.threads.empty()) return;
  const auto arguments = session_.thread_arguments(pid_);
  auto& registers = view_.threads.front().registers;
  registers.insert(registers.end(), arguments.begin(), arguments.end());
}

void HeldProcess::add_old_actions() {
  std::set<std::pair<std::uint32_t, std::uint64_t>> seen;  // a module stands in several mappings
  for (const model::HeldMapping& row : view_.mappings) {
    if (row.module == model::kNone || !seen.emplace(row.module, row.bias).second) continue;
    for (const model::MemoryRange& actions : modules_.old_actions(row.module))
      view_.old_actions.push_back({actions.start + row.bias, actions.end + row.bias});
  }
}

Status HeldProcess::describe_memory() {
  // by the thread that is known to be there: the main thread may have ended, and its number has no memory
  const auto task = static_cast<std::int32_t>(moment_.tid);
  auto maps = read_all_maps(task);
  if (!maps) {
    if (maps.error().code != EACCES) return gave_up_memory();  // in words without its number: many may die
    return std::move(maps).error();
  }
  bool own_allocator = false;
  view_.mappings = held_mappings(*maps, modules_, own_allocator);
  view_.c_library_allocates = !own_allocator;
  for (const model::HeldMapping& row : view_.mappings) {
    if (row.module == model::kNone || modules_.thread_keys(row.module).keys == 0) continue;
    view_.thread_keys = modules_.thread_keys(row.module);
    view_.thread_keys.keys += row.bias;
    break;
  }
  add_old_actions();
  memory_ = std::make_unique<HeldMemory>(task, view_.mappings);
  view_.read = [memory = memory_.get()](std::uint64_t address, std::span<std::byte> out) {
    return memory->read(address, out);
  };
  view_.next_touched = [memory = memory_.get()](std::uint64_t from, std::uint64_t end) {
    return memory->next_touched(from, end);
  };
  if (session_.leaves_residue()) {
    residue_ = std::make_unique<Residue>(session_, modules_, view_.mappings);
    view_.is_residue = [this](std::uint32_t block, std::uint64_t above) {
      return residue_->covers(view_.blocks[block], above);
    };
  }
  pools_ = std::make_unique<PoolMemory>(session_, modules_);
  view_.is_pool = [this](std::uint32_t block) { return pools_->covers(view_.blocks[block]); };
  slack_ = std::make_unique<SlackMemory>(session_, modules_, view_);
  if (slack_->is_used())
    view_.slack = [this](std::uint32_t block) { return slack_->behind(view_.blocks[block]); };
  // made for each moment anew: stacks change
  frames_ = std::make_unique<StackFrames>(modules_, view_);
  if (view_.threads_known)
    view_.frame_of = [this](std::uint32_t thread, std::uint64_t address) {
      const auto& registers = states_[thread].registers;
      return frames_->frame_at(thread, {registers[LG_REG_IP], registers[LG_REG_SP], registers[LG_REG_BP]},
                               address);
    };
  return {};
}

bool HeldProcess::is_let_go() const {
  const auto process = session_.process(moment_.head.proc);
  return !process || (process->flags & LG_PROC_LET_GO) != 0;
}

bool HeldProcess::has_memory() const {
  const lg_thread_state* const asker = find(states_, moment_.tid);
  std::byte byte{};
  return asker == nullptr || view_.read(asker->registers[LG_REG_SP], std::span(&byte, 1)) != 0;
}

bool HeldProcess::stood_still() const {
  if (is_let_go()) return false;
  if (!view_.threads_known) return true;
  if (!has_memory()) return false;  // killed meanwhile, which no stop keeps off
  const auto now = session_.threads(pid_);
  if (!now) return false;
  for (const lg_thread_state& state : *now) {
    const auto tid = static_cast<std::int32_t>(state.tid);
    if (threads_.has_stopped(tid) || (state.tid == moment_.tid && !answered_)) continue;
    const lg_thread_state* before = find(states_, state.tid);
    if (before == nullptr || state.running || before->switches != state.switches) return false;
  }
  return true;
}

HeldThreads HeldProcess::release() {
  const bool asker_last = session_.asker_sleeps();  // it may end the process, and all that is held in it
  if (!answered_ && !asker_last) session_.answer_moment(moment_.head.proc, moment_.moment);
  threads_.release();
  if (!answered_ && asker_last) session_.answer_moment(moment_.head.proc, moment_.moment);
  answered_ = true;
  // other threads that were about to end the process wait for this (bpf/moments.bpf.c)
  if (moment_.kind == LG_MOMENT_EXIT) session_.answer_moment(moment_.head.proc, moment_.moment + 1);
  return std::move(threads_);
}

HeldProcess::~HeldProcess() {
  release();
}

}  // namespace leakgate::capture

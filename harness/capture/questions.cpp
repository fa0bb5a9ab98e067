// SPDX-License-Identifier: Apache-2.0
// The answer is one write: figures, then the text with its terminator.
#include "harness/capture/questions.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "harness/capture/stack_reader.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {
namespace {

constexpr std::size_t kMostText = 64 << 10;

static_assert(sizeof(lg_answer) == 104, "leakgate/leakgate.h has the same structure");
static_assert(sizeof(lg_query) == 72, "likewise");

void write(const lg_record_moment& question, const lg_answer& figures, std::string_view text) {
  std::vector<char> bytes(sizeof figures);
  std::memcpy(bytes.data(), &figures, sizeof figures);
  if (question.answer_bytes < bytes.size() + 1) return;
  const std::size_t room = std::min<std::size_t>(question.answer_bytes - bytes.size() - 1, kMostText);
  bytes.insert(bytes.end(), text.begin(),
               text.begin() + static_cast<std::ptrdiff_t>(std::min(room, text.size())));
  bytes.push_back('\0');
  const iovec from{bytes.data(), bytes.size()};
  const iovec to{reinterpret_cast<void*>(question.answer), bytes.size()};
  // by the thread that asked: a process whose main thread has ended has no memory under its own number
  (void)::process_vm_writev(static_cast<pid_t>(question.tid), &from, 1, &to, 1, 0);
}

lg_answer_figures figures_of(const model::AnswerFigures& figures) {
  return {figures.bytes, figures.blocks};
}

}  // namespace

Status fill_question(const lg_record_moment& question, const model::MomentFindings& findings,
                     const Session& session, model::Trace& trace) {
  // the process runs on, but for the question it is as if it had ended here
  model::TraceProcess& process = trace.processes.front();
  process.end = model::ImageEnd::exited;
  process.end_ns = trace.end_ns;
  process.exit.code = 0;
  process.parent = model::kNone;
  for (model::TraceWindow& window : trace.windows)
    if (window.end_ns == 0) window.end_ns = trace.end_ns;
  const bool own = (question.flags & LG_ASK_OWN_BLOCKS) != 0;
  for (const model::TraceOutstanding& group : findings.groups) {
    if (own && group.window != question.window) continue;
    model::TraceOutstanding& row = trace.outstanding.emplace_back(group);
    row.process = 0;
    row.lost_after = 0;
  }
  return read_stacks(session, false, trace);
}

model::Answer figures_alone(const model::MomentFindings& findings) {
  model::Answer answer;
  for (std::size_t kind = 0; kind < answer.kinds.size(); ++kind)
    answer.kinds[kind] = {findings.bytes_of_kind[kind], findings.blocks_of_kind[kind]};
  return answer;
}

void write_answer(const lg_record_moment& question, const model::Answer& answer) {
  lg_answer figures{};
  figures.status = answer.leaks != 0 ? LG_ANSWER_LEAKS : LG_ANSWER_CLEAN;
  figures.leaks = static_cast<std::uint32_t>(std::min<std::uint64_t>(answer.leaks, ~0u));
  figures.leaked = figures_of(answer.leaked);
  for (std::size_t kind = 0; kind < answer.kinds.size(); ++kind)
    figures.kinds[kind] = figures_of(answer.kinds[kind]);
  write(question, figures, answer.text);
}

void write_presence(std::int32_t task, std::uint64_t address) {
  std::uint16_t present = 1;
  const iovec from{&present, sizeof present};
  const iovec to{reinterpret_cast<void*>(address), sizeof present};
  (void)::process_vm_writev(task, &from, 1, &to, 1, 0);
}

void write_unknown(const lg_record_moment& question) {
  lg_answer figures{};
  figures.status = LG_ANSWER_UNKNOWN;
  write(question, figures, "");
}

}  // namespace leakgate::capture

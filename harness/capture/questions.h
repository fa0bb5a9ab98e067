// SPDX-License-Identifier: Apache-2.0
// Questions of adapters: what a question's trace holds, and how the answer gets into the asking process,
// which is held. In: the record of the question, what classification found. Out: bytes in that process's
// memory.
#pragma once

#include <cstdint>

#include "bpf/wire.h"
#include "harness/base/result.h"
#include "harness/capture/session.h"
#include "harness/model/question.h"

namespace leakgate::capture {

/// Fills `trace`, which has the process, its modules and the part asked about, with the blocks asked about
/// and their stacks. Fails where a stack cannot be read.
Status fill_question(const lg_record_moment& question, const model::MomentFindings& findings,
                     const Session& session, model::Trace& trace);

/// The answer to LG_ASK_SNAPSHOT.
model::Answer figures_alone(const model::MomentFindings& findings);

/// Writes the answer; its text is cut where the asker has no room. What cannot be written is as if nobody had
/// been there to ask.
void write_answer(const lg_record_moment& question, const model::Answer& answer);

/// Makes the word at `address` say that leakgate is there; for the task see task_with_memory().
void write_presence(std::int32_t task, std::uint64_t address);

/// Says that the process could not be examined.
void write_unknown(const lg_record_moment& question);

}  // namespace leakgate::capture

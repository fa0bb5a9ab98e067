// SPDX-License-Identifier: Apache-2.0
// Every string of every row; see valid_text.h. Numbers and what leakgate words itself are left out.
#include "harness/model/valid_text.h"

#include "harness/base/text.h"

namespace leakgate::model {
namespace {

void mend(std::string& text) {
  text = escape_invalid_utf8(text);
}

void mend(std::vector<std::string>& texts) {
  for (std::string& text : texts)
    mend(text);
}

template <typename... Texts>
void mend(Texts&... texts) {
  (mend(texts), ...);
}

}  // namespace

void make_text_valid(Recording& recording) {
  mend(recording.run.command, recording.run.cwd, recording.run.source_root, recording.tracer.notes);
  for (IncompleteReason& reason : recording.run.incomplete_reasons)
    mend(reason.message, reason.hint);
  for (Process& process : recording.processes)
    mend(process.exe, process.args);
  for (Test& test : recording.tests)
    mend(test.id, test.file);
  for (Module& module : recording.modules)
    mend(module.path);
  for (Frame& frame : recording.frames)
    mend(frame.function, frame.full_function, frame.file);
  for (BlockGroup& group : recording.blocks)
    mend(group.function, group.type, group.section, group.retained_by);
}

}  // namespace leakgate::model

// SPDX-License-Identifier: Apache-2.0
// Which object files the command will use, as far as can be known before it runs, and how they are handed to
// launch and capture.
#pragma once

#include <string>
#include <vector>

#include "harness/capture/heap_tracer.h"
#include "harness/launch/target.h"
#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

/// The command's file, its libraries and its dynamic linker; for a script, those of the shell. Empty if
/// nothing is found: what the processes really map is found while they run.
std::vector<std::string> find_objects(const RecordRequest& request);

/// Those of `objects` that every program of the machine shares and that will be probed: C library and dynamic
/// linker.
std::vector<launch::PrivateCopy> choose_private_copies(const std::vector<std::string>& objects);

/// `objects` as the tracer opens them: the private copy where there is one.
capture::TracedTarget describe_target(const launch::Target& target, const launch::LaunchRequest& request,
                                      const std::vector<std::string>& objects);

/// What the run is called in the recording: command, directory, time.
model::Recording describe_run(const RecordRequest& request);

/// Whether the command had a C library of its own, as far as note_isolation() has told.
bool is_isolated(const model::Recording& recording);

/// Notes when probes are not confined to the target's tree.
void note_isolation(const launch::Target& target, const RecordRequest& request, model::Recording& recording);

}  // namespace leakgate::pipeline

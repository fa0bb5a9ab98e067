// SPDX-License-Identifier: Apache-2.0
// From a classified trace to tests and blocks with names: what a whole run and a question about one test have
// in common.
#pragma once

#include <cstdint>

#include "harness/attribute/attribute.h"
#include "harness/model/recording.h"
#include "harness/model/trace.h"
#include "harness/pipeline/resolve_stacks.h"

namespace leakgate::pipeline {

/// Fills recording's processes, tests, blocks, stacks, frames and modules.
void take_tests_and_blocks(const model::Trace& trace, attribute::Attribution attribution,
                           StackResolver& resolver, model::Recording& recording);

}  // namespace leakgate::pipeline

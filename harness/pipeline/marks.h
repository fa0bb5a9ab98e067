// SPDX-License-Identifier: Apache-2.0
// Joins attribute (which functions tell of tests) to capture (where probes go).
#pragma once

#include <vector>

#include "harness/base/elf_image.h"
#include "harness/capture/heap_tracer.h"

namespace leakgate::pipeline {

/// The marks of every test framework found in an object.
std::vector<capture::Mark> find_framework_marks(const ElfImage& image);

}  // namespace leakgate::pipeline

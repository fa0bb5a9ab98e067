// SPDX-License-Identifier: Apache-2.0
// The framework is known by its functions, as for the probes. See repeat.h.
#include "harness/pipeline/repeat.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/elf_image.h"
#include "harness/pipeline/marks.h"
#include "harness/pipeline/objects.h"

namespace leakgate::pipeline {
namespace {

bool has_googletest(const RecordRequest& request) {
  const std::vector<std::string> objects = find_objects(request);
  return std::any_of(objects.begin(), objects.end(), [](const std::string& object) {
    const auto image = ElfImage::open(object);
    if (!image) return false;
    const auto marks = find_framework_marks(*image);
    return std::any_of(marks.begin(), marks.end(),
                       [](const capture::Mark& mark) { return mark.framework == model::Framework::gtest; });
  });
}

}  // namespace

Result<std::vector<std::string>> repeat_command(const RecordRequest& request, std::size_t rounds) {
  if (!has_googletest(request))
    return Error{ErrorKind::usage,
                 fmt::format("--repeat needs a GoogleTest program, and {} is none that can be recognised",
                             request.command.front()),
                 "other frameworks cannot repeat tests in one process; give the program itself, not a script",
                 0};
  std::vector<std::string> command = request.command;
  command.push_back(fmt::format("--gtest_repeat={}", rounds));  // the last one counts
  return command;
}

}  // namespace leakgate::pipeline

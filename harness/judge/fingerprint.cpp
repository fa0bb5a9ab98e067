// SPDX-License-Identifier: Apache-2.0
// 128-bit FNV-1a over the normalised frames; see fingerprint.h. A change to what is hashed needs a new
// version in the prefix.
#include "harness/judge/fingerprint.h"

#include "harness/judge/fnv128.h"

namespace leakgate::judge {
namespace {

bool skipped(FrameOwner owner) {
  return owner == FrameOwner::allocator || owner == FrameOwner::standard_library;
}

void add_frame(Fnv128& hash, const model::VerdictFrame& frame) {
  hash.add(qualified_name(frame.function));
  hash.add(module_name(frame.module));
}

}  // namespace

std::string fingerprint_of(const std::vector<model::VerdictFrame>& stack,
                           const std::vector<FrameOwner>& owners) {
  Fnv128 hash;
  bool any = false;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (skipped(owners[i])) continue;
    any = true;
    if (owners[i] == FrameOwner::runtime) {
      hash.add("runtime");
      break;
    }
    // Which of a framework's functions called the test depends on how the framework was built; that it did
    // does not.
    if (owners[i] == FrameOwner::framework && i > 0 && owners[i - 1] != FrameOwner::framework) {
      hash.add(display_name(framework_of(stack[i])));
      break;
    }
    add_frame(hash, stack[i]);
    if (owners[i] == FrameOwner::framework) break;
  }
  if (!any)
    for (const auto& frame : stack)
      add_frame(hash, frame);
  return "lg1:" + hash.hex();
}

}  // namespace leakgate::judge

// SPDX-License-Identifier: Apache-2.0
// 128-bit FNV-1a over the normalised frames; see fingerprint.h. A change to what is hashed needs a new
// version in the prefix.
#include "harness/judge/fingerprint.h"

#include <utility>

#include "harness/judge/fnv128.h"
#include "harness/judge/stable_name.h"

namespace leakgate::judge {
namespace {

bool skipped(FrameOwner owner) {
  return owner == FrameOwner::allocator || owner == FrameOwner::standard_library;
}

/// Puts frames into the hash, a function that calls itself once: how deep it was, tests and optimisers
/// decide.
class Frames {
 public:
  void add(const model::VerdictFrame& frame) {
    StableName name = stable_name(qualified_name(frame.function));
    std::string module = module_name(frame.module);
    if (any_ && !name.text.empty() && name.text == function_ && module == module_) return;
    hash_.add(name.text);
    hash_.add(module);
    needs_test_ = needs_test_ || name.is_of_test;
    any_ = true;
    function_ = std::move(name.text);
    module_ = std::move(module);
  }

  void add(std::string_view text) { hash_.add(text); }

  [[nodiscard]] Fingerprint result() const { return {"lg1:" + hash_.hex(), needs_test_}; }

 private:
  Fnv128 hash_;
  std::string function_, module_;  ///< of the last frame
  bool any_ = false, needs_test_ = false;
};

}  // namespace

Fingerprint fingerprint_of(const std::vector<model::VerdictFrame>& stack,
                           const std::vector<FrameOwner>& owners) {
  Frames frames;
  bool any = false;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (skipped(owners[i])) continue;
    any = true;
    if (owners[i] == FrameOwner::runtime) {
      frames.add("runtime");
      break;
    }
    // Which of a framework's functions called the test depends on how the framework was built; that it did
    // does not.
    if (owners[i] == FrameOwner::framework && i > 0 && owners[i - 1] != FrameOwner::framework) {
      frames.add(display_name(framework_of(stack[i])));
      break;
    }
    frames.add(stack[i]);
    if (owners[i] == FrameOwner::framework) break;
  }
  if (!any)
    for (const auto& frame : stack)
      frames.add(frame);
  return frames.result();
}

std::string in_test(const Fingerprint& fingerprint, std::string_view test_id) {
  if (!fingerprint.needs_test) return fingerprint.text;
  Fnv128 hash;
  hash.add(fingerprint.text);
  hash.add(test_id);
  return "lg1:" + hash.hex();
}

}  // namespace leakgate::judge

// SPDX-License-Identifier: Apache-2.0
// GLib is known by its library's name; in it nothing but slices, and what g_aligned_alloc() gives, comes from
// posix_memalign.
#include "harness/capture/hold/pool_memory.h"

#include <string_view>

#include "harness/capture/stack_reader.h"

namespace leakgate::capture {
namespace {

bool is_glib(std::string_view path) {
  return path.substr(path.rfind('/') + 1).starts_with("libglib-2.0.so");
}

}  // namespace

bool PoolMemory::is_pools(std::uint32_t stack_id) const {
  const auto stack = session_.stack(stack_id);
  if (!stack || stack->frames.empty() || stack->counters.function != LG_FN_posix_memalign) return false;
  const model::TraceFrame caller = frame_of(stack->frames.front(), modules_.modules().size());
  return caller.module != model::kNone && is_glib(modules_.modules()[caller.module].path);
}

bool PoolMemory::covers(const model::HeldBlock& block) {
  const auto [known, is_new] = known_.try_emplace(block.stack, false);
  if (is_new) known->second = is_pools(block.stack);
  return known->second;
}

}  // namespace leakgate::capture

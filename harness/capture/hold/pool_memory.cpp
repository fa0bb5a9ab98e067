// SPDX-License-Identifier: Apache-2.0
// GLib and GObject are known by their libraries' names; in GLib nothing but slices, and what
// g_aligned_alloc() gives, comes from posix_memalign.
#include "harness/capture/hold/pool_memory.h"

#include <string_view>

#include "harness/capture/stack_reader.h"

namespace leakgate::capture {
namespace {

constexpr std::size_t kMostWrappers = 4;  // g_malloc() and the like

bool is_library(std::string_view path, std::string_view name) {
  return path.substr(path.rfind('/') + 1).starts_with(name);
}

bool is_glib(std::string_view path) {
  return is_library(path, "libglib-2.0.so");
}

}  // namespace

bool PoolMemory::is_pools(std::uint32_t stack_id) const {
  const auto stack = session_.stack(stack_id);
  if (!stack) return false;
  std::size_t wrappers = 0;
  for (const auto& frame : stack->frames) {
    const model::TraceFrame caller = frame_of(frame, modules_.modules().size());
    if (caller.module == model::kNone) return false;
    const std::string_view path = modules_.modules()[caller.module].path;
    if (!is_glib(path)) return is_library(path, "libgobject-2.0.so");
    if (stack->counters.function == LG_FN_posix_memalign) return true;
    if (++wrappers > kMostWrappers) return false;
  }
  return false;
}

bool PoolMemory::covers(const model::HeldBlock& block) {
  const auto [known, is_new] = known_.try_emplace(block.stack, false);
  if (is_new) known->second = is_pools(block.stack);
  return known->second;
}

}  // namespace leakgate::capture

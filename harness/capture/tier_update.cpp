// SPDX-License-Identifier: Apache-2.0
// See tier_update.h.
#include "harness/capture/tier_update.h"

#include <bpf/bpf.h>

#include <string>

#include "harness/capture/mapped_array.h"

#ifdef __clang__
// LIBBPF_OPTS is made of statement expressions and compound literals
#pragma clang diagnostic ignored "-Wgnu-statement-expression"
#pragma clang diagnostic ignored "-Wc99-extensions"
#endif

namespace leakgate::capture {

Status TierUpdate::enter() const {
  if (keys.empty()) return {};
  auto number = static_cast<std::uint32_t>(keys.size());
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  if (const int error = bpf_map_update_batch(outer, keys.data(), descriptors.data(), &number, &options))
    return map_error(std::string("cannot enlarge the table of ") + table, error);
  return {};
}

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// See tier_update.h.
#include "harness/capture/tier_update.h"

#include <bpf/bpf.h>

#include <string>
#include <system_error>
#include <utility>

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
  *count = tiers;
  return {};
}

TierThread::~TierThread() {
  if (under_way_.valid()) under_way_.wait();
}

Status TierThread::start(std::vector<TierUpdate> updates) {
  Status before = under_way_.valid() ? under_way_.get() : Status();
  const auto enter = [updates = std::move(updates)]() -> Status {
    for (const TierUpdate& update : updates)
      if (auto entered = update.enter(); !entered) return entered;
    return {};
  };
  try {
    under_way_ = std::async(std::launch::async, enter);
  } catch (const std::system_error&) {  // no thread is to be had
    if (auto entered = enter(); !entered) return entered;
  }
  return before;
}

}  // namespace leakgate::capture

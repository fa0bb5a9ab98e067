// SPDX-License-Identifier: Apache-2.0
// FamilyLedger: the ledger as far as forked processes and their parents share blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "bpf/wire.h"
#include "harness/capture/session.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

/// A process is asked about while it runs, or when it has just ended and the ledger still has its blocks.
class FamilyLedger {
 public:
  virtual ~FamilyLedger() = default;
  virtual std::vector<model::HeldBlock> blocks_of(std::uint32_t process) = 0;
  /// A block that was freed after a fork; `child` is the last one forked before that, or one more that never
  /// came.
  struct Left {
    std::uint32_t child = 0;
    model::HeldBlock block;
  };
  /// An inherited block that was freed.
  struct Gone {
    std::uint64_t address = 0;
    std::uint32_t time_ms = 0;
  };
  struct Freed {
    std::vector<Left> left;
    std::vector<Gone> gone;
  };
  /// What the process has freed while children lived that it had forked, and what it has freed of its
  /// parent's.
  virtual Freed freed_by(std::uint32_t process) = 0;
  /// None of the process's forked `children`, at least one, lives: what was left to them is not wanted.
  virtual void forget(std::uint32_t process, const std::set<std::uint32_t>& children) = 0;
};

/// `session` stays the caller's.
std::unique_ptr<FamilyLedger> make_family_ledger(Session& session);

/// A block of the ledger's as classify wants it.
[[nodiscard]] model::HeldBlock held_block(const lg_live_key& key, const lg_live& block);

}  // namespace leakgate::capture

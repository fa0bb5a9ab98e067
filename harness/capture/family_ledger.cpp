// SPDX-License-Identifier: Apache-2.0
// See family_ledger.h.
#include "harness/capture/family_ledger.h"

#include "harness/capture/known_blocks.h"

namespace leakgate::capture {
namespace {

using model::HeldBlock;

class SessionFamilyLedger final : public FamilyLedger {
 public:
  explicit SessionFamilyLedger(Session& session) : session_(session) {}

  std::vector<HeldBlock> blocks_of(std::uint32_t process) override {
    std::vector<HeldBlock> blocks;
    (void)session_.visit_live_of(process, [&](const lg_live_key& key, const lg_live& block) {
      blocks.push_back(held_block(key, block));
      return false;
    });
    sort_by_address(blocks);
    return blocks;
  }

  Freed freed_by(std::uint32_t process) override {
    Freed freed;
    session_.visit_left_by(process, [&](const lg_live_key& key, const lg_live& block) {
      if (key.gone == 0)
        freed.left.push_back({key.proc, held_block(key, block)});
      else if (key.proc == process)
        freed.gone.push_back({key.addr, block.time_ms});
      return false;
    });
    return freed;
  }

  void forget(std::uint32_t process, const std::set<std::uint32_t>& children) override {
    session_.end_heirs_of(process, *children.rbegin());
    session_.visit_left_by(
        process, [&](const lg_live_key& key, const lg_live&) { return children.contains(key.proc); });
  }

 private:
  Session& session_;
};

}  // namespace

std::unique_ptr<FamilyLedger> make_family_ledger(Session& session) {
  return std::make_unique<SessionFamilyLedger>(session);
}

HeldBlock held_block(const lg_live_key& key, const lg_live& block) {
  HeldBlock row;
  row.address = key.addr;
  row.size_bytes = block.size;
  row.time_ms = block.time_ms;
  row.window = block.test;
  row.stack = block.stack;
  row.ignored = (block.tid & LG_LIVE_IGNORED) != 0;
  return row;
}

}  // namespace leakgate::capture

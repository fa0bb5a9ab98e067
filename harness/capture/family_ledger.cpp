// SPDX-License-Identifier: Apache-2.0
// See family_ledger.h.
#include "harness/capture/family_ledger.h"

#include <optional>
#include <unordered_map>

#include "harness/capture/known_blocks.h"

namespace leakgate::capture {
namespace {

using model::HeldBlock;

/// Who is whose child, by what the images themselves say: a record of the fork may still be on its way.
class Images {
 public:
  explicit Images(const Session& session) : session_(session) {}

  /// False: the fork for which the number was taken has failed, or is still under way.
  bool is_told(std::uint32_t image) { return parent_of(image).has_value(); }
  bool may_be_child(std::uint32_t image, std::uint32_t process) {
    return parent_of(image).value_or(process) == process;
  }

 private:
  std::optional<std::uint32_t> parent_of(std::uint32_t image) {
    const auto [known, is_new] = parents_.try_emplace(image);
    if (!is_new) return known->second;
    if (const auto figures = session_.process(image); figures) known->second = figures->parent;
    return known->second;
  }

  const Session& session_;
  std::unordered_map<std::uint32_t, std::optional<std::uint32_t>> parents_;  ///< by image
};

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
    Images images(session_);
    session_.visit_left_by(process, [&](const lg_live_key& key, const lg_live& block) {
      if (key.gone == 0 && images.may_be_child(key.proc, process))
        freed.left.push_back({key.proc, held_block(key, block)});
      else if (key.gone != 0 && key.proc == process)
        freed.gone.push_back({key.addr, block.time_ms});
      return false;
    });
    return freed;
  }

  void forget(std::uint32_t process, const std::set<std::uint32_t>& children) override {
    const std::uint32_t last = *children.rbegin();
    Images images(session_);
    session_.end_heirs_of(process, last);
    session_.visit_left_by(process, [&](const lg_live_key& key, const lg_live&) {
      return children.contains(key.proc) || (key.proc < last && !images.is_told(key.proc));
    });
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

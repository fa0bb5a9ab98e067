// SPDX-License-Identifier: Apache-2.0
// The canary's blocks are looked for as a target's are: at its judged moment, else in the ledger.
#include "harness/capture/canary_watch.h"

#include "harness/base/canary_blocks.h"

namespace leakgate::capture {

CanaryWatch::CanaryWatch(Session& session, ModuleTable& modules, MappingTables& tables, std::int32_t pid,
                         std::uint32_t index, MomentKeeper moments)
    : session_(session),
      modules_(modules),
      tables_(tables),
      pid_(pid),
      index_(index),
      moments_(std::move(moments)),
      totals_before_(session.totals()),
      lost_before_(session.lost()),
      truncated_before_(session.truncated()) {}

bool CanaryWatch::take(const lg_record& record, std::size_t size) {
  if (record.proc != index_) return false;
  switch (record.type) {
    case LG_REC_EXEC:
      sight_.started = true;
      return true;
    case LG_REC_EXAMINE:
      examine();
      return true;
    case LG_REC_MOMENT:
      if (size >= sizeof(lg_record_moment))
        moments_.take(reinterpret_cast<const lg_record_moment&>(record), pid_);
      return true;
    case LG_REC_EXIT:
      tables_.end(index_);
      look();
      sight_.ended = true;
      return true;
    default:
      return false;
  }
}

/// Files that are not known yet stay so: a C library that the target was not probed in must not be probed for
/// the canary's sake.
void CanaryWatch::examine() {
  std::vector<lg_mapping> rows;
  if (auto maps = read_maps(pid_); maps)
    for (const FileMapping& mapping : *maps)
      if (const auto id = modules_.find_mapping(pid_, mapping); id)
        rows.push_back({mapping.start, mapping.end, modules_.bias(*id, mapping), *id, 0});
  (void)tables_.set(index_, rows);  // without them its stacks are shorter, and nobody sees those
  session_.set_examined(index_);
}

void CanaryWatch::look() {
  moments_.release_lingering();
  const auto process = session_.process(index_);
  sight_.free_seen = process && process->allocations >= 2 && process->frees >= 1;
  const bool settled = moments_.is_settled(index_);
  for (const model::TraceOutstanding& group : moments_.groups())
    look_at(group.blocks, group.bytes, group.kind);
  (void)session_.visit_live_of(index_, [&](const lg_live_key&, const lg_live& block) {
    if (!settled) look_at(1, block.size, model::Kind::unclassified);
    return true;
  });
}

void CanaryWatch::look_at(std::uint64_t blocks, std::uint64_t bytes, model::Kind kind) {
  if (blocks == 1 && bytes == LEAKGATE_CANARY_LOST_BYTES) {
    sight_.lost_found = true;
    sight_.held_for_lost = kind != model::Kind::still_reachable;
  }
  if (blocks == 1 && bytes == LEAKGATE_CANARY_FREED_BYTES) sight_.free_seen = false;
}

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// RecordRing: the ring of control records in the shared memory, as it is read. In: what the preloaded
// libraries write, or whatever else the traced program wrote there. Out: records that can be theirs, and a
// count of the others.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"
#include "harness/capture/preload/shared_file.h"

namespace leakgate::capture {

class RecordRing {
 public:
  /// False: no library wrote this record.
  using Take = std::function<bool(lg_record& record, std::size_t bytes)>;

  /// Sets the ring up in `file`, with `ring_bytes` at most.
  RecordRing(std::shared_ptr<SharedFile> file, std::uint64_t ring_bytes);
  ~RecordRing();
  RecordRing(const RecordRing&) = delete;
  RecordRing& operator=(const RecordRing&) = delete;

  /// Has the epoll descriptor `events` become readable when a record is there that cannot wait. Fails with
  /// io.
  Status tell(int events);
  /// Hands on what the ring holds, but not for ever: the target could write for ever.
  void take(const Take& take);
  /// Places where something stood that no library wrote.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_; }

 private:
  void ring_through(const std::stop_token& stop);
  /// Takes one record out of the ring and hands it on; false: there is none.
  bool take_one(const Take& take);
  /// Whether a record has been waited for so long that it will not come.
  bool is_given_up(std::uint64_t ticket);
  void ring();

  std::shared_ptr<SharedFile> file_;
  // the target can write to the header: what bounds depend on is kept here
  std::uint32_t slots_;
  std::uint64_t read_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t stuck_ticket_ = ~0ull;
  std::uint64_t stuck_since_ns_ = 0;
  Descriptor doorbell_;  ///< eventfd
  std::jthread ringer_;
};

}  // namespace leakgate::capture

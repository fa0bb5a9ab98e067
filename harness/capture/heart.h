// SPDX-License-Identifier: Apache-2.0
// Heart: tells processes that wait for leakgate that it is there, however long it is busy elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"
#include "harness/capture/session.h"

namespace leakgate::capture {

/// Beats in a thread of its own until it is destroyed, which takes no longer than one beat of the session's.
class Heart {
 public:
  /// `session` must outlive it, and what `at_each_beat` refers to. Fails (io).
  static Result<std::unique_ptr<Heart>> start(Session& session, std::function<void()> at_each_beat);
  ~Heart();
  Heart(const Heart&) = delete;
  Heart& operator=(const Heart&) = delete;

 private:
  Heart(Session& session, std::function<void()> at_each_beat, Descriptor stop);
  void run() const;

  Session& session_;
  std::function<void()> at_each_beat_;
  Descriptor stop_;  ///< readable when it is to end
  std::thread thread_;
};

}  // namespace leakgate::capture

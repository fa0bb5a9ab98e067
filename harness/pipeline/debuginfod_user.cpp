// SPDX-License-Identifier: Apache-2.0
// The user database is asked here, before any fork; see debuginfod_user.h.
#include "harness/pipeline/debuginfod_user.h"

#include <stdlib.h>

#include <memory>

#include "harness/launch/identity.h"

namespace leakgate::pipeline {

symbolize::BecomeUser debuginfod_user(const RecordRequest& request) {
  const auto urls = request.caller.variable("DEBUGINFOD_URLS");
  if (!urls || urls->empty()) return nullptr;
  std::optional<launch::TargetUser> user;
  if (!request.as_root) {
    auto found = launch::invoking_user(request.caller);
    if (!found) return nullptr;
    user = std::move(*found);
  }
  auto plan = launch::plan_identity(request.caller, user);
  if (!plan) return nullptr;
  auto environment = std::make_shared<std::vector<std::string>>(
      user ? launch::environment_for(request.caller, *user) : request.caller.environment);
  return [plan = std::move(*plan), environment] {
    ::clearenv();
    for (std::string& entry : *environment)
      ::putenv(entry.data());
    return launch::become(plan);
  };
}

}  // namespace leakgate::pipeline

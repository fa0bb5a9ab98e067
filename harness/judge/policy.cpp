// SPDX-License-Identifier: Apache-2.0
// The tables behind policy.h.
#include "harness/judge/policy.h"

namespace leakgate::judge {

double confidence_of(model::Kind kind) {
  switch (kind) {
    case model::Kind::definitely_lost:
      return 0.99;
    case model::Kind::indirectly_lost:
      return 0.97;
    case model::Kind::unclassified:
      return 0.8;
    case model::Kind::possibly_lost:
      return 0.5;
    case model::Kind::still_reachable:
      break;
  }
  return 0.2;
}

model::Severity severity_of(std::uint64_t bytes) {
  if (bytes < 1024) return model::Severity::low;
  if (bytes < 64 * 1024) return model::Severity::medium;
  return bytes < 1024 * 1024 ? model::Severity::high : model::Severity::critical;
}

}  // namespace leakgate::judge

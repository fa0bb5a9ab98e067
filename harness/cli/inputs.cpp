// SPDX-License-Identifier: Apache-2.0
// See inputs.h.
#include "harness/cli/inputs.h"

#include "harness/judge/merge.h"
#include "harness/model/recording_file.h"

namespace leakgate::cli {

Result<model::Recording> read_recordings(const Options& options) {
  std::vector<model::Recording> recordings;
  for (const std::string& path : options.inputs) {
    auto recording = model::read_recording(path);
    if (!recording) return std::move(recording).error();
    recordings.push_back(std::move(*recording));
  }
  if (auto fit = judge::check_parts(recordings, options.inputs, options.merge_rule, options.expected_parts);
      !fit)
    return std::move(fit).error();
  return judge::merge(std::move(recordings));
}

}  // namespace leakgate::cli

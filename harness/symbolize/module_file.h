// SPDX-License-Identifier: Apache-2.0
// Which file a module is.
#pragma once

#include <string>

namespace leakgate::symbolize {

/// A file that was mapped as code by a traced process.
struct ModuleFile {
  std::string path;  ///< as the process saw it; this is what reports show
  std::string
      open_path;         ///< where it can be opened here (/proc/PID/root/..., /proc/self/fd/N); empty: `path`
  std::string build_id;  ///< lower-case hex, as recorded when it was mapped; empty: unknown, and not checked
  std::string original{};  ///< the file that this is leakgate's own copy of; empty: it is none

  friend bool operator==(const ModuleFile&, const ModuleFile&) = default;

  [[nodiscard]] const std::string& to_open() const { return open_path.empty() ? path : open_path; }
};

}  // namespace leakgate::symbolize

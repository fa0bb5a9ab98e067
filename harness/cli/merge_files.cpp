// SPDX-License-Identifier: Apache-2.0
// See merge_files.h.
#include "harness/cli/merge_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace leakgate::cli {

bool MergedFiles::any_unreadable() const {
  return std::any_of(left_out.begin(), left_out.end(),
                     [](const Error& error) { return error.kind != ErrorKind::not_found; });
}

std::optional<MergeFiles::Version> MergeFiles::version_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Version{status.st_dev,         status.st_ino,          static_cast<std::uint64_t>(status.st_size),
                 status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                 status.st_ctim.tv_nsec};
}

MergeFiles::MergeFiles(std::vector<std::string> paths) : paths_(std::move(paths)) {
  std::transform(paths_.begin(), paths_.end(), std::back_inserter(before_), version_of);
}

MergedFiles MergeFiles::read() const {
  constexpr const char* kHint = "a program that ends before its last test writes none";
  MergedFiles merged;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const auto now = version_of(paths_[i]);
    if (now && now == before_[i]) {
      merged.left_out.push_back({ErrorKind::not_found,
                                 fmt::format("{} is of an earlier run and is not merged", paths_[i]), kHint,
                                 0});
      continue;
    }
    auto read = report::read_junit_inputs({paths_[i]});
    if (read) {
      merged.inputs.documents.push_back(std::move(read->documents.front()));
    } else if (read.error().kind == ErrorKind::not_found) {
      merged.left_out.push_back(
          {ErrorKind::not_found, fmt::format("{} was not written and is not merged", paths_[i]), kHint, 0});
    } else {
      merged.left_out.push_back(std::move(read).error());
    }
  }
  return merged;
}

}  // namespace leakgate::cli

// SPDX-License-Identifier: Apache-2.0
// Reading the process tree. See process_tree.h.
#include "harness/launch/process_tree.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace leakgate::launch {
namespace {

std::optional<ProcessStat> read_stat(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat", std::ios::binary);
  std::ostringstream text;  // not a line: a process may have a line break in its name
  text << file.rdbuf();
  return file ? parse_process_stat(text.str()) : std::nullopt;
}

std::multimap<pid_t, std::pair<pid_t, ProcessStat>> read_children() {
  std::multimap<pid_t, std::pair<pid_t, ProcessStat>> result;
  DIR* const directory = opendir("/proc");
  if (directory == nullptr) return result;
  while (const dirent* entry = readdir(directory)) {
    pid_t pid = 0;
    const char* const end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, pid).ptr != end || pid <= 0) continue;
    if (const auto stat = read_stat(pid)) result.emplace(stat->parent, std::pair(pid, *stat));
  }
  closedir(directory);
  return result;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view line) {
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::istringstream fields{std::string(line.substr(name_end + 1))};
  std::string skipped;
  ProcessStat result;
  fields >> skipped >> result.parent;  // fields 3 and 4
  for (int number = 5; number < 22; ++number)
    fields >> skipped;
  fields >> result.start_ticks;  // field 22
  if (!fields) return std::nullopt;
  return result;
}

std::vector<Descendant> find_descendants(pid_t root) {
  const auto children = read_children();
  std::vector<Descendant> result;
  std::vector<pid_t> parents = {root};
  for (std::size_t next = 0; next < parents.size(); ++next) {
    const auto [first, last] = children.equal_range(parents[next]);
    for (auto child = first; child != last; ++child) {
      const auto& [pid, stat] = child->second;
      Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
      // The number may have been given to another process since it was read; the handle stays with the one it
      // has now.
      const auto now = read_stat(pid);
      if (!handle || !now || now->start_ticks != stat.start_ticks) continue;
      parents.push_back(pid);
      result.push_back({pid, std::move(handle)});
    }
  }
  return result;
}

}  // namespace leakgate::launch

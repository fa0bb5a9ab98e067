// SPDX-License-Identifier: Apache-2.0
// Reader of /proc/TASK/maps. The number of a main thread that has ended before others has none.
#include "harness/capture/process_maps.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "harness/base/descriptor.h"

namespace leakgate::capture {
namespace {

constexpr std::size_t kMaxBytes = 64u << 20;

std::string_view take_word(std::string_view& line) {
  const auto begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos) return line = {};
  line.remove_prefix(begin);
  const auto end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

bool parse_hex(std::string_view text, std::uint64_t& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

bool parse_line(std::string_view line, FileMapping& mapping) {
  const std::string_view range = take_word(line);
  const std::string_view permissions = take_word(line);
  const std::string_view offset = take_word(line);
  const std::string_view device = take_word(line);
  const std::string_view inode = take_word(line);
  if (permissions.size() < 4 || inode.empty()) return false;
  mapping.readable = permissions[0] == 'r';
  mapping.writable = permissions[1] == 'w';
  mapping.executable = permissions[2] == 'x';
  mapping.shared = permissions[3] == 's';
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return false;
  if (!parse_hex(range.substr(0, dash), mapping.start) || !parse_hex(range.substr(dash + 1), mapping.end) ||
      !parse_hex(offset, mapping.file_offset) || mapping.start >= mapping.end)
    return false;
  if (inode != "0") mapping.device_inode = fmt::format("{} {}", device, inode);
  const auto path = line.find_first_not_of(' ');
  if (path != std::string_view::npos) mapping.path = line.substr(path);
  constexpr std::string_view kDeleted = " (deleted)";
  if (mapping.path.ends_with(kDeleted)) {
    mapping.deleted = true;
    mapping.path.resize(mapping.path.size() - kDeleted.size());
  }
  return true;
}

Result<std::string> read_text(std::int32_t task) {
  const std::string path = fmt::format("/proc/{}/maps", task);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error(ErrorKind::not_found, "cannot read " + path, errno);
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || text.size() > kMaxBytes) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  if (text.empty()) return Error{ErrorKind::not_found, fmt::format("{} is empty: it has ended", path), "", 0};
  return text;
}

bool has_memory(std::int32_t task) {
  const Descriptor file(::open(fmt::format("/proc/{}/maps", task).c_str(), O_RDONLY | O_CLOEXEC));
  char byte = 0;
  return file && ::read(file.get(), &byte, 1) == 1;
}

}  // namespace

std::vector<FileMapping> parse_all_maps(std::string_view text) {
  std::vector<FileMapping> mappings;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    FileMapping mapping;
    if (parse_line(text.substr(0, end), mapping)) mappings.push_back(std::move(mapping));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mappings;
}

std::vector<FileMapping> parse_maps(std::string_view text) {
  std::vector<FileMapping> mappings = parse_all_maps(text);
  // code without a file: none but the kernel's own has unwinding information that can be found
  std::erase_if(mappings, [](const FileMapping& mapping) {
    return !mapping.executable || (!mapping.has_file() && mapping.path != "[vdso]");
  });
  return mappings;
}

std::vector<std::int32_t> tasks_of(std::int32_t pid) {
  std::vector<std::int32_t> tasks;
  std::error_code none;
  const std::filesystem::directory_iterator folder(fmt::format("/proc/{}/task", pid), none), end;
  for (auto entry = folder; !none && entry != end; entry.increment(none))
    tasks.push_back(std::atoi(entry->path().filename().c_str()));
  return tasks;
}

std::int32_t task_with_memory(std::int32_t pid) {
  if (has_memory(pid)) return pid;
  for (const std::int32_t task : tasks_of(pid))
    if (has_memory(task)) return task;
  return pid;
}

Result<std::vector<FileMapping>> read_all_maps(std::int32_t task) {
  auto text = read_text(task);
  if (!text) return std::move(text).error();
  return parse_all_maps(*text);
}

Result<std::vector<FileMapping>> read_maps(std::int32_t task) {
  auto text = read_text(task);
  if (!text) return std::move(text).error();
  return parse_maps(*text);
}

}  // namespace leakgate::capture

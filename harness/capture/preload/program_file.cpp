// SPDX-License-Identifier: Apache-2.0
// The file is found as exec will find it: from the process's own root, working directory and descriptors.
// Whatever is not plain is left unknown.
#include "harness/capture/preload/program_file.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/text.h"

namespace leakgate::capture {
namespace {

/// Interpreters of interpreters, as the kernel follows them (fs/exec.c).
constexpr int kMostInterpreters = 5;
constexpr std::size_t kFirstLineBytes = 256;  // what the kernel reads of a script
constexpr std::size_t kMostHeaders = 1024;

std::string own_path(std::int32_t pid, std::string_view name) {
  return fmt::format("/proc/{}/{}", pid, name);
}

/// Its linker does not obey the environment, for those who are not the file's owner already.
bool raises_privileges(int file, const struct stat& status) {
  return (status.st_mode & (S_ISUID | S_ISGID)) != 0 ||
         ::fgetxattr(file, "security.capability", nullptr, 0) > 0;
}

bool is_gnu_linker(int file, const Elf64_Phdr& part) {
  std::array<char, PATH_MAX> path{};
  const std::size_t bytes = std::min<std::size_t>(part.p_filesz, path.size() - 1);
  if (::pread(file, path.data(), bytes, static_cast<off_t>(part.p_offset)) != static_cast<ssize_t>(bytes))
    return false;
  return base_name(path.data()) == "ld-linux-x86-64.so.2";
}

Loading loading_of_elf(int file, const struct stat& status) {
  Elf64_Ehdr header{};
  if (::pread(file, &header, sizeof header, 0) != sizeof header) return Loading::impossible;
  if (!std::equal(ELFMAG, ELFMAG + SELFMAG, header.e_ident) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_machine != EM_X86_64)
    return Loading::impossible;
  std::vector<Elf64_Phdr> parts(std::min<std::size_t>(header.e_phnum, kMostHeaders));
  const std::size_t bytes = parts.size() * sizeof(Elf64_Phdr);
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      ::pread(file, parts.data(), bytes, static_cast<off_t>(header.e_phoff)) != static_cast<ssize_t>(bytes))
    return Loading::impossible;
  for (const Elf64_Phdr& part : parts) {
    if (part.p_type != PT_INTERP) continue;
    return is_gnu_linker(file, part) && !raises_privileges(file, status) ? Loading::possible
                                                                         : Loading::unknown;
  }
  return Loading::impossible;
}

/// Where process `pid` would find it, not opened yet: it may be a device. By links of /proc, which mean
/// something else to everybody, not at all.
Descriptor find_as(std::int32_t pid, int directory, const std::string& path) {
  if (path == "/proc/self/exe") return Descriptor(::open(own_path(pid, "exe").c_str(), O_PATH | O_CLOEXEC));
  const bool absolute = path.starts_with('/');
  const std::string base = absolute                ? own_path(pid, "root")
                           : directory == AT_FDCWD ? own_path(pid, "cwd")
                                                   : own_path(pid, fmt::format("fd/{}", directory));
  const Descriptor from(::open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!from) {
    errno = EACCES;  // not that there is no such program
    return {};
  }
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS | (absolute ? RESOLVE_IN_ROOT : 0);
  return Descriptor(static_cast<int>(::syscall(SYS_openat2, from.get(), path.c_str(), &how, sizeof how)));
}

/// What a script's first line names; nothing where that is no absolute path.
std::optional<std::string> interpreter_in(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t", 2);
  const auto end = line.find_first_of(std::string_view(" \t\n\0", 4), begin);
  if (begin == line.npos || end == line.npos || line[begin] != '/') return std::nullopt;
  return std::string(line.substr(begin, end - begin));
}

Loading loading_of_file(std::int32_t pid, Descriptor found) {
  for (int i = 0; i < kMostInterpreters; ++i) {
    struct stat status {};
    if (!found || ::fstat(found.get(), &status) != 0 || !S_ISREG(status.st_mode)) break;
    const Descriptor file(::open(fmt::format("/proc/self/fd/{}", found.get()).c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, kFirstLineBytes> start{};
    const ssize_t got = ::pread(file.get(), start.data(), start.size(), 0);
    const std::string_view text(start.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (text.starts_with(ELFMAG)) return loading_of_elf(file.get(), status);
    const auto interpreter = text.starts_with("#!") ? interpreter_in(text) : std::nullopt;
    if (!interpreter) break;
    found = find_as(pid, AT_FDCWD, *interpreter);
  }
  return Loading::unknown;
}

/// A string of the process's; nothing where it cannot be read.
std::optional<std::string> string_at(std::int32_t pid, std::uint64_t address) {
  constexpr std::uint64_t kPage = 4096, kMost = 64 * 1024;
  const Descriptor memory(::open(own_path(pid, "mem").c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  while (memory && text.size() < kMost) {
    std::array<char, kPage> page;
    const std::uint64_t at = address + text.size();
    const ssize_t got = ::pread(memory.get(), page.data(), kPage - at % kPage, static_cast<off_t>(at));
    if (got <= 0) break;
    const std::string_view part(page.data(), static_cast<std::size_t>(got));
    const auto end = part.find('\0');
    text += part.substr(0, end);
    if (end != part.npos) return text;
  }
  return std::nullopt;
}

/// The first one that may be executed.
Descriptor find_in_one_of(std::int32_t pid, std::string_view directories, const std::string& name) {
  for (;;) {
    const auto end = directories.find(':');
    std::string path(directories.substr(0, end));
    if (!path.empty()) path += '/';
    Descriptor file = find_as(pid, AT_FDCWD, path + name);
    struct stat status {};
    if (!file && errno != ENOENT && errno != ENOTDIR) return {};
    if (file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0)
      return file;
    if (end == directories.npos) return {};
    directories.remove_prefix(end + 1);
  }
}

}  // namespace

RunningProgram look_at_program(std::int32_t pid) {
  RunningProgram program;
  const Descriptor file(::open(own_path(pid, "exe").c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    if (errno == EACCES || errno == EPERM) program.loading = Loading::impossible;
    program.gone = errno == ENOENT || errno == ESRCH;
    return program;
  }
  program.loading = loading_of_elf(file.get(), status);
  program.device = status.st_dev;
  program.file = status.st_ino;
  return program;
}

Loading loading_of(std::int32_t pid, const preload::NextProgram& next) {
  if (next.path == 0) {
    if (next.directory < 0) return Loading::unknown;
    const std::string opened = own_path(pid, fmt::format("fd/{}", next.directory));
    return loading_of_file(pid, Descriptor(::open(opened.c_str(), O_PATH | O_CLOEXEC)));
  }
  const auto path = string_at(pid, next.path);
  if (!path || path->empty()) return Loading::unknown;
  if (next.search == 0 || path->find('/') != path->npos)
    return loading_of_file(pid, find_as(pid, next.directory, *path));
  const auto directories = string_at(pid, next.search);
  return directories ? loading_of_file(pid, find_in_one_of(pid, *directories, *path)) : Loading::unknown;
}

}  // namespace leakgate::capture

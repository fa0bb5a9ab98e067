// SPDX-License-Identifier: Apache-2.0
// The search through PATH and the words for its failures. See command_path.h.
#include "harness/launch/command_path.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "harness/base/descriptor.h"

namespace leakgate::launch {
namespace {

constexpr std::size_t kHeadBytes = 4096;

std::string read_head(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::string head(kHeadBytes, '\0');
  const ssize_t count = file ? pread(file.get(), head.data(), head.size(), 0) : 0;
  head.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return head;
}

/// The interpreter a "#!" line names, or the loader an ELF file asks for; empty if neither is seen in the
/// head.
std::string interpreter_of(const std::string& head) {
  if (head.starts_with("#!")) {
    const std::size_t begin = head.find_first_not_of(" \t", 2);
    const std::size_t end = begin == std::string::npos ? begin : head.find_first_of(" \t\r\n", begin);
    return begin == std::string::npos ? std::string()
                                      : head.substr(begin, end == std::string::npos ? end : end - begin);
  }
  Elf64_Ehdr header{};
  if (head.size() < sizeof header || !head.starts_with(ELFMAG)) return {};
  std::memcpy(&header, head.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr)) return {};
  for (std::size_t index = 0; index < header.e_phnum; ++index) {
    Elf64_Phdr segment{};
    if (header.e_phoff > head.size()) return {};
    const std::size_t at = header.e_phoff + index * sizeof segment;
    if (at + sizeof segment > head.size()) return {};
    std::memcpy(&segment, head.data() + at, sizeof segment);
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_offset >= head.size() || segment.p_filesz > head.size() - segment.p_offset) return {};
    return std::string(head.data() + segment.p_offset,
                       strnlen(head.data() + segment.p_offset, segment.p_filesz));
  }
  return {};
}

Error explain_missing(std::string_view name, const std::string& path) {
  Error error{ErrorKind::not_found, fmt::format("cannot run '{}': ", name), {}, ENOENT};
  struct stat status {};
  if (!path.empty() && stat(path.c_str(), &status) == 0) {
    const std::string interpreter = interpreter_of(read_head(path));
    error.message += interpreter.empty() ? std::string("the interpreter it asks for does not exist")
                                         : fmt::format("its interpreter '{}' does not exist", interpreter);
    error.hint =
        "correct the first line of the script, or install the loader that the program was linked for";
    return error;
  }
  if (name.empty()) {
    error.message += "the command is empty";
    error.hint = "write the command after --";
  } else if (name.find('/') != std::string_view::npos) {
    error.message += "no such file";
    error.hint = "check the path; it is looked up from the current directory";
  } else {
    error.message += "command not found in PATH";
    const std::string here = "./" + std::string(name);
    error.hint = access(here.c_str(), X_OK) == 0
                     ? fmt::format("there is one in the current directory: write {}", here)
                     : "check the spelling, or give a path such as ./" + std::string(name);
  }
  return error;
}

std::pair<std::string, std::string> explain_refusal(const std::string& path, int code) {
  struct stat status {};
  const bool is_directory = !path.empty() && stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  if (code == EISDIR || is_directory) return {"it is a directory", "name a program in it"};
  switch (code) {
    case EACCES:
    case EPERM:
      return {"permission denied",
              "make it executable (chmod +x) for the user the target runs as, and check for a noexec mount"};
    case ENOEXEC:
    case ELIBBAD:
      return {"exec format error: neither a program for this machine nor a script",
              "name a program built for this machine, or a script that begins with #!"};
    case E2BIG:
      return {"argument list too long", "shorten the arguments or the environment"};
    case ETXTBSY:
      return {"the file is open for writing", "wait until the build that writes it is done"};
    default:
      return {std::strerror(code), "run the command without leakgate to see whether it works there"};
  }
}

}  // namespace

std::vector<std::string> command_candidates(std::string_view name,
                                            std::optional<std::string_view> path_variable) {
  if (name.empty() || name.find('/') != std::string_view::npos) return {std::string(name)};
  std::vector<std::string> result;
  std::string_view rest = path_variable.value_or("/bin:/usr/bin");
  for (;;) {
    const std::size_t colon = rest.find(':');
    std::string candidate(rest.substr(0, colon));
    if (!candidate.empty()) candidate += '/';
    result.push_back(candidate.append(name));
    if (colon == std::string_view::npos) return result;
    rest.remove_prefix(colon + 1);
  }
}

CommandSearch search_command(const char* const* candidates, std::size_t count, bool has_slash) {
  int code = ENOENT;
  std::size_t refused = 0;
  for (std::size_t index = 0; index < count; ++index) {
    struct stat status {};
    int failure = 0;
    if (stat(candidates[index], &status) != 0) {
      failure = errno;
    } else if (S_ISDIR(status.st_mode)) {
      failure = has_slash ? EISDIR : EACCES;
    } else if (!S_ISREG(status.st_mode)) {
      failure = EACCES;
    } else if (faccessat(AT_FDCWD, candidates[index], X_OK, AT_EACCESS) != 0) {
      failure = errno;
    } else {
      return {0, index};
    }
    if (has_slash) return {failure, index};
    // Like execvp: what is found and may not be executed is remembered, and the search goes on.
    if (failure == EACCES && code != EACCES) {
      code = EACCES;
      refused = index;
    }
  }
  return {code, refused};
}

Result<std::string> find_command(std::string_view name, std::optional<std::string_view> path_variable) {
  const std::vector<std::string> candidates = command_candidates(name, path_variable);
  std::vector<const char*> pointers;
  for (const std::string& candidate : candidates)
    pointers.push_back(candidate.c_str());
  const bool has_slash = name.find('/') != std::string_view::npos;
  const CommandSearch found = search_command(pointers.data(), pointers.size(), has_slash);
  if (found.code != 0) return explain_command_failure(name, candidates[found.index], found.code);
  return candidates[found.index];
}

bool looks_like_shell_script(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::array<char, 256> head{};
  const ssize_t count = pread(file, head.data(), head.size(), 0);
  close(file);
  // a damaged program may have a line end in front of its first zero
  if (count >= SELFMAG && std::memcmp(head.data(), ELFMAG, SELFMAG) == 0) return false;
  for (ssize_t at = 0; at < count; ++at) {
    if (head[static_cast<std::size_t>(at)] == '\n') return true;
    if (head[static_cast<std::size_t>(at)] == '\0') return false;
  }
  return count >= 0;
}

Error explain_command_failure(std::string_view name, const std::string& path, int code) {
  if (code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG || code == ELOOP) {
    Error error = explain_missing(name, path);
    error.code = code;
    return error;
  }
  auto [why, hint] = explain_refusal(path, code);
  return Error{ErrorKind::not_executable, fmt::format("cannot run '{}': {}", name, why), std::move(hint),
               code};
}

}  // namespace leakgate::launch

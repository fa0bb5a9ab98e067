// SPDX-License-Identifier: Apache-2.0
// Truth documents: see the header. In: a log, JSON text, paths. Out: a Truth, JSON text, files.
#include "simulator/truth_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "harness/base/descriptor.h"
#include "simulator/json_access.h"

namespace leakgate::simulator {
namespace {

constexpr std::string_view kSchema = "leakgate-truth/1";
constexpr off_t kMaxFileBytes = 256 << 20;

Error format_error(std::string message) {
  return Error{ErrorKind::format, std::move(message), "write truth with leakgate-sim run --truth FILE", 0};
}

bool known_kind(std::string_view kind) {
  for (const Kind each :
       {Kind::definitely_lost, Kind::indirectly_lost, Kind::possibly_lost, Kind::still_reachable}) {
    if (kind == name_of(each)) return true;
  }
  return false;
}

Result<TruthLeak> parse_leak(const nlohmann::json& row) {
  TruthLeak leak;
  leak.kind = text_of(row, "kind");
  if (!known_kind(leak.kind)) return format_error("truth: a leak of unknown kind \"" + leak.kind + "\"");
  leak.cycle = flag_of(row, "cycle");
  if (const std::string when = text_of(row, "lost"); !when.empty()) leak.when = when;
  if (leak.when != "in_test" && leak.when != "late" && leak.when != "never")
    return format_error("truth: lost at an unknown time \"" + leak.when + "\"");
  leak.blocks = number_of(row, "blocks");
  leak.bytes = number_of(row, "bytes");
  if (leak.blocks == 0) return format_error("truth: a leak without blocks");
  const nlohmann::json* site = member(row, "site");
  if (site == nullptr) return format_error("truth: a leak without site");
  leak.function = text_of(*site, "function");
  leak.file = text_of(*site, "file");
  leak.line = line_of(*site, "line");
  if (const nlohmann::json* test = member(row, "test"); test != nullptr && test->is_string()) {
    leak.test = test->get<std::string>();
  }
  const std::string process = text_of(row, "process");
  if (process != "self" && process != "child") return format_error("truth: a leak of unknown process");
  leak.child = process == "child";
  return leak;
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(ErrorKind::io, "cannot write " + path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// Where a file is written before it takes the place of `path`.
std::string partial_name(const std::string& path) {
  return path + ".partial." + std::to_string(::getpid());
}

}  // namespace

std::uint64_t Truth::total_blocks() const {
  std::uint64_t sum = 0;
  for (const TruthLeak& leak : leaks) {
    sum += leak.blocks;
  }
  return sum;
}

std::uint64_t Truth::total_bytes() const {
  std::uint64_t sum = 0;
  for (const TruthLeak& leak : leaks) {
    sum += leak.bytes;
  }
  return sum;
}

Result<Truth> truth_from_log(const TruthLog& log, std::string_view scenario, std::string_view twin,
                             std::uint64_t seed) {
  if (log.overflowed())
    return Error{ErrorKind::internal, "the truth log is full", "run fewer scenarios at once", 0};
  Truth truth;
  truth.scenario = scenario;
  truth.twin = twin;
  truth.seed = seed;
  for (std::size_t index = 0; index < log.size(); ++index) {
    const LogEntry& entry = log.entry(index);
    TruthLeak leak;
    leak.kind = name_of(entry.kind);
    leak.cycle = entry.cycle;
    leak.when = name_of(entry.when);
    leak.blocks = entry.blocks;
    leak.bytes = entry.bytes;
    leak.function = entry.function.view();
    leak.file = entry.file.view();
    leak.line = entry.line;
    if (!entry.test.view().empty()) leak.test = std::string(entry.test.view());
    leak.child = entry.child;
    truth.leaks.push_back(std::move(leak));
  }
  return truth;
}

std::string truth_to_json(const Truth& truth) {
  nlohmann::ordered_json leaks = nlohmann::ordered_json::array();
  for (const TruthLeak& leak : truth.leaks) {
    nlohmann::ordered_json row{
        {"kind", leak.kind},
        {"cycle", leak.cycle},
        {"lost", leak.when},
        {"blocks", leak.blocks},
        {"bytes", leak.bytes},
        {"site", {{"function", leak.function}, {"file", leak.file}, {"line", leak.line}}},
        {"test", nullptr},
        {"process", leak.child ? "child" : "self"}};
    if (leak.test) row["test"] = *leak.test;
    leaks.push_back(std::move(row));
  }
  const nlohmann::ordered_json document{
      {"schema", kSchema},
      {"scenario", truth.scenario},
      {"twin", truth.twin},
      {"seed", truth.seed},
      {"leaks", std::move(leaks)},
      {"total", {{"blocks", truth.total_blocks()}, {"bytes", truth.total_bytes()}}}};
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<Truth> parse_truth(std::string_view json) {
  const nlohmann::json document = nlohmann::json::parse(json, nullptr, false);
  if (document.is_discarded()) return format_error("truth: not JSON");
  if (text_of(document, "schema") != kSchema) return format_error("truth: not a leakgate-truth/1 document");
  Truth truth;
  truth.scenario = text_of(document, "scenario");
  truth.twin = text_of(document, "twin");
  truth.seed = number_of(document, "seed");
  const nlohmann::json* leaks = member(document, "leaks");
  const nlohmann::json* total = member(document, "total");
  if (leaks == nullptr || !leaks->is_array() || total == nullptr) {
    return format_error("truth: leaks or total are missing");
  }
  for (const nlohmann::json& row : *leaks) {
    Result<TruthLeak> leak = parse_leak(row);
    if (!leak) return std::move(leak).error();
    truth.leaks.push_back(std::move(*leak));
  }
  if (number_of(*total, "blocks") != truth.total_blocks() ||
      number_of(*total, "bytes") != truth.total_bytes()) {
    return format_error("truth: the total does not agree with the leaks");
  }
  return truth;
}

Status check_text(const std::string& path) {
  struct stat existing {};
  if (path == "-") return {};
  if (::stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode))
    return S_ISDIR(existing.st_mode) ? Status(system_error(ErrorKind::io, "cannot create " + path, EISDIR))
                                     : Status();
  const std::string partial = partial_name(path);
  const Descriptor out(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return system_error(ErrorKind::io, "cannot create " + path, errno);
  ::unlink(partial.c_str());
  return {};
}

Status write_text(const std::string& path, std::string_view text) {
  if (path == "-") return write_all(STDOUT_FILENO, text, "standard output");
  // A device or a pipe cannot be replaced by renaming.
  struct stat existing {};
  if (::stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode)) {
    const Descriptor out(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!out) return system_error(ErrorKind::io, "cannot open " + path, errno);
    return write_all(out.get(), text, path);
  }
  const std::string partial = partial_name(path);
  const Descriptor out(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return system_error(ErrorKind::io, "cannot create " + path, errno);
  Status status = write_all(out.get(), text, path);
  if (status && ::rename(partial.c_str(), path.c_str()) != 0) {
    status = system_error(ErrorKind::io, "cannot create " + path, errno);
  }
  if (!status) ::unlink(partial.c_str());
  return status;
}

Result<std::string> read_text(const std::string& path) {
  const Descriptor in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return system_error(ErrorKind::io, "cannot open " + path, errno);
  struct stat status {};
  if (::fstat(in.get(), &status) != 0) return system_error(ErrorKind::io, "cannot examine " + path, errno);
  if (S_ISDIR(status.st_mode)) return system_error(ErrorKind::io, "cannot read " + path, EISDIR);
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(in.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(ErrorKind::io, "cannot read " + path, errno);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > static_cast<std::size_t>(kMaxFileBytes)) {
      return Error{ErrorKind::io, path + " is too large", "give the JSON that leakgate wrote", 0};
    }
  }
}

}  // namespace leakgate::simulator

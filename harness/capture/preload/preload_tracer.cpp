// SPDX-License-Identifier: Apache-2.0
// The preload backend: where its library is, and what the target's environment needs to find both.
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>

#include "harness/capture/preload/preload_session.h"
#include "harness/capture/session_tracer.h"

namespace leakgate::capture {
namespace {

constexpr const char* kLibrary = "libleakgate_preload.so";

/// Beside this program: as installed, or as built.
Result<std::string> find_library() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {LEAKGATE_PRELOAD_INSTALLED, "../adapters/preload", "."}) {
    const fs::path path = fs::weakly_canonical(folder / place / kLibrary, error);
    if (!error && ::access(path.c_str(), R_OK) == 0) return path.string();
  }
  return Error{ErrorKind::unsupported, fmt::format("{} was not found beside leakgate", kLibrary),
               "reinstall leakgate", 0};
}

/// A file with capabilities runs undumpable, and /proc hides its descriptors from everybody without them: the
/// target could not open the ledger. Nothing here needs them, so they are given up for good, and what is left
/// is as any program of this user.
void give_up_capabilities() {
  if (::geteuid() == 0 || ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1) return;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return;
  (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

}  // namespace

Result<std::unique_ptr<HeapTracer>> make_preload_tracer(const TracerOptions& options) {
  auto library = find_library();
  if (!library) return std::move(library).error();
  if (library->find_first_of(" :") != std::string::npos)
    return Error{ErrorKind::unsupported, fmt::format("{} cannot stand in LD_PRELOAD", *library),
                 "install leakgate where the path has no space and no colon", 0};
  give_up_capabilities();
  auto made = SharedFile::make();
  if (!made) return std::move(made).error();
  const auto file = std::make_shared<SharedFile>(std::move(*made));
  std::vector<std::string> environment{
      fmt::format("LD_PRELOAD={}{}{}", *library, options.preloaded.empty() ? "" : ":", options.preloaded),
      fmt::format("{}={}", preload::kVariable, file->name())};
  const OpenSession open = [file](const TracerOptions& given, const TracedTarget& target) {
    return PreloadSession::open(file, given, target);
  };
  TracerOptions limited = options;
  limited.max_processes = std::min(options.max_processes, preload::kMaxProcesses);
  return std::unique_ptr<HeapTracer>(std::make_unique<SessionTracer>(limited, open, std::move(environment)));
}

}  // namespace leakgate::capture

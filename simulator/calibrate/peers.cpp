// SPDX-License-Identifier: Apache-2.0
// Other tools on the same scenarios. What they can say is whether a run fails, so that is what is compared.
#include <filesystem>

#include "simulator/calibrate/calibration.h"
#include "simulator/calibrate/child.h"
#include "simulator/scenario.h"
#include "simulator/truth_file.h"

namespace leakgate::simulator {
namespace {

constexpr int kFailed = 99;

struct Tool {
  std::string name, version;
  std::vector<std::string> before;
  std::vector<std::string> environment;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// The preloadable LeakSanitizer of the newest GCC.
std::string find_lsan() {
  std::error_code error;
  std::string best;
  for (const auto& target : std::filesystem::directory_iterator("/usr/lib/gcc", error))
    for (const auto& version : std::filesystem::directory_iterator(target.path(), error))
      if (const auto library = version.path() / "liblsan.so"; std::filesystem::exists(library, error))
        best = std::max(best, library.string());
  return best;
}

std::vector<Tool> find_tools(std::vector<std::string>& left_out) {
  std::vector<Tool> tools;
  if (const std::string valgrind = find_program("valgrind", {}); !valgrind.empty()) {
    const auto version = run_command({valgrind, "--version"});
    tools.push_back(
        {"Valgrind",
         version ? first_line(version->out) : "",
         {valgrind, "-q", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible",
          "--error-exitcode=" + std::to_string(kFailed)},
         {}});
  } else {
    left_out.emplace_back("Valgrind is not installed");
  }
  if (const std::string lsan = find_lsan(); !lsan.empty())
    tools.push_back({"LeakSanitizer",
                     lsan,
                     {},
                     {"LD_PRELOAD=" + lsan, "LSAN_OPTIONS=exitcode=" + std::to_string(kFailed)}});
  else
    left_out.emplace_back("LeakSanitizer (liblsan.so) is not installed");
  return tools;
}

/// Whether the leaking twin loses anything: what stays reachable fails in none of these tools.
bool loses(const std::string& truth_path) {
  const auto text = read_text(truth_path);
  const auto truth = text ? parse_truth(*text) : Result<Truth>(text.error());
  if (!truth) return false;
  for (const TruthLeak& leak : truth->leaks)
    if (leak.kind != "still_reachable") return true;
  return false;
}

}  // namespace

std::vector<Peer> measure_peers(const CalibrationRequest& request, std::vector<std::string>& left_out) {
  std::vector<Peer> peers;
  const auto directory = WorkDirectory::make();
  if (!directory) return peers;
  const std::string sim = find_program("leakgate-sim", {});
  for (const Tool& tool : find_tools(left_out)) {
    request.say(tool.name);
    Peer peer{tool.name, tool.version, {}, {}, 0};
    double ms = 0;
    for (const auto family : catalogue()) {
      for (const Scenario& scenario : family) {
        for (const char* twin : {"leaking", "clean"}) {
          const std::string truth = directory->file("truth.json");
          std::vector<std::string> words = tool.before;
          words.insert(words.end(), {sim, "run", scenario.name, "--twin", twin, "--truth", truth});
          const auto done = run_command(words, "/dev/null", tool.environment);
          if (!done) continue;
          ms += done->wall_ms;
          const bool failed = done->status == kFailed;
          if (std::string_view(twin) == "clean")
            peer.alarmed.add(failed);
          else if (loses(truth))
            peer.found.add(failed);
        }
      }
    }
    peer.ms_per_run = ms / static_cast<double>(std::max<std::uint64_t>(1, 2 * peer.alarmed.of));
    peers.push_back(peer);
  }
  return peers;
}

}  // namespace leakgate::simulator

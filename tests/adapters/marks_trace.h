// SPDX-License-Identifier: Apache-2.0
// Runs a test binary with breakpoints at the marks that find_marks() finds in it and in its shared libraries,
// and reads the marks' fields the way the kernel side does. In: a command. Out: the test windows seen, per
// process, in order. Needs no BPF and no privileges; x86-64 only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "harness/attribute/frameworks.h"
#include "harness/base/result.h"

namespace leakgate::adapters_test {

/// One window: what the marks said of one test case in one process.
struct Window {
  pid_t pid = 0;
  bool death_child = false;  ///< in a child of a fork that a death_fork mark announced
  std::string suite;
  std::string name;
  std::string file;
  std::uint32_t line = 0;
  std::string outcome;   ///< "passed", "failed", "skipped", "crashed"; "replaced": ended by the next start
  std::string end_name;  ///< the name as the end mark's own argument gives it; empty where it has none
  bool in_main_process = true;
};

struct MarkTrace {
  std::vector<Window> windows;
  std::vector<attribute::FrameworkPresence> frameworks;  ///< over all objects
  std::vector<std::string> probes;                       ///< "object: symbol"
  unsigned death_forks = 0;                              ///< death_fork marks hit
  unsigned death_children = 0;                           ///< forks that followed one in the same thread
  unsigned idle_ends = 0;                                ///< end marks hit while no window was open
  int exit_code = -1;                                    ///< of the command; -1: killed by `signal`
  int signal = 0;
};

/// Runs `command` to its end. Its output goes to `output_path`.
Result<MarkTrace> trace_marks(const std::vector<std::string>& command, attribute::MarkSet set,
                              const std::string& output_path);

}  // namespace leakgate::adapters_test

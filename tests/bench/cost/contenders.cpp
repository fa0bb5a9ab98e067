// SPDX-License-Identifier: Apache-2.0
// Command lines of the contenders. Other tools are given what a user would give them for a leak report.
#include "tests/bench/cost/contenders.h"

#include <gnu/lib-names.h>

#include <filesystem>

#include "tests/bench/cost/command.h"

namespace leakgate::bench {
namespace {

Words join(Words head, const Words& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

/// As one word for tools that split their command at spaces; the bench's own paths and numbers have none.
std::string one_word(const Words& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

/// The usual script: sizes by thread between call and return, stacks and sizes by address.
std::string bpftrace_script() {
  const std::string libc = "libc:";
  return "uprobe:" + libc + "malloc { @size[tid] = arg0; } uretprobe:" + libc +
         "malloc /@size[tid]/ { @bytes[retval] = @size[tid]; @site[retval] = ustack; delete(@size[tid]); } "
         "uprobe:" +
         libc +
         "free { delete(@bytes[arg0]); delete(@site[arg0]); } END { clear(@size); clear(@bytes); "
         "clear(@site); }";
}

/// GCC's, where its packages put it; empty: not there.
std::string find_leak_sanitizer() {
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"})
    if (const std::string path = std::string(folder) + "/liblsan.so.0"; std::filesystem::exists(path))
      return path;
  return "";
}

void add_tools(std::vector<Contender>& all, const Places& places, Words* missing) {
  const auto add = [&](const std::string& program, Contender contender) {
    if (is_installed(program))
      all.push_back(std::move(contender));
    else
      missing->push_back(contender.name);
  };
  const std::string sanitizer = find_leak_sanitizer();
  if (sanitizer.empty()) missing->push_back(kLeakSanitizer);
  if (!sanitizer.empty())
    all.push_back(
        {kLeakSanitizer,
         [sanitizer](const Words& command) {
           return join({"env", "LD_PRELOAD=" + sanitizer, "LSAN_OPTIONS=fast_unwind_on_malloc=1"}, command);
         },
         0.3});
  add("valgrind", {kValgrind,
                   [](const Words& command) {
                     return join(
                         {"valgrind", "-q", "--leak-check=full", "--num-callers=20", "--trace-children=yes"},
                         command);
                   },
                   2});
  add("heaptrack", {kHeaptrack,
                    [&places](const Words& command) {
                      return join({"heaptrack", "-o", places.scratch + "/heaptrack"}, command);
                    },
                    1});
  add("bpftrace", {kBpftrace,
                   [](const Words& command) {
                     return Words{"bpftrace", "-q", "-e", bpftrace_script(), "-c", one_word(command)};
                   },
                   30, false});
  add("memleak-bpfcc", {kMemleak,
                        [](const Words& command) {
                          return Words{"memleak-bpfcc", "-c", one_word(command) + " wait", "5", "1"};
                        },
                        30, false});
}

}  // namespace

std::vector<Contender> find_contenders(const Places& places, Words* missing) {
  const auto probed = [&places](const char* placement) {
    return [&places, placement](const Words& command) {
      return join({places.self, "--empty-probes", placement, "--"}, command);
    };
  };
  const auto leakgate = [&places](const char* unwind) {
    return [&places, unwind](const Words& command) {
      return join(
          {places.leakgate, "run", "--json", places.json, "--backend", "ebpf", "--unwind", unwind, "--"},
          command);
    };
  };
  std::vector<Contender> all = {
      {kNative, [](const Words& command) { return command; }, 0.02},
      {kFloor, probed("planned"), 3},
      {kEntry, probed("entry"), 30},
      {kNoStacks, leakgate("none"), 3, true, true},
      {kStacks, leakgate("eh_frame"), 4, true, true},
      {kPreload,
       [&places](const Words& command) {
         return join({places.leakgate, "run", "--json", places.json, "--backend", "preload", "--"}, command);
       },
       0.3, true, true},
      {kTable,
       [&places](const Words& command) {
         return join({"env", "LD_PRELOAD=" + places.table}, command);
       },
       0.1},
  };
  add_tools(all, places, missing);
  return all;
}

}  // namespace leakgate::bench

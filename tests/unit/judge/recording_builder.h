// SPDX-License-Identifier: Apache-2.0
// RecordingBuilder: recordings for tests in a few words. Frames, stacks and modules are added as they are
// named.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::test {

/// One frame in words; `module` defaults to the test program.
struct FrameText {
  std::string function;
  std::string file;
  std::uint32_t line = 0;
  std::string module = "/home/dev/app/build/unit_tests";
  bool inlined = false;
};

class RecordingBuilder {
 public:
  RecordingBuilder() {
    recording.tool_version = "0.1.0";
    recording.run.command = {"./unit_tests"};
    recording.run.cwd = "/home/dev/app";
    recording.run.started = "2026-01-31T12:00:00Z";
    recording.run.wall_ms = 1250;
    recording.run.exit.code = 0;
    recording.tracer = {"ebpf", "6.18.0", "eh_frame", 1200, 1190, {{"map_full", 0}, {"ring_full", 0}},
                        40,     9000,     {},         {},   0};
  }

  std::uint32_t process(model::ProcessRole role = model::ProcessRole::judged, model::ExitState exit = {0, {}},
                        const std::string& exe = "/home/dev/app/build/unit_tests") {
    model::Process row;
    row.pid = static_cast<std::int32_t>(4000 + recording.processes.size());
    row.parent_pid = 3999;
    row.exe = exe;
    row.args = {exe};
    row.exit = exit;
    row.role = role;
    recording.processes.push_back(row);
    return static_cast<std::uint32_t>(recording.processes.size() - 1);
  }

  std::uint32_t test(std::uint32_t process, const std::string& id,
                     model::Framework framework = model::Framework::gtest,
                     const std::string& file = "/home/dev/app/tests/list_test.cpp", std::uint32_t line = 10) {
    model::Test row;
    row.id = id;
    row.framework = framework;
    row.process = process;
    row.file = file;
    row.line = line;
    row.duration_us = 1500;
    row.allocations = 12;
    row.allocated_bytes = 640;
    row.peak_bytes = 320;
    recording.tests.push_back(row);
    return static_cast<std::uint32_t>(recording.tests.size() - 1);
  }

  std::uint32_t outside(std::uint32_t process) {
    const auto index = test(process, "(outside tests)", model::Framework::none, "", 0);
    recording.tests[index].outside = true;
    return index;
  }

  std::uint32_t stack(const std::vector<FrameText>& frames) {
    model::Stack row;
    for (const auto& text : frames) {
      model::Frame frame;
      frame.function = text.function;
      frame.file = text.file;
      frame.line = text.line;
      frame.inlined = text.inlined;
      frame.module = module(text.module);
      frame.offset = 0x1000 + 0x10 * recording.frames.size();
      row.frames.push_back(static_cast<std::uint32_t>(recording.frames.size()));
      recording.frames.push_back(frame);
    }
    recording.stacks.push_back(row);
    return static_cast<std::uint32_t>(recording.stacks.size() - 1);
  }

  /// A group of `blocks` blocks of `bytes` bytes in all.
  model::BlockGroup& leak(std::uint32_t test, std::uint32_t stack, std::uint64_t bytes,
                          std::uint64_t blocks = 1, const std::string& function = "malloc") {
    model::BlockGroup row;
    row.process = recording.tests[test].process;
    row.test = test;
    row.stack = stack;
    row.function = function;
    row.bytes = bytes;
    row.blocks = blocks;
    row.min_block_bytes = row.max_block_bytes = blocks == 0 ? 0 : bytes / blocks;
    row.age_min_ms = 200;
    row.age_max_ms = 900;
    recording.blocks.push_back(row);
    return recording.blocks.back();
  }

  model::Recording recording;

 private:
  std::uint32_t module(const std::string& path) {
    if (path.empty()) return model::kNone;
    const auto [it, is_new] =
        modules_.try_emplace(path, static_cast<std::uint32_t>(recording.modules.size()));
    if (is_new) recording.modules.push_back({path, "00ff"});
    return it->second;
  }
  std::map<std::string, std::uint32_t> modules_;
};

inline FrameText in_libstdcxx(const std::string& function) {
  return {function, "", 0, "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30"};
}
inline FrameText in_libc(const std::string& function) {
  return {function, "", 0, "/usr/lib/x86_64-linux-gnu/libc.so.6"};
}
inline FrameText in_gtest(const std::string& function) {
  return {function, "", 0, "/usr/lib/x86_64-linux-gnu/libgtest.so.1.12.1"};
}

/// The frames below a GoogleTest test body.
inline std::vector<FrameText> with_gtest_below(std::vector<FrameText> frames) {
  for (const char* name : {"testing::internal::HandleExceptionsInMethodIfSupported<testing::Test, void>",
                           "testing::Test::Run", "testing::TestInfo::Run", "testing::UnitTest::Run"})
    frames.push_back(in_gtest(name));
  frames.push_back({"main", "/home/dev/app/tests/main.cpp", 5});
  frames.push_back(in_libc("__libc_start_call_main"));
  frames.push_back(in_libc("__libc_start_main_impl"));
  frames.push_back({"_start", "", 0});
  return frames;
}

}  // namespace leakgate::test

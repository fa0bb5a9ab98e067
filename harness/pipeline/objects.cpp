// SPDX-License-Identifier: Apache-2.0
// Objects known before the run.
#include "harness/pipeline/objects.h"
#include "harness/pipeline/shard.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "harness/base/elf_image.h"
#include "harness/base/library_search.h"
#include "harness/launch/command_path.h"
#include "harness/model/test_filter.h"

namespace leakgate::pipeline {
namespace {

std::string utc_now() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string working_directory() {
  std::error_code ignored;
  return std::filesystem::current_path(ignored).string();
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

std::string variable(const launch::CallerState& caller, std::string_view name) {
  return std::string(caller.variable(name).value_or(""));
}

/// The program file and all it loads; empty for what is no ELF file.
std::vector<std::string> closure(const std::string& program, const RecordRequest& request) {
  const std::string path = absolute(program);
  auto image = ElfImage::open(path);
  if (!image) return {};
  SearchEnvironment environment;
  environment.ld_preload = variable(request.caller, "LD_PRELOAD");
  environment.ld_library_path = variable(request.caller, "LD_LIBRARY_PATH");
  auto libraries = resolve_libraries(*image, environment);
  std::vector<std::string> objects{path};
  if (libraries) objects.insert(objects.end(), libraries->begin(), libraries->end());
  return objects;
}

/// The C library, the dynamic linker and the C++ runtime of a program, by what they define.
bool is_shared_by_all(const ElfImage& image) {
  return image.type() == ElfType::shared &&
         (image.find("_dl_debug_state") || image.find("__libc_start_main") || image.find("__cxa_throw"));
}

}  // namespace

std::vector<std::string> find_objects(const RecordRequest& request) {
  std::vector<std::string> objects;
  if (auto program = launch::find_command(request.command.front(), request.caller.variable("PATH")); program)
    objects = closure(*program, request);
  // scripts run through a shell, and most commands start others: the system's own libraries are wanted in any
  // case
  for (const std::string& object : closure("/bin/sh", request))
    if (std::find(objects.begin(), objects.end(), object) == objects.end() &&
        object.find(".so") != std::string::npos)
      objects.push_back(object);
  return objects;
}

std::vector<launch::PrivateCopy> choose_private_copies(const std::vector<std::string>& objects) {
  std::vector<launch::PrivateCopy> copies;
  for (const std::string& object : objects)
    if (auto image = ElfImage::open(object); image && is_shared_by_all(*image)) copies.push_back({object});
  return copies;
}

capture::TracedTarget describe_target(const launch::Target& target, const launch::LaunchRequest& request,
                                      const std::vector<std::string>& objects) {
  capture::TracedTarget traced;
  traced.pid = target.pid();
  traced.canary_pid = target.canary() ? target.canary()->pid() : 0;
  for (const std::string& object : objects) {
    capture::KnownObject known{object, object, false};
    for (std::size_t i = 0; target.has_private_copies() && i < request.private_copies.size(); ++i)
      if (request.private_copies[i].path == object) known = {target.copy_path(i), object, true};
    traced.objects.push_back(std::move(known));
  }
  return traced;
}

model::Recording describe_run(const RecordRequest& request) {
  model::Recording recording;
  recording.tool_version = LEAKGATE_VERSION;
  recording.run.command = request.command;
  recording.run.cwd = working_directory();
  recording.run.source_root = request.source_root;
  recording.run.started = utc_now();
  const auto variable = [&](std::string_view name) {
    return std::string(request.caller.variable(name).value_or(""));
  };
  recording.run.shard = find_shard(request.command, variable);
  recording.run.tests_chosen_by = model::choosing_variable(variable);
  return recording;
}

namespace {
constexpr std::string_view kNotIsolated = "probes stood in the machine's own C library";
}

bool is_isolated(const model::Recording& recording) {
  const auto& notes = recording.tracer.notes;
  return std::none_of(notes.begin(), notes.end(),
                      [](const std::string& note) { return note.starts_with(kNotIsolated); });
}

void note_isolation(const launch::Target& target, const RecordRequest& request, model::Recording& recording) {
  if (target.has_private_copies() || recording.tracer.backend == "preload") return;
  const std::string why = request.private_copies ? target.private_copies_refusal() : "switched off";
  recording.tracer.notes.push_back(
      fmt::format("{}, other programs paid for them too: {}", kNotIsolated, why));
}

}  // namespace leakgate::pipeline

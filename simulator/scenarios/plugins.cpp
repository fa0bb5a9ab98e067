// SPDX-License-Identifier: Apache-2.0
// Family cause, fourth part: a plug-in that is unloaded, and what it had allocated.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>

#include "simulator/scenarios/parts.h"
#include "simulator/scenarios/plugin_interface.h"

namespace leakgate::simulator {
namespace {

/// Beside the program, where it is installed, or where it is built. No allocation of our own.
void* load_plugin() {
  char program[4096];
  const ssize_t length = ::readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return nullptr;
  std::string_view folder(program, static_cast<std::size_t>(length));
  folder = folder.substr(0, folder.rfind('/'));
  for (const char* place : {"", "../libexec/leakgate/", "../../../simulator/"}) {
    char path[4400];
    std::snprintf(path, sizeof path, "%.*s/%sleakgate-sim-plugin.so", static_cast<int>(folder.size()),
                  folder.data(), place);
    if (::access(path, R_OK) == 0) return ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  return nullptr;
}

void unloaded_plugin(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    void* plugin = load_plugin();
    if (plugin == nullptr) return;
    const auto open = reinterpret_cast<PluginOpen>(::dlsym(plugin, kPluginOpen));
    const auto close = reinterpret_cast<PluginClose>(::dlsym(plugin, kPluginClose));
    if (open == nullptr || close == nullptr) return;
    const std::size_t bytes = sizes.next();
    Site site;
    open(site, bytes);
    if (run.leaking())
      run.lost(Kind::definitely_lost, site, bytes);  // before its texts are unmapped
    else
      close();
    ::dlclose(plugin);
  }
}

constexpr Scenario kScenarios[] = {
    {"unloaded_plugin",
     "cause",
     "a plug-in is unloaded without being closed, and its global with it",
     "the plug-in is closed first",
     {3, 96, 1, 1},
     unloaded_plugin},
};

}  // namespace

std::span<const Scenario> plugin_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator

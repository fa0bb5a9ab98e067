// SPDX-License-Identifier: Apache-2.0
// What leakgate-sim-plugin.so offers: it keeps one block behind a global of its own.
#pragma once

#include <cstddef>

#include "simulator/truth_log.h"

namespace leakgate::simulator {

using PluginOpen = void (*)(Site& site, std::size_t bytes);
using PluginClose = void (*)();
inline constexpr const char* kPluginOpen = "leakgate_sim_plugin_open";
inline constexpr const char* kPluginClose = "leakgate_sim_plugin_close";

}  // namespace leakgate::simulator

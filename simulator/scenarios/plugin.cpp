// SPDX-License-Identifier: Apache-2.0
// leakgate-sim-plugin.so: a shared object that is loaded and unloaded. What its global points at is lost when
// the object goes, unless it was told to close.
#include <cstdlib>
#include <cstring>

#include "simulator/scenarios/plugin_interface.h"

namespace leakgate::simulator {
namespace {

char* state = nullptr;

[[gnu::noinline]] char* plugin_state(Site& site, std::size_t bytes) {
  return static_cast<char*>(LEAKGATE_SIM_AT(site, std::malloc(bytes)));
}

}  // namespace
}  // namespace leakgate::simulator

extern "C" void leakgate_sim_plugin_open(leakgate::simulator::Site& site, std::size_t bytes) {
  using namespace leakgate::simulator;
  state = plugin_state(site, bytes);
  if (state != nullptr) std::memset(state, 0x5a, bytes);
}

extern "C" void leakgate_sim_plugin_close() {
  std::free(leakgate::simulator::state);
  leakgate::simulator::state = nullptr;
}

// SPDX-License-Identifier: Apache-2.0
// Loads and unloads a plug-in three times; the plug-in's constructor and one of its functions leak.
// Argument: the plug-in.
// truth: 6 blocks, 1323 bytes (3 times 220 and 221), all from a library that is gone at the end
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

int main(int argc, char** argv) {
  for (int round = 0; round < 3; ++round) {
    void* plugin = dlopen(argc > 1 ? argv[1] : LIVE_PLUGIN, RTLD_NOW);
    if (plugin == NULL) return 1;
    void* symbol = dlsym(plugin, "plugin_leak");
    if (symbol == NULL) return 2;
    void (*leak)(void);
    memcpy(&leak, &symbol, sizeof leak);  // ISO C has no cast from object to function pointer.
    leak();
    if (dlclose(plugin) != 0) return 3;
  }
  return 0;
}

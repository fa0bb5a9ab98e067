// SPDX-License-Identifier: Apache-2.0
// Loads a plug-in, which leaks, so that it finds the C library first, or in a namespace of its own; or only
// asks whether it is there.
// truth: 2 blocks, 441 bytes (220 and 221)
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  const char* const how = argc > 1 ? argv[1] : "";
  void* plugin = NULL;
  if (strcmp(how, "apart") == 0)
    plugin = dlmopen(LM_ID_NEWLM, LIVE_PLUGIN, RTLD_NOW);
  else if (strcmp(how, "deep") == 0)
    plugin = dlopen(LIVE_PLUGIN, RTLD_NOW | RTLD_DEEPBIND);
  else
    return dlopen(LIVE_PLUGIN, RTLD_NOW | RTLD_DEEPBIND | RTLD_NOLOAD) != NULL;
  void* const symbol = plugin ? dlsym(plugin, "plugin_leak") : NULL;
  if (symbol == NULL) return 2;
  void (*leak)(void);
  memcpy(&leak, &symbol, sizeof leak);  // ISO C has no cast from object to function pointer
  leak();
  return 0;
}

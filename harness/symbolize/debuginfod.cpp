// SPDX-License-Identifier: Apache-2.0
// libdebuginfod at run time; see debuginfod.h. Its three functions are declared here: its header is not
// always installed.
#include "harness/symbolize/debuginfod.h"

#include <dlfcn.h>

#include <cstdlib>
#include <memory>

namespace leakgate::symbolize {

Descriptor fetch_from_debuginfod(const std::string& build_id, std::string& path) {
  using Begin = void* (*)();
  using Find = int (*)(void*, const unsigned char*, int, char**);
  using End = void (*)(void*);
  // Kept open for the life of the process: the library's own dependencies (curl) do not like to be unloaded.
  static void* const kLibrary = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
  if (kLibrary == nullptr) return {};
  const auto begin = reinterpret_cast<Begin>(::dlsym(kLibrary, "debuginfod_begin"));
  const auto find = reinterpret_cast<Find>(::dlsym(kLibrary, "debuginfod_find_debuginfo"));
  const auto end = reinterpret_cast<End>(::dlsym(kLibrary, "debuginfod_end"));
  if (begin == nullptr || find == nullptr || end == nullptr) return {};
  void* client = begin();
  if (client == nullptr) return {};
  char* found_path = nullptr;
  // A length of 0 says that the build id is given as hex text.
  Descriptor descriptor(
      find(client, reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, &found_path));
  if (descriptor && found_path != nullptr) path = found_path;
  std::free(found_path);
  end(client);
  return descriptor;
}

}  // namespace leakgate::symbolize

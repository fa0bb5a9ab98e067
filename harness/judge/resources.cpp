// SPDX-License-Identifier: Apache-2.0
// The table of such calls. See resources.h.
#include "harness/judge/resources.h"

#include <algorithm>
#include <array>

#include "harness/judge/site.h"

namespace leakgate::judge {
namespace {

struct Resource {
  std::string_view call;
  std::string_view advice;
};

constexpr std::string_view kFile = "A file stays open with it: close it with fclose, on every way out.";
constexpr std::string_view kStream = "A memory stream stays open with it: close it with fclose.";
constexpr std::string_view kFolder =
    "A directory stays open with it: close it with closedir, on every way out.";
constexpr std::string_view kThread = "A thread was neither joined nor detached: join it.";
constexpr std::string_view kAddresses = "Give the list of addresses back with freeaddrinfo.";

/// By the names that the C library's own symbols have, too.
constexpr auto kResources = std::to_array<Resource>({
    {"fopen", kFile},
    {"fopen64", kFile},
    {"_IO_new_fopen", kFile},
    {"_IO_fopen", kFile},
    {"__fopen_internal", kFile},
    {"fdopen", kFile},
    {"_IO_new_fdopen", kFile},
    {"_IO_fdopen", kFile},
    {"tmpfile", kFile},
    {"fmemopen", kStream},
    {"open_memstream", kStream},
    {"popen", "A process and a pipe stay open with it: close them with pclose, on every way out."},
    {"_IO_new_popen", "A process and a pipe stay open with it: close them with pclose, on every way out."},
    {"_IO_popen", "A process and a pipe stay open with it: close them with pclose, on every way out."},
    {"opendir", kFolder},
    {"__opendir", kFolder},
    {"fdopendir", kFolder},
    {"__fdopendir", kFolder},
    {"opendir_tail", kFolder},
    {"__alloc_dir", kFolder},
    {"pthread_create", kThread},
    {"std::thread::_M_start_thread", kThread},
    {"dlopen", "A library stays loaded with it: close it with dlclose."},
    {"getaddrinfo", kAddresses},
    {"getifaddrs", "Give the list of interfaces back with freeifaddrs."},
    {"regcomp", "Give the compiled expression back with regfree."},
    {"glob", "Give the matches back with globfree."},
    {"newlocale", "Give the locale back with freelocale."},
    {"iconv_open", "Close the conversion with iconv_close."},
    {"sem_open", "Close the semaphore with sem_close."},
    {"mq_open", "Close the queue with mq_close."},
    {"fts_open", "Close the walk with fts_close."},
});

}  // namespace

std::string_view resource_advice(const model::Leak& leak) {
  // the user's own function may have such a name: only what it called counts
  for (std::size_t i = 0; i < leak.stack.size() && i < leak.site; ++i) {
    const std::string_view name = qualified_name(leak.stack[i].function);
    const auto found = std::find_if(kResources.begin(), kResources.end(),
                                    [&](const Resource& resource) { return resource.call == name; });
    if (found != kResources.end()) return found->advice;
  }
  return {};
}

}  // namespace leakgate::judge

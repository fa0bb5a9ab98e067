// SPDX-License-Identifier: Apache-2.0
// exec and posix_spawn with an environment that still has what the library needs: a program that cleans the
// environment of what it starts is followed all the same. Works on the stack, as these may be called where
// nothing may be allocated.
#include <errno.h>
#include <stdarg.h>

#include "adapters/preload/real.h"

extern "C" __attribute__((visibility("default"))) char** environ;

namespace leakgate::preload {
namespace {

constexpr char kLoader[] = "LD_PRELOAD";

bool has_name(const char* entry, const char* name) {
  while (*name && *entry == *name)
    ++entry, ++name;
  return !*name && *entry == '=';
}

u64 length_of(const char* text) {
  u64 length = 0;
  while (text[length])
    ++length;
  return length;
}

bool contains(const char* text, const char* part) {
  for (; *text; ++text) {
    u64 i = 0;
    while (part[i] && text[i] == part[i])
      ++i;
    if (!part[i]) return true;
  }
  return false;
}

constexpr u64 kPageBytes = 4096;

/// Asks the kernel about each page that is read, once in a row.
class Readable {
 public:
  bool is_page(u64 address) {
    const u64 page = address / kPageBytes;
    if (page == asked_) return true;
    // A wish that no kernel knows, whose signals it reads first. Address 0 would be none.
    constexpr s32 kNoWish = 255;
    const auto signals = static_cast<long>(page * kPageBytes + sizeof(u64));
    const long result = system_call(SYS_rt_sigprocmask, kNoWish, signals, 0, sizeof(u64));
    if (result == -EFAULT) return false;
    asked_ = page;
    return true;
  }

  bool is_text(const char* text) {
    for (const char* at = text;; ++at) {
      if (!is_page(reinterpret_cast<u64>(at))) return false;
      if (!*at) return true;
    }
  }

 private:
  u64 asked_ = ~0ul;
};

/// Whether all of an environment is there; what is not, exec refuses itself, with EFAULT.
bool can_be_read(char* const* list) {
  Readable pointers, texts;
  for (; list; ++list) {
    // which needs not be aligned
    const u64 at = reinterpret_cast<u64>(list);
    if (!pointers.is_page(at) || !pointers.is_page(at + sizeof *list - 1)) return false;
    if (!*list) return true;
    if (!texts.is_text(*list)) return false;
  }
  return true;
}

u64 count_of(char* const* list) {
  u64 count = 0;
  while (list && list[count])
    ++count;
  return count;
}

/// The environment `given` in `entries`, which has room for two more and the end, with what we need; `loader`
/// has room for a longer LD_PRELOAD.
void complete(char* const* given, char** entries, char* loader) {
  u64 count = 0;
  bool named = false, loaded = false;
  for (; given && given[count]; ++count) {
    entries[count] = given[count];
    named = named || has_name(given[count], kVariable);
    if (!has_name(given[count], kLoader)) continue;
    loaded = true;
    const char* const value = given[count] + sizeof kLoader;
    if (contains(value, g.library)) continue;
    char* out = loader;
    const char* const parts[] = {g.own_loader, ":", value};
    for (const char* const part : parts)
      for (const char* at = part; *at; ++at)
        *out++ = *at;
    *out = 0;
    entries[count] = loader;
  }
  if (!named) entries[count++] = g.own_variable;
  if (!loaded) entries[count++] = g.own_loader;
  entries[count] = nullptr;
}

u64 longest_loader(char* const* given) {
  u64 length = length_of(g.own_loader) + 2;
  for (u64 i = 0; given && given[i]; ++i)
    if (has_name(given[i], kLoader)) length += length_of(given[i]);
  return length;
}

/// Whether a program that gets the environment will load the library, and find the ledger.
bool is_complete(char* const* given) {
  bool named = false, loaded = false;
  for (; given && *given; ++given) {
    named = named || has_name(*given, kVariable);
    loaded = loaded || (has_name(*given, kLoader) && contains(*given + sizeof kLoader, g.library));
  }
  return named && loaded;
}

/// Calls `run` with the completed environment.
template <typename Run>
__attribute__((noinline)) int with_environment(char* const* given, const Run& run) {
  if (g.off || !g.control || !can_be_read(given)) return run(given);
  char** const entries = static_cast<char**>(__builtin_alloca((count_of(given) + 3) * sizeof(char*)));
  char* const loader = static_cast<char*>(__builtin_alloca(longest_loader(given)));
  complete(given, entries, loader);
  return run(entries);
}

constexpr s32 kWorkingDirectory = -100;  // AT_FDCWD
constexpr char kDefaultSearch[] = "/bin:/usr/bin";

/// The directories in which execvp looks.
const char* search_path() {
  constexpr char kPath[] = "PATH";
  for (char* const* entry = environ; entry && *entry; ++entry)
    if (has_name(*entry, kPath)) return *entry + sizeof kPath;
  return kDefaultSearch;
}

/// Says that process `pid` is about to become the program, which will say so itself. Before it can be killed
/// and gone, leakgate has a hold of it, and has looked at the program's file.
void tell_of_exec(u32 pid, s32 directory, const char* path, const char* search) {
  if (!current_thread()) return;
  NextProgram record;
  clear_bytes(&record, sizeof record);
  begin_record(record.process, kExecExpected);
  record.process.window = pid;
  record.path = reinterpret_cast<u64>(path);
  record.search = reinterpret_cast<u64>(search);
  record.directory = directory;
  send_and_wait(&record.process.head, sizeof record);
}

/// Says that it has not after all; or that it was made as another program.
void tell_of_process(u32 type, u32 pid, u64 time_ns) {
  if (!current_thread()) return;
  lg_record_window record;
  begin_record(record, type);
  record.head.time_ns = time_ns;
  record.window = pid;
  if (type == kExecCancelled)
    send_record(&record.head, sizeof record, false);
  else
    send_and_wait(&record.head, sizeof record);
}

/// In the process itself, or a vfork child: comes back where that failed. The program is `path`, from
/// `directory` on or looked for in `search`; or what `directory` is open at.
template <typename Run>
int become(s32 directory, const char* path, const char* search, char* const* given, const Run& run) {
  const u32 pid = own_pid();
  tell_of_exec(pid, directory, path, search);
  const int result = with_environment(given, run);
  tell_of_process(kExecCancelled, pid, monotonic_ns());
  return result;
}

/// A child that is a new program from its start.
template <typename Run>
int spawn(int* pid, char* const* given, const Run& run) {
  int own = 0;
  const u64 before_ns = monotonic_ns();
  const int result = with_environment(given, [&](char* const* list) { return run(pid ? pid : &own, list); });
  if (result == 0) tell_of_process(kSpawned, static_cast<u32>(pid ? *pid : own), before_ns);
  return result;
}

int execute(const char* path, char* const* argv, char* const* environment) {
  if (!find_real()) return -1;
  return become(kWorkingDirectory, path, nullptr, environment,
                [&](char* const* list) { return real.execve(path, argv, list); });
}

int search(const char* file, char* const* argv, char* const* environment) {
  if (!find_real()) return -1;
  return become(kWorkingDirectory, file, search_path(), environment,
                [&](char* const* list) { return real.execvpe(file, argv, list); });
}

}  // namespace

/// Before system() and popen(), which start a shell with `environ` from inside the C library, where nobody
/// can complete it. What goes unseen then is told.
extern "C" void lg_before_start(const char* command) {
  if (!find_real() || !command || !current_thread() || is_complete(environ)) return;
  __atomic_fetch_add(&g.header->left_out, 1, __ATOMIC_RELAXED);
}

#define LG_EXPORT extern "C" __attribute__((visibility("default")))

LG_EXPORT int execve(const char* path, char* const* argv, char* const* environment) {
  return execute(path, argv, environment);
}

LG_EXPORT int execv(const char* path, char* const* argv) {
  return execute(path, argv, environ);
}

LG_EXPORT int execvp(const char* file, char* const* argv) {
  return search(file, argv, environ);
}

LG_EXPORT int execvpe(const char* file, char* const* argv, char* const* environment) {
  return search(file, argv, environment);
}

LG_EXPORT int fexecve(int fd, char* const* argv, char* const* environment) {
  if (!find_real()) return -1;
  return become(fd, nullptr, nullptr, environment,
                [&](char* const* list) { return real.fexecve(fd, argv, list); });
}

LG_EXPORT int execveat(int fd, const char* path, char* const* argv, char* const* environment, int flags) {
  if (!find_real() || !real.execveat) return -1;
  return become(fd, path, nullptr, environment,
                [&](char* const* list) { return real.execveat(fd, path, argv, list, flags); });
}

LG_EXPORT int posix_spawn(int* pid, const char* path, const void* actions, const void* attributes,
                          char* const* argv, char* const* environment) {
  if (!find_real()) return -1;
  return spawn(pid, environment, [&](int* out, char* const* list) {
    return real.posix_spawn(out, path, actions, attributes, argv, list);
  });
}

LG_EXPORT int posix_spawnp(int* pid, const char* file, const void* actions, const void* attributes,
                           char* const* argv, char* const* environment) {
  if (!find_real()) return -1;
  return spawn(pid, environment, [&](int* out, char* const* list) {
    return real.posix_spawnp(out, file, actions, attributes, argv, list);
  });
}

// The forms with the arguments in a row.
#define LG_ARGUMENT_LIST(first)                                                           \
  va_list list;                                                                           \
  u64 count = 1;                                                                          \
  va_start(list, first);                                                                  \
  while (va_arg(list, char*))                                                             \
    ++count;                                                                              \
  va_end(list);                                                                           \
  char** const argv = static_cast<char**>(__builtin_alloca((count + 1) * sizeof(char*))); \
  va_start(list, first);                                                                  \
  argv[0] = const_cast<char*>(first);                                                     \
  for (u64 i = 1; i <= count; ++i)                                                        \
  argv[i] = va_arg(list, char*)

LG_EXPORT int execl(const char* path, const char* first, ...) {
  LG_ARGUMENT_LIST(first);
  va_end(list);
  return execute(path, argv, environ);
}

LG_EXPORT int execlp(const char* file, const char* first, ...) {
  LG_ARGUMENT_LIST(first);
  va_end(list);
  return search(file, argv, environ);
}

LG_EXPORT int execle(const char* path, const char* first, ...) {
  LG_ARGUMENT_LIST(first);
  char* const* const environment = va_arg(list, char* const*);
  va_end(list);
  return execute(path, argv, environment);
}

}  // namespace leakgate::preload

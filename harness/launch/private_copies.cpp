// SPDX-License-Identifier: Apache-2.0
// Making the namespace and the copies. See private_copies.h.
#include "harness/launch/private_copies.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>

// <sys/mount.h> and <linux/mount.h> clash on some C libraries; these are the kernel's own numbers.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace leakgate::launch {
namespace {

constexpr unsigned long kMsReadOnly = 1;
constexpr unsigned long kMsNosuid = 2;
constexpr unsigned long kMsNodev = 4;
constexpr unsigned long kMsRemount = 32;
constexpr unsigned long kMsRec = 16384;
constexpr unsigned long kMsSlave = 1u << 19;
constexpr int kMntDetach = 2;

bool copy_content(int from, int to, off_t size_bytes) {
  while (size_bytes > 0) {
    const ssize_t count = syscall(SYS_sendfile, to, from, nullptr, static_cast<std::size_t>(size_bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      if (count == 0) errno = EIO;  // the file was cut short under our hands
      return false;
    }
    size_bytes -= count;
  }
  return true;
}

/// Makes the copy `name` in `directory`; returns it open for reading, or -1. The descriptor that wrote is
/// closed: the kernel refuses to execute a file that is open for writing.
int make_copy(int source, int directory, const char* name) {
  struct stat status {};
  if (fstat(source, &status) != 0) return -1;
  rlimit largest{};
  if (getrlimit(RLIMIT_FSIZE, &largest) == 0 && largest.rlim_cur < static_cast<rlim_t>(status.st_size)) {
    errno = EFBIG;  // found out by writing it would be death by SIGXFSZ
    return -1;
  }
  const int copy = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (copy < 0) return -1;
  const timespec times[2] = {status.st_atim, status.st_mtim};
  // The owner is the real file's where that takes no privilege we lack (CAP_CHOWN); nobody can write the copy
  // in any case, see make_read_only(). It is given away last: mode and times of a file that is no longer ours
  // would take CAP_FOWNER.
  const bool made = copy_content(source, copy, status.st_size) && fchmod(copy, status.st_mode & 0777) == 0 &&
                    futimens(copy, times) == 0 &&
                    (fchown(copy, status.st_uid, status.st_gid) == 0 || errno == EPERM);
  const int failure = errno;
  close(copy);
  errno = failure;
  return made ? openat(directory, name, O_RDONLY | O_CLOEXEC) : -1;
}

/// Mounts an empty file system on the first of the stages that takes it.
const char* mount_stage(const PrivateCopyPlan& plan) {
  for (const std::string& stage : plan.stages) {
    if (::mount("leakgate", stage.c_str(), "tmpfs", kMsNosuid | kMsNodev, "mode=0755") == 0)
      return stage.c_str();
  }
  return nullptr;
}

/// A set-user-id program that the target starts maps the copies too, so not even their owner may write them:
/// the whole file system becomes read-only, through whichever mount or descriptor it is reached.
bool make_read_only(const char* stage) {
  return ::mount(nullptr, stage, nullptr, kMsRemount | kMsReadOnly | kMsNosuid | kMsNodev, "mode=0755") == 0;
}

CopyOutcome failed(CopyStep step, std::size_t mount_index = 0) {
  CopyOutcome outcome;
  outcome.step = step;
  outcome.code = errno;
  outcome.mount = mount_index;
  return outcome;
}

}  // namespace

Result<PrivateCopyPlan> plan_private_copies(const std::vector<PrivateCopy>& requests) {
  PrivateCopyPlan plan;
  std::vector<std::pair<dev_t, ino_t>> inodes;
  if (requests.size() > kMaxPrivateCopies) {
    return Error{ErrorKind::target, fmt::format("more than {} objects to copy", kMaxPrivateCopies), {}, 0};
  }
  for (const PrivateCopy& request : requests) {
    char* const resolved = realpath(request.path.c_str(), nullptr);
    struct stat status {};
    if (resolved == nullptr || stat(resolved, &status) != 0) {
      const int code = errno;
      std::free(resolved);
      return system_error(ErrorKind::target, fmt::format("cannot copy {}", request.path), code);
    }
    const std::string path = resolved;
    std::free(resolved);
    const bool set_id = (status.st_mode & (S_ISUID | S_ISGID)) != 0;
    if (!S_ISREG(status.st_mode) || set_id || status.st_size > static_cast<off_t>(kMaxPrivateCopyBytes)) {
      const char* const why = !S_ISREG(status.st_mode) ? "it is not a regular file"
                              : set_id                 ? "it is set-user-id or set-group-id"
                                                       : "it is larger than 1 GiB";
      return Error{ErrorKind::target, fmt::format("cannot copy {}: {}", path, why), {}, 0};
    }
    auto known =
        std::find_if(plan.mounts.begin(), plan.mounts.end(), [&](const auto& m) { return m.path == path; });
    if (known == plan.mounts.end()) {
      const std::pair inode(status.st_dev, status.st_ino);
      const auto content = std::find(inodes.begin(), inodes.end(), inode) - inodes.begin();
      if (content == static_cast<std::ptrdiff_t>(inodes.size())) inodes.push_back(inode);
      const std::string name = fmt::format("{}-{}", content, path.substr(path.rfind('/') + 1));
      plan.mounts.push_back({path, name.substr(0, NAME_MAX), static_cast<std::size_t>(content)});
      known = plan.mounts.end() - 1;
    }
    plan.mount_of_request.push_back(static_cast<std::size_t>(known - plan.mounts.begin()));
  }
  plan.contents = inodes.size();
  for (const PrivateCopyPlan::Mount& mount : plan.mounts) {
    const std::string directory = mount.path.substr(0, mount.path.rfind('/'));
    if (!directory.empty()) plan.stages.push_back(directory);  // "/" cannot be covered by a mount
  }
  plan.stages.insert(plan.stages.end(), {"/tmp", "/run"});
  return plan;
}

CopyOutcome install_private_copies(const PrivateCopyPlan& plan) {
  CopyOutcome outcome;
  std::array<int, kMaxPrivateCopies> sources{};
  std::array<int, kMaxPrivateCopies> clones{};
  if (unshare(CLONE_NEWNS) != 0) return failed(CopyStep::unshare);
  // Slave: what the host mounts from now on still arrives here, and nothing from here arrives there.
  if (::mount(nullptr, "/", nullptr, kMsRec | kMsSlave, nullptr) != 0) return failed(CopyStep::make_slave);
  // Opened before the stage covers a directory that may be theirs, and in this namespace, so that they can be
  // mounted on.
  for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
    sources[index] =
        open(plan.mounts[index].path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (sources[index] < 0 || fstat(sources[index], &status) != 0)
      return failed(CopyStep::open_source, index);
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_ISUID | S_ISGID)) != 0) {
      errno = EINVAL;  // replaced since it was planned
      return failed(CopyStep::open_source, index);
    }
  }
  const char* const stage = mount_stage(plan);
  const int directory = stage == nullptr ? -1 : open(stage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return failed(CopyStep::mount_tmpfs);
  std::size_t made = 0;
  for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
    const std::size_t content = plan.mounts[index].content;
    if (content == made) {
      outcome.descriptors[content] = make_copy(sources[index], directory, plan.mounts[index].name.c_str());
      if (outcome.descriptors[content] < 0) return failed(CopyStep::copy, index);
      ++made;
    }
    clones[index] = static_cast<int>(syscall(SYS_open_tree, outcome.descriptors[content], "",
                                             AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (clones[index] < 0) return failed(CopyStep::clone_mount, index);
  }
  close(directory);
  if (!make_read_only(stage)) return failed(CopyStep::make_read_only);
  if (umount2(stage, kMntDetach) != 0) return failed(CopyStep::detach_tmpfs);
  for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
    if (syscall(SYS_move_mount, clones[index], "", sources[index], "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
      return failed(CopyStep::replace, index);
    }
    close(clones[index]);
    close(sources[index]);
  }
  return outcome;
}

std::string explain_copy_failure(const PrivateCopyPlan& plan, CopyStep step, std::size_t mount, int code) {
  const std::string path = mount < plan.mounts.size() ? plan.mounts[mount].path : std::string("?");
  const char* const why = std::strerror(code);
  switch (step) {
    case CopyStep::none:
      break;
    case CopyStep::unshare:
      return fmt::format(
          "a mount namespace was refused: {} (it takes CAP_SYS_ADMIN, and a container may forbid it)", why);
    case CopyStep::make_slave:
      return fmt::format(
          "the mount namespace could not be cut off from the host's: {} (a chroot has no mount at /)", why);
    case CopyStep::open_source:
      return fmt::format("{} could not be opened: {}", path, why);
    case CopyStep::mount_tmpfs:
      return fmt::format("a tmpfs could not be mounted: {}", why);
    case CopyStep::copy:
      return fmt::format("{} could not be copied: {}", path, why);
    case CopyStep::clone_mount:
    case CopyStep::replace:
      return fmt::format("the copy could not be mounted over {}: {}", path, why);
    case CopyStep::make_read_only:
      return fmt::format("the copies could not be made read-only: {}", why);
    case CopyStep::detach_tmpfs:
      return fmt::format("the tmpfs could not be detached: {}", why);
  }
  return "unknown reason";
}

}  // namespace leakgate::launch

// SPDX-License-Identifier: Apache-2.0
// A list of files, and a thread that reads them. Each file is claimed once, by the thread or by who wants it.
#include "harness/capture/module_preparation.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <exception>
#include <system_error>

namespace leakgate::capture {
namespace {

/// What is read ahead stays in memory until it is wanted.
constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20U;

}  // namespace

Result<OpenedFile> open_module_file(const std::string& open_path, const std::string& path) {
  // O_NONBLOCK, O_NOCTTY: the target chooses what stands at its paths
  Descriptor file(::open(open_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return system_error(ErrorKind::io, "cannot open " + path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(ErrorKind::io, "cannot examine " + path, errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorKind::unsupported, path + " is not a regular file", "", 0};
  return OpenedFile{std::move(file), FileKey(status.st_dev, status.st_ino),
                    static_cast<std::uint64_t>(status.st_size)};
}

Result<ModuleContents> read_module(int fd, const std::string& path, const ModuleReading& how) {
  auto image = ElfImage::from_fd(Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), path);
  if (!image) return std::move(image).error();
  image->index_names();
  ModuleContents contents{std::move(*image), {}};
  // without CFI: frame pointers are tried, truncated stacks are counted
  if (how.with_rows)
    if (auto table = load_or_build_unwind_table(fd, how.cache); table) contents.rows = std::move(*table);
  return contents;
}

ModulePreparation::ModulePreparation(std::vector<ModuleToRead> files, const ModuleReading& how) : how_(how) {
  if (files.size() < 2) return;
  for (ModuleToRead& file : files)
    jobs_.push_back(std::make_unique<Job>(std::move(file)));
  try {
    reader_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    jobs_.clear();
  }
}

ModulePreparation::~ModulePreparation() {
  stop_ = true;
  if (reader_.joinable()) reader_.join();
}

bool ModulePreparation::claim(Job& job) {
  State expected = State::waiting;
  return job.state.compare_exchange_strong(expected, State::under_way);
}

void ModulePreparation::run() {
  for (std::size_t i = 1; i < jobs_.size() && !stop_; ++i) {
    Job& job = *jobs_[i];
    if (!claim(job)) continue;
    try {
      read(job);
    } catch (const std::exception&) {  // no memory, say
      job.contents.reset();
    }
    job.state = State::done;
    job.state.notify_all();
  }
}

void ModulePreparation::read(Job& job) {
  for (const std::string* open_path : {&job.file.open_path, &job.file.alternative}) {
    if (open_path->empty()) continue;
    auto file = open_module_file(*open_path, job.file.path);
    if (!file) continue;
    if (file->bytes > kMostBytes - bytes_) return;
    bytes_ += file->bytes;
    if (auto contents = read_module(file->descriptor.get(), job.file.path, how_); contents) {
      job.opened_path = *open_path;
      job.key = file->key;
      job.contents = std::move(*contents);
    }
    return;
  }
}

std::optional<ModuleContents> ModulePreparation::take(const std::string& open_path, const FileKey& key) {
  for (const auto& job : jobs_) {
    if (job->file.open_path != open_path && job->file.alternative != open_path) continue;
    if (claim(*job)) {  // nobody will read it now but who asks
      job->state = State::done;
      return std::nullopt;
    }
    job->state.wait(State::under_way);
    if (!job->contents || job->opened_path != open_path || job->key != key) continue;
    return std::exchange(job->contents, std::nullopt);
  }
  return std::nullopt;
}

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// What a program's file tells of how it will be started.
#include "harness/capture/preload/program_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "harness/base/descriptor.h"

namespace leakgate::capture {
namespace {

namespace fs = std::filesystem;

class ProgramFile : public testing::Test {
 protected:
  ProgramFile() {
    std::array<char, 64> name{"/tmp/leakgate-program-file-XXXXXX"};
    folder_ = ::mkdtemp(name.data());
  }
  ~ProgramFile() override { fs::remove_all(folder_); }

  /// Of what this process would become by such an exec.
  static Loading told(const char* path, const char* search = nullptr, int directory = AT_FDCWD) {
    preload::NextProgram next{};
    next.path = reinterpret_cast<std::uintptr_t>(path);
    next.search = reinterpret_cast<std::uintptr_t>(search);
    next.directory = directory;
    return loading_of(::getpid(), next);
  }

  [[nodiscard]] std::string write(const char* name, const std::string& text) const {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), 0755);
    return path;
  }

  fs::path folder_;
};

TEST_F(ProgramFile, OneWithTheGnuLinkerMayLoadTheLibrary) {
  EXPECT_EQ(told("/proc/self/exe"), Loading::possible);
  EXPECT_EQ(told(fs::read_symlink("/proc/self/exe").c_str()), Loading::possible);
  const RunningProgram own = look_at_program(::getpid());
  EXPECT_EQ(own.loading, Loading::possible);
  EXPECT_NE(own.file, 0u);
}

TEST_F(ProgramFile, AStaticOneDoesNot) {
  EXPECT_EQ(told(LEAKGATE_STATIC_FIXTURE), Loading::impossible);
}

TEST_F(ProgramFile, OfAnotherLinkerNothingIsKnown) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  const auto at = text.find("/ld-linux-x86-64.so.2");
  ASSERT_NE(at, text.npos);
  text[at + 1] = 'm';
  EXPECT_EQ(told(write("foreign", text).c_str()), Loading::unknown);
}

TEST_F(ProgramFile, OneThatRaisesPrivilegesMayNotObeyTheEnvironment) {
  fs::copy_file("/proc/self/exe", folder_ / "raises");
  EXPECT_EQ(told((folder_ / "raises").c_str()), Loading::possible);
  ::chmod((folder_ / "raises").c_str(), 04755);
  EXPECT_EQ(told((folder_ / "raises").c_str()), Loading::unknown);
}

TEST_F(ProgramFile, OfAScriptItsInterpreterIsLookedAt) {
  const std::string own = fs::read_symlink("/proc/self/exe");
  EXPECT_EQ(told(write("one", "#! " + own + " -x\n").c_str()), Loading::possible);
  EXPECT_EQ(told(write("two", "#!" + (folder_ / "one").string() + "\n").c_str()), Loading::possible);
  EXPECT_EQ(told(write("static", std::string("#!") + LEAKGATE_STATIC_FIXTURE + "\n").c_str()),
            Loading::impossible);
  EXPECT_EQ(told(write("itself", "#!" + (folder_ / "itself").string() + "\n").c_str()), Loading::unknown);
  EXPECT_EQ(told(write("relative", "#!interpreter\n").c_str()), Loading::unknown);
  EXPECT_EQ(told(write("short", "#!").c_str()), Loading::unknown);
  EXPECT_EQ(told(write("text", "exit 0\n").c_str()), Loading::unknown);
}

TEST_F(ProgramFile, ItIsFoundAsExecFindsIt) {
  fs::create_directory(folder_ / "empty");
  (void)write("empty/plain", "not to be executed");
  ::chmod((folder_ / "empty/plain").c_str(), 0644);
  fs::create_symlink(LEAKGATE_STATIC_FIXTURE, folder_ / "plain");
  const std::string search =
      (folder_ / "absent").string() + ":" + (folder_ / "empty").string() + ":" + folder_.string();
  EXPECT_EQ(told("plain", search.c_str()), Loading::impossible);
  EXPECT_EQ(told("plain", (folder_ / "empty").c_str()), Loading::unknown);
  EXPECT_EQ(told((folder_ / "plain").c_str(), "/bin"), Loading::impossible) << "it has a slash";
  const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(told("plain", nullptr, folder.get()), Loading::impossible);
  EXPECT_EQ(told("plain", nullptr, -1), Loading::unknown);
  const Descriptor opened(::open(LEAKGATE_STATIC_FIXTURE, O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(told(nullptr, nullptr, opened.get()), Loading::impossible);
  const std::string relative = fs::relative(LEAKGATE_STATIC_FIXTURE);
  EXPECT_EQ(told(relative.c_str()), Loading::impossible);
}

TEST_F(ProgramFile, WhatIsNotPlainIsUnknown) {
  EXPECT_EQ(told(nullptr), Loading::unknown);
  EXPECT_EQ(told(reinterpret_cast<const char*>(std::uintptr_t{8})), Loading::unknown);
  EXPECT_EQ(told(""), Loading::unknown);
  EXPECT_EQ(told("/dev/zero"), Loading::unknown);
  EXPECT_EQ(told("/proc/self/root/bin/true"), Loading::unknown) << "it is another process's";
  EXPECT_EQ(told((folder_ / "absent").c_str()), Loading::unknown);
  EXPECT_EQ(told(folder_.c_str()), Loading::unknown);
}

}  // namespace
}  // namespace leakgate::capture

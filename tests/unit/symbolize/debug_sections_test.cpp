// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/debug_sections.h"

#include <gelf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fixture.h"
#include "harness/symbolize/elf_file.h"

namespace leakgate::symbolize {
namespace {

using ::testing::Contains;
using testing::fixture;
using ::testing::Not;
using ::testing::Pair;

struct Section {
  bool compressed;
  std::string bytes;
  friend bool operator==(const Section&, const Section&) = default;
};

/// The debug sections by name, as libdw sees them.
std::map<std::string, Section> debug_sections(const ElfFile& file) {
  std::map<std::string, Section> sections;
  std::size_t names = 0;
  EXPECT_EQ(elf_getshdrstrndx(file.elf(), &names), 0);
  for (Elf_Scn* each = nullptr; (each = elf_nextscn(file.elf(), each)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(each, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const std::string name = elf_strptr(file.elf(), names, header.sh_name);
    if (!name.starts_with(".debug_")) continue;
    const Elf_Data* const raw = elf_rawdata(each, nullptr);
    const Elf_Data* const data = elf_getdata(each, nullptr);
    EXPECT_EQ(raw->d_size, header.sh_size) << name;
    EXPECT_EQ(raw->d_buf, data->d_buf) << name;
    sections[name] = {(header.sh_flags & SHF_COMPRESSED) != 0,
                      std::string(static_cast<const char*>(raw->d_buf), raw->d_size)};
  }
  return sections;
}

std::unique_ptr<ElfFile> open(const std::string& path) {
  auto file = ElfFile::open(path, {});
  EXPECT_TRUE(file);
  return std::move(*file);
}

std::map<std::string, Section> decompressed(const std::string& path, bool in_hurry = false) {
  const auto file = open(path);
  file->prepare_for_dwarf(in_hurry);
  return debug_sections(*file);
}

/// Decompressed by libelf.
std::map<std::string, Section> expected(const std::string& path) {
  const auto file = open(path);
  for (Elf_Scn* each = nullptr; (each = elf_nextscn(file->elf(), each)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(each, &header) == nullptr || (header.sh_flags & SHF_COMPRESSED) == 0) continue;
    EXPECT_GE(elf_compress(each, 0, 0), 0);
  }
  return debug_sections(*file);
}

/// A copy of the fixture, with `change` made to the bytes of its .debug_info.
template <typename Change>
std::string damaged(const testing::TemporaryFolder& folder, Change change) {
  const auto file = open(fixture("gcc_gz"));
  std::uint64_t at = 0;
  std::size_t names = 0, bytes = 0;
  EXPECT_EQ(elf_getshdrstrndx(file->elf(), &names), 0);
  for (Elf_Scn* each = nullptr; (each = elf_nextscn(file->elf(), each)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(each, &header) == nullptr ||
        std::strcmp(elf_strptr(file->elf(), names, header.sh_name), ".debug_info") != 0)
      continue;
    at = header.sh_offset;
    bytes = header.sh_size;
  }
  std::ifstream in(file->path(), std::ios::binary);
  std::string image((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  change(reinterpret_cast<Elf64_Chdr&>(image[at]),
         std::span(image).subspan(at + sizeof(Elf64_Chdr), bytes - sizeof(Elf64_Chdr)));
  const std::string path = folder.path() + "/damaged";
  std::ofstream(path, std::ios::binary) << image;
  return path;
}

TEST(DebugSections, AreWhatLibelfMakesOfThem) {
  bool is_worth_two = false;
  for (const char* name : {"gcc_gz", "clang_gz"}) {
    const std::string path = fixture(name);
    if (!std::filesystem::exists(path)) continue;  // of this compiler there are no fixtures here
    auto wanted = expected(path);
    const auto found = decompressed(path);
    EXPECT_THAT(found, Contains(Pair(".debug_info", ::testing::Field(&Section::compressed, false)))) << name;
    // nobody looks into these
    for (const char* unread : {".debug_loc", ".debug_loclists"}) {
      wanted.erase(unread);
      EXPECT_THAT(found, Not(Contains(Pair(unread, ::testing::_)))) << name;
    }
    EXPECT_EQ(found, wanted) << name;
    is_worth_two = is_worth_two || found.at(".debug_info").bytes.size() > 1u << 16;
    EXPECT_EQ(decompressed(path, true), wanted) << name << ", by two threads";
  }
  EXPECT_TRUE(is_worth_two) << "else one thread does it all";
}

TEST(DebugSections, ThoseThatAreNotCompressedStayAsTheyAre) {
  const std::string path = fixture("gcc_O2_dwarf5");
  EXPECT_EQ(decompressed(path), debug_sections(*open(path)));
}

TEST(DebugSections, ASecondTimeChangesNothing) {
  const auto file = open(fixture("gcc_gz"));
  file->prepare_for_dwarf();
  const auto once = debug_sections(*file);
  file->prepare_for_dwarf();
  EXPECT_EQ(debug_sections(*file), once);
}

TEST(DebugSections, WhatIsDamagedIsLeftToLibelf) {
  const testing::TemporaryFolder folder;
  using Bytes = std::span<char>;
  const std::vector<std::function<void(Elf64_Chdr&, Bytes)>> changes = {
      [](Elf64_Chdr&, Bytes bytes) { bytes[bytes.size() / 2] ^= 0x55; },
      [](Elf64_Chdr&, Bytes bytes) { bytes[0] = 0; },
      [](Elf64_Chdr&, Bytes bytes) { bytes.back() ^= 1; },  // the checksum
      [](Elf64_Chdr& claim, Bytes) { claim.ch_size -= 1; },
      [](Elf64_Chdr& claim, Bytes) { claim.ch_size += 1; },
      [](Elf64_Chdr& claim, Bytes) { claim.ch_size = std::uint64_t{1} << 30U; },
      [](Elf64_Chdr& claim, Bytes) { claim.ch_size = 0; },
      [](Elf64_Chdr& claim, Bytes) { claim.ch_type = 77; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto sections = decompressed(damaged(folder, changes[i]));
    EXPECT_TRUE(sections.at(".debug_info").compressed) << "change " << i;
    EXPECT_FALSE(sections.at(".debug_line").compressed) << "change " << i;
  }
}

}  // namespace
}  // namespace leakgate::symbolize

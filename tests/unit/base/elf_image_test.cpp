// SPDX-License-Identifier: Apache-2.0
// ElfImage on this very test program, on files made for the purpose, and on broken ones.
#include "harness/base/elf_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/unit/base/elf_builder.h"
#include "tests/unit/base/temporary_directory.h"

extern "C" __attribute__((noinline, used)) int leakgate_elf_test_marker(int value) {
  asm volatile("");
  return value * 3 + 1;
}
extern "C" {
__attribute__((used)) int leakgate_elf_test_object = 17;
}

namespace leakgate {
namespace {

using leakgate::testing::ElfBuilder;
using leakgate::testing::TemporaryDirectory;
using ::testing::Contains;
using ::testing::HasSubstr;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

const std::string& own_bytes() {
  static const std::string bytes = read_file("/proc/self/exe");
  return bytes;
}

Result<ElfImage> open_bytes(std::string_view bytes, const ElfOptions& options = {}) {
  Descriptor fd(::memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return ElfImage::from_fd(std::move(fd), "made", options);
}

/// Where this program's address 0 was loaded.
std::uint64_t own_bias() {
  std::uint64_t bias = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<std::uint64_t*>(out) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &bias);
  return bias;
}

std::string without_symbol_table(std::string bytes) {
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (int i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    char* at = bytes.data() + header.e_shoff + i * sizeof section;
    std::memcpy(&section, at, sizeof section);
    if (section.sh_type == SHT_SYMTAB) section.sh_type = SHT_PROGBITS;
    std::memcpy(at, &section, sizeof section);
  }
  return bytes;
}

/// Asks everything there is to ask; the answers do not matter, coming back does.
void use_all(const ElfImage& image) {
  (void)image.find("malloc");
  (void)image.imports("malloc");
  (void)image.stripped();
  (void)image.code_labels(0, 1u << 20);
  const std::string_view names[] = {"malloc", "main"};
  for (const Symbol& symbol : image.find_functions(names))
    (void)image.read_code(symbol.vaddr, symbol.size_bytes);
  for (const LoadSegment& segment : image.segments()) {
    (void)image.read_data(segment.vaddr, 16);
    (void)image.read_code(segment.vaddr + segment.file_size_bytes - 1, 2);
    (void)image.vaddr(segment.file_offset);
  }
}

TEST(ElfImage, KnowsTheProgramItStandsIn) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->type(), ElfType::pie);
  EXPECT_THAT(image->interpreter(), HasSubstr("ld-"));
  EXPECT_THAT(image->needed(), Contains("libc.so.6"));
  EXPECT_EQ(image->soname(), "");
  EXPECT_FALSE(image->is_static());
  EXPECT_FALSE(image->stripped());
}

TEST(ElfImage, FindsAFunctionWithItsKindAndSize) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto symbol = image->find("leakgate_elf_test_marker");
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->kind, SymbolKind::function);
  EXPECT_EQ(symbol->bind, SymbolBind::global);
  EXPECT_GT(symbol->size_bytes, 0u);
  EXPECT_EQ(symbol->vaddr + own_bias(), reinterpret_cast<std::uint64_t>(&leakgate_elf_test_marker));
  ASSERT_TRUE(image->find("leakgate_elf_test_object"));
  EXPECT_EQ(image->find("leakgate_elf_test_object")->kind, SymbolKind::object);
}

TEST(ElfImage, FileOffsetIsWhereTheLoadedByteComesFrom) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto symbol = image->find("leakgate_elf_test_marker");
  ASSERT_TRUE(symbol);
  const auto offset = image->file_offset(symbol->vaddr);
  ASSERT_TRUE(offset);
  EXPECT_EQ(std::memcmp(own_bytes().data() + *offset,
                        reinterpret_cast<const void*>(&leakgate_elf_test_marker), symbol->size_bytes),
            0);
  EXPECT_EQ(image->vaddr(*offset), symbol->vaddr);
  const auto code = image->read_code(symbol->vaddr, symbol->size_bytes);
  ASSERT_TRUE(code);
  EXPECT_EQ(std::memcmp(code->data(), own_bytes().data() + *offset, code->size()), 0);
}

TEST(ElfImage, DataHasAnOffsetThatDiffersFromItsAddress) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto symbol = image->find("leakgate_elf_test_object");
  ASSERT_TRUE(symbol);
  const auto bytes = image->read_data(symbol->vaddr, sizeof(int));
  ASSERT_TRUE(bytes);
  int value = 0;
  std::memcpy(&value, bytes->data(), sizeof value);
  EXPECT_EQ(value, 17);
  EXPECT_FALSE(image->read_code(symbol->vaddr, sizeof(int)));  // not executable
}

TEST(ElfImage, BssHasNoFileOffset) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  for (const LoadSegment& segment : image->segments()) {
    if (segment.memory_size_bytes == segment.file_size_bytes || segment.executable) continue;
    EXPECT_FALSE(image->file_offset(segment.vaddr + segment.memory_size_bytes - 1));
  }
  EXPECT_FALSE(image->file_offset(~std::uint64_t{0}));
  EXPECT_FALSE(image->read_code(~std::uint64_t{0} - 3, 16));
}

TEST(ElfImage, LibcsDefaultVersionIsPreferredAndSuffixesAreCutOff) {
  ElfImage* found = nullptr;
  for (const char* path : {"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"}) {
    auto image = ElfImage::open(path);
    if (!image) continue;
    found = new ElfImage(std::move(*image));
    break;
  }
  if (!found) GTEST_SKIP() << "no glibc at the usual places";
  const std::unique_ptr<ElfImage> image(found);
  EXPECT_EQ(image->type(), ElfType::shared);
  EXPECT_EQ(image->soname(), "libc.so.6");
  const auto symbol = image->find("malloc");
  ASSERT_TRUE(symbol);
  EXPECT_TRUE(symbol->default_version);
  EXPECT_EQ(symbol->table, SymbolTable::dynsym);
  const std::string_view names[] = {"malloc", "free", "strlen", "no_such_function"};
  const auto functions = image->find_functions(names);
  const auto count = [&](std::string_view name) {
    return std::count_if(functions.begin(), functions.end(), [&](const Symbol& s) { return s.name == name; });
  };
  EXPECT_EQ(count("malloc"), 1);
  EXPECT_EQ(count("free"), 1);
  EXPECT_EQ(count("no_such_function"), 0);
  const auto strlen_symbol = image->find("strlen");
  ASSERT_TRUE(strlen_symbol);
  EXPECT_EQ(strlen_symbol->kind, SymbolKind::ifunc);
  for (const Symbol& alias : image->functions_at(symbol->vaddr))
    EXPECT_EQ(alias.vaddr, symbol->vaddr);
}

/// After some dozens of questions they are put in an order.
TEST(ElfImage, AddressesAreFoundAlikeHoweverOftenOneAsks) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto symbol = image->find("main");
  ASSERT_TRUE(symbol);
  const auto names_at = [&] {
    std::vector<std::string> names;
    for (const Symbol& alias : image->functions_at(symbol->vaddr))
      names.push_back(alias.name);
    return names;
  };
  const auto first = names_at();
  const auto labels = image->code_labels(symbol->vaddr, symbol->vaddr + 65536);
  EXPECT_NE(std::find(first.begin(), first.end(), "main"), first.end());
  EXPECT_GT(labels.size(), 10u);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(names_at(), first) << i;
  EXPECT_EQ(image->code_labels(symbol->vaddr, symbol->vaddr + 65536), labels);
}

TEST(ElfImage, ImportsAreNotDefinitions) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->find("dl_iterate_phdr"));
  EXPECT_TRUE(image->imports("dl_iterate_phdr"));
  EXPECT_FALSE(image->imports("dl_iterate"));
  EXPECT_FALSE(image->imports("main"));
}

TEST(ElfImage, StrippedProgramFindsItsSeparateDebugFile) {
  const auto whole = open_bytes(own_bytes());
  ASSERT_TRUE(whole);
  if (whole->build_id().size() < 6) GTEST_SKIP() << "linked without build id";
  const std::string stripped = without_symbol_table(own_bytes());
  TemporaryDirectory root;

  const ElfOptions options{root.path().string()};
  auto before = open_bytes(stripped, options);
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->stripped());
  EXPECT_EQ(before->build_id(), whole->build_id());

  const auto folder = root.path() / ".build-id" / whole->build_id().substr(0, 2);
  std::filesystem::create_directories(folder);
  std::ofstream(folder / (whole->build_id().substr(2) + ".debug"), std::ios::binary) << own_bytes();
  auto after = open_bytes(stripped, options);
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->stripped());
  const auto symbol = after->find("leakgate_elf_test_marker");
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->vaddr, whole->find("leakgate_elf_test_marker")->vaddr);
}

TEST(ElfImage, DebugFileOfAnotherBuildIsNotUsed) {
  const auto whole = open_bytes(own_bytes());
  ASSERT_TRUE(whole);
  if (whole->build_id().size() < 6) GTEST_SKIP() << "linked without build id";
  TemporaryDirectory root;
  const auto folder = root.path() / ".build-id" / whole->build_id().substr(0, 2);
  ElfBuilder().write(folder / (whole->build_id().substr(2) + ".debug"));
  auto image = open_bytes(without_symbol_table(own_bytes()), ElfOptions{root.path().string()});
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->stripped());
}

TEST(ElfImage, ReadsTheDynamicSectionWithoutSectionHeaders) {
  const auto image = open_bytes(ElfBuilder()
                                    .interpreter("/lib64/ld-linux-x86-64.so.2")
                                    .text(DT_NEEDED, "liba.so.1")
                                    .text(DT_NEEDED, "libb.so.2")
                                    .text(DT_RPATH, "/r")
                                    .text(DT_RUNPATH, "$ORIGIN/lib")
                                    .number(DT_FLAGS_1, DF_1_NODEFLIB)
                                    .build());
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->needed(), (std::vector<std::string>{"liba.so.1", "libb.so.2"}));
  EXPECT_EQ(image->rpath(), "/r");
  EXPECT_EQ(image->runpath(), "$ORIGIN/lib");
  EXPECT_TRUE(image->no_default_libraries());
  EXPECT_EQ(image->interpreter(), "/lib64/ld-linux-x86-64.so.2");
  EXPECT_TRUE(image->stripped());
}

TEST(ElfImage, TellsProgramsFromLibraries) {
  EXPECT_EQ(open_bytes(ElfBuilder(ET_EXEC).build())->type(), ElfType::executable);
  EXPECT_TRUE(open_bytes(ElfBuilder(ET_EXEC).build())->is_static());
  EXPECT_EQ(open_bytes(ElfBuilder().number(DT_FLAGS_1, DF_1_PIE).build())->type(), ElfType::pie);
  EXPECT_EQ(open_bytes(ElfBuilder().text(DT_SONAME, "libx.so").build())->type(), ElfType::shared);
  // libc.so.6 can be run: an interpreter alone makes no program
  EXPECT_EQ(open_bytes(ElfBuilder().interpreter("/i").text(DT_SONAME, "libx.so").build())->type(),
            ElfType::shared);
  EXPECT_EQ(open_bytes(ElfBuilder().interpreter("/i").build())->type(), ElfType::pie);
}

TEST(ElfImage, SaysWhyAFileIsNotForIt) {
  const auto message = [](std::string bytes) {
    auto image = open_bytes(bytes);
    EXPECT_FALSE(image);
    if (image) return std::string();
    EXPECT_EQ(image.error().kind, ErrorKind::unsupported);
    return image.error().message;
  };
  EXPECT_THAT(message("#!/bin/sh\n"), HasSubstr("not an ELF file"));
  EXPECT_THAT(message(""), HasSubstr("not an ELF file"));
  std::string bytes = ElfBuilder().build();
  bytes[EI_CLASS] = ELFCLASS32;
  EXPECT_THAT(message(bytes), HasSubstr("32-bit"));
  bytes = ElfBuilder().build();
  bytes[EI_DATA] = ELFDATA2MSB;
  EXPECT_THAT(message(bytes), HasSubstr("big-endian"));
  bytes = ElfBuilder().build();
  bytes[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_AARCH64);
  EXPECT_THAT(message(bytes), HasSubstr("another processor"));
  EXPECT_THAT(message(ElfBuilder(ET_REL).build()), HasSubstr("object file"));
  EXPECT_THAT(message(ElfBuilder(ET_CORE).build()), HasSubstr("core dump"));
  EXPECT_EQ(ElfImage::open("/no/such/file").error().kind, ErrorKind::not_found);
  EXPECT_EQ(ElfImage::open("/").error().kind, ErrorKind::unsupported);
}

TEST(ElfImage, AFifoIsRefusedWithoutWaiting) {
  TemporaryDirectory folder;
  const std::string path = (folder.path() / "fifo").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(ElfImage::open(path).error().kind, ErrorKind::unsupported);
}

TEST(ElfImage, AFileCutShortAnywhereIsSurvived) {
  const std::string small =
      ElfBuilder().interpreter("/i").text(DT_NEEDED, "liba.so").text(DT_RUNPATH, "/x").build();
  for (std::size_t length = 0; length < small.size(); ++length)
    if (auto image = open_bytes(small.substr(0, length))) use_all(*image);
  for (std::size_t parts = 1; parts < 40; ++parts)
    if (auto image = open_bytes(own_bytes().substr(0, own_bytes().size() * parts / 40))) use_all(*image);
}

TEST(ElfImage, BytesChangedAtRandomAreSurvived) {
  // The first and the last kilobytes hold the headers; random bytes there send every offset and count astray.
  std::mt19937 random(20260131);
  const std::string small =
      ElfBuilder().interpreter("/i").text(DT_NEEDED, "liba.so").text(DT_RUNPATH, "/x").build();
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = small;
    for (int change = 0; change < 4; ++change)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
    if (auto image = open_bytes(bytes)) use_all(*image);
  }
  Elf64_Ehdr header;
  std::memcpy(&header, own_bytes().data(), sizeof header);
  const std::size_t table_bytes = header.e_shnum * sizeof(Elf64_Shdr);
  for (int round = 0; round < 60; ++round) {
    std::string bytes = own_bytes();
    for (int change = 0; change < 6; ++change)
      bytes[header.e_shoff + random() % table_bytes] = static_cast<char>(random() % 2 == 0 ? 0xff : random());
    if (auto image = open_bytes(bytes)) use_all(*image);
  }
}

}  // namespace
}  // namespace leakgate

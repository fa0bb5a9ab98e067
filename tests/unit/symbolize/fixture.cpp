// SPDX-License-Identifier: Apache-2.0
// Steps shared by the symbolizer's tests; see fixture.h.
#include "fixture.h"

#include <gelf.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace leakgate::symbolize::testing {

std::string fixture(std::string_view name) {
  return std::string(SYMBOLIZE_FIXTURE_DIR) + "/" + std::string(name) + "/" + std::string(name);
}

std::vector<std::string> full_fixtures() {
  std::vector<std::string> names;
  std::istringstream list(SYMBOLIZE_FULL_FIXTURES);
  for (std::string name; std::getline(list, name, ',');)
    names.push_back(name);
  return names;
}

std::uint32_t marked_line(std::string_view name) {
  std::ifstream source(SYMBOLIZE_SHAPES);
  std::uint32_t number = 0;
  for (std::string line; std::getline(source, line);) {
    ++number;
    if (line.ends_with("MARK: " + std::string(name))) return number;
  }
  return 0;
}

AddressRange section_range(const std::string& path, std::string_view wanted) {
  auto file = ElfFile::open(path, {});
  if (!file) return {};
  std::size_t names = 0;
  elf_getshdrstrndx((*file)->elf(), &names);
  for (Elf_Scn* section = nullptr; (section = elf_nextscn((*file)->elf(), section)) != nullptr;) {
    GElf_Shdr header;
    gelf_getshdr(section, &header);
    if (wanted == elf_strptr((*file)->elf(), names, header.sh_name)) {
      return {header.sh_addr, header.sh_addr + header.sh_size};
    }
  }
  return {};
}

std::uint64_t symbol_value(const std::string& path, std::string_view wanted) {
  auto file = ElfFile::open(path, {});
  if (!file) return 0;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn((*file)->elf(), section)) != nullptr;) {
    GElf_Shdr header;
    gelf_getshdr(section, &header);
    if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    for (int i = 0; i < static_cast<int>(header.sh_size / header.sh_entsize); ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, i, &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF) continue;
      const char* name = elf_strptr((*file)->elf(), header.sh_link, symbol.st_name);
      if (name != nullptr && wanted == name) return symbol.st_value;
    }
  }
  return 0;
}

std::map<std::uint64_t, Chain> resolve_text(Symbolizer& symbolizer, std::uint32_t module,
                                            const std::string& path) {
  AddressRange text = section_range(path, ".text");
  // A static binary's .text holds the whole C library: the fixture's own code is enough.
  constexpr std::uint64_t kLargest = 0x20000;
  if (text.high - text.low > kLargest) {
    const std::uint64_t main = symbol_value(path, "main");
    text = {main, main + 256};
    for (const char* name : {"_ZN4shop5outerEm", "_Z7use_alli", "plain_c_name"}) {
      const std::uint64_t value = symbol_value(path, name);
      if (value != 0) text = {std::min(text.low, value), std::max(text.high, value + 4096)};
    }
  }
  std::vector<Query> queries;
  for (std::uint64_t address = text.low; address < text.high; ++address)
    queries.push_back({module, address, false});
  std::vector<Chain> chains = symbolizer.resolve_all(queries);
  std::map<std::uint64_t, Chain> result;
  for (std::size_t i = 0; i < queries.size(); ++i)
    result.emplace(queries[i].offset, std::move(chains[i]));
  return result;
}

Chain chain_at_mark(const std::map<std::uint64_t, Chain>& text, std::string_view mark) {
  const std::uint32_t line = marked_line(mark);
  for (const auto& [address, chain] : text) {
    if (chain.front().line == line && chain.front().file.ends_with("shapes.cpp")) return chain;
  }
  return {};
}

void expect_same(const std::map<std::uint64_t, Chain>& found,
                 const std::map<std::uint64_t, Chain>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [address, chain] : expected) {
    const Chain& other = found.at(address);
    ASSERT_EQ(other.size(), chain.size());
    for (std::size_t i = 0; i < chain.size(); ++i) {
      EXPECT_EQ(other[i].function, chain[i].function);
      EXPECT_EQ(other[i].full_function, chain[i].full_function);
      EXPECT_EQ(other[i].file, chain[i].file);
      EXPECT_EQ(other[i].line, chain[i].line);
      EXPECT_EQ(other[i].column, chain[i].column);
      EXPECT_EQ(other[i].inlined, chain[i].inlined);
      EXPECT_EQ(other[i].offset, chain[i].offset);
    }
  }
}

std::string output_of(const std::string& command, const std::string& input) {
  const TemporaryFolder folder;
  const std::string in = folder.path() + "/in";
  const std::string out = folder.path() + "/out";
  std::ofstream(in) << input;
  if (std::system(("(" + command + ") <" + in + " >" + out).c_str()) != 0) return {};
  std::ifstream file(out);
  return {std::istreambuf_iterator<char>(file), {}};
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "leakgate-symbolize-XXXXXX").string();
  if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace leakgate::symbolize::testing

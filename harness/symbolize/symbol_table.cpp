// SPDX-License-Identifier: Apache-2.0
// ELF symbol tables; see symbol_table.h.
#include "harness/symbolize/symbol_table.h"

#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <tuple>

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kMaxSymbols = 8'000'000;
constexpr std::size_t kMaxNameTextBytes = std::size_t{1} << 30U;
constexpr std::size_t kMaxLinkerNameBytes = 16384;
constexpr std::size_t kMaxBackwardSteps = 64;
constexpr std::uint8_t kSizelessRank = 32;  ///< and above: the symbol has no size of its own

struct SectionRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool executable = false;
};

std::vector<SectionRange> read_sections(const ElfFile& file) {
  std::vector<SectionRange> sections;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(file.elf(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const std::size_t index = elf_ndxscn(section);
    if (index >= sections.size()) sections.resize(index + 1);
    sections[index] = {header.sh_addr, header.sh_addr + header.sh_size,
                       (header.sh_flags & SHF_EXECINSTR) != 0};
  }
  return sections;
}

std::uint8_t rank_of(unsigned char info, std::string_view name) {
  const std::size_t underscores = std::min(name.find_first_not_of('_'), name.size());
  const int local = GELF_ST_BIND(info) == STB_LOCAL ? 1 : 0;
  // "_Z" is how a mangled name starts, not a sign of an internal one.
  const std::size_t leading = name.starts_with("_Z") ? 0 : std::min<std::size_t>(underscores, 15);
  return static_cast<std::uint8_t>(local * 16 + static_cast<int>(leading));
}

}  // namespace

void SymbolTable::add(const ElfFile& file, const ElfFile& code) {
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(file.elf(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM) {
      add_section(file, section, header.sh_type == SHT_SYMTAB, code);
    }
  }
}

void SymbolTable::add_section(const ElfFile& file, Elf_Scn* section, bool allow_sizeless,
                              const ElfFile& code) {
  GElf_Shdr header;
  if (gelf_getshdr(section, &header) == nullptr || header.sh_entsize == 0) return;
  Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr) return;
  const std::vector<SectionRange> sections = read_sections(file);
  struct Sizeless {
    Symbol symbol;
    std::size_t section;
  };
  std::vector<Sizeless> sizeless;
  std::vector<std::uint64_t> starts;  // of every symbol in code, whatever its type: a sizeless one ends there
  const std::size_t count = header.sh_size / header.sh_entsize;
  for (std::size_t i = 1; i < count && i < std::size_t{INT32_MAX} && symbols_.size() < kMaxSymbols; ++i) {
    GElf_Sym entry;
    if (gelf_getsym(data, static_cast<int>(i), &entry) == nullptr) break;
    if (entry.st_shndx == SHN_UNDEF || entry.st_shndx >= SHN_LORESERVE || entry.st_shndx >= sections.size())
      continue;
    const SectionRange& home = sections[entry.st_shndx];
    if (!home.executable || entry.st_value < home.low || entry.st_value >= home.high) continue;
    const int type = GELF_ST_TYPE(entry.st_info);
    if (type == STT_SECTION || type == STT_FILE || type == STT_TLS) continue;
    if (allow_sizeless) starts.push_back(entry.st_value);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) continue;
    if (!code.is_code(entry.st_value)) continue;
    const char* name = elf_strptr(file.elf(), header.sh_link, entry.st_name);
    if (name == nullptr || *name == '\0' || *name == '.' || *name == '$') continue;
    const std::size_t length = std::strlen(name);
    if (length > kMaxLinkerNameBytes || names_.size() + length + 1 > kMaxNameTextBytes) continue;
    Symbol symbol{entry.st_value, 0, static_cast<std::uint32_t>(names_.size()), rank_of(entry.st_info, name)};
    if (entry.st_size > 0) {
      // Ends with its section at the latest: a wrong size must not claim what lies behind it.
      symbol.high = entry.st_size > home.high - entry.st_value ? home.high : entry.st_value + entry.st_size;
      symbols_.push_back(symbol);
    } else if (allow_sizeless) {
      sizeless.push_back({symbol, entry.st_shndx});
    } else {
      continue;
    }
    names_.append(name, length + 1);
  }
  std::sort(starts.begin(), starts.end());
  for (Sizeless& entry : sizeless) {
    const auto next = std::upper_bound(starts.begin(), starts.end(), entry.symbol.low);
    entry.symbol.high = sections[entry.section].high;
    if (next != starts.end()) entry.symbol.high = std::min(entry.symbol.high, *next);
    entry.symbol.rank =
        static_cast<std::uint8_t>(entry.symbol.rank + kSizelessRank);  // a symbol with a size knows better
    symbols_.push_back(entry.symbol);
  }
}

void SymbolTable::finish() {
  const auto key = [this](const Symbol& symbol) {
    const std::string_view name(names_.c_str() + symbol.name);
    return std::tuple(symbol.low, symbol.rank, name.size(), name, symbol.high);
  };
  // few have one address, and only these are worth a look at their names
  std::sort(symbols_.begin(), symbols_.end(), [&](const Symbol& a, const Symbol& b) {
    return a.low != b.low ? a.low < b.low : key(a) < key(b);
  });
  // .symtab repeats what .dynsym says.
  const auto same = [&](const Symbol& a, const Symbol& b) { return a.low == b.low && key(a) == key(b); };
  symbols_.erase(std::unique(symbols_.begin(), symbols_.end(), same), symbols_.end());
  highest_end_.resize(symbols_.size());
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < symbols_.size(); ++i) {
    highest = std::max(highest, symbols_[i].high);
    highest_end_[i] = highest;
  }
}

const char* SymbolTable::find(std::uint64_t address) const {
  const auto after =
      std::upper_bound(symbols_.begin(), symbols_.end(), address,
                       [](std::uint64_t value, const Symbol& symbol) { return value < symbol.low; });
  const Symbol* best = nullptr;
  std::size_t steps = 0;
  for (auto it = after; it != symbols_.begin() && steps < kMaxBackwardSteps; ++steps) {
    --it;
    const bool best_has_size = best != nullptr && best->rank < kSizelessRank;
    if (best_has_size && it->low < best->low) break;  // nested symbols: the innermost start wins
    if (highest_end_[static_cast<std::size_t>(it - symbols_.begin())] <= address) break;
    if (address >= it->high) continue;
    // A label without a size inside a function that has one is not what a person calls the function.
    const bool has_size = it->rank < kSizelessRank;
    if (best != nullptr && !has_size && (best_has_size || it->low < best->low)) continue;
    // Walking backwards through aliases of one address: the last one seen is the best ranked.
    best = &*it;
  }
  return best == nullptr ? nullptr : names_.c_str() + best->name;
}

}  // namespace leakgate::symbolize

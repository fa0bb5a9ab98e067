// SPDX-License-Identifier: Apache-2.0
// ElfImage: symbols, from .dynsym, .symtab and the .symtab of the separate debug file that bears the same
// build id.
#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <numeric>
#include <set>
#include <tuple>

#include "harness/base/elf_image.h"
#include "harness/base/elf_image_state.h"

namespace leakgate {
namespace {

std::optional<SymbolKind> kind_of(unsigned type) {
  switch (type) {
    case STT_FUNC:
      return SymbolKind::function;
    case STT_OBJECT:
      return SymbolKind::object;
    case STT_GNU_IFUNC:
      return SymbolKind::ifunc;
    default:
      return std::nullopt;
  }
}

bool is_function(const Elf64_Sym& entry) {
  return type_of(entry) == STT_FUNC || type_of(entry) == STT_GNU_IFUNC;
}

bool is_code(const Elf64_Sym& entry) {
  return is_function(entry) || type_of(entry) == STT_NOTYPE;
}

bool is_known_kind(const Elf64_Sym& entry) {
  return kind_of(type_of(entry)).has_value();
}

Symbol to_symbol(const RawSymbol& raw, SymbolKind kind, SymbolTable table) {
  const SymbolBind bind = raw.bind == STB_LOCAL  ? SymbolBind::local
                          : raw.bind == STB_WEAK ? SymbolBind::weak
                                                 : SymbolBind::global;
  return {std::string(raw.name), raw.vaddr, raw.size_bytes, kind, bind, table, raw.default_version};
}

/// Orders the candidates for one name: what the dynamic linker would bind to comes first.
int rank(const Symbol& symbol) {
  return (symbol.default_version ? 0 : 4) + (symbol.bind == SymbolBind::local ? 2 : 0) +
         (symbol.table == SymbolTable::dynsym ? 0 : 1);
}

/// Sorts by address, then name, then rank, and keeps the first of each (address, name).
void order_and_unique(std::vector<Symbol>& symbols) {
  std::sort(symbols.begin(), symbols.end(), [](const Symbol& a, const Symbol& b) {
    if (a.vaddr != b.vaddr) return a.vaddr < b.vaddr;
    if (a.name != b.name) return a.name < b.name;
    return rank(a) < rank(b);
  });
  const auto same = [](const Symbol& a, const Symbol& b) { return a.vaddr == b.vaddr && a.name == b.name; };
  symbols.erase(std::unique(symbols.begin(), symbols.end(), same), symbols.end());
}

std::uint32_t hash_of(std::string_view name) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>()(name));
}

bool has_symbols(const ElfFile& file) {
  return file.symbols(SHT_SYMTAB).symbols.size() > 1;
}

}  // namespace

const std::vector<ElfImage::State::Table>& ElfImage::State::tables() {
  if (!all_tables) {
    all_tables.emplace({Table{file.symbols(SHT_DYNSYM), SymbolTable::dynsym},
                        Table{file.symbols(SHT_SYMTAB), SymbolTable::symtab}});
    if (const ElfFile* other = find_debug_file())
      all_tables->push_back({other->symbols(SHT_SYMTAB), SymbolTable::debug_file});
  }
  return *all_tables;
}

void ElfImage::State::order_by_name() {
  std::vector<ByName> unordered;
  const std::vector<Table>& all = tables();
  for (std::uint32_t table = 0; table < all.size(); ++table)
    for (std::uint32_t i = 0; i < all[table].raw.symbols.size(); ++i)
      if (is_known_kind(all[table].raw.symbols[i]))
        if (const auto symbol = all[table].raw.at(i)) unordered.push_back({hash_of(symbol->name), table, i});
  by_name.emplace();
  const std::size_t buckets = std::bit_ceil(unordered.size() + 1);
  const auto bucket = [&](const ByName& entry) { return entry.hash & (buckets - 1); };
  by_name->starts.resize(buckets + 1);
  for (const ByName& entry : unordered)
    ++by_name->starts[bucket(entry) + 1];
  std::partial_sum(by_name->starts.begin(), by_name->starts.end(), by_name->starts.begin());
  by_name->symbols.resize(unordered.size());
  std::vector<std::uint32_t> next = by_name->starts;
  for (const ByName& entry : unordered)
    by_name->symbols[next[bucket(entry)]++] = entry;
}

template <typename Wanted, typename Visit>
void ElfImage::State::for_each_named(std::string_view name, Wanted&& wanted, Visit&& visit) {
  if (!by_name) order_by_name();
  const std::uint32_t hash = hash_of(name);
  const std::size_t bucket = hash & (by_name->starts.size() - 2);
  for (std::uint32_t i = by_name->starts[bucket]; i < by_name->starts[bucket + 1]; ++i) {
    const ByName& entry = by_name->symbols[i];
    if (entry.hash != hash) continue;
    const Table& table = tables()[entry.table];
    const auto symbol = table.raw.at(entry.index);
    if (symbol && symbol->name == name && wanted(table.raw.symbols[entry.index])) visit(*symbol, table.from);
  }
}

void ElfImage::State::order_by_address() {
  by_address.emplace();
  const std::vector<Table>& all = tables();
  for (std::uint32_t table = 0; table < all.size(); ++table)
    for (std::uint32_t i = 0; i < all[table].raw.symbols.size(); ++i)
      if (is_code(all[table].raw.symbols[i]))
        by_address->push_back({all[table].raw.symbols[i].st_value, table, i});
  std::sort(by_address->begin(), by_address->end(), [](const ByAddress& a, const ByAddress& b) {
    return std::tie(a.vaddr, a.table, a.index) < std::tie(b.vaddr, b.table, b.index);
  });
}

template <typename Wanted, typename Visit>
void ElfImage::State::for_each_between(std::uint64_t first, std::uint64_t last, Wanted&& wanted,
                                       Visit&& visit) {
  constexpr std::uint32_t kWorthAnOrder = 32;
  if (!by_address && ++searches_by_address < kWorthAnOrder) {
    for_each_symbol(
        [&](const Elf64_Sym& entry) {
          return entry.st_value >= first && entry.st_value <= last && is_code(entry) && wanted(entry);
        },
        visit);
    return;
  }
  if (!by_address) order_by_address();
  auto entry = std::lower_bound(by_address->begin(), by_address->end(), first,
                                [](const ByAddress& a, std::uint64_t vaddr) { return a.vaddr < vaddr; });
  for (; entry != by_address->end() && entry->vaddr <= last; ++entry) {
    const Table& table = tables()[entry->table];
    if (!wanted(table.raw.symbols[entry->index])) continue;
    if (const auto symbol = table.raw.at(entry->index)) visit(*symbol, table.from);
  }
}

const ElfFile* ElfImage::State::find_debug_file() {
  if (!debug_file_tried) {
    debug_file_tried = true;
    if (build_id.size() < 6 || options.debug_root.empty()) return nullptr;
    const std::string found =
        options.debug_root + "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug";
    auto fd = open_regular_file(found);
    if (!fd) return nullptr;
    auto opened = ElfFile::from_fd(std::move(*fd), found);
    if (opened && opened->build_id() == build_id) debug_file.emplace(std::move(*opened));
  }
  return debug_file ? &*debug_file : nullptr;
}

bool ElfImage::has_compressed_symbols() const {
  return state_->file.has_section(".gnu_debugdata");
}

bool ElfImage::stripped() const {
  if (has_symbols(state_->file) || has_compressed_symbols()) return false;
  const ElfFile* other = state_->find_debug_file();
  return other == nullptr || !has_symbols(*other);
}

void ElfImage::index_names() const {
  if (!state_->by_name) state_->order_by_name();
}

std::optional<Symbol> ElfImage::find(std::string_view name) const {
  std::optional<Symbol> best;
  state_->for_each_named(name, is_known_kind, [&](const RawSymbol& raw, SymbolTable table) {
    const auto kind = kind_of(raw.type);
    if (!kind) return;
    Symbol symbol = to_symbol(raw, *kind, table);
    if (!best || rank(symbol) < rank(*best)) best = std::move(symbol);
  });
  return best;
}

std::vector<Symbol> ElfImage::find_all(const std::function<bool(std::string_view name)>& wanted) const {
  std::vector<Symbol> found;
  state_->for_each_symbol(is_known_kind, [&](const RawSymbol& raw, SymbolTable table) {
    const auto kind = kind_of(raw.type);
    if (kind && wanted(raw.name)) found.push_back(to_symbol(raw, *kind, table));
  });
  order_and_unique(found);
  return found;
}

std::vector<Symbol> ElfImage::find_functions(std::span<const std::string_view> names) const {
  std::vector<Symbol> found;
  for (const std::string_view name : names)
    state_->for_each_named(name, is_function, [&](const RawSymbol& raw, SymbolTable table) {
      if (const auto kind = kind_of(raw.type)) found.push_back(to_symbol(raw, *kind, table));
    });
  order_and_unique(found);
  return found;
}

bool ElfImage::imports(std::string_view name) const {
  const RawSymbolTable raw = state_->file.symbols(SHT_DYNSYM);
  const std::string whole = std::string(name) + '\0';
  if (raw.names.empty() || memmem(raw.names.data(), raw.names.size(), whole.data(), whole.size()) == nullptr)
    return false;
  return std::any_of(raw.symbols.begin(), raw.symbols.end(), [&](const Elf64_Sym& symbol) {
    return symbol.st_shndx == SHN_UNDEF && symbol.st_name < raw.names.size() &&
           raw.names.substr(symbol.st_name).starts_with(whole);
  });
}

std::vector<Symbol> ElfImage::functions_at(std::uint64_t vaddr) const {
  std::vector<Symbol> found;
  state_->for_each_between(vaddr, vaddr, is_function, [&](const RawSymbol& raw, SymbolTable table) {
    const auto kind = kind_of(raw.type);
    if (kind) found.push_back(to_symbol(raw, *kind, table));
  });
  order_and_unique(found);
  return found;
}

std::vector<std::optional<Symbol>> ElfImage::objects_at(std::span<const std::uint64_t> vaddrs) const {
  std::vector<std::optional<Symbol>> found(vaddrs.size());
  std::vector<std::pair<std::uint64_t, std::size_t>> sorted;
  for (std::size_t i = 0; i < vaddrs.size(); ++i)
    sorted.emplace_back(vaddrs[i], i);
  std::sort(sorted.begin(), sorted.end());
  const auto first_at = [&](std::uint64_t vaddr) {
    return std::lower_bound(sorted.begin(), sorted.end(), std::pair(vaddr, std::size_t{0}));
  };
  const auto contains = [](std::uint64_t start, std::uint64_t bytes, std::uint64_t vaddr) {
    return vaddr >= start && vaddr - start < std::max<std::uint64_t>(bytes, 1);
  };
  const auto wanted = [&](const Elf64_Sym& entry) {
    if (type_of(entry) != STT_OBJECT) return false;
    const auto query = first_at(entry.st_value);
    return query != sorted.end() && contains(entry.st_value, entry.st_size, query->first);
  };
  state_->for_each_symbol(wanted, [&](const RawSymbol& raw, SymbolTable table) {
    const Symbol symbol = to_symbol(raw, SymbolKind::object, table);
    for (auto query = first_at(symbol.vaddr);
         query != sorted.end() && contains(symbol.vaddr, symbol.size_bytes, query->first); ++query) {
      auto& best = found[query->second];
      if (!best || symbol.size_bytes < best->size_bytes ||
          (symbol.size_bytes == best->size_bytes && rank(symbol) < rank(*best)))
        best = symbol;
    }
  });
  return found;
}

std::vector<std::uint64_t> ElfImage::code_labels(std::uint64_t first, std::uint64_t last) const {
  std::set<std::uint64_t> labels;
  if (first == ~std::uint64_t{0}) return {};
  const auto any = [](const Elf64_Sym&) { return true; };
  state_->for_each_between(first + 1, last, any,
                           [&](const RawSymbol& raw, SymbolTable) { labels.insert(raw.vaddr); });
  return {labels.begin(), labels.end()};
}

}  // namespace leakgate

// SPDX-License-Identifier: Apache-2.0
// ElfImage: what an x86-64 ELF file says about itself: kind, needed libraries, segments, symbols, code bytes.
// In: a path or a descriptor; the file is untrusted, every offset in it is checked against the file's real
// size. Out: plain values. It does not decode instructions and does not look at processes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate {

/// What the file is: a fixed-address program, a position-independent program, or a shared object.
enum class ElfType { executable, pie, shared };
enum class SymbolKind { function, object, ifunc };
enum class SymbolBind { local, global, weak };
/// The table a symbol was found in; `debug_file` is the separate file found by build id.
enum class SymbolTable { dynsym, symtab, debug_file };

/// A symbol defined in the file.
struct Symbol {
  std::string name;                        ///< without a version suffix
  std::uint64_t vaddr = 0;                 ///< in the file's own address space
  std::uint64_t size_bytes = 0;            ///< 0: the file does not say
  SymbolKind kind = SymbolKind::function;  ///< for `ifunc`, vaddr is the resolver, not the function
  SymbolBind bind = SymbolBind::global;
  SymbolTable table = SymbolTable::dynsym;
  bool default_version = true;  ///< false: an old version kept for old binaries (name@VERSION)
};

/// A PT_LOAD segment.
struct LoadSegment {
  std::uint64_t vaddr = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t file_size_bytes = 0;
  std::uint64_t memory_size_bytes = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
};

struct ElfOptions {
  std::string debug_root = "/usr/lib/debug";  ///< where .build-id/ab/cdef.debug is looked for; empty: nowhere
};

/// An open ELF file. Symbol tables are read when first asked for. One object must not be used by two threads
/// at once.
class ElfImage {
 public:
  /// Opens `path`. Fails with not_found, permission or io; with unsupported where the file is no ELF file,
  /// 32-bit, for another processor, or neither program nor shared object; with format where its headers are
  /// broken.
  static Result<ElfImage> open(const std::string& path, const ElfOptions& options = {});
  /// The same for a descriptor, which is taken over; `name` stands in messages and is path()'s answer.
  static Result<ElfImage> from_fd(Descriptor fd, std::string name = "descriptor",
                                  const ElfOptions& options = {});

  ElfImage(ElfImage&&) noexcept;
  ElfImage& operator=(ElfImage&&) noexcept;
  ~ElfImage();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] ElfType type() const;
  [[nodiscard]] std::uint64_t entry_point() const;               ///< address of a program's first instruction
  [[nodiscard]] const std::string& interpreter() const;          ///< PT_INTERP; empty: none
  [[nodiscard]] const std::vector<std::string>& needed() const;  ///< DT_NEEDED, in the file's order
  [[nodiscard]] const std::string& soname() const;
  [[nodiscard]] const std::string& rpath() const;     ///< DT_RPATH, unexpanded
  [[nodiscard]] const std::string& runpath() const;   ///< DT_RUNPATH, unexpanded
  [[nodiscard]] bool no_default_libraries() const;    ///< DF_1_NODEFLIB
  [[nodiscard]] const std::string& build_id() const;  ///< lower-case hex; empty: none
  /// A program without interpreter: nothing is loaded into it from outside.
  [[nodiscard]] bool is_static() const;
  [[nodiscard]] const std::vector<LoadSegment>& segments() const;

  /// Has no full symbol table: no .symtab, no compressed one (.gnu_debugdata), no separate debug file with
  /// one.
  [[nodiscard]] bool stripped() const;
  /// Carries a compressed symbol table in .gnu_debugdata. Its symbols are not read by find().
  [[nodiscard]] bool has_compressed_symbols() const;

  /// File offset of the byte loaded at `vaddr`; none where no file byte is loaded there (gaps, .bss, past the
  /// file's end).
  [[nodiscard]] std::optional<std::uint64_t> file_offset(std::uint64_t vaddr) const;
  /// Address at which the byte at `file_offset` is loaded; an executable segment is preferred. None where it
  /// is not loaded.
  [[nodiscard]] std::optional<std::uint64_t> vaddr(std::uint64_t file_offset) const;
  /// `count` bytes at `vaddr`. Fails with format where they are not all in one executable segment of the
  /// file.
  [[nodiscard]] Result<std::vector<std::uint8_t>> read_code(std::uint64_t vaddr, std::size_t count) const;
  /// `count` bytes at `vaddr` of any segment. Fails with format where they are not all in one segment of the
  /// file.
  [[nodiscard]] Result<std::vector<std::uint8_t>> read_data(std::uint64_t vaddr, std::size_t count) const;

  /// Orders the symbols by name now, which the first search for a name does otherwise.
  void index_names() const;
  /// The symbol of that name that a caller would get: default version before old ones, global before local.
  [[nodiscard]] std::optional<Symbol> find(std::string_view name) const;
  /// All defined functions, objects and ifuncs for which `wanted` holds (it sees the name without version
  /// suffix). A symbol that stands in several tables is given once.
  [[nodiscard]] std::vector<Symbol> find_all(const std::function<bool(std::string_view name)>& wanted) const;
  /// All functions and ifuncs bearing one of `names`, ordered by address.
  [[nodiscard]] std::vector<Symbol> find_functions(std::span<const std::string_view> names) const;
  /// All functions and ifuncs that start at `vaddr`, whatever their names.
  [[nodiscard]] std::vector<Symbol> functions_at(std::uint64_t vaddr) const;
  /// For each of `vaddrs` the data object that contains it, the smallest where several do; in one pass over
  /// the tables.
  [[nodiscard]] std::vector<std::optional<Symbol>> objects_at(std::span<const std::uint64_t> vaddrs) const;
  /// What the dynamic linker writes where: address of a pointer in the file (a slot of the GOT) to the name
  /// of the symbol whose address it will hold. Empty for a file without such relocations.
  [[nodiscard]] std::map<std::uint64_t, std::string> import_slots() const;
  /// Whether its dynamic symbols name one that another file has to define.
  [[nodiscard]] bool imports(std::string_view name) const;
  /// Addresses in (first, last] at which any function, ifunc or untyped symbol stands; sorted, each once.
  [[nodiscard]] std::vector<std::uint64_t> code_labels(std::uint64_t first, std::uint64_t last) const;

 private:
  struct State;
  explicit ElfImage(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace leakgate

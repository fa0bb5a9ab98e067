// SPDX-License-Identifier: Apache-2.0
// Which functions of GoogleTest, Catch2, doctest and Boost.Test mark the windows of their test cases, and how
// the test's names and outcome are read from the arguments at the entry of those functions. In: a look-up of
// function symbols in one ELF object (executable or shared library). Out: the probes to set in that object,
// and what of each framework is missing there. Does not open files, set probes or read processes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::attribute {

/// What a mark says. Up to death_fork the values are those of the wire; the rest are extensions (see
/// needs_extension()).
enum class MarkRole : std::uint8_t {
  test_start = 1,  ///< opens a window, and ends the one that is open
  test_end =
      2,  ///< ends the open window; when none is open it says nothing (several ends may be hit for one test)
  test_part = 3,   ///< an assertion result
  death_fork = 4,  ///< the next fork of this thread makes a death test's child
  suite_start =
      5,          ///< a suite is entered: its name is one level of the path of the tests inside; not a window
  suite_end = 6,  ///< the innermost suite is left
  test_crash =
      7,  ///< the framework reports a fatal signal: later ends in this process are not ends, the test crashed
  tests_due = 8,   ///< the framework is about to run one test at least
  test_body = 10,  ///< a function of the test's is called: what came before is the framework's own; 9 is a
                   ///< thrown exception, which is no framework's
};

/// How a text is stored in memory. Up to inline_text the values are those of the wire.
enum class TextKind : std::uint8_t {
  none = 0,
  std_string = 1,     ///< libstdc++ std::string: pointer at +0, length at +8
  libcxx_string = 2,  ///< libc++ std::string, ABI v1
  c_string = 3,       ///< pointer to NUL terminated characters (also the old copy-on-write std::string)
  string_ref = 4,     ///< pointer at +0, length at +8, not terminated
  inline_text = 5,    ///< the characters themselves, NUL terminated
  doctest_string =
      6,  ///< doctest::String: 24 bytes; top bit of the last one clear: inline_text, set: c_string
};

/// How the outcome is read. `plain` is the only one the wire's first version knows.
enum class OutcomeForm : std::uint8_t {
  plain = 0,      ///< test_part: the register is the type. test_end: u64 counts at failed_off and skipped_off
  in_memory = 1,  ///< test_part: the register points at the u32 type
  passed_flag = 2,  ///< test_end: the byte at failed_off is 1 when the test passed, 0 when it failed
  always = 3,       ///< test_part: being called is a failure
};

inline constexpr std::uint16_t kNoOffset = 0xffff;
inline constexpr std::uint8_t kNoRegister = 0xff;

struct TextField {
  std::uint16_t off = 0;
  TextKind kind = TextKind::none;
  std::uint8_t pad = 0;
};

/// One kind of mark; field for field the record that the kernel side reads, then the extensions.
struct MarkLayout {
  MarkRole role = MarkRole::test_start;
  model::Framework framework = model::Framework::none;
  std::uint8_t arg =
      0;  ///< integer argument register that points at the object: 0 is the first one, `this` of a member
  std::uint8_t deref = 0;  ///< pointers to follow, each at offset 0, before the fields are read
  TextField suite;
  TextField name;
  TextField file;
  std::uint16_t line_off = kNoOffset;      ///< u32
  std::uint8_t outcome_arg = kNoRegister;  ///< register of the type (test_part) or of the totals (test_end)
  std::uint8_t failed_mask = 0;            ///< test_part: bit n set: type n is a failure
  std::uint8_t skipped_mask = 0;           ///< test_part: bit n set: type n is a skip
  OutcomeForm outcome_form = OutcomeForm::plain;  ///< where the wire has its padding
  std::uint16_t failed_off = kNoOffset;
  std::uint16_t skipped_off = kNoOffset;
  /// Extension: the mark holds only where the byte at this offset of the object has the value that follows.
  std::uint16_t when_off = kNoOffset;
  std::uint8_t when_value = 0;
};

/// True if the mark says something that the wire's first version cannot express.
bool needs_extension(const MarkLayout& layout);

/// A probe to set: on the function at `vaddr` (address in the object's own address space).
struct MarkProbe {
  std::string symbol;
  std::uint64_t vaddr = 0;
  MarkLayout mark;
};

/// How much of one framework an object holds.
struct FrameworkPresence {
  model::Framework framework = model::Framework::none;
  std::string variant;         ///< "catch2 v3, libc++"; for messages
  bool complete = true;        ///< starts, ends and outcomes are seen
  bool second_choice = false;  ///< a function of second choice is used: not every way of running is seen
  bool abi_assumed = false;    ///< nothing told which std::string is used: libstdc++'s was taken
  std::vector<std::string> missing;  ///< symbols without which something is not seen, the required ones first
};

struct FoundMarks {
  std::vector<MarkProbe> probes;  ///< one per address and role, in the order of the tables
  std::vector<FrameworkPresence> frameworks;
};

/// The address of the defined function with this mangled name in one ELF object, from .symtab or .dynsym;
/// nothing if none.
using SymbolLookup = std::function<std::optional<std::uint64_t>(std::string_view mangled)>;

enum class MarkSet {
  /// Every mark. A test can then be started by several hits: one whose object (the address that `arg` and
  /// `deref` lead to) is that of the window that is open must say nothing.
  full,
  /// Only what needs no extension and no such rule: where an alternative exists it is taken, else the mark is
  /// left out.
  wire_only,
};

/// The marks in the object behind `lookup`. Frameworks of which nothing is found are not listed. Never fails.
FoundMarks find_marks(const SymbolLookup& lookup, MarkSet set = MarkSet::full);

/// Every symbol that find_marks() may ask for, sorted: for callers that look up a batch.
std::vector<std::string> mark_symbols();

}  // namespace leakgate::attribute

// SPDX-License-Identifier: Apache-2.0
// Symbolizer: from a machine address in a module file to named source frames.
// In: module files as the tracer saw them, and addresses in their own address space. Out: model::Frame rows.
// A name is only given where the file proves it; what is not known stays empty, and module and offset always
// stand.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/model/recording.h"
#include "harness/symbolize/module_reader.h"
#include "harness/symbolize/read_ahead.h"
#include "harness/symbolize/source_path.h"

namespace leakgate::symbolize {

struct NamedFrame;

/// One address to resolve.
struct Query {
  std::uint32_t module = 0;  ///< as add_module() returned it
  std::uint64_t offset = 0;  ///< address in the module file's own, unrelocated address space (an ELF vaddr)
  bool is_return_address = true;  ///< look up the byte before: the call, not what follows it
};

/// Resolves addresses of any number of modules. Not thread-safe.
class Symbolizer {
 public:
  explicit Symbolizer(SymbolizerOptions options = {});
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  /// Makes a module known; nothing is opened yet. Returns its index: 0, 1, 2, ...
  [[nodiscard]] std::uint32_t add_module(ModuleFile file);

  /// Has modules read by another thread from now on, as soon as they are given; each is known by the same
  /// ModuleFile that add_module() will get. Answers are the same with and without.
  ReadAhead& read_ahead();

  /// Whether the frames at the address are known from an earlier run, so that nothing has to be read for
  /// them; whether any of the module's are. What is found out in this run is for the next one once it is
  /// stored.
  [[nodiscard]] bool is_kept(const ModuleFile& module, std::uint64_t address) const;
  [[nodiscard]] bool keeps(const ModuleFile& module) const;
  void store();
  /// Ends what read_ahead() began: from now on no other thread is at work here.
  void stop_reading();

  /// Frames of the machine address `offset` in `module`, innermost inlined frame first; never empty. Every
  /// frame carries `module` and `offset` as given. Where nothing is known there is one frame with nothing
  /// else in it.
  [[nodiscard]] std::vector<model::Frame> resolve(std::uint32_t module, std::uint64_t offset,
                                                  bool is_return_address);

  /// resolve() for many; results in the order of the queries. Works module by module in address order, so
  /// that each part of a file is read once however little may be kept; many queries are worked on by two
  /// threads.
  [[nodiscard]] std::vector<std::vector<model::Frame>> resolve_all(std::span<const Query> queries);

  /// The build id: as recorded, else as found in the file (which is opened for it); empty if there is none.
  [[nodiscard]] const std::string& build_id(std::uint32_t module);

  /// One sentence on why a module could not be (wholly) symbolized; empty if there is nothing to say, or
  /// nothing was resolved in it yet.
  [[nodiscard]] const std::string& note(std::uint32_t module) const;

 private:
  ReadModule& load(std::uint32_t index);
  void bound_memory(std::uint32_t in_use);
  /// resolve() for the queries at the places `order`, which are sorted by module and address.
  void resolve_part(std::span<const Query> queries, std::span<const std::size_t> order,
                    std::vector<std::vector<model::Frame>>& results);
  const std::string& shown_path(const char* path);
  [[nodiscard]] std::vector<model::Frame> show(std::span<const NamedFrame> named) const;
  /// Keeps source_frames_ for further runs, where the module's files say all there is to them.
  void keep(const ReadModule& module, std::uint64_t address);
  /// Keeps what was expected to be asked for, and may not have been in the end.
  void keep_expected(ReadModule& module);
  void resolve_in(ReadModule& module, std::uint64_t address, std::vector<model::Frame>& frames);

  SymbolizerOptions options_;
  SourcePaths paths_;
  std::unique_ptr<ReadAhead> ahead_;  ///< null: nothing is read ahead
  std::vector<std::unique_ptr<ReadModule>> modules_;
  std::vector<std::unique_ptr<ReadModule>> unwanted_;  ///< were read ahead for nothing
  std::uint64_t clock_ = 0;                            ///< counts lookups; says which module was used last
  std::vector<SourceFrame> source_frames_;
  /// Display form of the paths met so far, by the address of the text in the DWARF reader; goes with any of
  /// those.
  std::unordered_map<const char*, std::string> shown_paths_;
};

}  // namespace leakgate::symbolize

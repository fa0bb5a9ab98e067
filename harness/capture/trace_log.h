// SPDX-License-Identifier: Apache-2.0
// TraceLog: processes and test windows as the kernel side's control records tell of them. In: records in
// order. Out: the parts of a model::Trace that have an order in time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "bpf/wire.h"
#include "harness/model/trace.h"

namespace leakgate::capture {

class TraceLog {
 public:
  explicit TraceLog(std::int32_t root_pid) : root_pid_(root_pid) {}

  /// Takes one record of `size` bytes; records too short for their type are left out.
  void take(const lg_record& record, std::size_t size);

  /// The figures so far of the window that was open when process image `proc` ended.
  void fill_open_window(std::uint32_t proc, const lg_proc& figures);

  /// The process image with the kernel side's index `proc`; made if no record told of it yet.
  model::TraceProcess& image(std::uint32_t proc);
  [[nodiscard]] bool known(std::uint32_t proc) const { return proc < processes_.size(); }
  [[nodiscard]] std::size_t size() const { return processes_.size(); }

  [[nodiscard]] std::vector<model::TraceProcess>& processes() { return processes_; }
  [[nodiscard]] std::vector<model::TraceWindow>& windows() { return windows_; }
  [[nodiscard]] std::vector<model::TraceScope>& scopes() { return scopes_; }
  [[nodiscard]] std::vector<std::int32_t> running() const;

  /// Copies the windows and scopes numbered from `from` on of one process image to `trace`, with those that
  /// they are part of, as of process 0; in the order of their numbers.
  void describe_part(std::uint32_t proc, std::uint32_t from, model::Trace& trace) const;

 private:
  void take_fork(const lg_record_fork& record);
  void take_exec(const lg_record_exec& record);
  void take_exit(const lg_record_exit& record);
  void take_test(const lg_record_test& record);
  void take_suite(const lg_record_test& record);
  [[nodiscard]] std::string suite_path(std::uint32_t proc) const;
  void take_word_on_window(const lg_record_window& record);
  void take_scope(const lg_record_scope& record);

  std::int32_t root_pid_;
  std::vector<model::TraceProcess> processes_;  ///< by the kernel side's index
  std::vector<model::TraceWindow> windows_;
  std::vector<model::TraceScope> scopes_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t>
      window_of_;  ///< (process, number) -> windows_
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> scope_of_;  ///< likewise, scopes_
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t>
      open_;                                                  ///< (process, number) -> index into windows_
  std::map<std::uint32_t, std::vector<std::string>> suites_;  ///< by process: those that are open
};

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// Tally: scores added up to rates. In: one Score per twin that ran. Out: rates with 95 % confidence
// intervals, per scenario, per kind and in all. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "simulator/score.h"

namespace leakgate::simulator {

/// `hits` of `of`.
struct Rate {
  std::uint64_t hits = 0;
  std::uint64_t of = 0;
  void add(bool hit) {
    ++of;
    hits += hit ? 1 : 0;
  }
  /// Share of hits; 0 of 0 is 0.
  [[nodiscard]] double value() const {
    return of == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(of);
  }
};

struct Interval {
  double low = 0;
  double high = 1;
};

/// Wilson's score interval at 95 %, which holds near 0 and 1 and for small numbers.
Interval wilson(const Rate& rate);

/// One scenario's twin in one program, over all rounds.
struct ScenarioRow {
  std::string name, family, program;  ///< program: plain, optimised, gtest, catch2
  bool leaking = false;
  std::uint64_t runs = 0;
  Rate groups;                     ///< found, of those that are there
  std::uint64_t false_alarms = 0;  ///< leaks reported that are none
  std::uint64_t wrong_bytes = 0, wrong_test = 0, wrong_site = 0, wrong_process = 0, wrong_kind = 0;
  std::uint64_t incomplete = 0;  ///< runs whose trace was
  std::uint64_t bytes_true = 0, bytes_reported = 0;
  std::vector<std::string> faults;  ///< the first few
};

struct Tally {
  Rate found;                      ///< true positives: groups on which the gate has to fail
  Rate found_1k;                   ///< those of more than 1 KiB
  Rate alarmed;                    ///< false positives: clean twins with an alarm
  std::uint64_t false_alarms = 0;  ///< wherever
  Rate exact;                      ///< found groups with the right bytes and blocks
  Rate right_test;                 ///< found groups that belong to a test
  Rate right_site;
  Rate right_process;
  Rate right_kind;
  std::uint64_t incomplete = 0;
  std::map<std::string, Rate> by_kind;
  std::map<std::string, Rate> kind_right;
  std::vector<ScenarioRow> rows;

  /// Adds what became of one twin. `in_test`: it ran in a test framework, so the right test can be told.
  void add(const std::string& program, const std::string& name, const std::string& family, bool leaking,
           bool in_test, const Score& score);

 private:
  ScenarioRow& row_of(const std::string& program, const std::string& name, const std::string& family,
                      bool leaking);
  std::map<std::string, std::size_t> index_;
};

}  // namespace leakgate::simulator

// SPDX-License-Identifier: Apache-2.0
// Which test case of others' documents is which test of ours. Names say it as a rule. Where programs have
// tests of one name, the documents are told apart by what is known of who wrote them; where that is not
// enough, what was found in a test is given to no test case: it might be another program's.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <tinyxml2.h>

namespace leakgate::report {

/// A process that ran tests.
struct JunitProcess {
  std::string exe;                ///< its path
  std::vector<std::string> args;  ///< may name the file it wrote
};

/// A test of ours: its number, its names as its framework's own XML has them, its id as ctest may have it.
struct JunitRow {
  std::size_t test = 0;
  std::string class_name, name, id;
  std::size_t process = 0;  ///< index of its JunitProcess
  bool found = false;       ///< there is something to tell of it
};

/// A test case of a document.
struct JunitCase {
  tinyxml2::XMLElement* element = nullptr;
  tinyxml2::XMLElement* suite = nullptr;
  std::size_t document = 0;
  const JunitRow* row = nullptr;  ///< what it is of ours; nullptr: nothing
};

class JunitMatch {
 public:
  /// `paths` of the documents; all must outlive this.
  JunitMatch(const std::vector<JunitRow>& rows, const std::vector<JunitProcess>& processes,
             const std::vector<std::string>& paths);
  /// Gives each of `cases` its row, where it has one. No row is given twice.
  void find_rows(std::vector<JunitCase>& cases);

 private:
  using Rows = std::vector<const JunitRow*>;
  /// Test cases of one document that nothing tells apart, by number.
  struct Alike {
    std::size_t document = 0;
    std::string prefix;  ///< in front of the test's id
    std::vector<std::size_t> cases;
  };
  /// Test cases that may be of the same tests of ours.
  using Group = std::vector<Alike>;
  /// For each of a group, the rows that it may be: those for which most speaks, on both sides.
  using Candidates = std::vector<std::vector<std::size_t>>;

  const Rows* rows_for(const JunitCase& test_case, std::string& prefix) const;
  void count_common(const std::map<const Rows*, Group>& groups);
  [[nodiscard]] unsigned evidence(const JunitRow& row, const Alike& alike) const;
  [[nodiscard]] Candidates candidates_for(const Group& group, const Rows& rows) const;
  void settle(std::vector<JunitCase>& cases, const Group& group, const Rows& rows);

  const std::vector<JunitProcess>& processes_;
  const std::vector<std::string>& paths_;
  std::map<std::pair<std::string, std::string>, Rows> by_name_;
  std::map<std::string, Rows> by_id_;
  std::vector<std::size_t> tests_of_process_, cases_of_document_;
  /// (process, document): tests of the one that the other has, and test cases of the other that the one has.
  std::map<std::pair<std::size_t, std::size_t>, std::pair<std::size_t, std::size_t>> common_;
  std::set<std::size_t> placed_;
};

}  // namespace leakgate::report

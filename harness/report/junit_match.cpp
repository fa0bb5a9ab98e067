// SPDX-License-Identifier: Apache-2.0
// Tests are found by class and name (GoogleTest, Catch2, whose sections follow a slash), else by id (ctest,
// which may have put a prefix in front). See junit_match.h.
#include "harness/report/junit_match.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <tuple>

#include "harness/base/text.h"

namespace leakgate::report {
namespace {

/// What speaks for a document being of a process, weakest first.
constexpr unsigned kSomeInCommon = 1, kSameTests = 2, kNamedAlike = 3, kInPrefix = 50, kInArguments = 100;
constexpr std::size_t kMaxNameBytes = 4096;    ///< of longer names no parts are looked for
constexpr std::size_t kMaxCompared = 1 << 20;  ///< more are not worth the time: they stay ours

/// How many parts of `path` an argument ends with; 0: it does not name that file.
unsigned parts_named(std::string_view argument, std::string_view path) {
  const std::string_view name = base_name(path);
  if (name.empty() || !argument.ends_with(name)) return 0;
  if (const auto before = argument.size() - name.size();
      before > 0 && std::string_view("=:/,").find(argument[before - 1]) == std::string_view::npos)
    return 0;
  unsigned parts = 0;
  std::size_t i = 0;
  for (; i < argument.size() && i < path.size(); ++i) {
    const char c = argument[argument.size() - 1 - i];
    if (c != path[path.size() - 1 - i]) break;
    if (c == '/') ++parts;  // what follows is the same
  }
  return std::max(parts + (i == path.size() ? 1u : 0u), 1u);
}

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Whether `word` stands in `text` and is no part of a longer word.
bool has_word(std::string_view text, std::string_view word) {
  if (word.empty()) return false;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    if ((at == 0 || !is_word_character(text[at - 1])) &&
        (end == text.size() || !is_word_character(text[end])))
      return true;
  }
  return false;
}

/// As GoogleTest names files in a folder: "program.xml", "program_1.xml".
bool is_named_alike(std::string_view path, std::string_view exe) {
  std::string_view stem = base_name(path);
  stem = stem.substr(0, stem.rfind('.'));
  const std::string_view program = base_name(exe);
  if (program.empty() || !stem.starts_with(program)) return false;
  stem.remove_prefix(program.size());
  if (stem.empty()) return true;
  return stem.size() > 1 && stem.front() == '_' &&
         stem.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

}  // namespace

JunitMatch::JunitMatch(const std::vector<JunitRow>& rows, const std::vector<JunitProcess>& processes,
                       const std::vector<std::string>& paths)
    : processes_(processes),
      paths_(paths),
      tests_of_process_(processes.size()),
      cases_of_document_(paths.size()) {
  for (const auto& row : rows) {
    by_name_[{row.class_name, row.name}].push_back(&row);
    by_id_[row.id].push_back(&row);
    ++tests_of_process_[row.process];
  }
}

/// The tests that may be `test_case`; nullptr if there are none. `prefix` is what ctest has in front of their
/// id.
const JunitMatch::Rows* JunitMatch::rows_for(const JunitCase& test_case, std::string& prefix) const {
  const auto text = [&](const char* attribute) {
    const char* value = test_case.element->Attribute(attribute);
    return std::string(value == nullptr ? "" : value);
  };
  const auto find = [](const auto& map, const auto& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  };
  const std::string class_name = text("classname"), name = text("name");
  if (const Rows* rows = find(by_name_, std::pair{class_name, name})) return rows;
  if (name.size() > kMaxNameBytes) return find(by_id_, name);
  for (auto slash = name.rfind('/'); slash != std::string::npos && slash > 0;
       slash = name.rfind('/', slash - 1))
    if (const Rows* rows = find(by_name_, std::pair{class_name, name.substr(0, slash)})) return rows;
  if (const Rows* rows = find(by_id_, name)) return rows;
  for (auto dot = name.find_first_of("./ "); dot != std::string::npos;
       dot = name.find_first_of("./ ", dot + 1))
    if (const Rows* rows = find(by_id_, name.substr(dot + 1))) {
      prefix = name.substr(0, dot);
      return rows;
    }
  return nullptr;
}

/// How many tests each process and each document have in common.
void JunitMatch::count_common(const std::map<const Rows*, Group>& groups) {
  for (const auto& [rows, group] : groups) {
    std::map<std::size_t, std::size_t> in_documents, in_processes;
    for (const auto& alike : group)
      in_documents[alike.document] += alike.cases.size();
    for (const auto* row : *rows)
      ++in_processes[row->process];
    for (const auto& [process, tests] : in_processes)
      for (const auto& [document, cases] : in_documents) {
        auto& [of_process, of_document] = common_[{process, document}];
        of_process += tests, of_document += cases;
      }
  }
}

/// How much speaks for these test cases being `row`.
unsigned JunitMatch::evidence(const JunitRow& row, const Alike& alike) const {
  const JunitProcess& process = processes_[row.process];
  const std::string& path = paths_[alike.document];
  unsigned named = 0;
  for (const auto& argument : process.args)
    named = std::max(named, parts_named(argument, path));
  if (named > 0) return kInArguments + named;
  if (has_word(alike.prefix, base_name(process.exe))) return kInPrefix;
  if (is_named_alike(path, process.exe)) return kNamedAlike;
  const auto found = common_.find({row.process, alike.document});
  if (found == common_.end()) return 0;
  const bool has_all_tests = found->second.first == tests_of_process_[row.process];
  const bool has_all_cases = found->second.second == cases_of_document_[alike.document];
  return has_all_tests && has_all_cases ? kSameTests : has_all_tests || has_all_cases ? kSomeInCommon : 0;
}

JunitMatch::Candidates JunitMatch::candidates_for(const Group& group, const Rows& rows) const {
  if (group.size() > kMaxCompared / rows.size()) return Candidates(group.size());
  const auto level = [&](std::size_t g, std::size_t r) { return evidence(*rows[r], group[g]); };
  std::vector<unsigned> best_of_case(group.size()), best_of_row(rows.size());
  for (std::size_t g = 0; g < group.size(); ++g)
    for (std::size_t r = 0; r < rows.size(); ++r) {
      best_of_case[g] = std::max(best_of_case[g], level(g, r));
      best_of_row[r] = std::max(best_of_row[r], level(g, r));
    }
  Candidates candidates(group.size());
  for (std::size_t g = 0; g < group.size(); ++g)
    for (std::size_t r = 0; r < rows.size(); ++r)
      if (const unsigned own = level(g, r); own == best_of_case[g] && own == best_of_row[r])
        candidates[g].push_back(r);
  return candidates;
}

/// Gives the test cases of `group` those of `rows` that they are; where more than one may be meant, only what
/// nothing was found in, since it then makes no difference.
void JunitMatch::settle(std::vector<JunitCase>& cases, const Group& group, const Rows& rows) {
  const Candidates candidates = candidates_for(group, rows);
  std::vector<std::set<std::size_t>> claimants(rows.size());  // documents that may have a row
  for (std::size_t g = 0; g < group.size(); ++g)
    for (const auto r : candidates[g])
      claimants[r].insert(group[g].document);
  for (std::size_t g = 0; g < group.size(); ++g) {
    std::set<std::string_view> programs;
    for (const auto r : candidates[g])
      programs.insert(processes_[rows[r]->process].exe);
    auto next = group[g].cases.begin();
    for (const auto r : candidates[g]) {
      if (next == group[g].cases.end()) break;
      const bool is_clear = programs.size() == 1 && claimants[r].size() <= candidates[g].size();
      if ((rows[r]->found && !is_clear) || !placed_.insert(rows[r]->test).second) continue;
      cases[*next++].row = rows[r];
      // rows that are alike are for the documents that are alike, one each
      if (claimants[r].size() > 1) break;
    }
  }
}

void JunitMatch::find_rows(std::vector<JunitCase>& cases) {
  std::map<const Rows*, Group> groups;
  std::vector<const Rows*> order;
  std::map<std::tuple<const Rows*, std::size_t, std::string>, std::size_t> places;  // in its group
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::size_t document = cases[i].document;
    ++cases_of_document_[document];
    std::string prefix;
    const Rows* rows = rows_for(cases[i], prefix);
    if (rows == nullptr) continue;
    Group& group = groups[rows];
    if (group.empty()) order.push_back(rows);
    const auto [place, is_new] = places.try_emplace({rows, document, prefix}, group.size());
    if (is_new) group.push_back({document, std::move(prefix), {}});
    group[place->second].cases.push_back(i);
  }
  count_common(groups);
  for (const auto* rows : order)
    settle(cases, groups[rows], *rows);
}

}  // namespace leakgate::report

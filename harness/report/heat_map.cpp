// SPDX-License-Identifier: Apache-2.0
// leakgate-heat-map/1: what is outstanding, by function and by file: `self` where it was allocated, `total`
// also where that was called from. JSON, most bytes first.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "harness/base/json_writer.h"
#include "harness/base/saturated.h"
#include "harness/report/frame_memo.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMostRows = 20000;  // of functions, and of files

struct Heat {
  std::uint64_t self_bytes = 0, total_bytes = 0, blocks = 0, leaks = 0;
};

/// Heats by name; names have numbers, so that a name is looked up once for each frame and not for each leak.
class Heats {
 public:
  /// `name` must stay where it is.
  std::uint32_t number(std::string_view name) {
    const auto [it, is_new] = numbers_.try_emplace(name, static_cast<std::uint32_t>(rows_.size()));
    if (is_new) rows_.push_back({name, {}, ~std::size_t{0}});
    return it->second;
  }
  /// Recursion counts once for each leak.
  void count(std::size_t number, const model::Leak& leak, std::size_t leak_number, bool is_site) {
    Row& row = rows_[number];
    if (std::exchange(row.last_leak, leak_number) != leak_number) add_to(row.heat.total_bytes, leak.bytes);
    if (!is_site) return;
    add_to(row.heat.self_bytes, leak.bytes);
    add_to(row.heat.blocks, leak.blocks);
    ++row.heat.leaks;
  }
  [[nodiscard]] std::size_t left_out() const { return rows_.size() - std::min(rows_.size(), kMostRows); }
  /// The hottest first, else by name.
  [[nodiscard]] std::vector<std::pair<std::string_view, const Heat*>> hottest() const {
    std::vector<std::pair<std::string_view, const Heat*>> rows;
    rows.reserve(rows_.size());
    for (const Row& row : rows_)
      rows.emplace_back(row.name, &row.heat);
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), kMostRows));
    std::partial_sort(rows.begin(), end, rows.end(), [](const auto& a, const auto& b) {
      const auto key = [](const Heat& heat) { return std::pair(heat.self_bytes, heat.total_bytes); };
      return key(*a.second) != key(*b.second) ? key(*a.second) > key(*b.second) : a.first < b.first;
    });
    rows.erase(end, rows.end());
    return rows;
  }

 private:
  struct Row {
    std::string_view name;
    Heat heat;
    std::size_t last_leak;
  };

  std::vector<Row> rows_;
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

class HeatMap {
 public:
  explicit HeatMap(const model::Verdict& verdict) : root_(verdict) {
    for (std::size_t i = 0; i < verdict.leaks.size(); ++i)
      add(verdict.leaks[i], i);
    names_ = {};
  }

  void write(JsonWriter& out) const {
    out.begin_object();
    out.member("schema", "leakgate-heat-map/1");
    table(out, "functions", functions_);
    table(out, "files", files_);
    if (functions_.left_out() + files_.left_out() > 0)
      out.member("left_out", std::uint64_t{functions_.left_out() + files_.left_out()});
    out.end_object();
  }

 private:
  struct Names {
    std::uint32_t function = 0, file = 0;
    bool has_file = false;
  };

  void add(const model::Leak& leak, std::size_t number) {
    for (std::size_t i = 0; i < leak.stack.size(); ++i) {
      const Names names = names_at(leak.stack, i);
      functions_.count(names.function, leak, number, i == leak.site);
      if (names.has_file) files_.count(names.file, leak, number, i == leak.site);
    }
  }

  /// A frame that many leaks have is looked at once.
  Names names_at(const model::LeakStack& stack, std::size_t index) {
    std::uint32_t* const slot = slots_.find(stack, index);
    if (slot != nullptr && *slot != 0) return names_[*slot - 1];
    const model::VerdictFrame frame = stack[index];
    const Names names = {functions_.number(frame.function.empty() ? kept(frame_name(frame)) : frame.function),
                         frame.file.empty() ? 0 : files_.number(kept(root_.relative(frame.file))),
                         !frame.file.empty()};
    if (slot != nullptr) {
      names_.push_back(names);
      *slot = static_cast<std::uint32_t>(names_.size());
    }
    return names;
  }

  std::string_view kept(std::string text) { return *texts_.insert(std::move(text)).first; }

  static void table(JsonWriter& out, std::string_view name, const Heats& heats) {
    out.begin_array(name);
    for (const auto& [row, heat] : heats.hottest()) {
      out.begin_object();
      out.member("name", row);
      out.member("self_bytes", heat->self_bytes);
      out.member("total_bytes", heat->total_bytes);
      out.member("blocks", heat->blocks);
      out.member("leaks", heat->leaks);
      out.end_object();
    }
    out.end_array();
  }

  SourceRoot root_;
  std::unordered_set<std::string> texts_;
  Heats functions_, files_;
  FrameSlots slots_;
  std::vector<Names> names_;  ///< by slot, less one
};

}  // namespace

void write_heat_map(const model::Verdict& verdict, const Sink& sink) {
  JsonWriter out(2, sink);
  HeatMap(verdict).write(out);
  out.finish();
}

}  // namespace leakgate::report

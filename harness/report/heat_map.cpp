// SPDX-License-Identifier: Apache-2.0
// leakgate-heat-map/1: what is outstanding, by function and by file: `self` where it was allocated, `total`
// also where that was called from. JSON, most bytes first.
#include <algorithm>
#include <map>
#include <set>

#include "harness/base/json_writer.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

struct Heat {
  std::uint64_t self_bytes = 0, total_bytes = 0, blocks = 0, leaks = 0;
};

void add_to(std::uint64_t& total, std::uint64_t value) {
  total = value > ~total ? ~0ull : total + value;
}

class HeatMap {
 public:
  explicit HeatMap(const model::Verdict& verdict) : root_(verdict) {
    for (const auto& leak : verdict.leaks)
      add(leak);
  }

  void write(JsonWriter& out) const {
    out.begin_object();
    out.member("schema", "leakgate-heat-map/1");
    table(out, "functions", functions_);
    table(out, "files", files_);
    out.end_object();
  }

 private:
  void add(const model::Leak& leak) {
    std::set<std::string> seen_functions, seen_files;  // recursion counts once
    for (std::size_t i = 0; i < leak.stack.size(); ++i) {
      const auto frame = leak.stack[i];
      count(functions_, seen_functions, frame_name(frame), leak, i == leak.site);
      if (!frame.file.empty()) count(files_, seen_files, root_.relative(frame.file), leak, i == leak.site);
    }
  }

  static void count(std::map<std::string, Heat>& heats, std::set<std::string>& seen, std::string name,
                    const model::Leak& leak, bool is_site) {
    Heat& heat = heats[name];
    if (seen.insert(std::move(name)).second) add_to(heat.total_bytes, leak.bytes);
    if (!is_site) return;
    add_to(heat.self_bytes, leak.bytes);
    add_to(heat.blocks, leak.blocks);
    ++heat.leaks;
  }

  static void table(JsonWriter& out, std::string_view name, const std::map<std::string, Heat>& heats) {
    std::vector<const std::pair<const std::string, Heat>*> rows;
    for (const auto& row : heats)
      rows.push_back(&row);
    std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
      return std::pair(a->second.self_bytes, a->second.total_bytes) >
             std::pair(b->second.self_bytes, b->second.total_bytes);
    });
    out.begin_array(name);
    for (const auto* row : rows) {
      out.begin_object();
      out.member("name", row->first);
      out.member("self_bytes", row->second.self_bytes);
      out.member("total_bytes", row->second.total_bytes);
      out.member("blocks", row->second.blocks);
      out.member("leaks", row->second.leaks);
      out.end_object();
    }
    out.end_array();
  }

  SourceRoot root_;
  std::map<std::string, Heat> functions_, files_;
};

}  // namespace

void write_heat_map(const model::Verdict& verdict, const Sink& sink) {
  JsonWriter out(2, sink);
  HeatMap(verdict).write(out);
  out.finish();
}

}  // namespace leakgate::report

// SPDX-License-Identifier: Apache-2.0
// What the preload backend is to reach, beside native and the tools that people would take in its place.
#include <fmt/format.h>

#include "tests/bench/cost/figures.h"

namespace leakgate::bench {
namespace {

class PreloadFigures {
 public:
  explicit PreloadFigures(const Measurements& measured) : measured_(measured) {}

  /// What preload adds to a workload, over what another contender adds.
  void added_over(const std::string& name, const char* workload, const char* other, double target) {
    if (!has(workload, kNative) || !has(workload, other)) return;
    const double native = measured_.least(workload, kNative);
    const double ours = measured_.least(workload, kPreload) - native;
    const double theirs = measured_.least(workload, other) - native;
    if (theirs <= 0) return;  // below noise
    add(name, ours / theirs, target, fmt::format("{:.0f} ns over {:.0f} ns", ours, theirs));
  }
  /// Its whole time over that of another contender.
  void whole_over(const std::string& name, const char* workload, const char* other, double target) {
    if (!has(workload, other)) return;
    const double ours = measured_.least(workload, kPreload);
    const double theirs = measured_.least(workload, other);
    add(name, ours / theirs, target, fmt::format("{:.0f} ms over {:.0f} ms", ours, theirs));
  }
  /// Its processor time over native's.
  void processor_over_native(const std::string& name, const char* workload, double target) {
    const double native = measured_.least_cpu_ms(workload, kNative);
    if (!has(workload, kNative) || native <= 0) return;
    const double ours = measured_.least_cpu_ms(workload, kPreload);
    add(name, ours / native, target, fmt::format("{:.0f} ms over {:.0f} ms", ours, native));
  }
  void fixed_cost(double target_ms) {
    if (!has(kTrue, kNative)) return;
    const double native = measured_.least(kTrue, kNative);
    figures_.push_back({"fixed cost of `leakgate run --backend preload -- /bin/true`",
                        measured_.least(kTrue, kPreload) - native, "ms", target_ms, false,
                        fmt::format("{:.1f} ms natively", native)});
  }
  std::vector<Figure> take() { return std::move(figures_); }

 private:
  [[nodiscard]] bool has(const char* workload, const char* other) const {
    return measured_.least(workload, kPreload) > 0 && measured_.least(workload, other) > 0;
  }
  void add(const std::string& name, double value, double target, std::string from) {
    figures_.push_back({"preload: " + name, value, "x", target, false, std::move(from)});
  }

  const Measurements& measured_;
  std::vector<Figure> figures_;
};

}  // namespace

std::vector<Figure> compute_preload_figures(const Measurements& measured) {
  PreloadFigures figures(measured);
  figures.added_over("a pair with a 20-frame stack, over LeakSanitizer preloaded", kFramePairs,
                     kLeakSanitizer, 1);
  figures.added_over("a pair with a 20-frame stack, over heaptrack", kFramePairs, kHeaptrack, 1 / 4.0);
  figures.whole_over("live set, whole time over native", kMix, kNative, 1.5);
  figures.whole_over("live set, whole time over heaptrack", kMix, kHeaptrack, 1 / 1.7);
  figures.whole_over("16 threads at once, whole time over native", kThreads, kNative, 1.5);
  figures.processor_over_native("16 threads at once, processor time over native", kThreads, 1.5);
  figures.whole_over("test suite, whole time over native", kSuite, kNative, 1.3);
  figures.whole_over("test suite, whole time over LeakSanitizer preloaded", kSuite, kLeakSanitizer, 1);
  figures.whole_over("test suite, whole time over valgrind", kSuite, kValgrind, 1 / 15.0);
  figures.fixed_cost(30);
  return figures.take();
}

}  // namespace leakgate::bench

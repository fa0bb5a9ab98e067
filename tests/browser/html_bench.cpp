// SPDX-License-Identifier: Apache-2.0
// html_bench [LEAKS]: for how long a person waits for the HTML report, in headless Chromium: until it has
// loaded and its rows are drawn, until a search has an answer, until the flame graph stands. Milliseconds,
// the least of five.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "harness/judge/judge.h"
#include "harness/report/report.h"
#include "tests/browser/browser.h"
#include "tests/browser/many_leaks.h"

int main(int count, char** arguments) {
  using namespace leakgate;
  if (browser::browser_path().empty()) return std::printf("no Chromium here\n"), 77;
  const std::size_t leaks = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 10000;
  const std::string file = "/tmp/leakgate-html-bench-" + std::to_string(::getpid()) + ".html";
  std::ofstream(file) << report::render(judge::judge(browser::many_leaks(leaks), {}), report::Format::html);
  double ready = 1e9, search = 1e9, flame = 1e9;
  const auto timed = [](browser::Page& page, const std::string& script) {
    return page
        .run("(() => { const begin = performance.now(); " + script +
             "; document.body.offsetHeight; return performance.now() - begin; })()")
        .get<double>();
  };
  for (int i = 0; i < 5; ++i) {
    browser::Page page(file);
    ready = std::min(ready,
                     page.run("performance.getEntriesByType('navigation')[0].loadEventStart").get<double>());
    search = std::min(search, timed(page,
                                    "document.getElementById('query').value = 'make_node_77'; "
                                    "document.querySelector('[data-view=leaks]').click()"));
    page.run("document.getElementById('query').value = ''");
    flame = std::min(flame, timed(page, "document.querySelector('[data-view=flame]').click()"));
  }
  std::printf("%zu leaks, %ju bytes: ready after %.0f ms, first search %.0f ms, flame graph %.0f ms\n", leaks,
              static_cast<std::uintmax_t>(std::filesystem::file_size(file)), ready, search, flame);
  std::filesystem::remove(file);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The HTML report as a person meets it: it loads, can be searched, sorted and used by keyboard, in dark and
// in light, with 10,000 leaks too. With LEAKGATE_SCREENSHOTS=FOLDER each test leaves a picture there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>

#include "harness/judge/judge.h"
#include "harness/judge/policy_file.h"
#include "harness/report/report.h"
#include "tests/browser/browser.h"
#include "tests/browser/many_leaks.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::browser {
namespace {

using testing::IsEmpty;

/// A test that ran in twelve rounds, with a site that grows and a cache that fills.
model::Recording growing() {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  const auto listener = builder.stack(
      test::with_gtest_below({{"registry::add_listener", "/home/dev/app/src/registry.cpp", 31}}));
  const auto cache =
      builder.stack(test::with_gtest_below({{"cache::fill", "/home/dev/app/src/cache.cpp", 12}}));
  for (std::size_t round = 0; round < 12; ++round) {
    const auto row = builder.test(process, "Registry.Notifies");
    builder.leak(row, listener, 100 + 5 * (round % 3)).kind = model::Kind::still_reachable;
    if (round < 4) builder.leak(row, cache, 400 >> round).kind = model::Kind::still_reachable;
  }
  return builder.recording;
}

class Html : public testing::Test {
 protected:
  void SetUp() override {
    if (browser_path().empty()) GTEST_SKIP() << "no Chromium here: install the package chromium";
  }
  Page& open(const model::Recording& recording) {
    file_ = "/tmp/leakgate-report-" + std::to_string(::getpid()) + ".html";
    std::ofstream(file_) << report::render(judge::judge(recording, {}), report::Format::html);
    page_ = std::make_unique<Page>(file_);
    return *page_;
  }
  void TearDown() override {
    if (!page_) return;
    EXPECT_THAT(page_->complaints(), IsEmpty()) << "exceptions, errors, or requests to elsewhere";
    if (const char* folder = std::getenv("LEAKGATE_SCREENSHOTS"))
      std::ofstream(
          std::string(folder) + "/" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".png",
          std::ios::binary)
          << page_->screenshot();
    std::filesystem::remove(file_);
  }
  /// Text of the rows in sight, one column.
  std::vector<std::string> column(int index) {
    return page_->run("[...document.querySelectorAll('.row')].map(row => row.children[" +
                      std::to_string(index) + "].textContent)");
  }
  std::string count() { return page_->run("document.getElementById('count').textContent"); }

  std::string file_;
  std::unique_ptr<Page> page_;
};

TEST_F(Html, TenThousandLeaksAreThereAndFewRowsAreDrawn) {
  Page& page = open(many_leaks(10000));
  EXPECT_EQ(count(), "10000 of 10000 leaks");
  EXPECT_EQ(page.run("document.getElementById('badge').textContent"), "fail");
  EXPECT_LT(page.run("document.querySelectorAll('.row').length"), 100);
  EXPECT_EQ(page.run("document.querySelector('.grid').getAttribute('aria-rowcount')"), "10000");
  page.run("document.querySelector('.scroll').scrollTop = 1e9");
  EXPECT_TRUE(
      page.wait_for("[...document.querySelectorAll('.row')].some(row => row.ariaRowIndex === '10000')"));
}

TEST_F(Html, SearchFindsFunctionsFilesAndTests) {
  Page& page = open(many_leaks(10000));
  page.press("/");
  EXPECT_EQ(page.run("document.activeElement.id"), "query");
  page.type("make_node_4711");
  EXPECT_TRUE(page.wait_for("document.getElementById('count').textContent === '1 of 10000 leaks'"))
      << count();
  EXPECT_THAT(column(5), testing::ElementsAre("parser::make_node_4711"));
  page.press("Escape");
  EXPECT_TRUE(page.wait_for("document.getElementById('count').textContent === '10000 of 10000 leaks'"))
      << count();
  page.run("document.getElementById('query').focus()");
  page.type("parser_7.cpp Suite3.");
  EXPECT_TRUE(page.wait_for("document.getElementById('count').textContent === '12 of 10000 leaks'"))
      << count();
}

TEST_F(Html, ColumnsSortBothWays) {
  Page& page = open(many_leaks(1000));
  const auto first = [&] { return column(0).at(0); };
  EXPECT_EQ(first(), "5,014") << "most bytes first";
  page.run("document.querySelectorAll('.head button')[0].click()");
  EXPECT_EQ(first(), "16");
  EXPECT_EQ(page.run("document.querySelector('[role=columnheader]').getAttribute('aria-sort')"), "ascending");
  page.run("document.querySelectorAll('.head button')[5].click()");
  EXPECT_EQ(column(5).at(0), "parser::make_node_0");
}

TEST_F(Html, EverythingCanBeReachedByKeyboard) {
  Page& page = open(many_leaks(300));
  page.run("document.querySelector('.scroll').focus()");
  page.press("ArrowDown");
  page.press("ArrowDown");
  EXPECT_EQ(page.run("document.querySelector('[aria-selected=true].row').ariaRowIndex"), "2");
  EXPECT_TRUE(page.wait_for("document.querySelectorAll('#detail ol li').length > 4"));
  page.press("End");
  EXPECT_EQ(page.run("document.querySelector('[aria-selected=true].row').ariaRowIndex"), "300");
  page.run("document.querySelector('[role=tab]').focus()");
  page.press("ArrowRight");
  EXPECT_EQ(page.run("document.activeElement.dataset.view"), "tests");
  page.press("ArrowRight");
  EXPECT_EQ(page.run("document.activeElement.dataset.view"), "flame");
  EXPECT_GT(page.run("document.querySelectorAll('#flame button').length"), 10);
}

TEST_F(Html, FollowsTheSystemsColoursAndTheButtonOverrulesThem) {
  Page& page = open(many_leaks(100));
  const auto background = [&] {
    return page.run("getComputedStyle(document.body).backgroundColor").get<std::string>();
  };
  page.prefer("light");
  const std::string light = background();
  page.prefer("dark");
  const std::string dark = background();
  EXPECT_NE(light, dark);
  page.run("document.getElementById('theme').click()");
  EXPECT_EQ(background(), light);
  page.run("document.getElementById('theme').click()");
  EXPECT_EQ(background(), dark);
  page.run("document.querySelectorAll('.row')[1].click()");
}

TEST_F(Html, GrowthIsDrawn) {
  Page& page = open(growing());
  page.run("document.querySelector('[data-view=growth]').click()");
  EXPECT_EQ(page.run("document.querySelectorAll('figure').length"), 1)
      << "what does not fail is shown on demand";
  EXPECT_EQ(page.run("document.querySelectorAll('figure rect').length"), 12);
  EXPECT_EQ(page.run("document.querySelectorAll('figure polyline')[0].points.length"), 12);
  page.run("document.getElementById('all').click()");
  EXPECT_TRUE(page.wait_for("document.querySelectorAll('figure').length === 2"));
  page.run("document.querySelector('figure').click()");
  EXPECT_TRUE(page.wait_for("document.querySelectorAll('#detail svg').length === 1"));
}

TEST_F(Html, NamesAreTextAndNeverMarkup) {
  test::RecordingBuilder builder;
  const std::string evil = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>";
  builder
      .leak(builder.test(builder.process(), "Evil." + evil),
            builder.stack(test::with_gtest_below({{evil, "/home/dev/app/src/" + evil, 3}})), 8)
      .kind = model::Kind::definitely_lost;
  Page& page = open(builder.recording);
  page.run("document.querySelector('.row').click()");
  EXPECT_EQ(page.run("typeof window.hacked"), "undefined");
  EXPECT_EQ(count(), "1 of 1 leaks");
}

TEST_F(Html, ALeakShowsTheAgesOfItsBlocks) {
  Page& page = open(many_leaks(3));
  page.run("document.querySelectorAll('.row')[0].click()");
  EXPECT_TRUE(page.wait_for("!!document.querySelector('#detail .bars')"));
  EXPECT_EQ(page.run("document.querySelector('#detail h2').textContent"),
            "leak-1: 30 bytes in 3 blocks, definitely lost");
  EXPECT_EQ(page.run("document.querySelector('#detail .bars').getAttribute('aria-label')"),
            "<1 ms: 2, <2 ms: 0, <4 ms: 0, <8 ms: 1");
  EXPECT_EQ(page.run("(() => { const height = [...document.querySelector('#detail .bars').children].map("
                     "bar => bar.querySelector('i').getBoundingClientRect().height);"
                     "return height.map(one => Math.round(10 * one / height[0])); })()"),
            (std::vector<int>{10, 0, 0, 5}))
      << "heights are the counts";
  EXPECT_EQ(page.run("document.querySelectorAll('#detail .bars').length"), 2) << "ages, and lifetimes";
}

TEST_F(Html, AgesOfAnOlderRecordingAreThoseOfTheOldestBlock) {
  auto recording = many_leaks(3);
  for (auto& group : recording.blocks)
    group.age_log2_ms.clear();
  Page& page = open(recording);
  page.run("document.querySelector('[data-view=ages]').click()");
  EXPECT_EQ(page.run("document.querySelector('.bars').getAttribute('aria-label')"),
            "<1 ms: 0, <2 ms: 1, <4 ms: 2, <8 ms: 3");
}

TEST_F(Html, AgesAndTestsAreShown) {
  Page& page = open(many_leaks(500));
  page.run("document.querySelector('[data-view=ages]').click()");
  EXPECT_EQ(count(), "1,250 blocks");
  EXPECT_EQ(page.run("document.querySelectorAll('.bars > div').length"), 15);
  EXPECT_THAT(page.run("document.querySelector('.bars').getAttribute('aria-label')").get<std::string>(),
              testing::StartsWith("<1 ms: 750, <2 ms: 36, <4 ms: 36, "))
      << "each block by its own age";
  page.run("document.querySelector('[data-view=tests]').click()");
  EXPECT_EQ(count(), "10 of 10 tests");
  page.run("document.querySelector('.row').click()");
  EXPECT_EQ(count(), "50 of 500 leaks");
}

}  // namespace
}  // namespace leakgate::browser

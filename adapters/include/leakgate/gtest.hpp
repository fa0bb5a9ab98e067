// SPDX-License-Identifier: Apache-2.0
// GoogleTest: a test that leaks fails, with the leaks in its message. One line installs it:
// leakgate::install_gtest_listener() in main, or LEAKGATE_GTEST_LISTENER at namespace scope of one source
// file.
#ifndef LEAKGATE_GTEST_HPP
#define LEAKGATE_GTEST_HPP

#include <gtest/gtest.h>

#include <leakgate/scope.hpp>

#include <cstdio>
#include <utility>

namespace leakgate {

/// Tells leakgate of tests and suites, and reports what they leak. Needs no leakgate: without it nothing
/// happens.
class GtestListener : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo& test) override {
    leakgate_test_start(&test, suite_of(test), test.name(), file_of(test), line_of(test), LEAKGATE_GTEST);
  }

  void OnTestEnd(const testing::TestInfo& test) override {
    const testing::TestResult& outcome = *test.result();
    if (!leakgate_test_end(&test, outcome.Failed() ? 1 : 0, skipped(outcome, 0), &result_)) return;
    leakgate_test_failed();
    ADD_FAILURE_AT(file_of(test), static_cast<int>(line_of(test))) << result_.text;
  }

#ifdef INSTANTIATE_TEST_SUITE_P
  void OnTestSuiteStart(const testing::TestSuite& suite) override {
    start_suite(suite);
  }
  void OnTestSuiteEnd(const testing::TestSuite& suite) override {
    end_suite(suite);
  }
#else  // before 1.10
  void OnTestCaseStart(const testing::TestCase& suite) override {
    start_suite(suite);
  }
  void OnTestCaseEnd(const testing::TestCase& suite) override {
    end_suite(suite);
  }
#endif

 private:
  /// Where a test stands is told since 1.8.1.
  template <typename Info>
  static auto place_of(const Info& test, int) -> decltype(std::make_pair(test.file(), test.line())) {
    return std::make_pair(test.file() != nullptr ? test.file() : "unknown", test.line());
  }
  template <typename Info>
  static std::pair<const char*, int> place_of(const Info&, long) {
    return std::make_pair("unknown", 0);
  }
  static const char* file_of(const testing::TestInfo& test) {
    return place_of(test, 0).first;
  }
  static unsigned line_of(const testing::TestInfo& test) {
    const int line = place_of(test, 0).second;
    return line > 0 ? static_cast<unsigned>(line) : 0;
  }
#ifdef INSTANTIATE_TEST_SUITE_P
  static const char* suite_of(const testing::TestInfo& test) {
    return test.test_suite_name();
  }
#else
  static const char* suite_of(const testing::TestInfo& test) {
    return test.test_case_name();
  }
#endif

  /// Skips exist since 1.10.
  template <typename Outcome>
  static auto skipped(const Outcome& outcome, int) -> decltype(outcome.Skipped() ? 1u : 0u) {
    return outcome.Skipped() ? 1 : 0;
  }
  template <typename Outcome>
  static unsigned skipped(const Outcome&, long) {
    return 0;
  }

  /// What SetUpTestSuite and TearDownTestSuite allocate is the suite's own, not a test's.
  template <typename Suite>
  void start_suite(const Suite& suite) {
    if (!leakgate_is_present()) return;
    std::snprintf(suite_, sizeof suite_, "suite %s", suite.name());
    leakgate_scope_start(suite_, suite_);
  }
  template <typename Suite>
  void end_suite(const Suite& suite) {
    const bool leaks = leakgate_scope_check_own(suite_, &result_) != 0;
    leakgate_scope_end(suite_);
    if (leaks)
      ADD_FAILURE() << "in the set-up or tear-down of suite " << suite.name() << "\n" << result_.text;
  }

  leakgate_result result_;
  char suite_[256];
};

/// Appends the listener: it sees starts last and ends first, so that other listeners' work is not the test's.
inline void install_gtest_listener() {
  testing::UnitTest::GetInstance()->listeners().Append(new GtestListener);
}

namespace detail {
struct GtestListenerInstaller {
  GtestListenerInstaller() { install_gtest_listener(); }
};
}  // namespace detail

}  // namespace leakgate

#define LEAKGATE_GTEST_LISTENER \
  static const ::leakgate::detail::GtestListenerInstaller leakgate_gtest_listener_installer_

#endif

// SPDX-License-Identifier: Apache-2.0
// Catch2, v3 and v2: test cases and sections for leakgate; leaks are printed as each test case ends. Catch2
// forbids assertions in listeners, so what fails the run is leakgate itself (its exit status and reports), or
// an assertion of leakgate/scope.hpp inside a test. LEAKGATE_CATCH2_LISTENER at namespace scope of one source
// file installs it. With v2 include this before catch.hpp, or define CATCH_CONFIG_EXTERNAL_INTERFACES first.
#ifndef LEAKGATE_CATCH2_HPP
#define LEAKGATE_CATCH2_HPP

#if !defined(TWOBLUECUBES_SINGLE_INCLUDE_CATCH_HPP_INCLUDED) && \
    __has_include(<catch2/reporters/catch_reporter_event_listener.hpp>)
#include <catch2/catch_section_info.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#define LEAKGATE_CATCH2_VERSION 3
#else
#ifndef TWOBLUECUBES_SINGLE_INCLUDE_CATCH_HPP_INCLUDED
#ifndef CATCH_CONFIG_EXTERNAL_INTERFACES
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#endif
#include <catch2/catch.hpp>
#elif !defined(CATCH_CONFIG_EXTERNAL_INTERFACES) && !defined(CATCH_CONFIG_MAIN) && \
    !defined(CATCH_CONFIG_RUNNER)
#error "include leakgate/catch2.hpp before catch.hpp, or define CATCH_CONFIG_EXTERNAL_INTERFACES before both"
#endif
#define LEAKGATE_CATCH2_VERSION 2
#endif

#include <leakgate/scope.hpp>

#include <cstdio>
#include <string>

namespace leakgate {

#if LEAKGATE_CATCH2_VERSION == 3
using Catch2ListenerBase = Catch::EventListenerBase;
#else
using Catch2ListenerBase = Catch::TestEventListenerBase;
#endif

/// Tells leakgate of test cases and their sections. Needs no leakgate: without it nothing happens.
class Catch2Listener : public Catch2ListenerBase {
 public:
  using Catch2ListenerBase::Catch2ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& test) override {
    Catch2ListenerBase::testCaseStarting(test);
    depth_ = 0;
    test_ = &test;
    leakgate_test_start(&test, nullptr, test.name.c_str(), test.lineInfo.file,
                        static_cast<unsigned>(test.lineInfo.line), LEAKGATE_CATCH2);
  }

  /// The outermost section is the test case itself.
  void sectionStarting(const Catch::SectionInfo& section) override {
    Catch2ListenerBase::sectionStarting(section);
    if (depth_ > 0 && depth_ < kMostSections) leakgate_scope_start(&places_[depth_], section.name.c_str());
    ++depth_;
  }

  void sectionEnded(const Catch::SectionStats& section) override {
    if (depth_ > 0) --depth_;
    if (depth_ > 0 && depth_ < kMostSections) leakgate_scope_end(&places_[depth_]);
    Catch2ListenerBase::sectionEnded(section);
  }

  void testCaseEnded(const Catch::TestCaseStats& test) override {
    const unsigned failed = test.totals.assertions.failed > 0 ? 1 : 0;
    if (leakgate_test_end(test_, failed, 0, &result_) != 0) {
      std::fprintf(stderr, "%s:%u: test case \"%s\" leaks\n%s", test_->lineInfo.file,
                   static_cast<unsigned>(test_->lineInfo.line), test_->name.c_str(), result_.text);
      std::fflush(stderr);
    }
    Catch2ListenerBase::testCaseEnded(test);
  }

 private:
  enum { kMostSections = 64 };
  const Catch::TestCaseInfo* test_ = nullptr;
  int depth_ = 0;
  char places_[kMostSections] = {};
  leakgate_result result_ = {};
};

}  // namespace leakgate

// v2 makes a name of its argument, which can therefore have no colons
#define LEAKGATE_CATCH2_LISTENER          \
  namespace leakgate {                    \
  CATCH_REGISTER_LISTENER(Catch2Listener) \
  }

#endif

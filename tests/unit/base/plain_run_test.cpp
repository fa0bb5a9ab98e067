// SPDX-License-Identifier: Apache-2.0
// Eight bytes at a time, the same as one at a time: every byte in every place.
#include "harness/base/plain_run.h"

#include <gtest/gtest.h>

#include <string>

namespace leakgate {
namespace {

TEST(PlainRun, EndsAtTheFirstByteThatIsNotPlain) {
  for (std::size_t length = 0; length < 20; ++length)
    for (std::size_t at = 0; at < length; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, 'a');
        text[at] = static_cast<char>(byte);
        const bool plain = byte >= 0x20 && byte < 0x7F;
        const bool in_json = plain && byte != '"' && byte != '\\';
        ASSERT_EQ(plain_run<PlainFor::text>(text), plain ? length : at)
            << byte << " at " << at << " of " << length;
        ASSERT_EQ(plain_run<PlainFor::json>(text), in_json ? length : at)
            << byte << " at " << at << " of " << length;
      }
}

TEST(PlainRun, OneByteDoesNotHideTheNext) {
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string text = {'x', static_cast<char>(first), static_cast<char>(second), 'x', 'x', 'x', 'x',
                                'x'};
      const auto is_plain = [](int byte) { return byte >= 0x20 && byte < 0x7F; };
      ASSERT_EQ(plain_run<PlainFor::text>(text), !is_plain(first)    ? 1u
                                                 : !is_plain(second) ? 2u
                                                                     : 8u)
          << first << " " << second;
    }
}

}  // namespace
}  // namespace leakgate

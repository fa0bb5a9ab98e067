// SPDX-License-Identifier: Apache-2.0
// What compilers and macros make up by counting is no name: an unrelated lambda or test case in front counts
// it up. Qualified names in, what stays of them out.
#pragma once

#include <string>
#include <string_view>

namespace leakgate::judge {

struct StableName {
  std::string text;
  /// A macro of Catch2's or doctest's has made it: only the id of its test tells the function from others.
  bool is_of_test = false;
};

/// `qualified` (see qualified_name) with every lambda and unnamed type as "{}" (GCC's "{lambda(int)#2}" and
/// "<lambda(int)>", clang's "$_7"), without the numbers of test functions ("CATCH2_INTERNAL_TEST_14",
/// "DOCTEST_ANON_FUNC_3"), and without what start-up functions are named after ("_GLOBAL__sub_I_first").
StableName stable_name(std::string_view qualified);

}  // namespace leakgate::judge

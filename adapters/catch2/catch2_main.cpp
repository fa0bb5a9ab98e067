// SPDX-License-Identifier: Apache-2.0
// Catch2's main with leakgate's listener. v3 needs Catch2::Catch2 beside it; with v2, which is asked for by
// LEAKGATE_CATCH2_V2 where both are installed, it has the whole of Catch2 in it.
#if !defined(LEAKGATE_CATCH2_V2) && __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>

#include <leakgate/catch2.hpp>

LEAKGATE_CATCH2_LISTENER

int main(int argc, char** argv) {
  return Catch::Session().run(argc, argv);
}
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <leakgate/catch2.hpp>

LEAKGATE_CATCH2_LISTENER
#endif

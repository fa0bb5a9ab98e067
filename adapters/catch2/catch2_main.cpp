// SPDX-License-Identifier: Apache-2.0
// Catch2's main with leakgate's listener: linked beside Catch2::Catch2 with v3, with the whole of Catch2 in it
// with v2.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <leakgate/catch2.hpp>

LEAKGATE_CATCH2_LISTENER

int main(int argc, char** argv) {
  return Catch::Session().run(argc, argv);
}
#else
#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>
#include <leakgate/catch2.hpp>

LEAKGATE_CATCH2_LISTENER
#endif

# SPDX-License-Identifier: Apache-2.0
# Live tests once more, each program of them wholly as a plain user without capabilities, in a user namespace, under a seccomp
# filter like Docker's default (support/plain_user.cpp): rows unprivileged.TOPIC, label unprivileged. ci/test runs them as a
# leg of their own, with or without root rights.
add_executable(live_as_plain_user support/as_plain_user.cpp support/plain_user.cpp)
target_include_directories(live_as_plain_user PRIVATE ${PROJECT_SOURCE_DIR})
leakgate_warnings(live_as_plain_user)

# leakgate_unprivileged_rows(topic [left out...])
function(leakgate_unprivileged_rows topic)
  string(REPLACE ";" ":" left_out "${preload_left_out}:${ARGN}")
  add_test(NAME unprivileged.${topic}
           COMMAND live_as_plain_user $<TARGET_FILE:live_${topic}_test> --gtest_filter=-${left_out})
  set_tests_properties(unprivileged.${topic} PROPERTIES LABELS unprivileged TIMEOUT 900
                       ENVIRONMENT "LEAKGATE_BACKEND=preload;LEAKGATE_REQUIRE_BPF=0")
endfunction()
foreach(topic allocation allocator process thread ending gtest catch2 frameworks stack random loss example shapes adapter ledger)
  leakgate_unprivileged_rows(${topic})
endforeach()
if(TARGET live_simulator_test)
  leakgate_unprivileged_rows(simulator)
endif()

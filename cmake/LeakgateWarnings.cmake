# SPDX-License-Identifier: Apache-2.0
# leakgate_warnings(target): the warnings every target of this project is built with; errors when LEAKGATE_WERROR is on.
function(leakgate_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wcast-align -Wunused
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
    $<$<BOOL:${LEAKGATE_WERROR}>:-Werror>)
endfunction()

# Code that runs once and is compiled often, such as tests: half of the time that building takes is theirs when they are
# optimised. Lines are kept, for stacks; what is under test is compiled as ever, and alone has UBSan's checks where there are any.
function(leakgate_compile_fast target)
  target_compile_options(${target} PRIVATE -O0 -g1 -fno-sanitize=undefined)
endfunction()

# SPDX-License-Identifier: Apache-2.0
# leakgate_warnings(target): the warnings every target of this project is built with; errors when LEAKGATE_WERROR is on.
function(leakgate_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wcast-align -Wunused
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
    $<$<BOOL:${LEAKGATE_WERROR}>:-Werror>)
endfunction()

# SPDX-License-Identifier: Apache-2.0
# Variants of the allocator programs: one source with each allocator, as a shared library and, where Debian ships an
# archive, linked in. live_allocators_built lists what could be built; the tests skip the rest, by name of the package.
set(live_allocators_built)

# leakgate_allocator_program(name source library [link options...])
function(leakgate_allocator_program name source library)
  if(NOT library)
    return()
  endif()
  add_executable(live_${name} programs/${source})
  target_include_directories(live_${name} PRIVATE programs)
  target_compile_definitions(live_${name} PRIVATE _GNU_SOURCE)
  target_compile_options(live_${name} PRIVATE -g -O1 -fno-builtin -UNDEBUG -U_FORTIFY_SOURCE -fno-sanitize=all)
  target_link_options(live_${name} PRIVATE -fno-sanitize=all)
  if(NOT library STREQUAL none)
    target_link_libraries(live_${name} PRIVATE ${library} ${ARGN})
  endif()
  set_target_properties(live_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/programs)
  leakgate_warnings(live_${name})
  list(APPEND live_allocators_built live_${name})
  set(live_allocators_built ${live_allocators_built} PARENT_SCOPE)
endfunction()

find_package(Threads REQUIRED)
foreach(allocator jemalloc tcmalloc tcmalloc_minimal mimalloc)
  find_library(LEAKGATE_LIVE_${allocator} ${allocator})
  find_library(LEAKGATE_LIVE_${allocator}_archive lib${allocator}.a)
  mark_as_advanced(LEAKGATE_LIVE_${allocator} LEAKGATE_LIVE_${allocator}_archive)
  leakgate_allocator_program(mix_${allocator} allocator_mix.cpp "${LEAKGATE_LIVE_${allocator}}")
endforeach()
leakgate_allocator_program(mix_jemalloc_archive allocator_mix.cpp "${LEAKGATE_LIVE_jemalloc_archive}"
                           Threads::Threads ${CMAKE_DL_LIBS} m)
leakgate_allocator_program(mix_tcmalloc_minimal_archive allocator_mix.cpp "${LEAKGATE_LIVE_tcmalloc_minimal_archive}"
                           Threads::Threads)
leakgate_allocator_program(mix_glibc allocator_mix.cpp none)
leakgate_allocator_program(mix_glibc_static allocator_mix.cpp -static)
leakgate_allocator_program(c_glibc_static allocator_c.c -static)
leakgate_allocator_program(static_child static_child.c -static)
leakgate_allocator_program(own_malloc own_malloc.c none)
leakgate_allocator_program(own_malloc_static own_malloc.c -static)
leakgate_allocator_program(wrapping_malloc wrapping_malloc.c none)
leakgate_allocator_program(malloc_over_libc malloc_over_libc.c none)
leakgate_allocator_program(allocator_starts allocator_starts.c none)

find_program(LEAKGATE_MUSL_GCC musl-gcc)
if(LEAKGATE_MUSL_GCC)
  foreach(variant musl musl_static)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/programs/live_c_${variant})
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${LEAKGATE_MUSL_GCC} -g -O1 -fno-builtin -D_GNU_SOURCE -I ${CMAKE_CURRENT_SOURCE_DIR}/programs
              $<$<STREQUAL:${variant},musl_static>:-static> ${CMAKE_CURRENT_SOURCE_DIR}/programs/allocator_c.c -o ${output}
      DEPENDS programs/allocator_c.c programs/common.h
      COMMAND_EXPAND_LISTS VERBATIM)
    add_custom_target(live_c_${variant} DEPENDS ${output})
    list(APPEND live_allocators_built live_c_${variant})
  endforeach()
endif()

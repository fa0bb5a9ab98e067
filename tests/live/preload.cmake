# SPDX-License-Identifier: Apache-2.0
# The live tests once more over the preload backend, as rows named preload.*: the same tests, which expect the same
# results. What cannot be the same is left out here, each with its reason.
set(preload_left_out
    # the system calls of the library in the process are seen by strace
    Coexistence.StraceStartsTheTarget
    # nothing can be preloaded beside a sanitizer that wants to be first: leakgate refuses, see Preload.*
    Targets/Sanitizers.*/address
    Targets/Sanitizers.*/thread
    # a program sees LD_PRELOAD and LEAKGATE_PRELOAD in its environment
    Transparency.SurroundingsAreTheCallers
    Transparency.ALimitOfFileSizesIsTheTargets
    Transparency.StandardInputMayBeClosed
    Transparency.ExitStatusesAreTheTargets
    # the program itself faults, in its allocator
    Loss.AResultThatCannotBeRead
    # no leakgate in them
    Kinds/Shapes.HaveThoseOfValgrind/*
    # a process that ends by a system call of its own tells nobody: the run is incomplete (end_unseen)
    Kinds/Shapes.HaveTheirKinds/by_exit_group
    Kinds/Shapes.HaveTheirKinds/many_by_exit_group
    Process.ChildrenOfARawCloneAreToldApart
    # what a run needs of the kernel: programs, maps, links
    Kill.InTheMiddleOfARunTheTargetFinishesAndNothingStays
    # statically linked programs, and those of another C library, do not load the library
    Allocators.AStaticCProgramIsTracedFromItsFirstBlock
    Allocators.MuslIsTracedSharedAndStatic
    Programs/LinkedAllocator.BlocksBytesAndLinesAreExact/glibc_static
    Corpus/AgainstGdb.*/gcc_static
    # an allocation function of less than five bytes has no room for the jump that leads to the library
    Allocators.AProgramsOwnMallocIsTheOneThatCounts
    Loss.MoreOpenCallsOnDifferentStacksThanAreTracked
    Thread.AHandlerThatInterruptsMallocCountsForItself
    )
list(JOIN preload_left_out ":" preload_left_out)

# Not beside the live tests: some of those put the kernel's probes into the C library that all processes share, and a probe
# and a detour at one function can meet (docs/backends.md).
# leakgate_preload_rows(topic): the tests of TOPIC_test.cpp over the preload backend
function(leakgate_preload_rows topic)
  gtest_discover_tests(live_${topic}_test TEST_PREFIX preload. NO_PRETTY_VALUES TEST_LIST preload_${topic}_tests
                       TEST_FILTER "-${preload_left_out}"
                       PROPERTIES LABELS preload RESOURCE_LOCK leakgate_bpf TIMEOUT 600
                       ENVIRONMENT LEAKGATE_BACKEND=preload)
endfunction()
foreach(topic adapter age allocation allocator coexistence process family thread ending gtest catch2 frameworks stack transparency
        recording random loss together growth insight example shapes)
  leakgate_preload_rows(${topic})
endforeach()
foreach(topic kill gdb simulator)
  if(TARGET live_${topic}_test)
    leakgate_preload_rows(${topic})
  endif()
endforeach()

# SPDX-License-Identifier: Apache-2.0
#[=======================================================================[.rst:
Leakgate
--------

Leak checks as CTest rows. ``find_package(leakgate)`` includes this module.

.. command:: leakgate_discover_tests

  One row of CTest for each test case of a test program, red only for what that test case leaks::

    leakgate_discover_tests(target
                            [EXTRA_ARGS arg1...]
                            [WORKING_DIRECTORY dir]
                            [TEST_PREFIX prefix] [TEST_SUFFIX suffix]
                            [TEST_FILTER filter] [TEST_SPEC spec]
                            [NO_PRETTY_TYPES] [NO_PRETTY_VALUES]
                            [PROPERTIES name1 value1...]
                            [TEST_LIST var]
                            [DISCOVERY_TIMEOUT seconds]
                            [DISCOVERY_MODE <POST_BUILD|PRE_TEST>]
                            [FRAMEWORK <auto|gtest|catch2|doctest|boost_test>]
                            [MODE <binary|per_test>]
                            [POLICY file] [BASELINE file] [SUPPRESSIONS file...]
                            [MAX_LEAKED_BYTES n]
                            [JUNIT_DIR dir] [SARIF_DIR dir]
                            [LABELS label...] [TIMEOUT seconds]
                            [SKIP_IF_UNSUPPORTED]
                            [RUN_OPTIONS option...])

  The words are those of ``gtest_discover_tests`` and ``catch_discover_tests``, with the same meaning; only ``NO_PRETTY_TYPES`` and
  ``NO_PRETTY_VALUES`` change nothing, because rows are named by test ids, and those for files of the framework's own
  (``XML_OUTPUT_DIR``, ``REPORTER`` and their like) are not taken. A target may be given several times, with a prefix or suffix
  that tells its sets of rows apart. Beside them:

  ``FRAMEWORK``
    Which test framework the program uses; ``auto``, the default, looks for it in the program. For stripped programs: one that is
    found to use another framework is refused.

  ``MODE``
    ``binary``, the default: the program runs once under leakgate, as the test ``leakcheck.<target>``, or
    ``leakcheck.<target>.<prefix><suffix>`` where a prefix or suffix is given, and each row reads from that run what its test leaked. ``per_test``: each row runs its test in a process of its own.

  ``POLICY``, ``BASELINE``, ``SUPPRESSIONS``, ``MAX_LEAKED_BYTES``
    As leakgate's options of that name; files are relative to the source directory, and must exist when CMake runs unless they lie
    in the build tree or are known to be generated. Without ``POLICY`` the ``leakgate.json`` of
    the project's source directory holds, if there is one.

  ``JUNIT_DIR``, ``SARIF_DIR``
    Where each run writes a report of that form, named after the target, prefix and suffix, or after the test; a name that is
    taken gets a number.

  ``LABELS``, ``TIMEOUT``
    Labels beside ``leakcheck``; how long the traced run may take.

  ``SKIP_IF_UNSUPPORTED``
    Where tracing is not possible, rows are skipped. Without it they fail.

  ``RUN_OPTIONS``
    More options of ``leakgate run``.

  Rows are named ``leakcheck.<target>.<prefix><test id><suffix>`` and have the label ``leakcheck``; a test id is what the framework
  calls the test. What leaks in no test has the row ``leakcheck.<target>.(outside tests)``. Properties that say how the program
  is run (``ENVIRONMENT``, ``TIMEOUT``, ``RESOURCE_LOCK`` and their like) go to the run, all others to the rows.
  ``PASS_REGULAR_EXPRESSION`` is refused: CTest then overlooks the exit status, so that leaks would pass.
  ``ctest -FS leakcheck -R one.row`` shows a row of the last run without running the program again.

.. command:: leakgate_add_test

  Any other program as one test that fails if it leaks::

    leakgate_add_test(NAME name COMMAND command [arg...]
                      [WORKING_DIRECTORY dir]
                      [POLICY file] [BASELINE file] [SUPPRESSIONS file...] [MAX_LEAKED_BYTES n]
                      [JUNIT_DIR dir] [SARIF_DIR dir]
                      [LABELS label...] [TIMEOUT seconds] [PROPERTIES name1 value1...]
                      [SKIP_IF_UNSUPPORTED] [RUN_OPTIONS option...])

  The test is called ``name`` and has the label ``leakcheck``. It fails as leakgate does: the command's own failure included.

.. variable:: LEAKGATE_LAUNCHER

  A command put in front of leakgate where it traces, for instance ``sudo;-n``. Empty by default: CTest itself then needs the rights,
  or the installed leakgate has them as file capabilities.
#]=======================================================================]
include_guard(GLOBAL)
# The commands mean the same in a project that asks for an older CMake; include() keeps this from the project itself.
cmake_policy(VERSION 3.20)
include("${CMAKE_CURRENT_LIST_DIR}/LeakgateChecks.cmake")

# One-value and multi-value words that both commands know.
set(_leakgate_options SKIP_IF_UNSUPPORTED)
set(_leakgate_one POLICY BASELINE MAX_LEAKED_BYTES JUNIT_DIR SARIF_DIR TIMEOUT WORKING_DIRECTORY)
set(_leakgate_many SUPPRESSIONS LABELS RUN_OPTIONS)
# Words of these commands that are names of properties too: behind PROPERTIES they are that.
set(_leakgate_ambiguous LABELS TIMEOUT WORKING_DIRECTORY)

# Takes PROPERTIES name value... out of the arguments of the function that calls this macro, from number `first` on. In
# `properties` they are --property=name=value words; all others are in `rest`. Values may be lists. What stands behind COMMAND is in
# `command_words`, as text of arguments: a list would split a word at its semicolons and lose an empty one.
macro(_leakgate_split first count keywords)
  set(rest)
  set(properties)
  set(program)
  set(command_words)
  set(_leakgate_keyword)
  set(_leakgate_inside FALSE)
  set(_leakgate_name)
  set(_leakgate_index ${first})
  while(_leakgate_index LESS ${count})
    set(_leakgate_word "${ARGV${_leakgate_index}}")
    math(EXPR _leakgate_index "${_leakgate_index} + 1")
    string(REPLACE ";" "\\;" _leakgate_escaped "${_leakgate_word}")
    if(_leakgate_inside AND _leakgate_name)
      list(APPEND properties "--property=${_leakgate_name}=${_leakgate_escaped}")
      set(_leakgate_name)
    elseif(_leakgate_word STREQUAL "PROPERTIES")
      set(_leakgate_inside TRUE)
    elseif(_leakgate_inside AND (_leakgate_word IN_LIST _leakgate_ambiguous OR NOT _leakgate_word IN_LIST ${keywords}))
      set(_leakgate_name "${_leakgate_word}")
    elseif(_leakgate_word IN_LIST ${keywords})
      set(_leakgate_inside FALSE)
      set(_leakgate_keyword "${_leakgate_word}")
      if(NOT _leakgate_word STREQUAL "COMMAND")
        list(APPEND rest "${_leakgate_word}")
      endif()
    elseif(_leakgate_keyword STREQUAL "COMMAND")
      if(NOT program)
        set(program "${_leakgate_word}")
      else()
        string(APPEND command_words " [=====[${_leakgate_word}]=====]")
      endif()
    else()
      list(APPEND rest "${_leakgate_escaped}")
    endif()
  endwhile()
  if(_leakgate_name)
    message(FATAL_ERROR "leakgate: the property ${_leakgate_name} has no value")
  endif()
endmacro()

# What leakgate run is to be told, from the words of the caller (arg_*).
macro(_leakgate_run_options result)
  set(${result})
  if(arg_POLICY)
    get_filename_component(_leakgate_file "${arg_POLICY}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    list(APPEND ${result} "--policy=${_leakgate_file}")
  elseif(EXISTS "${PROJECT_SOURCE_DIR}/leakgate.json")
    list(APPEND ${result} "--policy=${PROJECT_SOURCE_DIR}/leakgate.json")
  endif()
  if(arg_BASELINE)
    get_filename_component(_leakgate_file "${arg_BASELINE}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    list(APPEND ${result} "--baseline=${_leakgate_file}")
  endif()
  foreach(_leakgate_file IN LISTS arg_SUPPRESSIONS)
    get_filename_component(_leakgate_file "${_leakgate_file}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    list(APPEND ${result} "--suppressions=${_leakgate_file}")
  endforeach()
  if(DEFINED arg_MAX_LEAKED_BYTES)
    list(APPEND ${result} "--max-leaked-bytes=${arg_MAX_LEAKED_BYTES}")
  endif()
  if(arg_SKIP_IF_UNSUPPORTED)
    list(APPEND ${result} --if-unsupported=skip)
  endif()
  list(APPEND ${result} ${arg_RUN_OPTIONS})
endmacro()

function(leakgate_discover_tests target)
  set(options ${_leakgate_options} NO_PRETTY_TYPES NO_PRETTY_VALUES)
  set(one ${_leakgate_one} TEST_PREFIX TEST_SUFFIX TEST_FILTER TEST_LIST DISCOVERY_TIMEOUT DISCOVERY_MODE FRAMEWORK MODE)
  set(many ${_leakgate_many} EXTRA_ARGS TEST_SPEC)
  set(keywords ${options} ${one} ${many})
  _leakgate_split(1 ${ARGC} keywords)
  cmake_parse_arguments(arg "${options}" "${one}" "${many}" ${rest})
  _leakgate_refuse_unknown(leakgate_discover_tests)
  if(NOT TARGET ${target})
    message(FATAL_ERROR "leakgate_discover_tests: ${target} is no target")
  endif()
  if(NOT TARGET leakgate::leakgate)
    message(FATAL_ERROR "leakgate_discover_tests: there is no leakgate::leakgate; find_package(leakgate) makes it")
  endif()
  _leakgate_check_values(leakgate_discover_tests)
  if(NOT arg_MODE)
    set(arg_MODE binary)
  elseif(NOT arg_MODE MATCHES "^(binary|per_test)$")
    message(FATAL_ERROR "leakgate_discover_tests: MODE is binary or per_test, not ${arg_MODE}")
  endif()
  if(NOT arg_FRAMEWORK)
    set(arg_FRAMEWORK auto)
  elseif(NOT arg_FRAMEWORK MATCHES "^(auto|gtest|catch2|doctest|boost_test)$")
    message(FATAL_ERROR
      "leakgate_discover_tests: FRAMEWORK is auto, gtest, catch2, doctest or boost_test, not ${arg_FRAMEWORK}")
  endif()
  if(NOT arg_DISCOVERY_MODE)
    set(arg_DISCOVERY_MODE POST_BUILD)
    if(CMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE)
      set(arg_DISCOVERY_MODE ${CMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE})
    endif()
  elseif(NOT arg_DISCOVERY_MODE MATCHES "^(POST_BUILD|PRE_TEST)$")
    message(FATAL_ERROR "leakgate_discover_tests: DISCOVERY_MODE is POST_BUILD or PRE_TEST, not ${arg_DISCOVERY_MODE}")
  endif()
  if(NOT arg_DISCOVERY_TIMEOUT)
    set(arg_DISCOVERY_TIMEOUT 5)
  endif()
  if(NOT arg_WORKING_DIRECTORY)
    set(arg_WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}")
  endif()
  if(NOT arg_TEST_LIST)
    set(arg_TEST_LIST ${target}_LEAKCHECK_TESTS)
  endif()
  list(JOIN arg_TEST_SPEC " " spec)

  # A folder for each set of rows: a target may be given again, with other arguments.
  _leakgate_name_run(run ${target} "${arg_TEST_PREFIX}${arg_TEST_SUFFIX}")
  get_property(count TARGET ${target} PROPERTY LEAKGATE_DISCOVERED)
  if(NOT count)
    set(count 0)
  endif()
  math(EXPR count "${count} + 1")
  set_property(TARGET ${target} PROPERTY LEAKGATE_DISCOVERED ${count})
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/leakcheck/${target}-${count}")
  set(include_file "${folder}-include.cmake")
  get_property(many_configurations GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(many_configurations)
    string(APPEND folder "-$<CONFIG>")
  endif()

  _leakgate_run_options(run_options)
  if(arg_TIMEOUT)
    list(APPEND properties "--property=TIMEOUT=${arg_TIMEOUT}")
  endif()
  set(command $<TARGET_FILE:leakgate::leakgate> ctest-rows --target=${target} "--folder=${folder}" --mode=${arg_MODE}
      --framework=${arg_FRAMEWORK} "--filter=${arg_TEST_FILTER}${spec}" "--prefix=${arg_TEST_PREFIX}"
      "--suffix=${arg_TEST_SUFFIX}" "--list=${arg_TEST_LIST}" "--timeout=${arg_DISCOVERY_TIMEOUT}"
      "--working-directory=${arg_WORKING_DIRECTORY}")
  if(properties)
    string(APPEND command ";${properties}")  # quoted, so that a value that is a list stays one
  endif()
  string(REGEX REPLACE "[^A-Za-z0-9_.+-]" "_" report_name "${run}")
  _leakgate_free_report_name(report_name)
  foreach(kind junit sarif)
    string(TOUPPER ${kind} KIND)
    if(arg_${KIND}_DIR)
      get_filename_component(reports "${arg_${KIND}_DIR}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
      list(APPEND command "--${kind}-folder=${reports}" "--report-name=${report_name}")
    endif()
  endforeach()
  foreach(label IN LISTS arg_LABELS)
    list(APPEND command "--label=${label}")
  endforeach()
  foreach(word IN LISTS LEAKGATE_LAUNCHER)
    list(APPEND command "--launcher=${word}")
  endforeach()
  foreach(option IN LISTS run_options)
    list(APPEND command "--run-option=${option}")
  endforeach()
  list(APPEND command -- $<TARGET_FILE:${target}> ${arg_EXTRA_ARGS})
  _leakgate_write_include(${arg_DISCOVERY_MODE} ${target} "${folder}" "${include_file}" "${command}")
endfunction()

# The file that CTest reads, and what writes the rows that it includes.
function(_leakgate_write_include mode target folder include_file command)
  # $<CONFIG> of a build tree with many configurations is known to CTest by another name.
  string(REPLACE "$<CONFIG>" "\${CTEST_CONFIGURATION_TYPE}" read_folder "${folder}")
  set(tail "if(EXISTS \"${read_folder}/tests.cmake\")
  include(\"${read_folder}/tests.cmake\")
else()
  add_test(leakcheck.${target}_NOT_BUILT leakcheck.${target}_NOT_BUILT)
  set_tests_properties(leakcheck.${target}_NOT_BUILT PROPERTIES LABELS leakcheck)
endif()
")
  if(mode STREQUAL "POST_BUILD")
    add_custom_command(TARGET ${target} POST_BUILD
                       COMMAND ${command}
                       BYPRODUCTS "${folder}/tests.cmake"
                       COMMENT "leakcheck rows of ${target}"
                       VERBATIM)
    file(WRITE "${include_file}" "${tail}")
  else()
    set(words)
    foreach(word IN LISTS command)
      string(APPEND words " [=====[${word}]=====]")
    endforeach()
    file(GENERATE OUTPUT "${folder}-discover.cmake" CONTENT
"if(EXISTS \"$<TARGET_FILE:${target}>\" AND (\"$<TARGET_FILE:${target}>\" IS_NEWER_THAN \"${folder}/tests.cmake\"
                                               OR \"\${CMAKE_CURRENT_LIST_FILE}\" IS_NEWER_THAN \"${folder}/tests.cmake\"))
  file(REMOVE \"${folder}/tests.cmake\")
  execute_process(COMMAND${words} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(SEND_ERROR \"leakgate could not list the tests of ${target}\")
  endif()
endif()
")
    file(WRITE "${include_file}" "if(EXISTS \"${read_folder}-discover.cmake\")
  include(\"${read_folder}-discover.cmake\")
endif()
${tail}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${include_file}")
endfunction()

function(leakgate_add_test)
  set(keywords ${_leakgate_options} ${_leakgate_one} ${_leakgate_many} NAME COMMAND)
  _leakgate_split(0 ${ARGC} keywords)
  cmake_parse_arguments(arg "${_leakgate_options}" "${_leakgate_one};NAME" "${_leakgate_many}" ${rest})
  _leakgate_refuse_unknown(leakgate_add_test)
  if(NOT arg_NAME OR NOT program)
    message(FATAL_ERROR "leakgate_add_test needs NAME and COMMAND")
  endif()
  _leakgate_check_values(leakgate_add_test)
  _leakgate_run_options(run_options)
  string(MAKE_C_IDENTIFIER "${arg_NAME}" report_name)
  _leakgate_free_report_name(report_name)
  foreach(kind junit sarif)
    string(TOUPPER ${kind} KIND)
    if(arg_${KIND}_DIR)
      get_filename_component(reports "${arg_${KIND}_DIR}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
      file(MAKE_DIRECTORY "${reports}")
      set(extension ${kind})
      if(kind STREQUAL "junit")
        set(extension xml)
      endif()
      list(APPEND run_options "--${kind}=${reports}/${report_name}.${extension}")
    endif()
  endforeach()
  # As add_test has it, a target stands for its program, also one that is made later.
  if(program MATCHES "^[A-Za-z0-9_.:+-]+$")
    set(exists "$<TARGET_EXISTS:${program}>")
    set(program "$<${exists}:$<TARGET_FILE:${program}>>$<$<NOT:${exists}>:${program}>")
  endif()
  set(directory)
  if(arg_WORKING_DIRECTORY)
    set(directory WORKING_DIRECTORY "${arg_WORKING_DIRECTORY}")
  endif()
  cmake_language(EVAL CODE "add_test(NAME \"\${arg_NAME}\" COMMAND \${LEAKGATE_LAUNCHER} \$<TARGET_FILE:leakgate::leakgate> run
    \${run_options} -- \"\${program}\" ${command_words} \${directory})")
  set(labels leakcheck ${arg_LABELS})
  set_tests_properties("${arg_NAME}" PROPERTIES LABELS "${labels}")
  if(arg_SKIP_IF_UNSUPPORTED)
    set_tests_properties("${arg_NAME}" PROPERTIES SKIP_RETURN_CODE 77)
  endif()
  if(arg_TIMEOUT)
    set_tests_properties("${arg_NAME}" PROPERTIES TIMEOUT "${arg_TIMEOUT}")
  endif()
  foreach(property IN LISTS properties)
    string(REGEX MATCH "^--property=([^=]+)=(.*)$" property "${property}")
    if(CMAKE_MATCH_1 STREQUAL "LABELS")
      set_property(TEST "${arg_NAME}" APPEND PROPERTY LABELS "${CMAKE_MATCH_2}")
    else()
      set_property(TEST "${arg_NAME}" PROPERTY "${CMAKE_MATCH_1}" "${CMAKE_MATCH_2}")
    endif()
  endforeach()
endfunction()

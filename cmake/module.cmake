# gregor_module(<folder> RANK <n> SOURCES <files> [DEPENDS <folders>] [LIBRARIES <external targets>])
#
# One static library for the sources of one folder, for example broker/log. Its headers are included by their path
# from the top ("broker/log/segment.h") and are visible only to the modules that name it in DEPENDS, directly or
# through another module: every module has an include root of its own that holds a link to its folder alone. A
# dependency must be of a lower rank; the ranks are those of docs/architecture.md.
function(gregor_module folder)
  cmake_parse_arguments(M "" "RANK" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  string(REPLACE "/" "_" target ${folder})
  add_library(${target} STATIC ${M_SOURCES})
  get_filename_component(logger ${folder} NAME)  # lines of its sources come from the logger gregor.<name>
  set_property(GLOBAL APPEND PROPERTY GREGOR_LOGGERS ${logger})
  set_target_properties(${target} PROPERTIES GREGOR_RANK ${M_RANK} LINKER_LANGUAGE CXX)

  set(root ${CMAKE_BINARY_DIR}/include/${target})
  get_filename_component(parent ${root}/${folder} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${root})
  target_link_libraries(${target} PUBLIC ${M_LIBRARIES})

  foreach(dependency ${M_DEPENDS})
    string(REPLACE "/" "_" dependency_target ${dependency})
    if(NOT TARGET ${dependency_target})
      message(FATAL_ERROR "${folder} depends on ${dependency}, which is no module of a lower rank")
    endif()
    get_target_property(dependency_rank ${dependency_target} GREGOR_RANK)
    if(NOT dependency_rank LESS M_RANK)
      message(FATAL_ERROR "${folder} (rank ${M_RANK}) must not depend on ${dependency} (rank ${dependency_rank})")
    endif()
    target_link_libraries(${target} PUBLIC ${dependency_target})
  endforeach()
endfunction()

# gregor_test(<name> SOURCES <files> DEPENDS <folders> [LIBRARIES <external targets>])
#
# One GoogleTest program, run by ctest as one test; `--gtest_filter` narrows it by hand.
function(gregor_test name)
  cmake_parse_arguments(T "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  foreach(dependency ${T_DEPENDS})
    string(REPLACE "/" "_" dependency_target ${dependency})
    target_link_libraries(${name} PRIVATE ${dependency_target})
  endforeach()
  target_include_directories(${name} PRIVATE ${CMAKE_BINARY_DIR}/include/tests)
  target_link_libraries(${name} PRIVATE ${T_LIBRARIES} GTest::gtest_main GTest::gmock)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endfunction()

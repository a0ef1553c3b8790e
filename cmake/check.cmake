# cmake -P cmake/check.cmake: what the rules of the house ask of the sources, as numbers and as errors. Each file of
# cmake/check/ holds one kind of rule and appends to `problems`.

cmake_minimum_required(VERSION 3.25)
set(source ${CMAKE_SOURCE_DIR})
set(problems)
file(GLOB_RECURSE headers RELATIVE ${source} ${source}/include/*.hpp)
file(GLOB_RECURSE tests RELATIVE ${source} ${source}/tests/*.cpp)
include(${CMAKE_CURRENT_LIST_DIR}/check/headers.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/check/folders.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/check/tests.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/check/lists.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/check/code_blocks.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/check/formatting.cmake)
if(problems)
  list(JOIN problems "\n  " text)
  message(FATAL_ERROR "${text}")
endif()

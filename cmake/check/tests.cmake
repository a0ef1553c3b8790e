# Tests: names that CTest can read, and a test of its name for every header.

# CTest reads the names of doctest's cases as CMake lists.
foreach(test IN LISTS tests)
  file(READ ${source}/${test} text)
  if(text MATCHES "TEST_CASE\\(\"[^\"]*[][;]")
    list(APPEND problems "${test}: the name of a test case has a bracket or a semicolon")
  endif()
endforeach()

# tests/unit/FOLDER/HEADER.cpp tests include/headcount/FOLDER/HEADER.hpp. Headers without one are tested elsewhere, or
# through what includes them; their number may only fall.
set(most_untested 262)
set(untested)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "^include/headcount/(.*)[.]hpp$" "tests/unit/\\1.cpp" test "${header}")
  if(NOT test IN_LIST tests)
    list(APPEND untested ${header})
  endif()
endforeach()
list(LENGTH untested count)
message("${count} headers have no test of their name, at most ${most_untested} may")
if(count GREATER most_untested)
  list(JOIN untested "\n    " text)
  list(APPEND problems "${count} headers have no test of their name, at most ${most_untested} may; one of\n    ${text}")
endif()

# Every folder of unit tests is in a program.
file(READ ${source}/tests/CMakeLists.txt programs)
file(GLOB folders RELATIVE ${source}/tests ${source}/tests/unit/*)
foreach(folder IN LISTS folders)
  if(NOT folder STREQUAL "unit/support" AND NOT programs MATCHES "[ \n]${folder}[ \n)]")
    list(APPEND problems "tests/CMakeLists.txt: no program has tests/${folder}")
  endif()
endforeach()

# Sources are formatted as .clang-format says, by the version that the tests install.

find_program(CLANG_FORMAT clang-format-19)
if(NOT CLANG_FORMAT)
  message("formatting was not checked: clang-format-19 was not found")
  return()
endif()
file(GLOB_RECURSE sources RELATIVE ${source} ${source}/include/*.hpp ${source}/examples/*.[ch]pp ${source}/tests/*.[ch]pp
  ${source}/bench/*.[ch]pp)
execute_process(COMMAND ${CLANG_FORMAT} --dry-run --Werror ${sources} WORKING_DIRECTORY ${source}
  RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  string(REGEX MATCHALL "[^\n]*: error: code should be clang-formatted" lines "${output}")
  list(TRANSFORM lines REPLACE ":.*" "")
  list(REMOVE_DUPLICATES lines)
  if(lines)
    list(JOIN lines " " text)
    list(APPEND problems "not formatted (clang-format-19 -i): ${text}")
  else()
    list(APPEND problems "${CLANG_FORMAT}: ${output}")
  endif()
endif()

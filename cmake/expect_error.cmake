# cmake -DCOMPILER=... -DINCLUDE=... -DSOURCE=... -P expect_error.cmake: checks one file of tests/compile_fail.

file(STRINGS ${SOURCE} first_line LIMIT_COUNT 1)
if(NOT first_line MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: its first line is not \"// expect: EXPRESSION\"")
endif()
set(expected ${CMAKE_MATCH_1})

set(compile ${COMPILER} -std=c++20 -fsyntax-only -I${INCLUDE} ${SOURCE})
execute_process(COMMAND ${compile} RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the right form does not compile:\n${output}")
endif()

execute_process(COMMAND ${compile} -DHEADCOUNT_WRONG RESULT_VARIABLE result ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "the wrong form compiles")
endif()
string(REGEX MATCH "[^\n]*error: [^\n]*" error_line "${output}")
if(NOT error_line MATCHES "${expected}")
  message(FATAL_ERROR "the first error line is\n  ${error_line}\nand should match\n  ${expected}")
endif()

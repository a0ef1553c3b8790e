# Public headers under the flags of our own programs. "headers" compiles each alone: one that needs another included first,
# or that warns, does not build. "headers_together" compiles all of them in one file, with what their templates
# become. For one target's headers: headcount_headers, headcount_reference_headers and so on.

# Clang stops where a precompiled header would, before templates are instantiated, which is most of what a header costs.
set(alone -fsyntax-only)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(alone -x c++-header -o /dev/null -Wno-pragma-once-outside-header)
endif()
set(flags -std=c++20 -O0 $<TARGET_PROPERTY:headcount_program,INTERFACE_COMPILE_OPTIONS> -Wsign-conversion ${alone})

add_custom_target(headers)
add_library(headers_together OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/headers/all.cpp)
target_compile_options(headers_together PRIVATE -Wsign-conversion -O0 -g0 -fno-sanitize=all)
target_link_libraries(headers_together PRIVATE headcount_program)
set(lines)
get_property(targets GLOBAL PROPERTY headcount_targets)
foreach(target IN LISTS targets)
  get_target_property(headers ${target} HEADER_SET)
  list(FILTER headers EXCLUDE REGEX "/kernel/cuda/")  # nvcc compiles them
  target_link_libraries(headers_together PRIVATE ${target})

  set(packages $<TARGET_PROPERTY:headers_together,INCLUDE_DIRECTORIES>)
  set(packages "$<FILTER:${packages},EXCLUDE,^(${PROJECT_SOURCE_DIR}|/usr)/include$>")
  set(stamps)
  foreach(header IN LISTS headers)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/include OUTPUT_VARIABLE name)
    string(APPEND lines "#include <${name}>\n")
    set(source ${PROJECT_BINARY_DIR}/headers/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include <${name}>\n#include <${name}>\n")
    add_custom_command(OUTPUT ${source}.checked DEPFILE ${source}.d DEPENDS ${source} VERBATIM COMMAND_EXPAND_LISTS
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${CMAKE_CXX_COMPILER} ${flags} -MD -MF ${source}.d -MT ${source}.checked
        -I${PROJECT_SOURCE_DIR}/include "$<$<BOOL:${packages}>:-isystem$<JOIN:${packages},;-isystem>>" ${source}
      COMMAND ${CMAKE_COMMAND} -E touch ${source}.checked
      COMMENT "Compiling ${name} alone")
    list(APPEND stamps ${source}.checked)
  endforeach()
  add_custom_target(${target}_headers DEPENDS ${stamps})
  add_dependencies(headers ${target}_headers)
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/headers/all.cpp CONTENT "${lines}")

# Public headers under the flags of our own programs. "headers" compiles each alone: one that needs another included first,
# or that warns, does not build. "headers_together" compiles all of them in one file, with what their templates
# become. For one target's headers: headcount_headers, headcount_reference_headers and so on.

# Clang stops where a precompiled header would, before templates are instantiated, which is most of what a header costs.
set(alone -fsyntax-only)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(alone -x c++-header -Wno-pragma-once-outside-header)
endif()
set(flags -std=c++20 -O0 $<TARGET_PROPERTY:headcount_program,INTERFACE_COMPILE_OPTIONS> -Wsign-conversion ${alone})

# Most of the rest is reading the same headers again. A header that includes all of a base reads that precompiled: as
# each header of a base is compiled alone, too, nothing is seen that would not be without it. The first base that fits.
set(bases
  "statistics/comparison.hpp+result/labels.hpp+reference/block/matrix.hpp" "statistics/comparison.hpp+result/labels.hpp"
  "file/json_file.hpp+reference/model/model.hpp+statistics/interval.hpp" "file/json_file.hpp+reference/model/model.hpp"
  "sentence/parse.hpp+policy_file/sentence_files.hpp" "file/json_file.hpp+engine/any_model.hpp+statistics/interval.hpp"
  "file/json_file.hpp+engine/any_model.hpp" "result/total.hpp" "reference/model/model.hpp" "file/digest.hpp+task/task.hpp"
  "file/json_file.hpp" "score/any_scorer.hpp" "statistics/interval.hpp" "reference/block/matrix.hpp" "file/mapped_file.hpp"
  "part/print_part.hpp")

# Every header of ours that a header includes, at any depth.
function(headcount_includes_of name result)
  get_property(known GLOBAL PROPERTY "headcount_includes ${name}" SET)
  if(NOT known)
    file(STRINGS ${PROJECT_SOURCE_DIR}/include/headcount/${name} lines REGEX "^#include <headcount/")
    set(all)
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^#include <headcount/(.*)>.*$" "\\1" included "${line}")
      headcount_includes_of(${included} further)
      list(APPEND all ${included} ${further})
    endforeach()
    list(REMOVE_DUPLICATES all)
    set_property(GLOBAL PROPERTY "headcount_includes ${name}" "${all}")
  endif()
  get_property(all GLOBAL PROPERTY "headcount_includes ${name}")
  set(${result} "${all}" PARENT_SCOPE)
endfunction()

# The base that a header reads, if there is one, and its file, as `base` and `precompiled`.
function(headcount_choose_base name)
  set(base PARENT_SCOPE)
  set(precompiled PARENT_SCOPE)
  headcount_includes_of(${name} all)
  foreach(one IN LISTS bases)
    string(REPLACE "+" ";" missing "${one}")
    list(REMOVE_ITEM missing ${all})
    if(NOT missing AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      string(MAKE_C_IDENTIFIER "${one}" file)
      set(base "${one}" PARENT_SCOPE)
      set(precompiled ${PROJECT_BINARY_DIR}/headers/${file}.pch PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

add_custom_target(headers)
add_library(headers_together OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/headers/all.cpp)
target_compile_options(headers_together PRIVATE -Wsign-conversion -O0 -g0 -fno-sanitize=all)
target_link_libraries(headers_together PRIVATE headcount_program)
set(packages $<TARGET_PROPERTY:headers_together,INCLUDE_DIRECTORIES>)
set(packages "$<FILTER:${packages},EXCLUDE,^(${PROJECT_SOURCE_DIR}|/usr)/include$>")
set(packages "$<$<BOOL:${packages}>:-isystem$<JOIN:${packages},;-isystem>>")
set(compile ${CMAKE_CXX_COMPILER_LAUNCHER} ${CMAKE_CXX_COMPILER} ${flags} -I${PROJECT_SOURCE_DIR}/include)
set(lines)
set(bases_read)
get_property(targets GLOBAL PROPERTY headcount_targets)
foreach(target IN LISTS targets)
  get_target_property(headers ${target} HEADER_SET)
  list(FILTER headers EXCLUDE REGEX "/kernel/cuda/")  # nvcc compiles them
  target_link_libraries(headers_together PRIVATE ${target})

  set(stamps)
  foreach(header IN LISTS headers)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/include OUTPUT_VARIABLE name)
    string(APPEND lines "#include <${name}>\n")
    set(source ${PROJECT_BINARY_DIR}/headers/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include <${name}>\n#include <${name}>\n")
    string(REGEX REPLACE "^headcount/" "" own_name ${name})
    headcount_choose_base(${own_name})
    set(read_first)
    if(base)
      set(read_first -include-pch ${precompiled})
      list(APPEND bases_read ${base})
    endif()
    add_custom_command(OUTPUT ${source}.checked DEPFILE ${source}.d DEPENDS ${source} ${precompiled} VERBATIM
      COMMAND_EXPAND_LISTS
      COMMAND ${compile} "${packages}" ${read_first} -o /dev/null -MD -MF ${source}.d -MT ${source}.checked ${source}
      COMMAND ${CMAKE_COMMAND} -E touch ${source}.checked
      COMMENT "Compiling ${name} alone")
    list(APPEND stamps ${source}.checked)
  endforeach()
  add_custom_target(${target}_headers DEPENDS ${stamps})
  add_dependencies(headers ${target}_headers)
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/headers/all.cpp CONTENT "${lines}")

list(REMOVE_DUPLICATES bases_read)
foreach(base IN LISTS bases_read)
  string(MAKE_C_IDENTIFIER "${base}" file)
  set(file ${PROJECT_BINARY_DIR}/headers/${file})
  string(REGEX REPLACE "([^+]+)[+]?" "#include <headcount/\\1>\n" lines "${base}")
  file(CONFIGURE OUTPUT ${file}.cpp CONTENT "${lines}")
  add_custom_command(OUTPUT ${file}.pch DEPFILE ${file}.d DEPENDS ${file}.cpp VERBATIM COMMAND_EXPAND_LISTS
    COMMAND ${compile} "${packages}" -o ${file}.pch -MD -MF ${file}.d -MT ${file}.pch ${file}.cpp
    COMMENT "Precompiling ${base}")
endforeach()

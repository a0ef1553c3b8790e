# cmake -DOUTPUT=FOLDER -P cmake/single_header.cmake writes FOLDER/headcount/headcount.hpp, the headers of
# headcount::headcount in one file, each after those that it includes, and FOLDER/headcount.cppm, the module of them.

cmake_minimum_required(VERSION 3.25)
set(include ${CMAKE_CURRENT_LIST_DIR}/../include)
set(order)

function(append header)
  if(header IN_LIST order)
    return()
  endif()
  file(STRINGS ${include}/${header} lines REGEX "^#include <headcount/")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^#include <(.*)>.*" "\\1" included "${line}")
    append(${included})
  endforeach()
  set(order ${order} ${header} PARENT_SCOPE)
endfunction()

append(headcount/headcount.hpp)
include(${CMAKE_CURRENT_LIST_DIR}/core_folders.cmake)
foreach(folder IN LISTS headcount_core_folders)
  file(GLOB headers RELATIVE ${include} ${include}/headcount/${folder}/*.hpp)
  foreach(header IN LISTS headers)
    append(${header})
  endforeach()
endforeach()

set(standard)
set(all)
foreach(header IN LISTS order)
  file(READ ${include}/${header} text)
  string(REGEX MATCHALL "#include <[a-z_0-9]+>" own "${text}")
  list(APPEND standard ${own})
  string(REGEX REPLACE "#(include <[^>]*>|pragma once)[^\n]*\n+" "" text "${text}")
  string(APPEND all "\n// ---- ${header}\n\n${text}")
endforeach()
list(SORT standard)
list(REMOVE_DUPLICATES standard)
list(JOIN standard "\n" standard)
file(READ ${CMAKE_CURRENT_LIST_DIR}/../LICENSE license)
string(REPLACE "\n" "\n// " license "// ${license}")
string(REGEX REPLACE "// (\n|$)" "//\\1" license "${license}")
set(made "// headcount's core in one file, made by cmake/single_header.cmake\n//\n${license}\n\n")

file(WRITE ${OUTPUT}/headcount/headcount.hpp "${made}#pragma once\n\n${standard}\n${all}")

# Names stay attached to no module: one file of a program can import it, another include headers. The standard library is
# read inside, not before, the module: there, templates that others instantiate would not find its operators.
list(TRANSFORM order REPLACE "(.+)" "#include <\\1>")
list(JOIN order "\n" order)
file(WRITE ${OUTPUT}/headcount.cppm "// headcount's core as a C++20 module, made by cmake/single_header.cmake
export module headcount;
#pragma clang diagnostic ignored \"-Winclude-angled-in-module-purview\"
extern \"C++\" {
${standard}
}
export extern \"C++\" {
${order}
}
")

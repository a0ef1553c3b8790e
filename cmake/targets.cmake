# The library's targets. headcount::headcount needs the standard library only; every other one adds what its folders
# name, and exists where those packages were found.

# Adds an interface target for the headers of some folders under include/headcount.
function(headcount_add_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FOLDERS;HEADERS;LINK")
  if(name STREQUAL "headcount")
    set(target headcount)
  else()
    set(target headcount_${name})
  endif()
  add_library(${target} INTERFACE)
  add_library(headcount::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} INTERFACE cxx_std_20)
  if(NOT PROJECT_IS_TOP_LEVEL)
    set_target_properties(${target} PROPERTIES SYSTEM ON)  # the warnings of the project around are not for our headers
  endif()
  set(headers ${arg_HEADERS})
  foreach(folder IN LISTS arg_FOLDERS)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include/headcount
      ${PROJECT_SOURCE_DIR}/include/headcount/${folder}/*.hpp)
    list(FILTER found EXCLUDE REGEX "engine/llama")
    list(APPEND headers ${found})
  endforeach()
  list(TRANSFORM headers PREPEND ${PROJECT_SOURCE_DIR}/include/headcount/)
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_link_libraries(${target} INTERFACE ${arg_LINK})
  set_property(GLOBAL APPEND PROPERTY headcount_targets ${target})
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/core_folders.cmake)
headcount_add_target(headcount HEADERS headcount.hpp version.hpp FOLDERS ${headcount_core_folders})

# Sets `wants_NAME` for the optional parts that are asked for.
string(REPLACE "," ";" wanted "${HEADCOUNT_COMPONENTS}")
foreach(component IN ITEMS eigen xtensor reference cuda llama)
  set(wants_${component} FALSE)
  if(HEADCOUNT_COMPONENTS MATCHES "^(ON|on|TRUE|true|YES|yes|1)$" OR component IN_LIST wanted)
    set(wants_${component} TRUE)
  endif()
endforeach()

set(headcount_components)
include(${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake)
headcount_find_dependencies()
# For CUDA sources: headers that only a CUDA compiler reads, so that installing them needs none.
if(wants_cuda)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/headcount/kernel/cuda/*.cuh)
  add_library(headcount_cuda INTERFACE)
  add_library(headcount::cuda ALIAS headcount_cuda)
  set_target_properties(headcount_cuda PROPERTIES EXPORT_NAME cuda)
  target_sources(headcount_cuda INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include
    FILES ${headers} ${PROJECT_SOURCE_DIR}/include/headcount/adapt/torch_cuda.cuh)
  target_compile_options(headcount_cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>)
  target_link_libraries(headcount_cuda INTERFACE headcount)
  list(APPEND headcount_components cuda)
endif()
# For programs on llama.cpp, whose headers and libraries they bring: installing ours needs none.
if(wants_llama)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/headcount/adapt/ggml*.hpp
    ${PROJECT_SOURCE_DIR}/include/headcount/engine/llama*.hpp)
  add_library(headcount_llama INTERFACE)
  add_library(headcount::llama ALIAS headcount_llama)
  set_target_properties(headcount_llama PROPERTIES EXPORT_NAME llama)
  target_sources(headcount_llama INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_link_libraries(headcount_llama INTERFACE headcount)
  list(APPEND headcount_components llama)
endif()
if((wants_eigen OR wants_reference) AND Eigen3_FOUND)
  headcount_add_target(eigen HEADERS adapt/eigen.hpp adapt/eigen_tensor.hpp LINK headcount Eigen3::Eigen)
  list(APPEND headcount_components eigen)
endif()
if(wants_reference AND Eigen3_FOUND AND nlohmann_json_FOUND AND Boost_FOUND AND sentencepiece_FOUND AND oniguruma_FOUND
   AND libutf8proc_FOUND AND libxxhash_FOUND)
  headcount_add_target(reference FOLDERS file policy_file reference text
    LINK headcount_eigen nlohmann_json::nlohmann_json Boost::headers PkgConfig::sentencepiece PkgConfig::oniguruma
      PkgConfig::libutf8proc PkgConfig::libxxhash)
  headcount_add_target(evaluate FOLDERS engine statistics task measure ranking cost result LINK headcount_reference)
  headcount_add_target(report FOLDERS report LINK headcount_evaluate)
  list(APPEND headcount_components reference evaluate report)
endif()
if(wants_xtensor AND xtensor_FOUND)
  headcount_add_target(xtensor HEADERS adapt/xtensor.hpp LINK headcount xtensor)
  list(APPEND headcount_components xtensor)
endif()

# The core in one file and as a module, in the build tree. CMake compiles modules from 3.28 on.
if(PROJECT_IS_TOP_LEVEL OR HEADCOUNT_INSTALL OR "module" IN_LIST wanted)
  set(OUTPUT ${PROJECT_BINARY_DIR}/single_include)
  include(${CMAKE_CURRENT_LIST_DIR}/single_header.cmake)
endif()
if("module" IN_LIST wanted)
  set(headcount_module ${PROJECT_BINARY_DIR}/single_include/headcount.cppm)
  include(${CMAKE_CURRENT_LIST_DIR}/headcountModule.cmake)
endif()

if("c" IN_LIST wanted)
  set(headcount_c_source ${PROJECT_SOURCE_DIR}/include/headcount/adapt/c.cpp)
  include(${CMAKE_CURRENT_LIST_DIR}/headcountC.cmake)
endif()

# What our own programs are compiled with; nothing of it reaches users.
if(NOT HEADCOUNT_BUILD_EXAMPLES AND NOT HEADCOUNT_BUILD_TESTS AND NOT HEADCOUNT_BUILD_BENCH)
  return()
endif()
add_library(headcount_program INTERFACE)
target_compile_options(headcount_program INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns of texts that are assigned letters (its bug 105651).
  target_compile_options(headcount_program INTERFACE -Wno-restrict)
endif()
if(HEADCOUNT_NATIVE)
  target_compile_options(headcount_program INTERFACE -march=native)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 warns of its own AVX-512 intrinsics.
    target_compile_options(headcount_program INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-use-after-free)
  endif()
endif()

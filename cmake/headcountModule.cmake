# headcount::module: `import headcount;`, compiled in the project that asks for it, by its compiler and its flags. Included
# with `headcount_module` naming the module's file. The tests compile that by Clang 19 alone: their CMake is 3.25.

if(CMAKE_VERSION VERSION_LESS 3.28)
  message(FATAL_ERROR "headcount::module needs CMake 3.28, which compiles C++20 modules; this is ${CMAKE_VERSION}")
endif()
if(NOT TARGET headcount::module)
  cmake_path(GET headcount_module PARENT_PATH headcount_module_folder)
  add_library(headcount_module STATIC)
  add_library(headcount::module ALIAS headcount_module)
  target_sources(headcount_module PUBLIC FILE_SET CXX_MODULES BASE_DIRS ${headcount_module_folder} FILES ${headcount_module})
  target_link_libraries(headcount_module PUBLIC headcount::headcount)
endif()

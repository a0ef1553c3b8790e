# What the reference models, the evaluators and the tool are built on: packages of the system. What is missing is said in
# one line, with what is left out for it; cmake/install_packages.sh installs all of it on Debian.

if(PROJECT_IS_TOP_LEVEL)
  set(headcount_report_missing STATUS)
else()
  set(headcount_report_missing VERBOSE)
endif()

# Looks for a package that something is left out without.
macro(headcount_find package left_out)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    message(${headcount_report_missing} "no package ${package}: without ${left_out}")
  endif()
endmacro()
macro(headcount_find_module module left_out)
  if(PkgConfig_FOUND)
    pkg_check_modules(${module} QUIET IMPORTED_TARGET GLOBAL ${module})
  endif()
  if(NOT ${module}_FOUND)
    message(${headcount_report_missing} "no module ${module} of pkg-config: without ${left_out}")
  endif()
endmacro()

macro(headcount_find_dependencies)
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)  # seen by the project that this is a part of
  headcount_find(Eigen3 "headcount::eigen, the reference models and what is built on them" 3.4)
  headcount_find(nlohmann_json "the reference models, which read config.json, and what is built on them" 3.10)
  headcount_find(Boost "the reference models and evaluators, for their statistics" 1.74)
  headcount_find(PkgConfig "the reference models: it finds sentencepiece, oniguruma, libutf8proc and libxxhash")
  headcount_find_module(sentencepiece "the reference models, which read tokenizer.model, and what is built on them")
  headcount_find_module(oniguruma "the reference models, whose tokenizer.json has patterns, and what is built on them")
  headcount_find_module(libutf8proc "the reference models, whose tokenizer.json asks for normal forms, and what is built on them")
  headcount_find_module(libxxhash "the reference models, whose weights have a digest, and what is built on them")
  headcount_find(xtensor "headcount::xtensor")
endmacro()

# What only our own programs need.
macro(headcount_find_program_dependencies)
  headcount_find(fmt "the tool" 9)
  headcount_find(CLI11 "the tool" 2.1)
  find_package(OpenMP)
  # For sweeps over several machines; without it they are done in shards.
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
endmacro()

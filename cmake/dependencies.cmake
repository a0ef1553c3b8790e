# What the reference models, the evaluators and the tool are built on: packages of the system first, their sources where
# there are none.

include(FetchContent)

macro(headcount_find_dependencies)
  FetchContent_Declare(Eigen3
    GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git GIT_TAG 3.4.0 GIT_SHALLOW ON
    FIND_PACKAGE_ARGS 3.4)
  FetchContent_Declare(nlohmann_json
    GIT_REPOSITORY https://github.com/nlohmann/json.git GIT_TAG v3.11.2 GIT_SHALLOW ON
    FIND_PACKAGE_ARGS 3.10)
  FetchContent_MakeAvailable(Eigen3 nlohmann_json)
  find_package(Boost 1.74 REQUIRED)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET GLOBAL sentencepiece)
  pkg_check_modules(libxxhash REQUIRED IMPORTED_TARGET GLOBAL libxxhash)
  find_package(xtensor QUIET)
endmacro()

# What only our own programs need.
macro(headcount_find_program_dependencies)
  FetchContent_Declare(fmt
    GIT_REPOSITORY https://github.com/fmtlib/fmt.git GIT_TAG 9.1.0 GIT_SHALLOW ON
    FIND_PACKAGE_ARGS 9)
  FetchContent_Declare(CLI11
    GIT_REPOSITORY https://github.com/CLIUtils/CLI11.git GIT_TAG v2.1.2 GIT_SHALLOW ON
    FIND_PACKAGE_ARGS 2.1)
  FetchContent_MakeAvailable(fmt CLI11)
  find_package(OpenMP)
  # For sweeps over several machines; without it they are done in shards.
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
endmacro()

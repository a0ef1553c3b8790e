# Compiles every public header alone, under the flags of our own programs: a header that needs another one included
# first, or that warns, does not build. Build the target "headers".

add_custom_target(headers)
get_property(targets GLOBAL PROPERTY headcount_targets)
foreach(target IN LISTS targets)
  get_target_property(headers ${target} HEADER_SET)
  set(sources)
  foreach(header IN LISTS headers)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/include OUTPUT_VARIABLE name)
    set(source ${PROJECT_BINARY_DIR}/headers/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include <${name}>\n#include <${name}>\n")
    list(APPEND sources ${source})
  endforeach()
  add_library(${target}_headers OBJECT EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(${target}_headers PRIVATE headcount_program ${target})
  target_compile_options(${target}_headers PRIVATE -O0 -g0 -fno-sanitize=all)
  add_dependencies(headers ${target}_headers)
endforeach()

# headcount::c: the interface for C, compiled in the project that asks for it, by its compiler and its flags; shared where
# BUILD_SHARED_LIBS says so. Included with `headcount_c_source` naming its one source file.

get_property(headcount_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if(NOT CXX IN_LIST headcount_languages)
  message(FATAL_ERROR "headcount::c is compiled by a C++20 compiler: name CXX, too, in the languages of project()")
endif()
if(NOT TARGET headcount::c)
  add_library(headcount_c EXCLUDE_FROM_ALL ${headcount_c_source})
  add_library(headcount::c ALIAS headcount_c)
  set_target_properties(headcount_c PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden SYSTEM ON)
  target_link_libraries(headcount_c PUBLIC headcount::headcount)
  target_compile_features(headcount_c PRIVATE cxx_std_20)
endif()

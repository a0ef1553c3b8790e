# Installs the headers, the package that find_package(headcount) finds, and the tool with its models.

include(CMakePackageConfigHelpers)

# The interface for C: a header, and the source file that whoever wants it compiles.
install(FILES ${PROJECT_SOURCE_DIR}/include/headcount/adapt/c.h ${PROJECT_SOURCE_DIR}/include/headcount/adapt/c.cpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/headcount/adapt)

# One target, for find_package in the install tree and in this build tree.
function(headcount_export target)
  install(TARGETS ${target} EXPORT ${target}Targets FILE_SET HEADERS)
  install(EXPORT ${target}Targets NAMESPACE headcount:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/headcount)
  export(EXPORT ${target}Targets NAMESPACE headcount:: FILE ${PROJECT_BINARY_DIR}/${target}Targets.cmake)
endfunction()
headcount_export(headcount)
foreach(component IN LISTS headcount_components)
  headcount_export(headcount_${component})
endforeach()

configure_package_config_file(cmake/headcountConfig.cmake.in headcountConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/headcount)
configure_file(${PROJECT_BINARY_DIR}/single_include/headcount.cppm headcount.cppm COPYONLY)
configure_file(cmake/headcountModule.cmake headcountModule.cmake COPYONLY)
configure_file(cmake/headcountC.cmake headcountC.cmake COPYONLY)
write_basic_package_version_file(headcountConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
set(package headcountConfig.cmake headcountConfigVersion.cmake headcountModule.cmake headcount.cppm
  headcountC.cmake)
list(TRANSFORM package PREPEND ${PROJECT_BINARY_DIR}/)
install(FILES ${package} DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/headcount)

# Found from where the file is, so that the installed folder can be moved, unless the headers have a place of their own.
set(headcount_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_INCLUDEDIR absolute)
if(absolute)
  set(headcount_pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
endif()
configure_file(cmake/headcount.pc.in headcount.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/headcount.pc DESTINATION share/pkgconfig)

if(TARGET headcount_tool)
  install(TARGETS headcount_tool OPTIONAL)  # the headers are installed without building anything
  install(DIRECTORY examples/models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/headcount/models PATTERN "*.py" EXCLUDE
          PATTERN train EXCLUDE)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/examples/report/ DESTINATION ${CMAKE_INSTALL_DATADIR}/headcount/report OPTIONAL
          PATTERN npm EXCLUDE)
endif()

# The target docs: the reference pages and the guides, in build/docs. A warning of Doxygen's is an error.

find_program(HEADCOUNT_DOXYGEN doxygen)
if(NOT HEADCOUNT_DOXYGEN)
  message(STATUS "no program doxygen: without the target docs")
  return()
endif()
set(headcount_docs_output ${PROJECT_SOURCE_DIR}/build/docs)
configure_file(cmake/Doxyfile.in Doxyfile @ONLY)
add_custom_target(docs COMMENT "Writing ${headcount_docs_output}/index.html" VERBATIM
  COMMAND ${CMAKE_COMMAND} -E make_directory ${headcount_docs_output}
  COMMAND ${HEADCOUNT_DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile)
if(HEADCOUNT_BUILD_TESTS AND HEADCOUNT_BUILD_PEER_TESTS)
  add_test(NAME "docs: Doxygen has no warning" COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target docs)
endif()

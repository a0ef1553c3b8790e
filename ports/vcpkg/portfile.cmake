# An overlay port of the checkout that it is in: vcpkg install headcount --overlay-ports=CHECKOUT/ports/vcpkg
set(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../..")

set(components cuda)
foreach(feature IN ITEMS eigen xtensor)
  if(feature IN_LIST FEATURES)
    string(APPEND components ",${feature}")
  endif()
endforeach()

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS -DHEADCOUNT_BUILD_EXAMPLES=OFF -DHEADCOUNT_BUILD_TESTS=OFF "-DHEADCOUNT_COMPONENTS=${components}")
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/headcount)
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug" "${CURRENT_PACKAGES_DIR}/lib")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")

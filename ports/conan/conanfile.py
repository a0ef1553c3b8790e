import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy, load


class Headcount(ConanFile):
    """The core, of the checkout that this file is in: conan create CHECKOUT/ports/conan"""
    name = "headcount"
    description = "How many attention heads a hybrid language model needs, which ones, and when"
    license = "MIT"
    package_type = "header-library"
    settings = "os", "compiler", "build_type", "arch"
    no_copy_source = True

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "..", "..", "include", "headcount", "version.hpp"))
        number = int(re.search(r"#define HEADCOUNT_VERSION (\d+)", header).group(1))
        self.version = f"{number // 10000}.{number // 100 % 100}.{number % 100}"

    def export_sources(self):
        for pattern in "include/*", "cmake/*", "CMakeLists.txt", "LICENSE":
            copy(self, pattern, os.path.join(self.recipe_folder, "..", ".."), self.export_sources_folder)

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in "BUILD_EXAMPLES", "BUILD_TESTS", "COMPONENTS":
            toolchain.cache_variables[f"HEADCOUNT_{option}"] = "OFF"
        toolchain.generate()

    def package(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_find_mode", "none")  # the package brings its own headcountConfig.cmake
        self.cpp_info.builddirs = ["lib/cmake/headcount"]
        self.cpp_info.set_property("pkg_config_name", "headcount")

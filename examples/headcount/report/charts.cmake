# cmake -D SOURCE=.. -D OUTPUT=.. -D NPM=.. -P charts.cmake: makes the template of the page of headcount report, with the
# builds of Vega, Vega-Lite and Vega-Embed in it, and puts what draws SVG files beside it. The packages come from npm and
# are those pinned here by SHA-256. Where npm cannot get them, nothing is written and the build goes on.

cmake_minimum_required(VERSION 3.25)

set(packages
  vega 6.4.0 3521fb6ff68a94a40323954f0ba4484ba4014b157bfd37f89a3b063082320c42
  vega-lite 6.5.0 811230a6bfd2cdbfc359d0c38f624a90df86657b7f251b67be88bcc4eee32b7f
  vega-embed 7.3.0 d9a958ced3240f0418df7d5e12e97dba6e63cecda15b8403e47a0db7eb6ea859)

# Replaces @name@ in the page.
macro(headcount_fill name)
  string(REPLACE "@${name}@" "${text}" page "${page}")
endmacro()

file(READ ${SOURCE}/page.html page)
set(licences)
while(packages)
  list(POP_FRONT packages name version hash)
  set(archive ${OUTPUT}/npm/${name}-${version}.tgz)
  set(found)
  if(EXISTS ${archive})
    file(SHA256 ${archive} found)
  endif()
  if(NOT found STREQUAL hash)
    file(MAKE_DIRECTORY ${OUTPUT}/npm)
    execute_process(
      COMMAND ${NPM} pack ${name}@${version} --pack-destination ${OUTPUT}/npm --ignore-scripts --fetch-retries=0
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE why)
    if(failed OR NOT EXISTS ${archive})
      string(REGEX REPLACE "\n.*" "" why "${why}")
      message("headcount report is not built: npm could not get ${name} ${version}: ${why}")
      return()
    endif()
    file(SHA256 ${archive} found)
    if(NOT found STREQUAL hash)
      file(REMOVE ${archive})
      message(FATAL_ERROR "npm's ${name} ${version} has SHA-256 ${found}, not ${hash}")
    endif()
  endif()
  file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${OUTPUT}/npm/${name})
  file(READ ${OUTPUT}/npm/${name}/package/build/${name}.min.js text)
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" text "${text}")
  file(WRITE ${OUTPUT}/${name}.min.js "${text}")
  headcount_fill(${name})
  file(READ ${OUTPUT}/npm/${name}/package/LICENSE text)
  string(APPEND licences "${name} ${version}\n${text}\n")
endwhile()
set(text "${licences}")
headcount_fill(licence)
foreach(script IN ITEMS theme page)
  file(READ ${SOURCE}/${script}.js text)
  headcount_fill(${script})
endforeach()
file(COPY ${SOURCE}/draw.cjs ${SOURCE}/theme.js DESTINATION ${OUTPUT})
file(WRITE ${OUTPUT}/page.html "${page}")

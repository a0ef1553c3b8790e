#!/bin/sh
# Fetches an engine that tests and the tool can use into build/engines (never committed): install_engine.sh llama.
# llama.cpp as the npm packages of node-llama-cpp ship it: libraries for this machine and the headers that belong to
# them. A configure that follows finds it there. Where npm is absent it says so in one line and changes nothing.
set -eu

[ "${1:-}" = llama ] || { echo "usage: $0 llama" >&2; exit 2; }
version=3.22.1  # llama.cpp v0.5.0
folder=$(cd "$(dirname "$0")/.." && pwd)/build/engines
[ ! -e "$folder/llama/include/llama.h" ] || exit 0
for program in npm git tar; do
  command -v $program > /dev/null || { echo "skipped: $program was not found, so llama.cpp is not fetched"; exit 0; }
done
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-x64 ;;
  Linux-aarch64) platform=linux-arm64 ;;
  *) echo "skipped: no libraries of llama.cpp for $(uname -s) $(uname -m)"; exit 0 ;;
esac

mkdir -p "$folder"
work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@node-llama-cpp/$platform@$version" "node-llama-cpp@$version" > names)
mkdir "$work/libraries" "$work/sources"
tar -xzf "$work/node-llama-cpp-$platform-$version.tgz" -C "$work/libraries"
tar -xzf "$work/node-llama-cpp-$version.tgz" -C "$work/sources" package/llama/gitRelease.bundle
git -c advice.detachedHead=false clone --quiet "$work/sources/package/llama/gitRelease.bundle" "$work/llama.cpp"

made=$work/llama
mkdir -p "$made/include" "$made/lib/cmake/llama"
cp "$work"/llama.cpp/include/*.h "$work"/llama.cpp/ggml/include/*.h "$work/llama.cpp/LICENSE" "$made/include"
cp "$work/libraries/package/bins/$platform"/lib*.so "$made/lib"
cat > "$made/lib/cmake/llama/llama-config.cmake" <<'CONFIG'
# The target that llama.cpp's own package names.
get_filename_component(llama_folder "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
file(GLOB llama_library ${llama_folder}/lib/libllama.*so)
file(GLOB llama_ggml ${llama_folder}/lib/libggml.*so)
if(NOT TARGET llama)
  add_library(llama SHARED IMPORTED GLOBAL)
  set_target_properties(llama PROPERTIES IMPORTED_LOCATION ${llama_library}
    INTERFACE_INCLUDE_DIRECTORIES ${llama_folder}/include
    INTERFACE_LINK_LIBRARIES "${llama_ggml};${llama_folder}/lib/libggml-base.so")
endif()
CONFIG
rm -rf "$folder/llama"
mv "$made" "$folder/llama"
echo "llama.cpp of node-llama-cpp $version is in $folder/llama"

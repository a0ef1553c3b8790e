#!/bin/sh
# Installs the Debian packages that a job needs, if any is missing: install_packages.sh demo|test|bench.
# Without root it prints the one command to run. With everything there it touches neither network nor disk.
set -eu

build="g++ cmake ninja-build pkg-config libeigen3-dev nlohmann-json3-dev libboost-math-dev libsentencepiece-dev"
build="$build libonig-dev libutf8proc-dev libxxhash-dev"
tool="libcli11-dev libfmt-dev gnuplot-nox"
case "${1:-}" in
  demo) packages="$build $tool" ;;
  test) packages="$build $tool doctest-dev librapidcheck-dev libxtensor-dev libopenmpi-dev openmpi-bin chromium-headless-shell"
    packages="$packages doxygen clang-19 clang-format-19 libclang-rt-19-dev libomp-19-dev libc++-19-dev libc++abi-19-dev"
    packages="$packages python3-numpy python3-sentencepiece python3-protobuf"  # stand-ins for published checkpoints
    # For the report and its test; often there as something else than Debian's package.
    command -v npm > /dev/null || packages="$packages npm" ;;
  bench) packages="$build libbenchmark-dev libfmt-dev" ;;
  *) echo "usage: $0 demo|test|bench" >&2; exit 2 ;;
esac

missing=""
for package in $packages; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ]; then
  echo "These packages are missing; please run, then try again:" >&2
  echo "  sudo $command" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
$command

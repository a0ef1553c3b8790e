#!/bin/bash
# cmake/include_cost.sh [COMPILER]: what it costs to include headcount.hpp, and what decide needs of it, beside Eigen/Dense:
# medians of the processor time of 9 interleaved compiles each. Fails above 1.0 and 0.6.
set -eu
cd "$(dirname "$0")/.."
compiler=${1:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '#include <Eigen/Dense>' > "$work/eigen.cpp"
echo '#include <headcount/headcount.hpp>' > "$work/headcount.cpp"
printf '#include <headcount/%s.hpp>\n' policy/decide policy/compose score/entropy select/top_k > "$work/decide.cpp"
TIMEFORMAT=%U
for _ in 1 2 3 4 5 6 7 8 9; do
  for what in eigen headcount decide; do
    { time "$compiler" -std=c++20 -fsyntax-only -O0 -Iinclude -isystem /usr/include/eigen3 "$work/$what.cpp"; } 2>> "$work/$what"
  done
done
median() { sort -n "$work/$1" | sed -n 5p; }
awk -v eigen="$(median eigen)" -v all="$(median headcount)" -v decide="$(median decide)" 'BEGIN {
  printf "Eigen/Dense %.2f s, headcount.hpp %.2f of it, decide %.2f of it\n", eigen, all / eigen, decide / eigen
  exit !(all <= eigen && decide <= 0.6 * eigen) }'

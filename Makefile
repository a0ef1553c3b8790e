# The commands of the README. Each installs what is missing from Debian packages, then works offline.

.PHONY: demo test bench check clean

# The paper's findings on the five small hybrids: tables, findings.json and findings.svg.
demo:
	@cmake/install_packages.sh demo
	@cmake --preset demo > /dev/null
	@cmake --build --preset demo
	@build/demo/examples/headcount demo --output .

# Everything that must hold: by Clang, unit tests under sanitizers and every header alone; by GCC, optimised, the goldens,
# the tool, installing and using the package, the demo's findings, the core's headers alone and all headers together.
test:
	@cmake/install_packages.sh test
	cmake --preset dev
	cmake --build --preset dev --target all headers
	ctest --preset dev
	cmake --preset release
	cmake --build --preset release --target all headcount_headers headers_together
	ctest --preset release

# What a score, a decision and a decode step cost beside reading their bytes, as ratios.
bench:
	@cmake/install_packages.sh bench
	@cmake --preset bench > /dev/null
	@cmake --build --preset bench
	@for question in score_row decide attend product decode_step; do \
	  sed -n '1s|// ||p' bench/$$question.cpp; build/bench/bench/bench_$$question; echo; done

# Figures and rules of the sources: sizes, folders, third parties, formatting, hand-kept lists, tests by name.
check:
	@cmake -P cmake/check.cmake

clean:
	rm -rf build

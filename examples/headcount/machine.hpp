#pragma once

#include <headcount/cost/roofline.hpp>

namespace tool {

/// What this machine reads and computes on all threads, the best of a few tries: the sum of a block that no cache
/// holds, and products of float32 matrices. Takes about a second and 512 MiB.
headcount::evaluate::machine_rates measure_machine();

}  // namespace tool

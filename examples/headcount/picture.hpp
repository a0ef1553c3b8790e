#pragma once

#include <filesystem>
#include <span>

#include "measure.hpp"

namespace tool {

/// Draws heads kept against needles found and facts known, a panel a model, as an SVG file, with gnuplot.
/// False when there is no gnuplot to draw with.
bool draw_picture(std::filesystem::path const& path, std::span<measurement const> measured);

}  // namespace tool

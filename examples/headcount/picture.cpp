#include "picture.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include <headcount/core/error.hpp>
#include <headcount/file/write_file.hpp>

namespace tool {
namespace {

/// The rows of one curve as a gnuplot data block: heads kept, share, lower and upper end of its interval.
std::string curve(measurement const& of, std::string_view task, std::string_view scorer, std::string_view scope) {
  std::string rows;
  auto const add = [&](std::string const& policy, std::size_t heads) {
    for (auto const& [one, more] : of.findings)
      if (one.task == task && one.setting.empty() && one.policy == policy &&
          (one.metric == "exact_match" || one.metric == "acc"))
        rows +=
            fmt::format("{} {:.4f} {:.4f} {:.4f}\n", heads, one.found.value, one.found.ci95->low, one.found.ci95->high);
  };
  add(fmt::format("none{}", scope), 0);
  for (std::size_t k = 1; k < of.heads; ++k) add(fmt::format("{} | top_k({}){}", scorer, k, scope), k);
  add("dense", of.heads);
  return rows;
}

/// One panel.
std::string panel(measurement const& of, std::size_t number) {
  struct line {
    std::string_view title, task, scorer, scope, style;
  };
  line const lines[] = {
      {"needles: entropy", "needle_inside_window", "entropy", " @ generation", "lw 2.5 lc rgb '#0060ad' pt 7"},
      {"needles: l2", "needle_inside_window", "l2", " @ generation", "lw 1.5 lc rgb '#56b4e9' pt 5"},
      {"needles: random", "needle_inside_window", "random", " @ generation", "lw 1.5 lc rgb '#999999' pt 9"},
      {"needles: gate", "needle_inside_window", "gate", " @ generation", "lw 1.5 lc rgb '#009e73' pt 11"},
      {"facts: entropy, prefill too", "facts", "entropy", "", "lw 2.5 lc rgb '#d55e00' pt 13"},
  };
  std::string blocks;
  std::string plot;
  for (std::size_t i = 0; i < std::size(lines); ++i) {
    if (lines[i].scorer == "gate" && !of.has_gates()) continue;
    blocks +=
        fmt::format("$c{}_{} << EOD\n{}EOD\n", number, i, curve(of, lines[i].task, lines[i].scorer, lines[i].scope));
    plot += fmt::format("{}$c{}_{} using 1:2:3:4 with yerrorlines {} ps 0.6 title '{}'", plot.empty() ? "plot " : ", ",
                        number, i, lines[i].style, lines[i].title);
  }
  return fmt::format("{}set title '{}'\nset xrange [-0.3:{}.3]\nset xtics 0,2,{}\n{}\n", blocks, of.model, of.heads,
                     of.heads, plot);
}

}  // namespace

bool draw_picture(std::filesystem::path const& path, std::span<measurement const> measured) {
  if (std::system("command -v gnuplot > /dev/null 2>&1") != 0) return false;
  auto const temporary = headcount::reference::temporary_beside(path).string();
  std::string script = fmt::format(
      "set terminal svg size 1500,840 font 'sans,12' background rgb 'white'\nset output \"{}\"\n"
      "set multiplot layout 2,3\nset yrange [-0.03:1.03]\nset grid lc rgb '#dddddd'\nset key bottom right\n"
      "set xlabel 'heads kept in each attention layer'\nset ylabel 'share of prompts answered'\n",
      temporary);
  for (std::size_t i = 0; i < measured.size(); ++i) script += panel(measured[i], i);
  script += "unset multiplot\n";

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> gnuplot{popen("gnuplot", "w"), pclose};
  if (gnuplot == nullptr) return false;
  std::fputs(script.c_str(), gnuplot.get());
  if (pclose(gnuplot.release()) != 0) throw headcount::error{path.string(), "gnuplot could not draw it"};
  std::filesystem::rename(temporary, headcount::reference::behind_links(path));
  return true;
}

}  // namespace tool

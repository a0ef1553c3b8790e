// headcount, the tool: one subcommand a file. Results go to standard output, progress and errors to standard error.
// Exit codes: 0 it worked, 1 something failed that is not the input's fault, 2 bad input.

#include <exception>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <headcount/core/error.hpp>
#include <headcount/version.hpp>

#include "commands.hpp"

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // Activations of the same sizes come and go: keep their pages instead of returning them to the system each time.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
  CLI::App app{"How many attention heads does a hybrid language model need, which ones, and when?", "headcount"};
  app.set_version_flag("--version", std::string{"headcount "} + headcount::version);
  app.require_subcommand(0, 1);
  for (auto const add :
       {tool::add_inspect,  tool::add_decide, tool::add_logits, tool::add_generate,        tool::add_loglik,
        tool::add_evaluate, tool::add_demo,   tool::add_rank,   tool::add_train_predictor, tool::add_bridge,
        tool::add_compare,  tool::add_report, tool::add_cost,   tool::add_compact,         tool::add_record,
        tool::add_sweep,    tool::add_merge,  tool::add_budget, tool::add_calibrate,       tool::add_masks,
        tool::add_heads,    tool::add_list,   tool::add_explain})
    add(app);
  constexpr int bad_input = 2;
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError{"A subcommand"};
    return 0;
  } catch (CLI::Success const& asked) {  // --help, --version
    return app.exit(asked);
  } catch (CLI::ParseError const& wrong) {
    fmt::print(stderr, "error: command line: {} (see headcount --help)\n", wrong.what());
    return bad_input;
  } catch (headcount::error const& wrong) {
    fmt::print(stderr, "error: {}\n", wrong.what());
    return bad_input;
  } catch (std::exception const& failure) {
    fmt::print(stderr, "error: {}\n", failure.what());
    return 1;
  }
}

// headcount, the tool: one subcommand a file. Results go to standard output, progress and errors to standard error.
// Exit codes: 0 it worked, 1 something failed that is not the input's fault, 2 bad input.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <headcount/core/error.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/version.hpp>

#include "commands.hpp"

namespace {

/// Says what went wrong where that can be said, and gives the exit code.
int fail(int code, std::string const& what) noexcept {
  std::fputs((what + "\n").c_str(), stderr);
  return code;
}

/// Where one of the three standard streams is closed, a file that is opened would take its place, and get what is
/// printed. Something stands there that cannot be used, so that using it is an error as it should be.
void keep_standard_streams() {
  for (int const stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF)
      (void)::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/// Throws headcount::error where --output names one of the files or folders that the command reads.
void require_own_output(CLI::App const& command) {
  auto const* const output = command.get_option_no_throw("--output");
  if (output == nullptr || output->results().empty()) return;
  for (auto const* const option : command.get_options())
    if (option != output)
      for (auto const& input : option->results())
        headcount::reference::require_not_input(output->results().front(), input);
}

int run(int argc, char** argv) {
#ifdef __GLIBC__
  // Activations of the same sizes come and go: keep their pages instead of returning them to the system each time.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
  CLI::App app{"How many attention heads does a hybrid language model need, which ones, and when?", "headcount"};
  app.set_version_flag("--version", std::string{"headcount "} + headcount::version);
  app.require_subcommand(0, 1);
  for (auto const add :
       {tool::add_inspect,  tool::add_decide, tool::add_logits,  tool::add_generate,        tool::add_loglik,
        tool::add_evaluate, tool::add_demo,   tool::add_rank,    tool::add_train_predictor, tool::add_bridge,
        tool::add_compare,  tool::add_report, tool::add_cost,    tool::add_compact,         tool::add_record,
        tool::add_sweep,    tool::add_merge,  tool::add_budget,  tool::add_calibrate,       tool::add_masks,
        tool::add_heads,    tool::add_list,   tool::add_explain, tool::add_to_gguf,         tool::add_prove_off})
    add(app);
  for (auto* const command : app.get_subcommands([](CLI::App*) { return true; }))
    command->parse_complete_callback([command] { require_own_output(*command); });
  constexpr int bad_input = 2;
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError{"A subcommand"};
    return 0;
  } catch (CLI::Success const& asked) {  // --help, --version
    return app.exit(asked);
  } catch (CLI::ParseError const& wrong) {
    return fail(bad_input, fmt::format("error: command line: {} (see headcount --help)", wrong.what()));
  } catch (headcount::error const& wrong) {
    return fail(bad_input, fmt::format("error: {}", wrong.what()));
  } catch (std::exception const& failure) {
    return fail(1, fmt::format("error: {}", failure.what()));
  }
}

}  // namespace

/// The last of what was printed leaves the memory here: where it cannot, as on a full disk, that is an error, too.
int main(int argc, char** argv) {
  keep_standard_streams();
  auto const code = run(argc, argv);
  errno = 0;
  bool const good = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::ferror(stderr) == 0;
  if (good || code != 0) return code;
  return fail(1, fmt::format("error: cannot write what is printed: {}", std::strerror(errno != 0 ? errno : EIO)));
}

// Runs a program's benchmarks in interleaved repetitions and prints, for each, its median time as a ratio to the
// baseline of its group: benchmarks are named GROUP/CONTENDER, and the contender "read" is the baseline.

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

class ratio_reporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(Context const&) override { return true; }

  void ReportRuns(std::vector<Run> const& runs) override {
    for (auto const& run : runs)
      if (run.run_type == Run::RT_Aggregate && run.aggregate_name == "median")
        medians_.emplace_back(run.run_name.function_name, run.GetAdjustedRealTime());
  }

  void Finalize() override {
    std::map<std::string, double> baselines;
    for (auto const& [name, time] : medians_)
      if (contender_of(name) == "read") baselines[group_of(name)] = time;
    for (auto const& [name, time] : medians_)
      if (contender_of(name) != "read")
        std::printf("%-36s%-42s%8.2f\n", group_of(name).c_str(), contender_of(name).c_str(),
                    time / baselines.at(group_of(name)));
  }

 private:
  static std::string group_of(std::string const& name) { return name.substr(0, name.find('/')); }
  static std::string contender_of(std::string const& name) { return name.substr(name.find('/') + 1); }

  std::vector<std::pair<std::string, double>> medians_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments{argv, argv + argc};
  std::string defaults[] = {"--benchmark_repetitions=9", "--benchmark_enable_random_interleaving=true",
                            "--benchmark_min_time=0.05"};
  for (auto& one : defaults) arguments.insert(arguments.begin() + 1, one.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  ratio_reporter reporter;
  std::printf("%-36s%-42s%8s\n", "of", "what", "x read");
  benchmark::RunSpecifiedBenchmarks(&reporter);
}

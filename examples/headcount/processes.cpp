#include "processes.hpp"

#include <cstdlib>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#ifdef HEADCOUNT_WITH_MPI
#include <mpi.h>
#endif

#include <headcount/core/error.hpp>

namespace tool {
namespace {

int started_by_srun() {
  auto const* const size = std::getenv("SLURM_STEP_NUM_TASKS");
  return size == nullptr ? 0 : std::atoi(size);
}

/// How many processes a launcher started, by what it says to each; 0 without one.
int launched() {
  for (auto const* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (auto const* const size = std::getenv(name)) return std::atoi(size);
  return std::getenv("PMIX_RANK") != nullptr ? started_by_srun() : 0;
}

/// Throws headcount::error where each of several processes would take itself for the only one.
void require_joined(bool is_part) {
  if (is_part || launched() != 0 || started_by_srun() <= 1) return;
  auto const count = std::to_string(started_by_srun());
  throw headcount::error{"sweep", "srun started " + count + " processes that know nothing of each other",
                         "srun --mpi=pmix with a build that finds MPI, or --shard $((SLURM_PROCID + 1))/" + count +
                             " and headcount merge"};
}

}  // namespace

#ifdef HEADCOUNT_WITH_MPI

processes::processes(bool is_part) {
  require_joined(is_part);
  if (launched() == 0) return;  // nobody else pays for MPI
  int given = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given);
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  rank_ = static_cast<std::size_t>(rank);
  size_ = static_cast<std::size_t>(size);
}

processes::~processes() {
  if (launched() != 0) MPI_Finalize();
}

void processes::together(std::function<void()> const& step) const {
  std::exception_ptr failure;
  try {
    step();
  } catch (...) {
    failure = std::current_exception();
  }
  int mine = failure ? static_cast<int>(rank_) : static_cast<int>(size_);
  int first = mine;
  if (size_ > 1) MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (first == static_cast<int>(size_)) return;
  if (first == static_cast<int>(rank_)) std::rethrow_exception(failure);
  throw CLI::Success{};
}

#else

processes::processes(bool is_part) {
  require_joined(is_part);
  if (launched() > 1)
    throw headcount::error{"sweep", "it was started by mpirun, and this headcount was built without MPI",
                           "--shard I/N and headcount merge, or a build that finds MPI"};
}

processes::~processes() = default;

void processes::together(std::function<void()> const& step) const { step(); }

#endif

}  // namespace tool

#include "processes.hpp"

#include <cstdlib>
#include <exception>

#include <CLI/CLI.hpp>

#ifdef HEADCOUNT_WITH_MPI
#include <mpi.h>
#endif

#include <headcount/core/error.hpp>

namespace tool {
namespace {

/// How many processes a launcher started, by what it says to each; 0 without one.
int launched() {
  for (auto const* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (auto const* const size = std::getenv(name)) return std::atoi(size);
  return 0;
}

}  // namespace

#ifdef HEADCOUNT_WITH_MPI

processes::processes() {
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

processes::processes() {
  if (launched() > 1)
    throw headcount::error{"sweep", "it was started by mpirun, and this headcount was built without MPI",
                           "--shard I/N and headcount merge, or a build that finds MPI"};
}

processes::~processes() = default;

void processes::together(std::function<void()> const& step) const { step(); }

#endif

}  // namespace tool

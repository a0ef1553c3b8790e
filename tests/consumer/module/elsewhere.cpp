#include <string>

#include <headcount/headcount.hpp>

std::string print_elsewhere(headcount::any_policy const& policy) { return headcount::print(policy); }

#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <rapidcheck/detail/TestListenerAdapter.h>

namespace support {

/// Checks a property on `times` random cases, the same in every run; of a counterexample the smallest form is shown.
template <class Property>
void check_property(int times, Property&& property, std::uint64_t seed = 1) {
  rc::detail::TestParams params;
  params.seed = seed;
  params.maxSuccess = times;
  rc::detail::TestListenerAdapter silent;
  auto const result = rc::detail::checkTestable(std::forward<Property>(property), rc::detail::TestMetadata{}, params,
                                                silent, std::unordered_map<std::string, rc::detail::Reproduce>{});
  std::ostringstream message;
  rc::detail::printResultMessage(result, message);
  INFO(message.str());
  CHECK(result.template is<rc::detail::SuccessResult>());
}

}  // namespace support

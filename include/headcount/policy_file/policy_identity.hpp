#pragma once

#include <string>

#include <headcount/file/digest.hpp>
#include <headcount/policy/any_policy.hpp>

namespace headcount::v0 {

/// What a policy is, as 32 hexadecimal digits: a digest of its sentence.
[[nodiscard]] inline std::string policy_identity(any_policy const& policy) {
  return digest{}.add(print(policy)).text();
}

}  // namespace headcount::v0

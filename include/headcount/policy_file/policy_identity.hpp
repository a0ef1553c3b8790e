#pragma once

#include <string>

#include <headcount/file/digest.hpp>
#include <headcount/policy/any_policy.hpp>

namespace headcount::v0 {

/// What a policy is, as 32 hexadecimal digits: a digest of its sentence and of what is in
/// the files that it names, whatever they are called. O(content of the files).
[[nodiscard]] inline std::string policy_identity(any_policy const& policy) {
  return digest{}.add(print(policy, files_as::contents)).text();
}

}  // namespace headcount::v0

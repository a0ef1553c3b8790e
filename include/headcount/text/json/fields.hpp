#pragma once

#include <cstddef>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>

namespace headcount::v0::reference {

/// The fields of one JSON object, taken one by one: what nobody takes is an error that names it, so that no field is
/// passed over in silence. `where` says in errors which object it is. The object outlives its fields.
class json_fields {
 public:
  /// Throws headcount::error when it is no object.
  json_fields(std::string where, nlohmann::json const& object) : where_{std::move(where)}, object_{object} {
    if (!object.is_object()) throw error{where_, text_of("it is ", in_short(object)), "an object"};
  }

  [[nodiscard]] std::string const& where() const noexcept { return where_; }
  /// The name of a field, for errors of what is in it.
  [[nodiscard]] std::string where(std::string_view key) const {
    return text_of(where_, where_.ends_with(".json") ? ", " : ".", key);
  }

  /// A field, or null without it.
  [[nodiscard]] nlohmann::json const& optional(std::string const& key) {
    static nlohmann::json const none{};
    taken_.insert(key);
    auto const found = object_.find(key);
    return found == object_.end() ? none : *found;
  }
  /// A field; throws without it.
  [[nodiscard]] nlohmann::json const& at(std::string const& key) {
    if (!object_.contains(key)) throw error{where_, text_of("it has no ", in_quotes(key))};
    return optional(key);
  }
  [[nodiscard]] std::string text(std::string const& key) {
    auto const& value = at(key);
    if (!value.is_string()) fail(key, "a text");
    return value.get<std::string>();
  }
  [[nodiscard]] bool flag(std::string const& key) {
    auto const& value = at(key);
    if (!value.is_boolean()) fail(key, "true, false");
    return value.get<bool>();
  }
  [[nodiscard]] bool flag(std::string const& key, bool otherwise) {
    return optional(key).is_null() ? otherwise : flag(key);
  }
  [[nodiscard]] std::size_t count(std::string const& key) {
    auto const& value = at(key);
    if (!value.is_number_unsigned() || value > 1u << 24u) fail(key, "a whole number up to 2^24");
    return value.get<std::size_t>();
  }
  /// The objects of a list, each with its place in its name.
  [[nodiscard]] std::vector<json_fields> list(std::string const& key) {
    auto const& values = at(key);
    if (!values.is_array()) fail(key, "a list");
    std::vector<json_fields> all;
    for (auto const& one : values) all.emplace_back(text_of(where(key), "[", all.size(), "]"), one);
    return all;
  }

  /// Takes fields that change nothing here.
  void pass_over(std::initializer_list<char const*> keys) { taken_.insert(keys.begin(), keys.end()); }
  /// Throws when a field is there that was not taken.
  void finish() const {
    for (auto const& [key, value] : object_.items())
      if (!taken_.contains(key)) throw error{where_, text_of("the field ", in_quotes(key), " is not implemented")};
  }
  [[noreturn]] void fail(std::string const& key, std::string_view allowed) const {
    throw error{where(key), text_of("it is ", in_short(object_.at(key))), allowed};
  }

 private:
  std::string where_;
  nlohmann::json const& object_;
  std::set<std::string, std::less<>> taken_{};
};

}  // namespace headcount::v0::reference

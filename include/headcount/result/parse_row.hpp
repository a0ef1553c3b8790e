#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/json_number.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

namespace detail {

/// Makes a row of JSON while it is read (nlohmann's SAX interface): the row's own values go where they belong, all
/// others, and own ones of another type, into a tree. Half the time of a tree of everything.
class row_builder {
 public:
  using json = nlohmann::ordered_json;

  explicit row_builder(std::string_view what) noexcept : what_{what} {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(json::number_integer_t value) { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) {
    auto const own = own_key();
    if (own == seed) return take(own, one_.seed = value);
    return own == value_key ? take(own, one_.value = static_cast<double>(value)) : add(value);
  }
  bool number_float(json::number_float_t value, std::string const&) {
    auto const own = own_key();
    return own == value_key ? take(own, one_.value = value) : add(value);
  }
  bool string(std::string& value) {
    auto const own = own_key();
    return own < texts.size() ? take(own, one_.*texts[own] = std::move(value)) : add(std::move(value));
  }
  bool binary(json::binary_t&) { return false; }  // no text has any

  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    key_ = std::move(name);
    auto const own = own_key();
    if (open_.back()->contains(key_) || (own < keys.size() && taken_[own]))
      throw error{what_, text_of("the key ", reference::in_quotes(key_), " is there twice")};
    return true;
  }

  bool parse_error(std::size_t, std::string const&, nlohmann::detail::exception const& failure) {
    reference::fail_on_json(what_, failure);
  }

  /// The row. Throws headcount::error when it lacks a value of its own.
  [[nodiscard]] row finish() {
    static constexpr auto form =
        "a JSON object with model, fingerprint, policy, task, metric, prompt, seed, value, ...";
    if (!root_.is_object()) throw error{what_, "it is no result row", form};
    for (std::size_t own = 0; own < keys.size(); ++own) {
      if (taken_[own]) continue;
      auto const found = root_.find(keys[own]);
      if (found == root_.end()) {
        if (own == setting) continue;
        throw error{what_, text_of("it is no result row: \"", keys[own], "\" is missing"), form};
      }
      auto const number = own == value_key ? number_from(*found) : std::nullopt;
      if (!number)
        throw error{what_, text_of("\"", keys[own], "\" is ", found->dump()),
                    own == seed ? "a whole number from 0" : form};
      one_.value = *number;
      root_.erase(found);
    }
    one_.more = std::move(root_);
    return std::move(one_);
  }

 private:
  static constexpr std::array<std::string_view, 10> keys{"model",  "fingerprint", "policy",  "task", "setting",
                                                         "metric", "prompt",      "version", "seed", "value"};
  static constexpr std::array<std::string row::*, 8> texts{&row::model,  &row::fingerprint, &row::policy,
                                                           &row::task,   &row::setting,     &row::metric,
                                                           &row::prompt, &row::version};
  static constexpr std::size_t setting = 4;
  static constexpr std::size_t seed = 8;
  static constexpr std::size_t value_key = 9;

  /// Which of the row's own keys comes next; keys.size() when none does.
  [[nodiscard]] std::size_t own_key() const noexcept {
    if (open_.size() != 1 || !root_.is_object()) return keys.size();
    return static_cast<std::size_t>(std::ranges::find(keys, key_) - keys.begin());
  }
  bool take(std::size_t own, auto const&) noexcept { return taken_[own] = true; }

  /// Puts a value where it belongs in the tree.
  json& put(json value) {
    if (open_.empty()) return root_ = std::move(value);
    if (open_.back()->is_array()) return open_.back()->emplace_back(std::move(value));
    return (*open_.back())[key_] = std::move(value);
  }
  bool add(json value) {
    put(std::move(value));
    return true;
  }
  bool open(json empty) {
    open_.push_back(&put(std::move(empty)));
    if (open_.size() > reference::deepest_json) reference::fail_on_depth(what_);
    return true;
  }
  bool close() noexcept {
    open_.pop_back();
    return true;
  }

  std::string_view what_;
  row one_{};
  std::array<bool, keys.size()> taken_{};
  json root_{};
  std::vector<json*> open_{};  ///< lists and objects that are being read, the innermost last
  std::string key_{};
};

}  // namespace detail

/// Reads a line that `print` wrote. What the task added stays as it was written, so numbers in it that were not finite
/// are read by number_from. `what` names the line in errors. Throws headcount::error when it is no row.
[[nodiscard]] inline row parse_row(std::string_view what, std::string_view line) {
  reference::fail_on_zero(what, line);
  detail::row_builder builder{what};
  nlohmann::ordered_json::sax_parse(line, &builder);
  return builder.finish();
}

}  // namespace headcount::v0::evaluate

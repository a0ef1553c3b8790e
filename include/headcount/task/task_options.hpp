#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/list_files.hpp>

namespace headcount::v0::evaluate {

/// What an option of a task does: changes what a prompt asks, or says which prompts there are.
enum class option_role { asks, selects };

namespace detail {

template <class Value>
struct option_form;
template <>
struct option_form<bool> {
  static constexpr std::string_view allowed = "true or false";
  static bool fits(nlohmann::json const& json) { return json.is_boolean(); }
};
template <>
struct option_form<std::size_t> {
  static constexpr std::string_view allowed = "a whole number from 0";
  static bool fits(nlohmann::json const& json) {
    return json.is_number_unsigned() || (json.is_number_integer() && json.get<std::int64_t>() >= 0);
  }
};
template <>
struct option_form<double> {
  static constexpr std::string_view allowed = "a number";
  static bool fits(nlohmann::json const& json) { return json.is_number() && std::isfinite(json.get<double>()); }
};
template <>
struct option_form<std::string> {
  static constexpr std::string_view allowed = "a text";
  static bool fits(nlohmann::json const& json) { return json.is_string(); }
};
template <class Value>
struct option_form<std::vector<Value>> {
  static inline std::string const allowed = text_of("a list, each ", option_form<Value>::allowed);
  static bool fits(nlohmann::json const& json) {
    return json.is_array() && std::ranges::all_of(json, option_form<Value>::fits);
  }
};

}  // namespace detail

/// The options of a task, as one object: {"shots": 5, "data": "mmlu", "lengths": [250, 677]}. The command line fills it
/// from --data, --shots, --limit, --seed and --set, a sweep's plan says it as it is.
class task_options {
 public:
  /// `what` names the options in errors. Throws headcount::error when they are no object.
  explicit task_options(std::string what, nlohmann::json options = nlohmann::json::object())
      : what_{std::move(what)}, options_(std::move(options)) {
    if (!options_.is_object()) throw error{what_, "its options are no object", R"({"key": value, ...})"};
  }

  /// An option: bool, std::size_t, double, std::string or a list of them; `otherwise` when it is not given.
  /// Throws headcount::error when it is given and is no such value.
  template <class Value>
  [[nodiscard]] Value take(std::string const& key, Value otherwise, option_role role = option_role::asks) {
    taken_.insert(key);
    if (!options_.contains(key)) return otherwise;
    auto const& json = options_[key];
    if (!detail::option_form<Value>::fits(json))
      throw error{what_, text_of(key, " = ", reference::in_short(json)), detail::option_form<Value>::allowed};
    auto value = json.template get<Value>();
    if (role == option_role::asks && value != otherwise) {
      add_to_list(setting_, text_of(key, "=", json.is_string() ? json.template get<std::string>() : json.dump()));
      content_.add(key).add(json.dump());
    }
    return value;
  }

  /// An option that is one of a few names.
  [[nodiscard]] std::string take_one_of(std::string const& key, std::vector<std::string> const& names) {
    auto name = take<std::string>(key, names.front());
    if (std::ranges::find(names, name) == names.end()) {
      std::string all;
      for (auto const& one : names) add_to_list(all, one);
      throw error{what_, text_of(key, " = ", reference::in_quotes(name)), all};
    }
    return name;
  }

  /// Whether continuations count as prefill, as benchmarks score them, or as generation: option `phase`. Their first
  /// token is predicted by prefill either way.
  [[nodiscard]] phase take_phase() {
    return take_one_of("phase", {"prefill", "generation"}) == "prefill" ? phase::prefill : phase::generation;
  }

  /// What prompts are drawn with.
  [[nodiscard]] std::uint64_t take_seed(std::size_t otherwise = 1) {
    return take<std::size_t>("seed", otherwise, option_role::selects);
  }

  /// A seed for tasks that draw their prompts: one that an option gives goes first, and none needs to be taken.
  void offer_seed(std::uint64_t seed) {
    if (options_.contains("seed")) return;
    options_["seed"] = seed;
    taken_.insert("seed");
  }

  /// How many of the prompts are asked: the first `limit` of them.
  [[nodiscard]] std::size_t take_limit() {
    return take<std::size_t>("limit", (std::numeric_limits<std::size_t>::max)(), option_role::selects);
  }

  /// Where the task's data is. Throws headcount::error when it is not given; `form` says what it should be.
  [[nodiscard]] std::filesystem::path take_data(std::string_view form) {
    auto const path = take<std::string>("data", {}, option_role::selects);
    if (path.empty()) throw error{what_, "it needs data", text_of("data: ", form)};
    return path;
  }

  /// Puts a label into the setting, such as the name of the data; identities do not depend on it.
  void add_to_setting(std::string_view text) { add_to_list(setting_, text); }

  /// Notes data that the task reads: its content is part of what the task is, and where it lies is not. Of a folder,
  /// its files. Throws headcount::error when it cannot be read.
  void add_content(std::filesystem::path const& path) {
    if (!std::filesystem::is_directory(path)) content_.add_file(path);
    else
      for (auto const& file : list_files(path, "", "a folder of files")) content_.add_file(file);
  }

  /// A digest of what a task is made of: the options taken so far that change what prompts ask, the content of its
  /// data, and its name, or whatever else tells it from others made with the same options.
  [[nodiscard]] std::string identity(std::string_view name) const { return digest{content_}.add(name).text(); }

  /// The options taken so far that change what prompts ask and are not at their defaults: "shots=5, phase=generation".
  [[nodiscard]] std::string const& setting() const noexcept { return setting_; }

  /// Throws headcount::error when an option is given that nobody took.
  void require_all_taken() const {
    for (auto const& [key, value] : options_.items()) {
      if (taken_.contains(key)) continue;
      std::string known;
      for (auto const& one : taken_) add_to_list(known, one);
      throw error{what_, text_of("it has no option ", reference::in_quotes(key)), known};
    }
  }

 private:
  std::string what_;
  nlohmann::json options_;
  std::set<std::string> taken_{};
  std::string setting_{};
  digest content_{};
};

}  // namespace headcount::v0::evaluate

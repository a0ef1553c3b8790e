#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <tuple>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/policy/scope.hpp>
#include <headcount/record/recording.hpp>

namespace headcount::v0::record {

/// What a recorder keeps.
struct recording_plan {
  scope where{};  ///< phases and layers; others are not recorded
  occurrence which = occurrence::all;
  row_form rows = row_form::none;
  std::size_t most_bytes = std::size_t{1} << 30;  ///< that recorded sites may take
};

/// Records what attention does: kept heads, scores and attention rows. A kernel::attention_observer, for `forward` and
/// `kernel::attend`.
///
/// `first` and `last` keep one site of each sequence and layer, so their memory does not grow with the text. A site
/// that finds no more room is counted and left out as a whole. One thread at a time.
class recorder {
 public:
  explicit recorder(recording_plan plan = {}) : plan_{plan} {}

  void row(site const& where, std::size_t head, std::span<float const> weights) {
    if (plan_.rows == row_form::before_edits) add_row(where, head, weights);
  }
  void edited_row(site const& where, std::size_t head, std::span<float const> weights) {
    if (plan_.rows == row_form::after_edits) add_row(where, head, weights);
  }
  void scored(site const& where, std::span<double const> scores) {
    auto* const at = site_of(where);
    if (at != nullptr && take(scores.size_bytes(), place_of(where))) at->scores.assign(scores.begin(), scores.end());
  }
  void kept(site const& where, head_set const& kept) {
    if (auto* const at = site_of(where); at != nullptr) at->kept = kept;
  }

  /// What was recorded so far.
  [[nodiscard]] recording result() const {
    recording all{.sites = {}, .left_out = left_out_};
    for (auto const& [at, one] : sites_) all.sites.push_back(one);
    return all;
  }

 private:
  using place = std::tuple<std::size_t, std::size_t, std::size_t>;  // row, layer, position

  [[nodiscard]] static place place_of(site const& where) noexcept {
    return {where.sequence_id, where.layer, where.position};
  }

  static constexpr std::size_t site_bytes = sizeof(recorded_site) + 64;  // with the map's node

  [[nodiscard]] static std::size_t bytes_of(recorded_site const& one) noexcept {
    auto bytes = site_bytes + one.scores.size() * sizeof(double);
    for (auto const& row : one.rows) bytes += sizeof(recorded_row) + row.weights.size() * sizeof(float);
    return bytes;
  }

  /// The record of a site, made if it is to be recorded; null otherwise.
  [[nodiscard]] recorded_site* site_of(site const& where) {
    if (!plan_.where.covers(where)) return nullptr;
    auto const here = place_of(where);
    if (refused_ == here) return nullptr;
    if (auto const found = sites_.find(here); found != sites_.end()) return &found->second;
    if (plan_.which != occurrence::all) {
      auto const other = sites_.lower_bound({where.sequence_id, where.layer, 0});
      bool const is_there = other != sites_.end() && std::get<0>(other->first) == where.sequence_id &&
                            std::get<1>(other->first) == where.layer;
      if (is_there && plan_.which == occurrence::first) return nullptr;
      if (is_there) forget(other);
    }
    // Once there was no room, a later site could pass for the first one.
    if (plan_.which == occurrence::first && left_out_ > 0) return nullptr;
    return take(site_bytes, here) ? &sites_.emplace(here, recorded_site{.where = where}).first->second : nullptr;
  }

  void add_row(site const& where, std::size_t head, std::span<float const> weights) {
    auto* const at = site_of(where);
    if (at != nullptr && take(sizeof(recorded_row) + weights.size_bytes(), place_of(where)))
      at->rows.push_back({head, {weights.begin(), weights.end()}});
  }

  /// Room for more of a site; where there is none, the whole site is left out, and false comes back.
  [[nodiscard]] bool take(std::size_t bytes, place const& here) {
    if (used_ + bytes <= plan_.most_bytes) {
      used_ += bytes;
      return true;
    }
    refused_ = here;
    ++left_out_;
    if (auto const found = sites_.find(here); found != sites_.end()) forget(found);
    return false;
  }

  void forget(std::map<place, recorded_site>::iterator at) {
    used_ -= bytes_of(at->second);
    sites_.erase(at);
  }

  recording_plan plan_;
  std::map<place, recorded_site> sites_;
  place refused_{static_cast<std::size_t>(-1), 0, 0};
  std::size_t used_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace headcount::v0::record

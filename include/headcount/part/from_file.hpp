#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <headcount/core/content_digest.hpp>
#include <headcount/core/shared.hpp>

namespace headcount::v0 {

/// A value too large to stand in a sentence, which names the file that holds it: fixed(ranking.json). A part takes it
/// as a field like any other; copies share the content, which never changes.
///
/// Whoever reads a sentence says how files are read (policy/sentence.hpp), so that parts need no file format.
template <class Content>
struct from_file {
  using content_type = Content;

  std::string name{};                     ///< of the file, as the sentence writes it
  shared<Content> content{};              ///< what is in it; null until it was read
  std::optional<content_digest> known{};  ///< of the content, where somebody has worked it out

  /// The digest of its content, which must be there. O(content) where it is not known.
  [[nodiscard]] content_digest digest() const noexcept { return known ? *known : digest_of(*content); }

  /// Equal contents are equal files, whatever they are called; files that were not read have their names alone.
  [[nodiscard]] friend bool operator==(from_file const& a, from_file const& b) noexcept {
    if (!a.content || !b.content) return a.content == b.content && a.name == b.name;
    return a.content == b.content || a.digest() == b.digest();
  }
};

/// A value that no file was read for, under a name that sentences can show.
template <class Content>
[[nodiscard]] from_file<Content> in_memory(std::string name, Content content) {
  auto const digest = digest_of(content);
  return {std::move(name), shared<Content>::template make<Content>(std::move(content)), digest};
}

/// Whether a field of a part is a file's content.
template <class Value>
inline constexpr bool is_from_file = false;
template <class Content>
inline constexpr bool is_from_file<from_file<Content>> = true;

/// Reads no file: how sentences are read unless somebody says otherwise.
struct no_files {};

/// What reads files that hold a type of content: `files(name, std::type_identity<Content>{})` gives the content, or
/// throws headcount::error that begins with the name.
template <class Files, class Content>
concept reads_files_of = requires(Files const& files, std::string const& name) {
  { files(name, std::type_identity<Content>{}) } -> std::same_as<Content>;
};

}  // namespace headcount::v0

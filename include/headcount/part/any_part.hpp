#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/shared.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/part/sequence_dependence.hpp>
#include <headcount/part/validate_part.hpp>

namespace headcount::v0 {

/// What every part can still do once its type is forgotten. The interface of a kind of parts (any_scorer and the like)
/// derives from it.
struct part_interface {
  template <class Part>
  static constexpr bool is_told_site = false;

  virtual ~part_interface() = default;
  [[nodiscard]] virtual bool depends_on_sequence() const = 0;
  [[nodiscard]] virtual std::optional<error> find_mistake(site const&) const = 0;
  [[nodiscard]] virtual std::string print(files_as) const = 0;
  [[nodiscard]] virtual bool equals(part_interface const&) const = 0;
  [[nodiscard]] virtual void const* class_tag() const noexcept = 0;  ///< says the class where there is no RTTI
};

/// Its address stands for a class.
template <class Class>
inline constexpr char tag_of_class = 0;

/// A part behind its kind's interface.
template <class Part, class Interface>
struct part_holder : Interface {
  explicit part_holder(Part held) : part{std::move(held)} {}
  bool depends_on_sequence() const override {
    return part_depends_on_sequence(part, Interface::template is_told_site<Part>);
  }
  std::optional<error> find_mistake(site const& where) const override { return find_part_mistake(part, where); }
  std::string print(files_as files) const override { return headcount::print(part, files); }
  bool equals(part_interface const& other) const override {
#if defined(__cpp_rtti)
    if (typeid(*this) != typeid(other)) return false;
#else
    if (class_tag() != other.class_tag()) return false;
#endif
    return same_content(part, static_cast<part_holder const&>(other).part);
  }
  void const* class_tag() const noexcept override { return &tag_of_class<part_holder>; }
  Part part;
};

/// Any part of one kind, chosen at run time: the base of any_scorer, any_selector, any_mask and any_edit. Copies share
/// the part, which never changes; calls allocate nothing.
template <class Interface>
class any_part {
 public:
  /// Whether it may do different things to the same tokens in two sequences.
  [[nodiscard]] bool depends_on_sequence() const { return held_->depends_on_sequence(); }
  /// Throws headcount::error when it cannot work at a site like this one, see validate_part.
  [[nodiscard]] std::optional<error> find_mistake(site const& where) const { return held_->find_mistake(where); }
  [[nodiscard]] friend std::string print(any_part const& part, files_as files = files_as::names) {
    return part.held_->print(files);
  }

  /// Parts of one type with equal fields, down to the content of files, are equal.
  [[nodiscard]] friend bool operator==(any_part const& a, any_part const& b) {
    return a.held_ == b.held_ || a.held_->equals(*b.held_);
  }

 protected:
  explicit any_part(shared<Interface> held) : held_{std::move(held)} {}
  [[nodiscard]] Interface const& held() const noexcept { return *held_; }

 private:
  shared<Interface> held_;
};

}  // namespace headcount::v0

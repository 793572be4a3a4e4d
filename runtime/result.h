#pragma once

#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "runtime/assert.h"

namespace gregor {

/// Why something expected went wrong: a code that programs compare and a sentence that people read.
///
/// The code is a std::error_code, so that one type serves every rank: operating system errors carry the system
/// category, and a module that has codes of its own (Kafka's, ZooKeeper's) brings a category for them.
struct Error {
  std::error_code code;
  std::string message;

  /// True when the code is `expected`, an enumerator of any registered error enumeration.
  template <class Code>
  bool is(Code expected) const {
    return code == make_error_code(expected);
  }
};

/// An Error for the operating system's `errno` value `number`, its text preceded by what was being done.
Error system_error(int number, const std::string& doing);

/// A value or the Error that came instead of it. Asking for the value of a failed Result is a broken invariant.
template <class T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }

  T& operator*() & { return checked(); }
  T&& operator*() && { return std::move(checked()); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

  const Error& error() const {
    ASSERT(!ok());
    return std::get<1>(state_);
  }

 private:
  T& checked() {
    ASSERT(ok());
    return std::get<0>(state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  explicit operator bool() const { return !error_; }
  bool ok() const { return !error_; }

  const Error& error() const {
    ASSERT(error_.has_value());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace gregor

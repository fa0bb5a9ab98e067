// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Everything that can fail at run time returns one; nothing below cli/ throws
// or prints. Member names are those of std::expected, so that it can take this one's place under C++23.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

namespace leakgate {

/// What sort of failure an Error is; the command line turns it into an exit status.
enum class ErrorKind {
  usage,
  unsupported,
  permission,
  target,
  not_found,
  not_executable,
  io,
  format,
  internal
};

/// A failure: one sentence (what failed, on what, why; lower case, no full stop) and, where one exists, what
/// to do next.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
  std::string hint;
  int code = 0;  ///< errno where the failure came from a system call, else 0

  /// The same error with `what` put in front of its message: "what: message".
  [[nodiscard]] Error with_context(std::string_view what) && {
    message = std::string(what) + ": " + message;
    return std::move(*this);
  }
};

/// An Error from errno-style `code` (positive); the system's text is appended to `what`.
[[nodiscard]] inline Error system_error(ErrorKind kind, std::string_view what, int code,
                                        std::string hint = {}) {
  return Error{kind, std::string(what) + ": " + std::strerror(code), std::move(hint), code};
}

/// A value of type T or an Error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  [[nodiscard]] bool has_value() const { return ok_; }
  explicit operator bool() const { return ok_; }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace leakgate

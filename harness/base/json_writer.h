// SPDX-License-Identifier: Apache-2.0
// JsonWriter: JSON text in the order of the calls, without building a document in memory (a report may hold
// 100,000 leaks). Reading JSON is left to nlohmann.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leakgate {

/// Appends JSON to a string. The caller keeps begin and end in pairs; commas, line ends, escapes and UTF-8
/// repair are ours.
class JsonWriter {
 public:
  /// Levels down to `pretty_depth` put each element on a line of its own; deeper ones stay on one line.
  explicit JsonWriter(std::size_t pretty_depth = 0) : pretty_depth_(pretty_depth) {}
  /// As above; the text goes to `sink` in chunks, the last of them on finish().
  JsonWriter(std::size_t pretty_depth, std::function<void(std::string_view)> sink)
      : pretty_depth_(pretty_depth), sink_(std::move(sink)) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  /// The name of the next value; inside an object only.
  void key(std::string_view name);

  void string(std::string_view text);
  void number(std::uint64_t value);
  void number_signed(std::int64_t value);
  /// `value` rounded to `digits` decimals, without needless zeros. Not for NaN or infinity, which become 0.
  void decimal(double value, int digits);
  void boolean(bool value);
  void null();
  /// A value that was written elsewhere, on one line.
  void raw(std::string_view value) {
    separate();
    out_ += value;
  }

  void member(std::string_view name, std::string_view text) { key(name), string(text); }
  void member(std::string_view name, bool value) { key(name), boolean(value); }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void member(std::string_view name, T value) { key(name), number(value); }
  template <std::signed_integral T>
  void member(std::string_view name, T value) {
    key(name), number_signed(value);
  }
  /// Without this, a literal would become a bool.
  void member(std::string_view name, const char* text) { member(name, std::string_view(text)); }
  void begin_object(std::string_view name) { key(name), begin_object(); }
  void begin_array(std::string_view name) { key(name), begin_array(); }

  /// Hands the last chunk to the sink, with a line end. For writers with a sink only.
  void finish() {
    out_ += '\n';
    flush();
  }
  /// The text so far; the writer is empty afterwards.
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void flush();
  void open(char bracket);
  void close(char bracket);
  void separate();
  void new_line(std::size_t depth);
  void quote(std::string_view text);

  std::string out_;
  std::vector<bool> has_elements_;
  bool after_key_ = false;
  std::size_t pretty_depth_;
  std::function<void(std::string_view)> sink_;
};

}  // namespace leakgate

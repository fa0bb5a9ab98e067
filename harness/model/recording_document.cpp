// SPDX-License-Identifier: Apache-2.0
// A SAX handler that builds the document as nlohmann's own would, and takes frame rows out on the way; and
// the short way, on which the large lists never meet it.
#include "harness/model/recording_document.h"

#include <string>
#include <utility>

#include "harness/base/workers.h"
#include "harness/model/plain_lists.h"

namespace leakgate::model {
namespace {

using Json = nlohmann::json;

/// Less is read before a thread has started.
constexpr std::size_t kBytesForAThread = 1 << 20;

class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(RecordingDocument& out) : out_(out) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override {
    if (!in_row_) return add(Json(value));
    if (value == -1 && columns_ == FrameRow::kModule) return column(~std::uint64_t{0});
    return add(Json(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    // in the module's column the highest value stands for -1
    const bool taken = columns_ == FrameRow::kModule && value == ~std::uint64_t{0};
    return in_row_ && !taken ? column(value) : add(Json(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return add(Json(value)); }
  bool string(string_t& value) override {
    if (!in_strings_ || open_.size() != 2 || !open_.back()->is_array()) return add(Json(std::move(value)));
    out_.strings.emplace_back(value);
    return true;
  }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool key(string_t& name) override {
    if (open_.size() == 1) {
      in_frames_ = name == "frames";
      in_strings_ = name == "strings";
    }
    key_ = std::move(name);
    return true;
  }
  bool start_array(std::size_t) override {
    if (in_frames_ && open_.size() == 2 && !in_row_ && open_.back()->is_array()) {
      in_row_ = true;
      columns_ = 0;
      return true;
    }
    return open(Json::array());
  }
  bool end_array() override {
    if (!in_row_) return close();
    if (columns_ != FrameRow::kColumns) spill();
    if (!in_row_) return close();
    in_row_ = false;
    out_.frames.push_back(row_);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool column(std::uint64_t value) {
    if (columns_ == FrameRow::kColumns) return add(Json(value));
    row_.columns[columns_++] = value;
    return true;
  }

  /// What was begun as a row is none: it becomes a list of the document.
  void spill() {
    in_row_ = false;
    open(Json::array());
    for (std::size_t i = 0; i < columns_; ++i)
      place(Json(row_.columns[i]));
  }

  Json& place(Json value) {
    if (open_.empty()) return out_.body = std::move(value);
    Json& into = *open_.back();
    if (into.is_array()) {
      into.push_back(std::move(value));
      return into.back();
    }
    return into[key_] = std::move(value);
  }

  bool add(Json value) {
    if (in_row_) spill();
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (in_row_) spill();
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  RecordingDocument& out_;
  std::vector<Json*> open_;  ///< from the root to the innermost; a parent does not grow while a child is open
  std::string key_;
  bool in_frames_ = false, in_strings_ = false, in_row_ = false;
  FrameRow row_;
  std::size_t columns_ = 0;
};

std::optional<RecordingDocument> parse_all(std::string_view text) {
  RecordingDocument document;
  Builder builder(document);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) return {};
  return document;
}

/// The only list called `name`; empty if there is none, or more than one.
std::string_view only_list(const std::vector<ListSpan>& lists, std::string_view name) {
  std::string_view text;
  for (const ListSpan& list : lists) {
    if (list.name != name) continue;
    if (!text.empty()) return {};
    text = list.text;
  }
  return text;
}

/// `text` with empty lists in the places of these two, which are parts of it.
std::string without(std::string_view text, std::string_view one, std::string_view other) {
  if (one.data() > other.data()) std::swap(one, other);
  std::string rest(text.data(), one.data());
  (rest += "[]").append(one.data() + one.size(), other.data());
  (rest += "[]").append(other.data() + other.size(), text.data() + text.size());
  return rest;
}

/// Reads the two large lists on their own, beside the rest of the document; nothing if they are not plain, or
/// the text is no JSON, or a second list of the same name is hidden in it.
std::optional<RecordingDocument> parse_beside(std::string_view text, std::string_view strings,
                                              std::string_view frames) {
  std::vector<std::string> read_strings;
  std::vector<FrameRow> read_frames;
  bool plain = false;
  const auto read = [&] {
    plain = read_plain_strings(strings, read_strings) && read_plain_frames(frames, read_frames);
  };
  std::optional<RecordingDocument> rest;
  const auto work = [&](bool is_rest) {
    if (is_rest)
      rest = parse_all(without(text, strings, frames));
    else
      read();
  };
  if (text.size() >= kBytesForAThread)
    run_workers(2, [&](unsigned worker) { work(worker == 0); });
  else
    work(false), work(true);
  if (!plain || !rest || !rest->frames.empty() || !rest->strings.empty()) return {};
  rest->strings = std::move(read_strings);
  rest->frames = std::move(read_frames);
  return rest;
}

}  // namespace

std::optional<RecordingDocument> parse_document(std::string_view text, const std::vector<ListSpan>& lists) {
  const auto strings = only_list(lists, "strings"), frames = only_list(lists, "frames");
  if (!strings.empty() && !frames.empty())
    if (auto document = parse_beside(text, strings, frames)) return document;
  return parse_all(text);
}

}  // namespace leakgate::model

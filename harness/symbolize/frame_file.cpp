// SPDX-License-Identifier: Apache-2.0
// A header, then addresses, frames, lengths of texts, and texts, each written once. Text 0 is the maker,
// text 1 the path of the debug file.
#include "harness/symbolize/frame_file.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "harness/base/hash64.h"

namespace leakgate::symbolize {
namespace {

constexpr std::uint64_t kMagic =
    0x32'4d'52'46'47'4c'00'0aU;  // newline, NUL, "LGFRM2": no text tool writes that
constexpr std::uint32_t kMaker = 0;
constexpr std::uint32_t kDebugFile = 1;

struct Header {
  std::uint64_t magic = kMagic;
  std::uint64_t checksum = 0;  ///< of all that follows it
  FileStamp module;
  FileStamp debug;
  std::uint32_t places = 0;
  std::uint32_t rows = 0;
  std::uint32_t texts = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(Header) == 112 && std::is_trivially_copyable_v<Header>);

std::uint64_t checksum_of(std::span<const char> bytes) {
  constexpr std::size_t kSummed = offsetof(Header, checksum) + sizeof(Header::checksum);
  const auto rest = bytes.subspan(kSummed);
  Hash64 hash;
  hash.add_bytes({reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size()});
  return hash.value();
}

/// Takes the next `count` of T off `bytes`; false where there are not so many.
template <typename T>
bool take(std::span<const char>& bytes, std::size_t count, std::vector<T>& out) {
  if (count > bytes.size() / sizeof(T)) return false;
  out.resize(count);
  if (count != 0) std::memcpy(out.data(), bytes.data(), count * sizeof(T));
  bytes = bytes.subspan(count * sizeof(T));
  return true;
}

template <typename T>
void append(std::string& out, std::span<const T> values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

}  // namespace

std::optional<FrameFile> FrameFile::read(std::vector<char> bytes) {
  FrameFile file;
  file.bytes_ = std::move(bytes);
  std::span<const char> left(file.bytes_);
  std::vector<Header> headers;
  if (!take(left, 1, headers)) return std::nullopt;
  const Header& header = headers.front();
  if (header.magic != kMagic || header.checksum != checksum_of(file.bytes_)) return std::nullopt;
  std::vector<std::uint32_t> lengths;
  if (!take(left, header.places, file.places_) || !take(left, header.rows, file.rows_) ||
      !take(left, header.texts, lengths))
    return std::nullopt;
  for (const std::uint32_t length : lengths) {
    if (length > left.size()) return std::nullopt;
    file.texts_.emplace_back(left.data(), length);
    left = left.subspan(length);
  }
  if (!left.empty() || !file.is_sound()) return std::nullopt;
  file.origin_ = {std::string(file.texts_[kMaker]), header.module, std::string(file.texts_[kDebugFile]),
                  header.debug};
  return file;
}

bool FrameFile::is_sound() const {
  if (texts_.size() <= kDebugFile) return false;
  const auto ascend = [](const Place& a, const Place& b) { return a.address >= b.address; };
  if (std::adjacent_find(places_.begin(), places_.end(), ascend) != places_.end()) return false;
  std::size_t next = 0;  // each row belongs to one address
  for (const Place& place : places_) {
    if (place.frames == 0 || place.first != next || place.frames > rows_.size() - next) return false;
    next += place.frames;
  }
  return next == rows_.size() && std::all_of(rows_.begin(), rows_.end(), [&](const Row& row) {
           return row.function < texts_.size() && row.full_function < texts_.size() &&
                  row.file < texts_.size();
         });
}

const FrameFile::Place* FrameFile::place_of(std::uint64_t address) const {
  const auto found =
      std::lower_bound(places_.begin(), places_.end(), address,
                       [](const Place& place, std::uint64_t wanted) { return place.address < wanted; });
  return found != places_.end() && found->address == address ? &*found : nullptr;
}

std::vector<NamedFrame> FrameFile::frames_of(const Place& place) const {
  std::vector<NamedFrame> frames;
  for (const Row& row : std::span(rows_).subspan(place.first, place.frames))
    frames.push_back({{std::string(texts_[row.function]), std::string(texts_[row.full_function])},
                      std::string(texts_[row.file]),
                      row.line,
                      row.column,
                      row.inlined != 0});
  return frames;
}

std::vector<NamedFrame> FrameFile::find(std::uint64_t address) const {
  const Place* const place = place_of(address);
  return place == nullptr ? std::vector<NamedFrame>() : frames_of(*place);
}

FramesByAddress FrameFile::all() const {
  FramesByAddress frames;
  for (const Place& place : places_)
    frames.emplace_hint(frames.end(), place.address, frames_of(place));
  return frames;
}

/// Numbers texts as they come.
class FrameFileWriter {
 public:
  explicit FrameFileWriter(const FrameOrigin& origin) {
    header_.module = origin.module;
    header_.debug = origin.debug_stamp;
    for (const std::string* text : {&origin.maker, &origin.debug_file}) {
      lengths_.push_back(static_cast<std::uint32_t>(text->size()));
      texts_ += *text;
    }
  }

  void add(std::uint64_t address, const std::vector<NamedFrame>& frames) {
    places_.push_back(
        {address, static_cast<std::uint32_t>(rows_.size()), static_cast<std::uint32_t>(frames.size())});
    for (const NamedFrame& frame : frames)
      rows_.push_back({number_of(frame.function.compact), number_of(frame.function.full),
                       number_of(frame.file), frame.line, frame.column, frame.inlined ? 1u : 0u});
  }

  std::string finish() {
    header_.places = static_cast<std::uint32_t>(places_.size());
    header_.rows = static_cast<std::uint32_t>(rows_.size());
    header_.texts = static_cast<std::uint32_t>(lengths_.size());
    std::string out;
    append(out, std::span<const Header>(&header_, 1));
    append(out, std::span<const FrameFile::Place>(places_));
    append(out, std::span<const FrameFile::Row>(rows_));
    append(out, std::span<const std::uint32_t>(lengths_));
    out += texts_;
    const std::uint64_t checksum = checksum_of(out);
    std::memcpy(out.data() + offsetof(Header, checksum), &checksum, sizeof checksum);
    return out;
  }

 private:
  std::uint32_t number_of(const std::string& text) {
    const auto [found, is_new] = numbers_.try_emplace(text, static_cast<std::uint32_t>(lengths_.size()));
    if (is_new) {
      lengths_.push_back(static_cast<std::uint32_t>(text.size()));
      texts_ += text;
    }
    return found->second;
  }

  Header header_;
  std::vector<FrameFile::Place> places_;
  std::vector<FrameFile::Row> rows_;
  std::vector<std::uint32_t> lengths_;
  std::string texts_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

std::string write_frame_file(const FrameOrigin& origin, const FramesByAddress& frames) {
  FrameFileWriter writer(origin);
  for (const auto& [address, each] : frames)
    writer.add(address, each);
  return writer.finish();
}

}  // namespace leakgate::symbolize

// SPDX-License-Identifier: Apache-2.0
// FrameFile: source frames of one module by address, as a file of the frame cache has them. In: the file's
// bytes. Out: frames, or nothing where the bytes are not exactly what write_frame_file() made. Files are this
// machine's own: no byte order is translated.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/symbolize/demangle.h"

namespace leakgate::symbolize {

/// A source frame that stands for itself.
struct NamedFrame {
  FunctionName function;
  std::string file;  ///< as the compiler wrote it; empty: unknown
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool inlined = false;

  friend bool operator==(const NamedFrame& a, const NamedFrame& b) {
    return a.function.compact == b.function.compact && a.function.full == b.function.full &&
           a.file == b.file && a.line == b.line && a.column == b.column && a.inlined == b.inlined;
  }
};

/// Frames of one machine frame, innermost first, by its address.
using FramesByAddress = std::map<std::uint64_t, std::vector<NamedFrame>>;

/// Which file it is, and as it was at a time. Whoever can write a file can give it the size and the times of
/// another one, but not the time of that.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::uint64_t written_ns = 0;  ///< its content
  std::uint64_t changed_ns = 0;  ///< anything of it
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// What the frames were made of, and by whom.
struct FrameOrigin {
  std::string maker;
  FileStamp module;
  std::string debug_file;  ///< whose debug information names them; empty: the module's own
  FileStamp debug_stamp;   ///< of that file; of nothing where it is the module
  friend bool operator==(const FrameOrigin&, const FrameOrigin&) = default;
};

/// Owns the bytes it was read from.
class FrameFile {
 public:
  static std::optional<FrameFile> read(std::vector<char> bytes);
  FrameFile(FrameFile&&) = default;
  FrameFile& operator=(FrameFile&&) = default;
  FrameFile(const FrameFile&) = delete;
  FrameFile& operator=(const FrameFile&) = delete;
  ~FrameFile() = default;

  [[nodiscard]] const FrameOrigin& origin() const { return origin_; }
  /// How many addresses there are.
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] bool has(std::uint64_t address) const { return place_of(address) != nullptr; }
  /// The frames at `address`; none where it is not among them.
  [[nodiscard]] std::vector<NamedFrame> find(std::uint64_t address) const;
  /// All of them.
  [[nodiscard]] FramesByAddress all() const;

 private:
  /// Where the frames of an address begin.
  struct Place {
    std::uint64_t address;
    std::uint32_t first;
    std::uint32_t frames;
  };
  /// Names are numbers of texts_.
  struct Row {
    std::uint32_t function, full_function, file, line, column, inlined;
  };
  friend class FrameFileWriter;

  FrameFile() = default;
  [[nodiscard]] const Place* place_of(std::uint64_t address) const;
  [[nodiscard]] std::vector<NamedFrame> frames_of(const Place& place) const;
  /// Whether addresses ascend, and all that is numbered is there.
  [[nodiscard]] bool is_sound() const;

  std::vector<char> bytes_;
  FrameOrigin origin_;
  std::vector<Place> places_;
  std::vector<Row> rows_;
  std::vector<std::string_view> texts_;  ///< in bytes_
};

/// The bytes of a file with these frames.
std::string write_frame_file(const FrameOrigin& origin, const FramesByAddress& frames);

}  // namespace leakgate::symbolize

// SPDX-License-Identifier: Apache-2.0
// One JSON file per module. All of it is checked when it is read, and none of it is believed when a part is
// wrong.
#include "harness/symbolize/frame_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "harness/base/json_reader.h"
#include "harness/base/json_writer.h"

namespace leakgate::symbolize {
namespace {

constexpr std::string_view kSchema = "leakgate-frames/1";
constexpr std::uint64_t kMostBytes = 8u << 20;
constexpr std::size_t kMostAddresses = 10'000;  ///< of a module

/// Whether the build id can be the name of a file.
bool is_usable(const std::string& build_id) {
  constexpr std::size_t kLeast = 16, kMost = 128;
  return build_id.size() >= kLeast && build_id.size() <= kMost &&
         build_id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string name_of(const std::string& build_id) {
  return build_id + ".frames";
}

std::optional<std::uint64_t> number_in(const JsonValue& object, std::string_view name) {
  const JsonValue* const value = object.find(name);
  return value != nullptr && value->type == JsonType::number ? value->whole : std::nullopt;
}

std::optional<std::string> text_in(const JsonValue& object, std::string_view name) {
  const JsonValue* const value = object.find(name);
  return value != nullptr && value->type == JsonType::string ? std::optional(value->text) : std::nullopt;
}

std::optional<std::uint32_t> small_number_in(const JsonValue& object, std::string_view name) {
  const auto number = number_in(object, name);
  return number && *number <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

std::optional<NamedFrame> read_frame(const JsonValue& value) {
  const auto compact = text_in(value, "function"), full = text_in(value, "full_function"),
             file = text_in(value, "file");
  const auto line = small_number_in(value, "line"), column = small_number_in(value, "column");
  const JsonValue* const inlined = value.find("inlined");
  if (!compact || !full || !file || !line || !column || inlined == nullptr ||
      inlined->type != JsonType::boolean)
    return std::nullopt;
  return NamedFrame{{*compact, *full}, *file, *line, *column, inlined->boolean};
}

void write_frame(JsonWriter& out, const NamedFrame& frame) {
  out.begin_object();
  out.member("function", frame.function.compact);
  out.member("full_function", frame.function.full);
  out.member("file", frame.file);
  out.member("line", frame.line);
  out.member("column", frame.column);
  out.member("inlined", frame.inlined);
  out.end_object();
}

}  // namespace

FrameCache::Stamp FrameCache::stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {static_cast<std::uint64_t>(status.st_size),
          static_cast<std::uint64_t>(status.st_mtim.tv_sec) * 1'000'000'000u +
              static_cast<std::uint64_t>(status.st_mtim.tv_nsec)};
}

bool FrameCache::read(const std::string& text, const std::string& name, Module& module) const {
  const auto root = parse_json(text, name);
  if (!root || text_in(*root, "schema") != kSchema || text_in(*root, "maker") != maker_) return false;
  const auto debug_file = text_in(*root, "debug_file");
  const auto stamp = [&](std::string_view bytes, std::string_view changed) {
    return Stamp{number_in(*root, bytes).value_or(0), number_in(*root, changed).value_or(0)};
  };
  if (!debug_file || stamp("bytes", "changed_ns") != module.stamp) return false;
  module.debug_file = *debug_file;
  module.debug_stamp = stamp_of(*debug_file);
  if (module.debug_stamp == Stamp{} || stamp("debug_bytes", "debug_changed_ns") != module.debug_stamp)
    return false;
  const JsonValue* const addresses = root->find("addresses");
  if (addresses == nullptr || addresses->type != JsonType::array) return false;
  for (const JsonValue& element : addresses->elements) {
    const auto address = number_in(element, "address");
    const JsonValue* const frames = element.find("frames");
    if (!address || frames == nullptr || frames->type != JsonType::array || frames->elements.empty())
      return false;
    std::vector<NamedFrame>& named = module.frames[*address];
    for (const JsonValue& each : frames->elements) {
      auto frame = read_frame(each);
      if (!frame) return false;
      named.push_back(std::move(*frame));
    }
  }
  return true;
}

std::string FrameCache::write(const Module& module) const {
  JsonWriter out(2);
  out.begin_object();
  out.member("schema", kSchema);
  out.member("maker", maker_);
  out.member("bytes", module.stamp.bytes);
  out.member("changed_ns", module.stamp.changed_ns);
  out.member("debug_file", module.debug_file);
  out.member("debug_bytes", module.debug_stamp.bytes);
  out.member("debug_changed_ns", module.debug_stamp.changed_ns);
  out.begin_array("addresses");
  for (const auto& [address, frames] : module.frames) {
    out.begin_object();
    out.member("address", address);
    out.begin_array("frames");
    for (const NamedFrame& frame : frames)
      write_frame(out, frame);
    out.end_array();
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

FrameCache::Module& FrameCache::module_of(const ModuleFile& file) {
  const auto [found, is_new] = modules_.try_emplace(file.build_id);
  Module& module = found->second;
  if (!is_new) return module;
  module.stamp = stamp_of(file.to_open());
  const std::string name = name_of(file.build_id);
  const auto cached = is_usable(file.build_id) ? directory_.find(name) : std::nullopt;
  if (!cached || cached->bytes > kMostBytes) return module;
  std::string text(cached->bytes, '\0');
  if (!cached->read(text.data(), text.size()) || !read(text, name, module))
    module = Module{module.stamp, {}, {}, {}, false};
  return module;
}

const std::vector<NamedFrame>* FrameCache::find(const ModuleFile& module, std::uint64_t address) {
  const auto& frames = module_of(module).frames;
  const auto found = frames.find(address);
  return found == frames.end() ? nullptr : &found->second;
}

bool FrameCache::knows(const ModuleFile& module) {
  return !module_of(module).frames.empty();
}

void FrameCache::add(const ModuleFile& file, const std::string& debug_file, std::uint64_t address,
                     std::vector<NamedFrame> frames) {
  Module& module = module_of(file);
  if (!is_usable(file.build_id) || module.stamp == Stamp{} || frames.empty()) return;
  if (module.debug_file != debug_file) {
    module.frames.clear();
    module.debug_file = debug_file;
    module.debug_stamp = stamp_of(debug_file);
  }
  if (module.debug_stamp == Stamp{} || module.frames.size() >= kMostAddresses) return;
  module.has_changed = module.frames.try_emplace(address, std::move(frames)).second || module.has_changed;
}

void FrameCache::store() {
  for (auto& [build_id, module] : modules_) {
    if (!module.has_changed) continue;
    module.has_changed = false;
    const std::string text = write(module);
    if (text.size() <= kMostBytes)
      (void)directory_.replace(name_of(build_id), {std::as_bytes(std::span(text))});
  }
}

}  // namespace leakgate::symbolize

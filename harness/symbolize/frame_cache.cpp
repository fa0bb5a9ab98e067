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

void write_stamp(JsonWriter& out, std::string_view name, const FileStamp& stamp) {
  out.begin_object(name);
  out.member("device", stamp.device);
  out.member("inode", stamp.inode);
  out.member("bytes", stamp.bytes);
  out.member("written_ns", stamp.written_ns);
  out.member("changed_ns", stamp.changed_ns);
  out.end_object();
}

FileStamp read_stamp(const JsonValue& object, std::string_view name) {
  const JsonValue* const value = object.find(name);
  if (value == nullptr) return {};
  const auto number = [&](std::string_view field) { return number_in(*value, field).value_or(0); };
  return {number("device"), number("inode"), number("bytes"), number("written_ns"), number("changed_ns")};
}

std::uint64_t ns_of(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), ns_of(status.st_mtim),
          ns_of(status.st_ctim)};
}

bool FrameCache::read(const std::string& text, const std::string& name, Module& module) const {
  const auto root = parse_json(text, name);
  if (!root || text_in(*root, "schema") != kSchema || text_in(*root, "maker") != maker_) return false;
  const auto debug_file = text_in(*root, "debug_file");
  if (!debug_file || read_stamp(*root, "module") != module.stamp) return false;
  module.debug_file = *debug_file;
  module.debug_stamp = stamp_of(*debug_file);
  if (module.debug_stamp == FileStamp{} || read_stamp(*root, "debug_module") != module.debug_stamp)
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
  write_stamp(out, "module", module.stamp);
  out.member("debug_file", module.debug_file);
  write_stamp(out, "debug_module", module.debug_stamp);
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

FrameCache::Module* FrameCache::module_of(const ModuleFile& file) {
  // a build id is what whoever makes a file calls it
  const auto [known, is_first] = stamps_.try_emplace(file.to_open());
  if (is_first) known->second = stamp_of(known->first);
  const FileStamp& stamp = known->second;
  if (!is_usable(file.build_id) || stamp == FileStamp{}) return nullptr;
  const auto [found, is_new] = modules_.try_emplace(file.build_id);
  Module& module = found->second;
  if (!is_new) return module.stamp == stamp ? &module : nullptr;
  module.stamp = stamp;
  const std::string name = name_of(file.build_id);
  const auto cached = directory_.find(name);
  if (!cached || cached->bytes > kMostBytes) return &module;
  std::string text(cached->bytes, '\0');
  if (!cached->read(text.data(), text.size()) || !read(text, name, module))
    module = Module{stamp, {}, {}, {}, false};
  return &module;
}

const std::vector<NamedFrame>* FrameCache::find(const ModuleFile& file, std::uint64_t address) {
  const Module* const module = module_of(file);
  if (module == nullptr) return nullptr;
  const auto found = module->frames.find(address);
  return found == module->frames.end() ? nullptr : &found->second;
}

bool FrameCache::knows(const ModuleFile& file) {
  const Module* const module = module_of(file);
  return module != nullptr && !module->frames.empty();
}

void FrameCache::add(const ModuleFile& file, const std::string& debug_file, std::uint64_t address,
                     std::vector<NamedFrame> frames) {
  Module* const module = module_of(file);
  if (module == nullptr || frames.empty()) return;
  if (module->debug_file != debug_file) {
    module->frames.clear();
    module->debug_file = debug_file;
    module->debug_stamp = stamp_of(debug_file);
  }
  if (module->debug_stamp == FileStamp{} || module->frames.size() >= kMostAddresses) return;
  module->has_changed = module->frames.try_emplace(address, std::move(frames)).second || module->has_changed;
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

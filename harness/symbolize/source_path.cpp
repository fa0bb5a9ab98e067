// SPDX-License-Identifier: Apache-2.0
// Path mapping and normalisation; see source_path.h.
#include "harness/symbolize/source_path.h"

#include <algorithm>

#include "harness/symbolize/text.h"

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kMaxPathBytes = 4096;

/// True if `path` is `prefix` or lies below it; a prefix ends at a path component.
bool has_path_prefix(std::string_view path, std::string_view prefix) {
  if (prefix.empty() || !path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/';
}

}  // namespace

bool parse_path_map(std::string_view text, std::pair<std::string, std::string>& map) {
  const auto equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  map.first = std::string(text.substr(0, equals));
  map.second = std::string(text.substr(equals + 1));
  return true;
}

std::string normalize_path(std::string_view path) {
  if (path.empty()) return {};
  const bool absolute = path.front() == '/';
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !absolute) {
      parts.push_back(part);
    }
  }
  std::string out = absolute ? "/" : "";
  for (const std::string_view part : parts) {
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

SourcePaths::SourcePaths(PathOptions options) : options_(std::move(options)) {
  if (!options_.source_root.empty()) options_.source_root = normalize_path(options_.source_root);
}

std::string SourcePaths::display(std::string_view path) const {
  if (path.empty()) return {};
  std::string text = printable_text(path, kMaxPathBytes);
  // A map may be meant for the path as the compiler wrote it or for its tidy form; the tidy form is tried
  // second.
  const std::string tidy = normalize_path(text);
  bool mapped = false;
  for (auto map = options_.path_maps.rbegin(); map != options_.path_maps.rend() && !mapped; ++map) {
    for (const std::string& candidate : {text, tidy}) {
      if (!has_path_prefix(candidate, map->first)) continue;
      std::string_view rest = std::string_view(candidate).substr(map->first.size());
      std::string result = map->second;
      if (result.empty()) {
        while (rest.starts_with('/'))
          rest.remove_prefix(1);
      } else if (!rest.empty() && !rest.starts_with('/') && !result.ends_with('/')) {
        result += '/';
      }
      text = result.append(rest);
      mapped = true;
      break;
    }
  }
  // Build farms compile through /proc/self/cwd to keep the directory out of the file: what follows is
  // relative to the root.
  for (const std::string_view prefix : {"/proc/self/cwd", "/proc/./self/cwd"}) {
    if (has_path_prefix(text, prefix)) {
      text.erase(0, prefix.size());
      text.erase(0, std::min(text.find_first_not_of('/'), text.size()));
      break;
    }
  }
  text = normalize_path(text);
  const std::string& root = options_.source_root;
  if (root.size() > 1 && has_path_prefix(text, root) && text.size() > root.size() + 1)
    text.erase(0, root.size() + 1);
  return text;
}

}  // namespace leakgate::symbolize

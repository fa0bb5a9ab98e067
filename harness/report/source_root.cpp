// SPDX-License-Identifier: Apache-2.0
// Path arithmetic on text; see source_root.h.
#include "harness/report/source_root.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

namespace leakgate::report {
namespace {

constexpr auto kSystemFolders =
    std::to_array<std::string_view>({"/usr/", "/opt/", "/lib/", "/lib64/", "/proc/", "/nix/"});

/// Without a look at each component: what says true needs no change.
bool is_normal(std::string_view path) {
  if (path.empty() || path.back() == '/' || path.front() == '.') return path.empty();
  for (auto at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1))
    if (path[at + 1] == '.' || path[at + 1] == '/') return false;
  return true;
}

std::string normal(std::string_view path) {
  if (is_normal(path)) return std::string(path);
  std::string text = std::filesystem::path(path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/')
    text.pop_back();
  return text;
}

bool below(std::string_view file, std::string_view folder) {
  return file.size() > folder.size() && file.starts_with(folder) && file[folder.size()] == '/';
}

/// The longest folder that holds both absolute paths.
std::string common_folder(std::string_view a, std::string_view b) {
  std::size_t end = 0;
  for (std::size_t i = 0; i <= a.size() && i <= b.size(); ++i) {
    const bool border = (i == a.size() || a[i] == '/') && (i == b.size() || b[i] == '/');
    if (border) end = i;
    if (i == a.size() || i == b.size() || a[i] != b[i]) break;
  }
  return std::string(a.substr(0, end));
}

}  // namespace

SourceRoot::SourceRoot(const model::Verdict& verdict) : root_(normal(verdict.run.cwd)) {
  const std::string run_folder = root_;
  if (root_.empty() || root_.front() != '/' || root_ == "/") {
    root_.clear();
    return;
  }
  for (const auto& judged : verdict.tests)
    widen_for(judged.test.file);
  for (const auto& leak : verdict.leaks)
    if (leak.verdict == model::LeakVerdict::fail && leak.site < leak.stack.size())
      widen_for(leak.stack[leak.site].file);
  if (below(run_folder, root_)) run_folder_ = run_folder.substr(root_.size() + 1) + "/";
}

void SourceRoot::widen_for(std::string_view file) {
  if (!file.starts_with('/') || below(file, root_)) return;
  const auto is_system = [&](std::string_view folder) { return file.starts_with(folder); };
  if (std::any_of(kSystemFolders.begin(), kSystemFolders.end(), is_system)) return;
  const std::string path = normal(file);
  if (below(path, root_)) return;
  const std::string both = common_folder(root_, path);
  // One component ("/home") says nothing about a project.
  if (std::count(both.begin(), both.end(), '/') >= 2) root_ = both;
}

std::string SourceRoot::relative(std::string_view file) const {
  // "../" is another project's: what was built elsewhere says where its sources were from there
  if (!run_folder_.empty() && !file.empty() && !file.starts_with('/') && !file.starts_with("../"))
    return run_folder_ + normal(file);
  if (is_normal(file))
    return std::string(!root_.empty() && below(file, root_) ? file.substr(root_.size() + 1) : file);
  std::string path = normal(file);
  return !root_.empty() && below(path, root_) ? path.substr(root_.size() + 1) : path;
}

bool SourceRoot::contains(std::string_view file) const {
  if (file.empty()) return false;
  if (!file.starts_with('/')) return true;
  return !root_.empty() && (is_normal(file) ? below(file, root_) : below(normal(file), root_));
}

std::string uri_path(std::string_view path) {
  static constexpr auto kPlain = [] {
    std::array<bool, 256> plain{};
    for (const unsigned char c :
         std::string_view("-._~/+@0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
      plain[c] = true;
    return plain;
  }();
  const auto is_plain = [](char c) { return kPlain[static_cast<unsigned char>(c)]; };
  if (std::all_of(path.begin(), path.end(), is_plain)) return std::string(path);
  std::string out;
  out.reserve(path.size());
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain[byte])
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", byte);
  }
  return out;
}

}  // namespace leakgate::report

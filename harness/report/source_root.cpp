// SPDX-License-Identifier: Apache-2.0
// Path arithmetic on text; see source_root.h.
#include "harness/report/source_root.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>

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

bool is_system(std::string_view file) {
  return std::any_of(kSystemFolders.begin(), kSystemFolders.end(),
                     [&](std::string_view folder) { return file.starts_with(folder); });
}

/// Which of the folders above the working directory, itself included, the project's files lie in.
class FolderVotes {
 public:
  explicit FolderVotes(const std::string& run_folder) : run_folder_(run_folder) {}

  /// Counts `file`; false if it says nothing about the project.
  bool add(std::string_view file) {
    const std::size_t length = length_of_common(file);
    if (length == 0) return false;
    ++votes_[length];
    ++all_;
    return true;
  }
  [[nodiscard]] bool empty() const { return all_ == 0; }

  /// The deepest folder that holds at least half of the files, so that no single one from elsewhere makes the
  /// paths of all others longer.
  [[nodiscard]] std::string chosen() const {
    std::size_t held = 0;
    for (const auto& [length, count] : votes_) {
      held += count;
      if (2 * held >= all_) return run_folder_.substr(0, length);
    }
    return run_folder_;
  }

 private:
  [[nodiscard]] std::size_t length_of_common(std::string_view file) const {
    if (file.empty() || file.starts_with("../")) return 0;
    if (!file.starts_with('/') || below(file, run_folder_)) return run_folder_.size();
    if (is_system(file)) return 0;
    const std::string path = normal(file);
    if (below(path, run_folder_)) return run_folder_.size();
    const std::string both = common_folder(run_folder_, path);
    // One component ("/home") says nothing about a project.
    return std::count(both.begin(), both.end(), '/') >= 2 ? both.size() : 0;
  }

  const std::string& run_folder_;
  std::map<std::size_t, std::size_t, std::greater<>> votes_;  ///< by length of the folder's path
  std::size_t all_ = 0;
};

/// Where `leak` was allocated, and where the program began to do so: a library from elsewhere has the one,
/// the project the other.
void vote(const model::Leak& leak, FolderVotes& votes) {
  if (leak.site >= leak.stack.size()) return;
  votes.add(leak.stack[leak.site].file);
  for (std::size_t i = leak.stack.size(); i-- > leak.site + 1;)
    if (votes.add(leak.stack[i].file)) return;
}

}  // namespace

SourceRoot::SourceRoot(const model::Verdict& verdict) {
  const bool is_given = verdict.run.source_root.starts_with('/');
  root_ = normal(is_given ? verdict.run.source_root : verdict.run.cwd);
  if (!root_.starts_with('/') || root_ == "/") root_.clear();
  if (!is_given && !root_.empty()) widen_to_most(verdict);
}

void SourceRoot::widen_to_most(const model::Verdict& verdict) {
  const std::string run_folder = root_;
  FolderVotes votes(run_folder);
  for (const auto& judged : verdict.tests)
    if (judged.test.file.starts_with('/')) votes.add(judged.test.file);
  if (votes.empty())
    for (const auto& leak : verdict.leaks)
      if (leak.verdict == model::LeakVerdict::fail) vote(leak, votes);
  root_ = votes.chosen();
  if (below(run_folder, root_)) run_folder_ = run_folder.substr(root_.size() + 1) + "/";
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

std::string SourceRoot::relative_of_test(std::string_view file) const {
  return file.starts_with('/') ? relative(file) : normal(file);
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

// SPDX-License-Identifier: Apache-2.0
// A page in a headless browser, driven through the DevTools protocol over two pipes. In: a file to open, then
// scripts and key strokes. Out: what scripts say, and whatever the page complained of or asked of a network.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace leakgate::browser {

/// Where the browser is; empty: there is none.
std::string browser_path();

class Page {
 public:
  /// Opens `file`, and waits until it has loaded. Throws std::runtime_error where the browser cannot be had.
  explicit Page(const std::filesystem::path& file);
  ~Page();
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  /// The value of a script; an exception is a complaint, and null.
  nlohmann::json run(const std::string& script);
  /// Waits until the script says true; false after half a minute.
  bool wait_for(const std::string& script);
  /// One key, by its name ("ArrowDown", "/"), as a person presses it.
  void press(const std::string& key);
  /// Types a text into what has the focus.
  void type(const std::string& text);
  void prefer(const std::string& colour_scheme);  ///< "dark", "light"
  /// The page as PNG.
  std::string screenshot();

  /// Uncaught exceptions, errors on the console, and requests for anything but the file itself.
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = nlohmann::json::object());
  nlohmann::json read_message();
  void note(const nlohmann::json& event);
  void start();

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  int next_id_ = 1;
  bool loaded_ = false;
  std::string session_, url_, pending_;
  std::filesystem::path profile_;
  std::vector<std::string> complaints_;
};

}  // namespace leakgate::browser

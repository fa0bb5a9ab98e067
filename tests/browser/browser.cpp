// SPDX-License-Identifier: Apache-2.0
// Messages are JSON texts that end with a NUL: commands go to the browser's descriptor 3, answers and events
// come from its descriptor 4.
#include "tests/browser/browser.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace leakgate::browser {
namespace {

using nlohmann::json;

constexpr int kPatienceMs = 120'000;  // a busy machine may take long to start a browser

std::string decode_base64(const std::string& text) {
  std::string out;
  unsigned value = 0;
  int bits = 0;
  for (const char c : text) {
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (digit < 0) continue;
    value = value << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(value >> bits & 0xff);
  }
  return out;
}

[[noreturn]] void become_browser(int commands, int answers, const std::string& profile) {
  // the pipes may have the very numbers that are wanted
  const int in = ::fcntl(commands, F_DUPFD, 10), out = ::fcntl(answers, F_DUPFD, 10);
  ::dup2(in, 3);
  ::dup2(out, 4);
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2})
    ::dup2(nothing, fd);
  ::setpgid(0, 0);
  const std::string folder = "--user-data-dir=" + profile;
  ::execl(browser_path().c_str(), "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
          "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--window-size=1400,1000", "--remote-debugging-pipe", folder.c_str(),
          "about:blank", nullptr);
  ::_exit(127);
}

}  // namespace

std::string browser_path() {
  return LEAKGATE_CHROMIUM;
}

Page::Page(const std::filesystem::path& file) : url_("file://" + file.string()) {
  start();
  json target = call("Target.createTarget", {{"url", "about:blank"}});
  session_ =
      call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})["sessionId"];
  for (const char* domain : {"Page", "Runtime", "Log", "Network"})
    call(std::string(domain) + ".enable");
  call("Page.navigate", {{"url", url_}});
  while (!loaded_)
    note(read_message());
}

void Page::start() {
  char folder[] = "/tmp/leakgate-browser.XXXXXX";
  if (::mkdtemp(folder) == nullptr) throw std::runtime_error("no folder for the browser's profile");
  profile_ = folder;
  int commands[2], answers[2];
  if (::pipe2(commands, O_CLOEXEC) != 0 || ::pipe2(answers, O_CLOEXEC) != 0)
    throw std::runtime_error("no pipes for the browser");
  ::signal(SIGPIPE, SIG_IGN);
  pid_ = ::fork();
  if (pid_ == 0) become_browser(commands[0], answers[1], profile_.string());
  ::close(commands[0]);
  ::close(answers[1]);
  to_ = commands[1];
  from_ = answers[0];
}

Page::~Page() {
  ::close(to_);  // its end is the browser's end
  ::close(from_);
  for (int i = 0; i < 100 && pid_ > 0; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(pid_ > 0 ? 50 : 0));
  }
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(profile_, ignored);
}

json Page::read_message() {
  for (;;) {
    if (const auto end = pending_.find('\0'); end != std::string::npos) {
      json message = json::parse(pending_.substr(0, end));
      pending_.erase(0, end + 1);
      return message;
    }
    pollfd wait{from_, POLLIN, 0};
    char buffer[65536];
    const ssize_t count = ::poll(&wait, 1, kPatienceMs) == 1 ? ::read(from_, buffer, sizeof buffer) : -1;
    if (count <= 0) throw std::runtime_error("the browser does not answer");
    pending_.append(buffer, static_cast<std::size_t>(count));
  }
}

void Page::note(const json& event) {
  const std::string method = event.value("method", "");
  const json parameters = event.value("params", json::object());
  if (method == "Page.loadEventFired") loaded_ = true;
  if (method == "Runtime.exceptionThrown") complaints_.push_back("exception: " + parameters.dump());
  if (method == "Runtime.consoleAPICalled" && parameters["type"] != "log")
    complaints_.push_back(parameters.dump());
  if (method == "Log.entryAdded" && parameters["entry"]["level"] == "error")
    complaints_.push_back("log: " + parameters["entry"].dump());
  if (method == "Network.requestWillBeSent" && parameters["request"]["url"] != url_)
    complaints_.push_back("request: " + parameters["request"]["url"].dump());
}

json Page::call(const std::string& method, const json& parameters) {
  json message = {{"id", next_id_++}, {"method", method}, {"params", parameters}};
  if (!session_.empty()) message["sessionId"] = session_;
  const std::string text = message.dump() + '\0';
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::write(to_, text.data() + sent, text.size() - sent);
    if (count <= 0) throw std::runtime_error("the browser is gone");
    sent += static_cast<std::size_t>(count);
  }
  for (;;) {
    const json answer = read_message();
    if (answer.contains("id") && answer["id"] == message["id"]) {
      if (answer.contains("error")) throw std::runtime_error(method + ": " + answer["error"].dump());
      return answer["result"];
    }
    note(answer);
  }
}

json Page::run(const std::string& script) {
  json answer =
      call("Runtime.evaluate", {{"expression", script}, {"returnByValue", true}, {"awaitPromise", true}});
  if (answer.contains("exceptionDetails"))
    complaints_.push_back(script + ": " + answer["exceptionDetails"].dump());
  return answer["result"].value("value", json());
}

bool Page::wait_for(const std::string& script) {
  for (int i = 0; i < 600; ++i) {
    if (run(script) == true) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

void Page::press(const std::string& key) {
  json event = {{"type", "keyDown"}, {"key", key}};
  if (key.size() == 1) event["text"] = key;
  if (key == "Enter") event["text"] = "\r";
  call("Input.dispatchKeyEvent", event);
  event["type"] = "keyUp";
  call("Input.dispatchKeyEvent", event);
}

void Page::type(const std::string& text) {
  call("Input.insertText", {{"text", text}});
}

void Page::prefer(const std::string& colour_scheme) {
  call("Emulation.setEmulatedMedia",
       {{"features", {{{"name", "prefers-color-scheme"}, {"value", colour_scheme}}}}});
}

std::string Page::screenshot() {
  return decode_base64(call("Page.captureScreenshot", {{"format", "png"}})["data"]);
}

}  // namespace leakgate::browser

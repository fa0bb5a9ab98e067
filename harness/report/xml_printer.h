// SPDX-License-Identifier: Apache-2.0
// StringPrinter: tinyxml2's printer, with a text of our own: its own buffer counts in int and holds the whole
// document.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tinyxml2.h>

#include "harness/base/text.h"

namespace leakgate::report {

class StringPrinter : public tinyxml2::XMLPrinter {
 public:
  std::string text;

  /// An attribute; `value` is made safe.
  void attribute(const char* name, std::string_view value) {
    PushAttribute(name, xml_attribute(value).c_str());
  }
  /// <name>value</name>; `value` is made safe.
  void element(const char* name, std::string_view value) {
    OpenElement(name);
    PushText(xml_text(value).c_str());
    CloseElement();
  }

  /// Whole elements as they stand, inside the one that is open.
  void raw(std::string_view elements) {
    SealElementIfJustOpened();
    text += elements;
  }

 protected:
  void Print(const char* format, ...) override __attribute__((format(printf, 2, 3)));
  void Write(const char* data, std::size_t size) override { text.append(data, size); }
  void Putc(char c) override { text += c; }
};

}  // namespace leakgate::report

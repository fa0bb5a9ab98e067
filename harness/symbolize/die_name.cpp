// SPDX-License-Identifier: Apache-2.0
// Function names out of DWARF; see die_name.h. What is put together here is spelled as the demangler spells
// it, so that a function has one name whether its compiler gave it a linker name or not.
#include "harness/symbolize/die_name.h"

#include <dwarf.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "harness/symbolize/dwarf_walk.h"

namespace leakgate::symbolize {
namespace {

constexpr int kMaxTypeDepth = 12;
constexpr int kMaxOriginSteps = 16;
constexpr std::size_t kMaxTextBytes = 8192;
constexpr int kMaxParameters = 64;
constexpr std::size_t kMaxNesting = 8;

const char* string_attribute(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute storage;
  return dwarf_formstring(dwarf_attr_integrate(die, attribute, &storage));
}

bool is_cplusplus(Dwarf_Die die) {
  Dwarf_Die unit;
  if (dwarf_diecu(&die, &unit, nullptr, nullptr) == nullptr) return false;
  switch (dwarf_srclang(&unit)) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case 0x2b:  // C++17 and C++20, which older headers do not name
    case 0x2c:
      return true;
    default:
      return false;
  }
}

/// The entry where the function was declared: at the end of the abstract origins and specifications.
Dwarf_Die declaration_of(Dwarf_Die die) {
  for (int step = 0; step < kMaxOriginSteps; ++step) {
    Dwarf_Attribute attribute;
    Dwarf_Die next;
    if (dwarf_attr(&die, DW_AT_abstract_origin, &attribute) == nullptr &&
        dwarf_attr(&die, DW_AT_specification, &attribute) == nullptr) {
      break;
    }
    if (dwarf_formref_die(&attribute, &next) == nullptr) break;
    die = next;
  }
  return die;
}

bool is_scope(int tag) {
  return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
         tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type || tag == DW_TAG_subprogram ||
         tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block || tag == DW_TAG_module;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kSpellings{{
    {"long long unsigned int", "unsigned long long"},
    {"long long int", "long long"},
    {"long unsigned int", "unsigned long"},
    {"long int", "long"},
    {"short unsigned int", "unsigned short"},
    {"short int", "short"},
    {"__int128 unsigned", "unsigned __int128"},
    {"wchar_t", "wchar_t"},
}};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string base_type_text(std::string_view name) {
  for (const auto& [from, to] : kSpellings) {
    if (name == from) return std::string(to);
  }
  return std::string(name);
}

/// "Box<long int>" as the demangler has it: "Box<long>".
std::string template_text(std::string_view name) {
  std::string text(name.substr(0, name.find('<')));
  for (std::size_t at = text.size(); at < name.size();) {
    const std::string_view rest = name.substr(at);
    const bool word_begins = !is_word(name[at - (at > 0 ? 1 : 0)]);
    const auto* const spelling = std::find_if(kSpellings.begin(), kSpellings.end(), [&](const auto& pair) {
      const std::string_view from = pair.first;
      return word_begins && rest.starts_with(from) &&
             (rest.size() == from.size() || !is_word(rest[from.size()]));
    });
    const bool is_known = spelling != kSpellings.end();
    text += is_known ? spelling->second : rest.substr(0, 1);
    at += is_known ? spelling->first.size() : 1;
  }
  return text;
}

/// GCC's "<lambda(int)>" in the demangler's spelling, as far as it goes: "{lambda(int)}".
std::string scope_text(int tag, const char* name) {
  if (name == nullptr) return tag == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed type}";
  const std::string_view text(name);
  if (text.starts_with("<lambda") && text.ends_with(">")) {
    return "{" + std::string(text.substr(1, text.size() - 2)) + "}";
  }
  return template_text(text);
}

}  // namespace

const FunctionName& DieNames::function_name(const Dwarf_Die& die) {
  // Inlined calls of one function share its name: remember it under the entry they all point at.
  Dwarf_Die key = die;
  Dwarf_Attribute attribute;
  Dwarf_Die origin;
  if (dwarf_attr(&key, DW_AT_abstract_origin, &attribute) != nullptr &&
      dwarf_attr(&key, DW_AT_linkage_name, &attribute) == nullptr &&
      dwarf_formref_die(dwarf_attr(&key, DW_AT_abstract_origin, &attribute), &origin) != nullptr) {
    key = origin;
  }
  const auto known = names_.find(key.addr);
  if (known != names_.end()) return known->second;
  FunctionName name = make_name(key);
  memory_bytes_ += name.compact.capacity() + name.full.capacity() + 128;
  return names_.emplace(key.addr, std::move(name)).first->second;
}

FunctionName DieNames::make_name(Dwarf_Die die) {
  const char* linker_name = string_attribute(&die, DW_AT_linkage_name);
  if (linker_name == nullptr) linker_name = string_attribute(&die, DW_AT_MIPS_linkage_name);
  const char* name = string_attribute(&die, DW_AT_name);
  if (linker_name != nullptr && *linker_name != '\0') {
    FunctionName demangled = name_from_linker(linker_name);
    // The C++ library's demangler refuses names of more than about a thousand bytes; the DWARF has them in
    // parts.
    if (!demangled.compact.starts_with("_Z") || name == nullptr) return demangled;
  }
  if (name == nullptr || *name == '\0') return {};
  if (!is_cplusplus(die)) return name_from_linker(name);
  return name_from_source(source_name(declaration_of(die)));
}

std::string DieNames::source_name(Dwarf_Die declaration) {
  const char* name = dwarf_diename(&declaration);
  if (name == nullptr) return {};
  // Entries may refer to each other in a circle: in a file made for it, and in GCC's coroutines, which take a
  // pointer to a type of their own scope.
  const bool is_under_way =
      std::find(under_way_.begin(), under_way_.end(), declaration.addr) != under_way_.end();
  if (is_under_way || under_way_.size() >= kMaxNesting) return name;
  under_way_.push_back(declaration.addr);
  const std::string scope = qualifier(declaration, 0);
  Dwarf_Attribute attribute;
  bool external = false;
  dwarf_formflag(dwarf_attr(&declaration, DW_AT_external, &attribute), &external);
  // External and without a linker name: extern "C", or main.
  std::string text = scope.empty() ? template_text(name) : scope + "::" + template_text(name);
  if (!external || !scope.empty()) {
    text += "(" + parameters(declaration, 0) + ")";
    if (is_const_method(declaration)) text += " const";
  }
  under_way_.pop_back();
  return text;
}

bool DieNames::is_const_method(Dwarf_Die function) {
  bool is_const = false;
  for_each_child(&function, budget_, [&](Dwarf_Die& child) {
    if (dwarf_tag(&child) != DW_TAG_formal_parameter || dwarf_hasattr(&child, DW_AT_artificial) == 0)
      return false;
    // `this` is a pointer, itself const where it is a lambda's closure; what it points at is the question.
    Dwarf_Die type = child;
    for (int step = 0; step < 3; ++step) {
      Dwarf_Attribute attribute;
      Dwarf_Die inner;
      if (dwarf_formref_die(dwarf_attr(&type, DW_AT_type, &attribute), &inner) == nullptr) return false;
      const bool was_pointer = dwarf_tag(&type) == DW_TAG_pointer_type;
      type = inner;
      if (was_pointer) {
        is_const = dwarf_tag(&type) == DW_TAG_const_type;
        return false;
      }
    }
    return false;
  });
  return is_const;
}

std::string DieNames::lambda_text(Dwarf_Die type, int depth) {
  std::string text;
  for_each_child(&type, budget_, [&](Dwarf_Die& child) {
    const char* name = dwarf_tag(&child) == DW_TAG_subprogram ? dwarf_diename(&child) : nullptr;
    if (name == nullptr || std::string_view(name) != "operator()") return true;
    text = "{lambda(" + (depth < kMaxTypeDepth ? parameters(child, depth + 1) : "") + ")}";
    return false;
  });
  return text;
}

std::string DieNames::parameters(Dwarf_Die function, int depth) {
  std::string text;
  int count = 0;
  const auto append = [&](const std::string& parameter) {
    if (!text.empty()) text += ", ";
    text += parameter;
  };
  for_each_child(&function, budget_, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_unspecified_parameters) append("...");
    if (tag == DW_TAG_GNU_formal_parameter_pack) {
      if (std::string pack = parameters(child, depth + 1); !pack.empty() && depth < kMaxTypeDepth)
        append(pack);
    }
    if (tag == DW_TAG_formal_parameter && dwarf_hasattr_integrate(&child, DW_AT_artificial) == 0) {
      append(type_name(&child, depth + 1));
    }
    return ++count < kMaxParameters && text.size() < kMaxTextBytes;
  });
  return text;
}

std::string DieNames::type_name(Dwarf_Die* owner, int depth) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (dwarf_attr_integrate(owner, DW_AT_type, &attribute) == nullptr) return "void";
  if (depth > kMaxTypeDepth || !budget_.spend() || dwarf_formref_die(&attribute, &type) == nullptr)
    return "?";
  // The outermost const of a parameter is no part of the function's type.
  int tag = dwarf_tag(&type);
  while (owner != nullptr && dwarf_tag(owner) == DW_TAG_formal_parameter &&
         (tag == DW_TAG_const_type || tag == DW_TAG_volatile_type) && depth++ < kMaxTypeDepth) {
    Dwarf_Die inner;
    if (dwarf_formref_die(dwarf_attr(&type, DW_AT_type, &attribute), &inner) == nullptr) return "void";
    type = inner;
    tag = dwarf_tag(&type);
  }
  return type_text(type, depth);
}

std::string DieNames::type_text(Dwarf_Die type, int depth) {
  const int tag = dwarf_tag(&type);
  const char* name = dwarf_diename(&type);
  // "int (" + "*)(char)": a pointer to a function goes into the middle of the function's text.
  const auto around = [&](std::string_view symbol) {
    std::string inner = type_name(&type, depth + 1);
    if (const auto hole = inner.find("({})"); hole != std::string::npos) {
      return inner.replace(hole + 1, 2, symbol);
    }
    return inner.append(symbol);
  };
  switch (tag) {
    case DW_TAG_pointer_type:
      return around("*");
    case DW_TAG_reference_type:
      return around("&");
    case DW_TAG_rvalue_reference_type:
      return around("&&");
    case DW_TAG_const_type:
      return type_name(&type, depth + 1) + " const";
    case DW_TAG_volatile_type:
      return type_name(&type, depth + 1) + " volatile";
    case DW_TAG_restrict_type:
    case DW_TAG_typedef:
      return type_name(&type, depth + 1);
    case DW_TAG_base_type:
      return name != nullptr ? base_type_text(name) : "?";
    case DW_TAG_unspecified_type:
      return name != nullptr ? name : "?";
    case DW_TAG_array_type:
      return type_name(&type, depth + 1) + " []";
    case DW_TAG_subroutine_type:
      return type_name(&type, depth + 1) + " ({})(" + parameters(type, depth + 1) + ")";
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type: {
      const std::string scope = qualifier(type, depth + 1);
      std::string own = name == nullptr ? lambda_text(type, depth + 1) : "";
      if (own.empty()) own = scope_text(tag, name);
      return scope.empty() ? own : scope + "::" + own;
    }
    default:
      return name != nullptr ? name : "?";
  }
}

std::string DieNames::qualifier(Dwarf_Die die, int depth) {
  if (depth > kMaxTypeDepth) return {};
  std::vector<Dwarf_Die> scopes = scopes_around(die);
  std::string text;
  for (; !scopes.empty(); scopes.pop_back()) {
    Dwarf_Die scope = scopes.back();
    const int tag = dwarf_tag(&scope);
    if (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) continue;
    // A member function's body stands outside its class; its declaration tells the whole name.
    Dwarf_Die declaration = tag == DW_TAG_subprogram ? declaration_of(scope) : scope;
    const char* name = dwarf_diename(&declaration);
    std::string part;
    if (tag == DW_TAG_subprogram) {
      if (const char* linker = string_attribute(&scope, DW_AT_linkage_name)) {
        part = demangle(linker);
      } else {
        part = declaration.addr == die.addr || name == nullptr ? "" : source_name(declaration);
      }
      return text.empty() ? part : part + "::" + text;
    }
    // GCC leaves the closure type of a lambda without a name.
    if (name == nullptr && tag != DW_TAG_namespace) part = lambda_text(scope, depth + 1);
    if (part.empty()) part = scope_text(tag, name);
    text = text.empty() ? part : part + "::" + text;
    if (text.size() > kMaxTextBytes) break;
  }
  return text;
}

std::vector<Dwarf_Die> DieNames::scopes_around(Dwarf_Die die) {
  std::vector<Dwarf_Die> around;
  const auto* address = static_cast<const char*>(die.addr);
  Dwarf_Die at{};
  if (dwarf_diecu(&die, &at, nullptr, nullptr) == nullptr) return around;
  for (int level = 0; level < kMaxDieDepth; ++level) {
    const Scopes& scopes = scopes_in(at);
    auto it =
        std::lower_bound(scopes.begin(), scopes.end(), address, [](const Scope& scope, const char* value) {
          return static_cast<const char*>(scope.die.addr) < value;
        });
    if (it == scopes.begin()) break;
    --it;
    if (it->end != nullptr && it->end <= address) break;
    at = it->die;
    around.push_back(at);
  }
  return around;
}

const DieNames::Scopes& DieNames::scopes_in(Dwarf_Die parent) {
  const auto known = scopes_.find(parent.addr);
  if (known != scopes_.end()) return known->second;
  Scopes scopes;
  bool is_open = false;  // the last one's end is not known yet
  for_each_child(&parent, budget_, [&](Dwarf_Die& child) {
    if (is_open) scopes.back().end = static_cast<const char*>(child.addr);
    is_open = is_scope(dwarf_tag(&child)) && dwarf_haschildren(&child) == 1;
    if (is_open) scopes.push_back({nullptr, child});
    return true;
  });
  scopes.shrink_to_fit();
  memory_bytes_ += scopes.capacity() * sizeof(Scope) + sizeof(Scopes);
  return scopes_.emplace(parent.addr, std::move(scopes)).first->second;
}

}  // namespace leakgate::symbolize

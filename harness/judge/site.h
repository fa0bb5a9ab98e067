// SPDX-License-Identifier: Apache-2.0
// Which frames of an allocation stack are whose: allocator, standard library, test framework, start-up code,
// or the user's own. From that follow the site (the frame a report points at) and whether a framework
// allocated for itself. All such rules stand here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

enum class FrameOwner {
  user,
  allocator,         ///< malloc family, strdup family, operator new
  standard_library,  ///< std::, and frames inside libc, libstdc++, libm; also where they were emitted into
                     ///< the user's binary
  framework,         ///< GoogleTest, Catch2, doctest, Boost.Test
  runtime            ///< what runs before main and below a thread's function
};

/// The qualified name in a demangled `function`: no return type, no parameters, no "[abi:..]" or
/// ".constprop.0" at its end. "std::vector<int> make<int>(int) [clone .cold]" gives "make<int>". A part of
/// `function`.
std::string_view qualified_name(std::string_view function);

/// Whose code `frame` is.
FrameOwner owner_of(const model::VerdictFrame& frame);

/// owner_of for each frame of `stack`.
std::vector<FrameOwner> owners_of(const std::vector<model::VerdictFrame>& stack);

/// The framework `frame` belongs to; Framework::none if to none.
model::Framework framework_of(const model::VerdictFrame& frame);

/// Index of the frame to point at: the first of the user's own that is not in an installed library's header;
/// failing that the first of the user's own, the first with a file, or 0, which is stack.size() for an empty
/// stack.
std::size_t find_site(const std::vector<model::VerdictFrame>& stack, const std::vector<FrameOwner>& owners);

/// The framework that made this allocation for itself: the innermost frame that is neither allocator nor
/// standard library is its own. Framework::none if none did.
model::Framework allocating_framework(const std::vector<model::VerdictFrame>& stack,
                                      const std::vector<FrameOwner>& owners);

/// The framework's name for people: "GoogleTest".
std::string_view display_name(model::Framework framework);

/// `path` without folders and versions: "/usr/lib/libfoo-2.36.so.1.2" gives "libfoo.so".
std::string module_name(std::string_view path);

}  // namespace leakgate::judge

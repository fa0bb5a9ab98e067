// SPDX-License-Identifier: Apache-2.0
// What a process in a container with Docker's default limits may do, for tests that run so.
#pragma once

#include <sys/types.h>

namespace leakgate::live {

/// Makes the calling process a plain user without capabilities, in a user namespace where one may be had,
/// under a seccomp filter like Docker's default. For good; between fork and exec. Ends the process (96 to 98)
/// where that fails. `user`, with a group of the same number: who root becomes.
void become_plain_user(uid_t user);

inline constexpr uid_t kNobody = 65534;

}  // namespace leakgate::live

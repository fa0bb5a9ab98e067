// SPDX-License-Identifier: Apache-2.0
// The process that answers the kernel for the ExecGate: a fork of leakgate that lives on when leakgate is
// stopped, and dies with it. System calls only from its first line on.
#pragma once

namespace leakgate::capture {

/// What goes over the socket: keeper to gate with the file as SCM_RIGHTS, and back as the answer.
struct GateMessage {
  int number = 0;
};

/// The keeper's life: takes events from `fanotify`, passes each file through `socket`, and permits the exec
/// when the answer or the time limit has come. Ends when the other side of `socket` is closed. Must be called
/// in a freshly forked child.
[[noreturn]] void keep_execs(int fanotify, int socket);

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// Families interior and hidden: blocks in use to the end, through pointers that a scan for pointers takes for
// none, or for doubtful ones. They are no cases of the gate (docs/kinds.md names the limits): the confidence
// of findings is fitted on them.
#include <unistd.h>

#include "simulator/growth/held.h"

namespace leakgate::simulator {
namespace {

constexpr std::size_t kMost = 512;

/// Pointers behind the header of each block.
struct Interiors {
  std::array<char*, kMost> at{};
  std::size_t count = 0;
  void add(char* inside) { at[count++ % kMost] = inside; }
};

Interiors aligned[2];

LEAKGATE_SIM_NOINLINE char* with_room(std::size_t bytes) {
  return new char[bytes];
}

/// Aligned by hand: the rounded address alone is kept, once or in each round.
void aligned_by_hand(Repetition& now) {
  for (std::uint32_t i = 0; i < now.count() && (now.grows() || now.round() == 0); ++i) {
    const std::size_t bytes = now.bytes() + 64;
    char* block = with_room(bytes);
    fill(block, bytes);
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    aligned[now.twin()].add(block + (64 - address % 64));
  }
}

struct Hook {
  Hook* next = nullptr;
};

struct Session {
  char name[40] = {};
  Hook hook;
};

Hook sessions[2];

LEAKGATE_SIM_NOINLINE Session* open_session() {
  return new Session();
}

/// A list through hooks inside the objects, as kernels and Boost have it.
void intrusive_list(Repetition& now) {
  for (std::uint32_t i = 0; i < now.count() && (now.grows() || now.round() == 0); ++i) {
    Session* session = open_session();
    session->hook.next = std::exchange(sessions[now.twin()].next, &session->hook);
  }
}

struct Handles {
  std::array<std::uint32_t, kMost> words{};
  std::size_t count = 0;
  void add(const char* block) {
    words[count++ % kMost] = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(block) >> 4);
  }
};

Handles compressed[2];

LEAKGATE_SIM_NOINLINE char* compressed_block(std::size_t bytes) {
  return new char[bytes];
}

/// Addresses shifted into 32 bits, as virtual machines keep them.
void compressed_pointers(Repetition& now) {
  for (std::uint32_t i = 0; i < now.count() && (now.grows() || now.round() == 0); ++i) {
    const std::size_t bytes = now.bytes();
    char* block = compressed_block(bytes);
    fill(block, bytes);
    compressed[now.twin()].add(block);
  }
}

int pipes[2][2] = {{-1, -1}, {-1, -1}};

LEAKGATE_SIM_NOINLINE char* message(std::size_t bytes) {
  return new char[bytes];
}

/// Addresses that wait in a pipe, for whoever reads them.
void pipe_of_messages(Repetition& now) {
  auto& ends = pipes[now.twin()];
  if (ends[0] < 0 && ::pipe(ends) != 0) return;
  for (std::uint32_t i = 0; i < now.count() && (now.grows() || now.round() == 0); ++i) {
    const std::size_t bytes = now.bytes();
    char* block = message(bytes);
    fill(block, bytes);
    if (::write(ends[1], &block, sizeof block) != sizeof block) release(block);
  }
}

constexpr GrowthCase kCases[] = {
    {"aligned_by_hand", "interior", "buffers aligned by hand are kept in each round",
     "buffers aligned by hand are made once", "with_room", aligned_by_hand},
    {"intrusive_list", "interior", "sessions are hooked in and never out", "sessions are opened once",
     "open_session", intrusive_list},
    {"compressed_pointers", "hidden", "blocks behind compressed pointers, more in each round",
     "blocks behind compressed pointers, made once", "compressed_block", compressed_pointers},
    {"pipe_of_messages", "hidden", "messages are sent, and nobody reads them",
     "messages are sent once, and wait to the end", "message", pipe_of_messages},
};

}  // namespace

std::span<const GrowthCase> look_alike_cases() {
  return kCases;
}

}  // namespace leakgate::simulator

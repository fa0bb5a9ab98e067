// SPDX-License-Identifier: Apache-2.0
// Family kind, second part: lists, cycles of smart pointers, pointers that are not plain. What a pointer scan
// cannot follow (xor, tags) is written down as what it looks like then; docs/kinds.md names these limits.
#include <array>
#include <cstdlib>
#include <utility>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

struct ListNode {
  ListNode* next = nullptr;
  std::uint64_t value[3] = {};
};

LEAKGATE_SIM_NOINLINE ListNode* new_head(Site& site) {
  return LEAKGATE_SIM_AT(site, new ListNode());
}

LEAKGATE_SIM_NOINLINE ListNode* new_link(Site& site) {
  return LEAKGATE_SIM_AT(site, new ListNode());
}

void lost_list(Run& run) {
  Site head_site;
  Site link_site;
  ListNode* head = new_head(head_site);
  ListNode* tail = head;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    tail->next = new_link(link_site);
    tail = tail->next;
  }
  keep(head);
  if (run.leaking()) {
    run.lost(Kind::definitely_lost, head_site, sizeof(ListNode));
    run.lost(Kind::indirectly_lost, link_site, run.count() * sizeof(ListNode), run.count());
    return;
  }
  while (head != nullptr) {
    ListNode* next = head->next;
    delete head;
    head = next;
  }
}

struct Member {
  std::shared_ptr<Member> next;
  std::uint64_t payload[2] = {};
};

LEAKGATE_SIM_NOINLINE std::shared_ptr<Member> make_member(Site& site) {
  return LEAKGATE_SIM_AT(site, std::make_shared<Member>());
}

void shared_ptr_three_way(Run& run) {
  const std::size_t bytes = shared_block_bytes<Member>();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    const std::shared_ptr<Member> first = make_member(site);
    first->next = make_member(site);
    first->next->next = make_member(site);
    first->next->next->next = first;
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, 3 * bytes, 3, true);
    } else {
      first->next.reset();
    }
  }
}

struct Named {
  virtual ~Named() = default;
  std::uint64_t name = 1;
};
struct Sized {
  virtual ~Sized() = default;
  std::uint64_t size = 2;
};
struct Item final : Named, Sized {
  std::uint64_t rest[3] = {};
};

constexpr std::size_t kMaxKept = 256;
std::array<Sized*, kMaxKept> kept_sized{};
std::size_t kept_sized_count = 0;

LEAKGATE_SIM_NOINLINE Sized* new_item(Site& site) {
  return LEAKGATE_SIM_AT(site, new Item());
}

/// A pointer to the second base leads into the middle of the object, and is as good as one to its start.
void second_base_pointer(Run& run) {
  const std::size_t first = kept_sized_count;
  for (std::uint32_t round = 0; round < run.count() && kept_sized_count < kMaxKept; ++round) {
    Site site;
    kept_sized[kept_sized_count++] = new_item(site);
    if (run.leaking()) run.lost(Kind::still_reachable, site, sizeof(Item));
  }
  while (!run.leaking() && kept_sized_count > first) {
    delete std::exchange(kept_sized[--kept_sized_count], nullptr);
  }
}

struct Counted {
  std::uint64_t value = 7;
  ~Counted() { keep(this); }
};

std::array<Counted*, kMaxKept> kept_arrays{};
std::size_t kept_arrays_count = 0;
constexpr std::size_t kElements = 5;

LEAKGATE_SIM_NOINLINE Counted* new_counted(Site& site) {
  return LEAKGATE_SIM_AT(site, new Counted[kElements]);
}

/// new[] of a class with a destructor puts the number of elements in front: the pointer leads behind it.
void array_with_cookie(Run& run) {
  const std::size_t first = kept_arrays_count;
  for (std::uint32_t round = 0; round < run.count() && kept_arrays_count < kMaxKept; ++round) {
    Site site;
    kept_arrays[kept_arrays_count++] = new_counted(site);
    if (run.leaking())
      run.lost(Kind::still_reachable, site, sizeof(std::size_t) + kElements * sizeof(Counted));
  }
  while (!run.leaking() && kept_arrays_count > first) {
    delete[] std::exchange(kept_arrays[--kept_arrays_count], nullptr);
  }
}

constinit thread_local std::array<char*, 2> thread_root{};

LEAKGATE_SIM_NOINLINE char* rooted_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void thread_local_root(Run& run) {
  char*& root = thread_root[run.leaking() ? 0 : 1];
  if (root != nullptr) return;
  const std::size_t bytes = run.sizes().next();
  Site site;
  root = rooted_block(site, bytes);
  fill(root, bytes);
  if (run.leaking()) run.lost(Kind::still_reachable, site, bytes);
}

void thread_local_root_end(Run& run) {
  if (run.leaking()) return;
  release(thread_root[1]);
  thread_root[1] = nullptr;
}

std::array<std::array<std::uintptr_t, kMaxKept>, 2> tagged{};
std::array<std::size_t, 2> tagged_count{};
constexpr std::uintptr_t kTag = 3;

LEAKGATE_SIM_NOINLINE char* tagged_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void tagged_pointer(Run& run) {
  auto& words = tagged[run.leaking() ? 0 : 1];
  std::size_t& count = tagged_count[run.leaking() ? 0 : 1];
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count() && count < kMaxKept; ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* block = tagged_block(site, bytes);
    fill(block, bytes);
    words[count++] = reinterpret_cast<std::uintptr_t>(block) | kTag;
    if (run.leaking()) run.lost(Kind::possibly_lost, site, bytes);
  }
}

void tagged_pointer_end(Run& run) {
  while (!run.leaking() && tagged_count[1] > 0) {
    release(reinterpret_cast<char*>(std::exchange(tagged[1][--tagged_count[1]], 0) & ~kTag));
  }
}

/// A list in which each node holds the xor of its neighbours' addresses; a global keeps the first. The seal
/// keeps the ends, which have one neighbour, from being plain pointers.
constexpr std::uintptr_t kSeal = 0x5555'5555'5555'5555u;

struct XorNode {
  std::uintptr_t link = kSeal;
  std::uint64_t value[4] = {};
};

std::array<XorNode*, 2> xor_heads{};

LEAKGATE_SIM_NOINLINE XorNode* xor_head(Site& site) {
  return LEAKGATE_SIM_AT(site, new XorNode());
}

LEAKGATE_SIM_NOINLINE XorNode* xor_node(Site& site) {
  return LEAKGATE_SIM_AT(site, new XorNode());
}

std::uintptr_t address_of(const XorNode* node) {
  return reinterpret_cast<std::uintptr_t>(node);
}

void xor_list(Run& run) {
  XorNode*& head = xor_heads[run.leaking() ? 0 : 1];
  if (head != nullptr) return;
  Site site;
  head = xor_head(site);
  if (run.leaking()) run.lost(Kind::still_reachable, site, sizeof(XorNode));
  XorNode* before = head;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    XorNode* node = xor_node(site);
    node->link = address_of(before) ^ kSeal;
    before->link ^= address_of(node);
    before = node;
    if (run.leaking()) run.lost(Kind::definitely_lost, site, sizeof(XorNode));
  }
}

void xor_list_end(Run& run) {
  if (run.leaking()) return;
  std::uintptr_t before = 0;
  for (XorNode* node = std::exchange(xor_heads[1], nullptr); node != nullptr;) {
    const std::uintptr_t next = node->link ^ before ^ kSeal;
    before = address_of(node);
    delete node;
    node = reinterpret_cast<XorNode*>(next);
  }
}

std::array<std::array<char*, kMaxKept>, 2> cursors{};
std::array<std::array<std::size_t, kMaxKept>, 2> cursor_steps{};
std::array<std::size_t, 2> cursor_count{};

LEAKGATE_SIM_NOINLINE char* parsed_text(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, static_cast<char*>(std::malloc(bytes)));
}

/// A parser's cursor is all that is left of its text.
void moving_cursor(Run& run) {
  const std::size_t side = run.leaking() ? 0 : 1;
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count() && cursor_count[side] < kMaxKept; ++round) {
    const std::size_t bytes = sizes.next() + 16;
    Site site;
    char* text = parsed_text(site, bytes);
    fill(text, bytes);
    cursors[side][cursor_count[side]] = text + bytes / 2 + 1;
    cursor_steps[side][cursor_count[side]++] = bytes / 2 + 1;
    if (run.leaking()) run.lost(Kind::possibly_lost, site, bytes);
  }
}

void moving_cursor_end(Run& run) {
  while (!run.leaking() && cursor_count[1] > 0) {
    const std::size_t index = --cursor_count[1];
    std::free(std::exchange(cursors[1][index], nullptr) - cursor_steps[1][index]);
  }
}

constexpr Parameters kDefaults{5, 64, 1, 1};
constexpr Scenario kScenarios[] = {
    {"lost_list", "kind", "the head of a list is dropped", "the list is deleted", {12, 64, 1, 1}, lost_list},
    {"shared_ptr_three_way", "kind", "three objects own each other in a ring by shared_ptr",
     "the ring is opened", kDefaults, shared_ptr_three_way},
    {"second_base_pointer", "kind", "a global keeps objects by a pointer to their second base",
     "they are deleted through it", kDefaults, second_base_pointer},
    {"array_with_cookie", "kind", "a global keeps arrays of objects with destructors", "delete[] follows",
     kDefaults, array_with_cookie},
    {"thread_local_root", "kind", "a thread_local pointer of the main thread keeps a block for ever",
     "the block is freed at the end", kDefaults, thread_local_root, thread_local_root_end},
    {"tagged_pointer", "kind", "blocks are kept by tagged pointers alone, and never freed",
     "the tags are taken off and the blocks freed at the end", kDefaults, tagged_pointer, tagged_pointer_end},
    {"xor_list", "kind", "a list linked by xor is never freed", "the list is walked and freed at the end",
     kDefaults, xor_list, xor_list_end},
    {"moving_cursor", "kind", "a cursor in the middle is all that is kept of a text",
     "the text is freed from its start", kDefaults, moving_cursor, moving_cursor_end},
};

}  // namespace

std::span<const Scenario> shape_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator

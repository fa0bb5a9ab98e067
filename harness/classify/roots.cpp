// SPDX-License-Identifier: Apache-2.0
// One mapping after the other. The layouts known here are glibc's: its arenas, its chunks, its thread
// control blocks (malloc/arena.c, nptl/descr.h), which have not changed since 2.26.
#include "harness/classify/roots.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "harness/classify/heap_chunks.h"
#include "harness/classify/thread_stacks.h"

namespace leakgate::classify {
namespace {

using model::HeldMapping;
using model::HeldProcess;
using model::MappingKind;

constexpr std::uint64_t kArenaAlignment = 64 << 20;  // HEAP_MAX_SIZE
constexpr std::uint64_t kArenaHeader = 4096;         // an arena begins within so many bytes of its first heap
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kDtvHeader = 16;  // glibc's dtv pointer points at the second entry of its block
/// Entries of the vectors of ended threads that are read in a moment: as many as 50,000 of them have. What
/// only looks like one cannot hold the process for long.
constexpr std::uint64_t kMostDtvEntries = 1 << 20;

class RootFinder {
 public:
  explicit RootFinder(const HeldProcess& held) : held_(held), chunks_(held) {
    for (const model::HeldBlock& block : held.blocks)
      starts_.push_back({block.address, block.size_bytes});
    if (!std::is_sorted(starts_.begin(), starts_.end())) std::sort(starts_.begin(), starts_.end());
  }

  Roots find() {
    for (std::uint32_t i = 0; i < held_.mappings.size(); ++i)
      if (held_.mappings[i].readable) add_mapping(i);
    for (std::uint32_t i = 0; i < held_.threads.size(); ++i)
      add_registers(i);
    add_ignored();
    for (const model::HeldThread& thread : held_.threads)
      leave_out_dead_values(thread);
    for (const model::MemoryRange& actions : held_.old_actions)
      leave_out(actions.start, actions.end);
    // globals are told as holders before thread-local storage and stacks, whose words may be stale
    std::stable_sort(roots_.ranges.begin(), roots_.ranges.end(),
                     [](const RootRange& a, const RootRange& b) { return rank(a.kind) < rank(b.kind); });
    return std::move(roots_);
  }

 private:
  using Block = std::pair<std::uint64_t, std::uint64_t>;  // address, size

  static int rank(RootKind kind) {
    switch (kind) {
      case RootKind::module_data:
        return 0;
      case RootKind::tls:
        return 1;
      case RootKind::mapping:
        return 2;
      default:
        return 3;
    }
  }

  std::uint64_t word(std::uint64_t address) const {
    std::uint64_t value = 0;
    std::array<std::byte, sizeof value> bytes;
    if (held_.read(address, bytes) != bytes.size()) return 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  void add(std::uint64_t start, std::uint64_t end, RootKind kind, std::uint32_t mapping,
           std::uint32_t thread = model::kNone) {
    if (end <= start) return;
    roots_.ranges.push_back({start, end, kind, static_cast<std::uint32_t>(roots_.labels.size())});
    roots_.labels.push_back({mapping, thread});
  }

  void add_registers(std::uint32_t i) {
    const model::HeldThread& thread = held_.threads[i];
    RootWords words{static_cast<std::uint32_t>(roots_.labels.size()), thread.registers};
    if (const std::uint64_t dtv = thread.thread_pointer ? word(thread.thread_pointer + 8) : 0;
        dtv > kDtvHeader)
      words.words.push_back(dtv - kDtvHeader);
    for (const model::HeldThread::InHand& memory : thread.in_hand)
      words.words.push_back(memory.address);
    for (const std::uint64_t block : {stack_block(thread), block_around(thread.signal_stack)})
      if (block != 0) words.words.push_back(block);
    roots_.labels.push_back({model::kNone, i});
    roots_.words.push_back(std::move(words));
  }

  /// The block that `address` lies in: a stack that the program made is in use though nothing points at its
  /// start. 0 if there is none.
  std::uint64_t block_around(std::uint64_t address) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), Block{address, ~std::uint64_t{0}});
    if (next == starts_.begin()) return 0;
    const Block& block = *(next - 1);
    return address - block.first < block.second ? block.first : 0;
  }

  /// The block that a thread's stack is, or 0. Near the end of a stack the red zone that was added for what
  /// is no longer in use leads out of it.
  std::uint64_t stack_block(const model::HeldThread& thread) const {
    const std::uint64_t block = block_around(thread.stack_pointer);
    return block != 0 ? block : block_around(thread.stack_pointer - model::kRedZone);
  }

  /// The values of keys that have been deleted stay where they are, and nobody can get them any more. Of the
  /// first 32 keys, whose values lie in the thread's control block.
  void leave_out_dead_values(const model::HeldThread& thread) {
    constexpr std::size_t kKeys = 32;
    struct Value {
      std::uint64_t sequence;
      std::uint64_t data;
    };
    struct Key {
      std::uint64_t sequence;  // odd: in use
      std::uint64_t destructor;
    };
    const std::uint64_t table = thread.thread_pointer + held_.thread_keys.specific;
    if (held_.thread_keys.keys == 0 || thread.thread_pointer == 0) return;
    std::array<Value, kKeys> values{};
    const std::uint64_t first = word(table);
    if (first < thread.thread_pointer || first % 8 != 0 || first + sizeof values > table) return;
    std::array<Key, kKeys> keys{};
    if (held_.read(first, std::as_writable_bytes(std::span(values))) != sizeof values ||
        held_.read(held_.thread_keys.keys, std::as_writable_bytes(std::span(keys))) != sizeof keys)
      return;
    for (std::size_t i = 0; i < kKeys; ++i)
      if (values[i].data != 0 && values[i].sequence != keys[i].sequence)
        leave_out(first + i * sizeof(Value) + sizeof values[i].sequence, first + (i + 1) * sizeof(Value));
  }

  /// Of every root that has a part of it: what begins in the file's last page of data may end in the mapping
  /// behind that.
  void leave_out(std::uint64_t start, std::uint64_t end) {
    for (std::size_t i = 0, count = roots_.ranges.size(); i < count; ++i) {
      const RootRange whole = roots_.ranges[i];
      if (whole.end <= start || end <= whole.start) continue;
      roots_.ranges[i].end = std::max(start, whole.start);
      if (end < whole.end) roots_.ranges.push_back({end, whole.end, whole.kind, whole.label});
    }
  }

  /// What the program said is no leak holds what it leads to, as with LeakSanitizer.
  void add_ignored() {
    RootWords words{static_cast<std::uint32_t>(roots_.labels.size()), {}};
    for (const model::HeldBlock& block : held_.blocks)
      if (block.ignored) words.words.push_back(block.address);
    if (words.words.empty()) return;
    roots_.labels.push_back({model::kNone, model::kNone});
    roots_.words.push_back(std::move(words));
  }

  void add_mapping(std::uint32_t i) {
    const HeldMapping& mapping = held_.mappings[i];
    switch (mapping.kind) {
      case MappingKind::special:
      case MappingKind::heap:  // what is outstanding in it is looked at as blocks
        return;
      case MappingKind::main_stack:
        return add_stack(i);
      case MappingKind::file:
        if (mapping.shared) {
          if (mapping.writable) add(mapping.start, mapping.end, RootKind::mapping, i);
        } else if (mapping.writable || !mapping.executable) {
          add_module_data(i);
        }
        return;
      case MappingKind::anonymous:
        return add_anonymous(i);
    }
  }

  /// An arena of the program's own in .bss is left out from its first to its last block, as is a heap in
  /// large pages, which look like a file: freed memory lies between them.
  void add_module_data(std::uint32_t i) {
    const HeldMapping& mapping = held_.mappings[i];
    const auto [first, last] = blocks_in(mapping.start, mapping.end);
    if (first == last) {
      const auto [hole, hole_end] = mapping.writable ? chunks_.arena_state_in(mapping.start, mapping.end)
                                                     : std::pair(mapping.end, mapping.end);
      add(mapping.start, hole, RootKind::module_data, i);
      add(hole_end, mapping.end, RootKind::module_data, i);
      return;
    }
    const Block& back = *(last - 1);
    add(mapping.start, chunks_.start_before(first->first, first->second, mapping.start),
        RootKind::module_data, i);
    add(extent_of(back, mapping.end).second, mapping.end, RootKind::module_data, i);
  }

  using Position = std::vector<Block>::const_iterator;
  std::pair<Position, Position> blocks_in(std::uint64_t start, std::uint64_t end) const {
    const auto first = std::lower_bound(starts_.begin(), starts_.end(), Block{start, 0});
    const auto last = std::lower_bound(first, starts_.end(), Block{end, 0});
    return {first, last};
  }

  /// The threads whose stack pointers lie in the mapping, the lowest one first.
  std::vector<std::uint32_t> threads_on(const HeldMapping& mapping) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t i = 0; i < held_.threads.size(); ++i)
      if (const std::uint64_t sp = held_.threads[i].stack_pointer; sp >= mapping.start && sp < mapping.end)
        found.push_back(i);
    std::sort(found.begin(), found.end(), [this](std::uint32_t a, std::uint32_t b) {
      return held_.threads[a].stack_pointer < held_.threads[b].stack_pointer;
    });
    return found;
  }

  std::optional<std::uint32_t> thread_of_control_block(const HeldMapping& mapping) const {
    for (std::uint32_t i = 0; i < held_.threads.size(); ++i)
      if (held_.threads[i].thread_pointer >= mapping.start && held_.threads[i].thread_pointer < mapping.end)
        return i;
    return std::nullopt;
  }

  void add_stack(std::uint32_t i) {
    const HeldMapping& mapping = held_.mappings[i];
    const std::vector<std::uint32_t> threads = threads_on(mapping);
    const std::uint64_t from =
        threads.empty() ? mapping.start : held_.threads[threads.front()].stack_pointer - model::kRedZone;
    add_but_blocks(i, std::max(from, mapping.start), mapping.end, RootKind::stack,
                   threads.empty() ? model::kNone : threads.front());
  }

  bool is_arena(std::uint64_t start) const {
    const std::uint64_t arena = word(start);  // heap_info.ar_ptr
    const std::uint64_t first_heap = arena / kArenaAlignment * kArenaAlignment;
    return arena - first_heap < kArenaHeader && arena % 8 == 0 && arena >= kArenaAlignment &&
           std::any_of(held_.mappings.begin(), held_.mappings.end(), [&](const HeldMapping& other) {
             return other.start <= first_heap && first_heap < other.end;
           });
  }

  /// Where an arena of glibc's begins in a mapping: what lies before it the kernel has joined with it. `end`
  /// where there is none.
  std::uint64_t arena_in(std::uint64_t start, std::uint64_t end) const {
    const std::uint64_t first = (start + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    for (std::uint64_t at = first; at < end; at += kArenaAlignment)
      if (is_arena(at)) return at;
    return end;
  }

  /// The part of an anonymous mapping in which stacks are in use. What lies below a stack pointer is not, as
  /// far as the thread's own stack goes; a thread may also be on a stack that the program has made, of which
  /// only the program knows where it begins.
  void add_stacks(std::uint32_t i) {
    const HeldMapping& mapping = held_.mappings[i];
    std::uint64_t done = mapping.start;
    const std::vector<std::uint32_t> threads = threads_on(mapping);
    for (std::size_t n = 0; n < threads.size(); ++n) {
      const std::uint32_t thread = threads[n];
      const std::uint64_t used = std::max(held_.threads[thread].stack_pointer - model::kRedZone, done);
      const auto own = own_stack(thread);
      const bool is_own = own && own->contains(held_.threads[thread].stack_pointer);
      if (is_own) add_part(i, done, std::min(own->start, used));
      if (!is_own && (own || thread == 0)) add_part(i, done, used);
      std::uint64_t end = n + 1 < threads.size() ? lowest_use(threads[n + 1]) : mapping.end;
      if (is_own) end = std::min(end, own->end);
      end = std::clamp(end, used, std::max(used, mapping.end));
      add_but_blocks(i, used, end, RootKind::stack, thread);
      done = end;
    }
    add_part(i, done, mapping.end);
  }

  std::optional<StackBounds> own_stack(std::uint32_t thread) const {
    const std::uint64_t control_block = held_.threads[thread].thread_pointer;
    return control_block != 0 ? stack_of(held_, control_block) : std::nullopt;
  }

  /// Where the memory begins that may be the stack that the thread is on.
  std::uint64_t lowest_use(std::uint32_t thread) const {
    const auto own = own_stack(thread);
    const std::uint64_t stack_pointer = held_.threads[thread].stack_pointer;
    return own && own->contains(stack_pointer) ? own->start : stack_pointer - model::kRedZone;
  }

  /// A thread that has ended, whose stack the C library has: what that and its thread-local storage lead to
  /// is nobody's. The C library goes on using the vector of that storage, and the blocks in it, for the
  /// thread that gets the stack next. A vector larger than what may still be read of them in this moment is a
  /// pointer like any other: what the thread had there is then held and none of its leaks is seen, but
  /// nothing is called lost that is in use.
  void add_dead_thread(std::uint32_t i, const DeadThread& dead) {
    struct Entry {
      std::uint64_t storage;
      std::uint64_t block;
    };
    const std::uint64_t vector = word(dead.control_block + 8) - kDtvHeader;
    const std::uint64_t modules = word(vector);
    RootWords kept{static_cast<std::uint32_t>(roots_.labels.size()), {vector}, modules <= entries_left_};
    if (kept.hold_alone) {
      entries_left_ -= modules;
      std::vector<Entry> entries(modules);
      const std::size_t bytes =
          held_.read(vector + kDtvHeader + sizeof(Entry), std::as_writable_bytes(std::span(entries)));
      entries.resize(bytes / sizeof(Entry));
      for (const Entry& entry : entries)
        if (entry.block != 0) kept.words.push_back(entry.block);
    }
    roots_.words.push_back(std::move(kept));
    roots_.labels.push_back({i, model::kNone});
  }

  void add_anonymous(std::uint32_t i) {
    const HeldMapping& mapping = held_.mappings[i];
    if (mapping.module != model::kNone) return add_module_data(i);  // .bss
    if (!threads_on(mapping).empty()) return add_stacks(i);
    if (const auto thread = thread_of_control_block(mapping))
      return add_but_blocks(i, mapping.start, mapping.end, RootKind::tls, *thread);
    add_part(i, mapping.start, mapping.end);
  }

  /// A part of an anonymous mapping in which no thread's stack is in use. Stacks without guard pages, that
  /// the kernel has joined with each other, lie below its end one after the other.
  void add_part(std::uint32_t i, std::uint64_t start, std::uint64_t end) {
    if (start >= end || !held_.c_library_allocates)
      return;  // the allocator's pages and its bookkeeping cannot be told from the program's
    std::uint64_t looked_at = end;
    while (const auto dead = dead_thread_before(held_, start, looked_at)) {
      looked_at = std::max(dead->stack.start, start);
      if (!dead->is_kept) continue;
      add_program_memory(i, dead->stack.end, end);
      add_dead_thread(i, *dead);
      end = looked_at;
    }
    add_program_memory(i, start, end);
  }

  void add_program_memory(std::uint32_t i, std::uint64_t start, std::uint64_t end) {
    if (start >= end) return;
    const std::uint64_t arena = arena_in(start, end);
    if (arena != start) add_around_chunks(i, start, arena);
  }

  /// Where the memory begins and ends that a block takes in a mapping: of a large one of glibc's, a mapping
  /// of its own that the kernel may have joined with its neighbours, with what the allocator has around it;
  /// of another one of glibc's, which only `limit` or the heap's end ends, with the freed ones that follow.
  std::pair<std::uint64_t, std::uint64_t> extent_of(const Block& block, std::uint64_t limit) {
    const std::uint64_t size = held_.c_library_allocates ? chunks_.head_of(block.first) : 0;
    if ((size & kMmappedFlag) == 0) {
      const std::uint64_t own_end = (block.first + block.second + 7) / 8 * 8;
      const auto behind = chunks_.end_behind(block.first, block.second, limit);
      return {behind ? block.first - kChunkHeader : block.first, std::max(own_end, behind.value_or(0))};
    }
    const std::uint64_t chunk = (block.first - kChunkHeader) / kPage * kPage;
    return {chunk, chunk + (size & ~std::uint64_t{7})};
  }

  /// Where the block ends that `start` lies in: a mapping may begin in one, where the program has changed the
  /// rights of a page in its middle. `start` where it is in none, or `used` is in the same.
  std::uint64_t behind_block(std::uint64_t start, std::uint64_t used) {
    const std::uint64_t address = block_around(start);
    if (address == 0 || address == start || block_around(used) == address) return start;
    return extent_of(*std::lower_bound(starts_.begin(), starts_.end(), Block{address, 0}), 0).second;
  }

  /// A part of a mapping that is in use, but for the blocks that the kernel has joined with it: they are
  /// looked at for themselves.
  void add_but_blocks(std::uint32_t i, std::uint64_t from, std::uint64_t end, RootKind kind,
                      std::uint32_t thread) {
    if (kind != RootKind::stack)  // which may lie in a block
      from = behind_block(from, kind == RootKind::tls ? held_.threads[thread].thread_pointer : 0);
    const auto [first, last] = blocks_in(from, end);
    for (auto block = first; block != last; ++block) {
      const auto [begins, ends] =
          extent_of(*block, block + 1 != last ? (block + 1)->first - kChunkHeader : end);
      const std::uint64_t piece = kind == RootKind::stack ? begins : piece_around(*block, from, kind, thread);
      add(from, std::min({piece, begins, end}), kind, i, thread);
      from = std::max(from, ends);
    }
    add(from, end, kind, i, thread);
  }

  /// Where the piece of glibc's heap begins that the block is in: behind `from`, and not before the control
  /// block of the thread whose storage it is joined with, where that lies before it.
  std::uint64_t piece_around(const Block& block, std::uint64_t from, RootKind kind, std::uint32_t thread) {
    const std::uint64_t used = kind == RootKind::tls ? held_.threads[thread].thread_pointer : 0;
    return chunks_.start_before(block.first, block.second, used < block.first ? std::max(from, used) : from);
  }

  /// What lies between glibc's large chunks.
  void add_around_chunks(std::uint32_t i, std::uint64_t start, std::uint64_t end) {
    const auto [first, last] = blocks_in(start, end);
    const bool are_chunks = std::all_of(
        first, last, [this](const Block& block) { return (word(block.first - 8) & kMmappedFlag) != 0; });
    if (are_chunks) add_but_blocks(i, start, end, RootKind::mapping, model::kNone);
    // else blocks of some pool: not the program's own words
  }

  const HeldProcess& held_;
  HeapChunks chunks_;
  std::vector<Block> starts_;
  std::uint64_t entries_left_ = kMostDtvEntries;
  Roots roots_;
};

}  // namespace

Roots find_roots(const model::HeldProcess& held) {
  return RootFinder(held).find();
}

}  // namespace leakgate::classify

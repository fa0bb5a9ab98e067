// SPDX-License-Identifier: Apache-2.0
// Family cause, third part: who owns it? Constructors that throw, smart pointers let go, clones, counts,
// pools, coroutines, two libraries.
#include <array>
#include <cerrno>
#include <coroutine>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

LEAKGATE_SIM_NOINLINE char* member_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Its constructor throws after the member was made, so its destructor never runs.
struct Session {
  Session(Site& site, std::size_t bytes, bool careful) : buffer(member_block(site, bytes)) {
    fill(buffer, bytes);
    if (careful) release(buffer);
    throw std::runtime_error("no such host");
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { release(buffer); }
  char* buffer;
};

void constructor_throws(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    try {
      const Session session(site, bytes, !run.leaking());
    } catch (const std::runtime_error&) {
      if (run.leaking()) run.lost(Kind::definitely_lost, site, bytes);
    }
  }
}

LEAKGATE_SIM_NOINLINE void* request_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, std::calloc(1, bytes));
}

LEAKGATE_SIM_NOINLINE int send_request(Site& site, std::size_t bytes, bool careful) {
  void* request = request_block(site, bytes);
  keep(request);
  errno = ECONNRESET;
  if (errno != 0) {
    if (careful) std::free(request);
    return -1;
  }
  std::free(request);
  return 0;
}

void errno_path(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    if (send_request(site, bytes, !run.leaking()) != 0 && run.leaking())
      run.lost(Kind::definitely_lost, site, bytes);
  }
}

struct Frame {
  std::uint64_t pixels[9] = {};
};

LEAKGATE_SIM_NOINLINE std::unique_ptr<Frame> make_frame(Site& site) {
  return LEAKGATE_SIM_AT(site, std::unique_ptr<Frame>(new Frame()));
}

/// release() was taken for reset().
void released_unique_ptr(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    std::unique_ptr<Frame> frame = make_frame(site);
    if (run.leaking()) {
      keep(frame.release());
      run.lost(Kind::definitely_lost, site, sizeof(Frame));
    } else {
      frame.reset();
    }
  }
}

LEAKGATE_SIM_NOINLINE Frame* new_frame(Site& site) {
  return LEAKGATE_SIM_AT(site, new Frame());
}

void erased_without_delete(Run& run) {
  std::map<std::uint32_t, Frame*> frames;
  Site site;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    frames[round] = new_frame(site);
  }
  for (auto& [key, frame] : frames) {
    if (!run.leaking()) delete frame;
    frame = nullptr;
  }
  frames.clear();
  if (run.leaking()) run.lost(Kind::definitely_lost, site, run.count() * sizeof(Frame), run.count());
}

/// A hand-written move assignment; the careless one overwrites what it had.
class Text {
 public:
  Text(Site& site, std::size_t bytes) : characters_(member_block(site, bytes)) { fill(characters_, bytes); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { release(characters_); }
  void take(Text& other, bool careful) {
    if (careful) release(characters_);
    characters_ = std::exchange(other.characters_, nullptr);
  }

 private:
  char* characters_;
};

void move_assignment(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site first_site;
    Site second_site;
    Text first(first_site, bytes);
    Text second(second_site, sizes.next());
    first.take(second, !run.leaking());
    if (run.leaking()) run.lost(Kind::definitely_lost, first_site, bytes);
  }
}

/// Counted by hand: dies when the count is 0.
struct Texture {
  std::uint32_t references = 1;
  std::uint64_t texels[6] = {};
};

LEAKGATE_SIM_NOINLINE Texture* new_texture(Site& site) {
  return LEAKGATE_SIM_AT(site, new Texture());
}

void drop(Texture* texture) {
  if (--texture->references == 0) delete texture;
}

void reference_never_dropped(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    Texture* texture = new_texture(site);
    ++texture->references;  // the user's
    drop(texture);
    keep(texture);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, sizeof(Texture));
    } else {
      drop(texture);
    }
  }
}

struct Figure {
  virtual ~Figure() = default;
  [[nodiscard]] virtual Figure* clone(Site& site) const = 0;
};

struct Circle final : Figure {
  std::uint64_t radius = 1;
  [[nodiscard]] LEAKGATE_SIM_NOINLINE Figure* clone(Site& site) const override {
    return LEAKGATE_SIM_AT(site, new Circle(*this));
  }
};

void ignored_clone(Run& run) {
  const Circle original;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    const Figure* copy = original.clone(site);
    keep(copy);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, sizeof(Circle));
    } else {
      delete copy;
    }
  }
}

LEAKGATE_SIM_NOINLINE void* pool_memory(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, ::operator new(bytes));
}

/// Objects in a pool; the pool goes, and with it the only pointers to what the objects own.
struct Guest {
  explicit Guest(char* luggage_in) : luggage(luggage_in) {}
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { release(luggage); }
  char* luggage;
};

void placement_without_destructor(Run& run) {
  constexpr std::size_t kGuests = 3;
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site pool_site;
    Site site;
    std::array<std::size_t, kGuests> bytes{};
    std::array<Guest*, kGuests> guests{};
    void* pool = pool_memory(pool_site, kGuests * sizeof(Guest));
    for (std::size_t index = 0; index < kGuests; ++index) {
      bytes[index] = sizes.next();
      char* luggage = member_block(site, bytes[index]);
      fill(luggage, bytes[index]);
      guests[index] = new (static_cast<char*>(pool) + index * sizeof(Guest)) Guest(luggage);
    }
    for (std::size_t index = 0; index < kGuests; ++index) {
      if (run.leaking()) {
        run.lost(Kind::definitely_lost, site, bytes[index]);
      } else {
        guests[index]->~Guest();
      }
    }
    std::memset(pool, 0, kGuests * sizeof(Guest));
    keep(pool);
    ::operator delete(pool);
  }
}

/// What the last coroutine's frame took: told by its own operator new.
std::size_t last_frame_bytes = 0;

struct Generator {
  struct promise_type {
    LEAKGATE_SIM_NOINLINE static void* operator new(std::size_t bytes) {
      last_frame_bytes = bytes;
      // a frame has gaps: what stood there before malloc may be the addresses of lost frames
      void* frame = std::malloc(bytes);
      if (frame == nullptr) throw std::bad_alloc();
      return std::memset(frame, 0, bytes);
    }
    static void operator delete(void* frame) { std::free(frame); }
    Generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(std::uint32_t value) {
      current = value;
      return {};
    }
    void return_void() {}
    void unhandled_exception() {}
    std::uint32_t current = 0;
  };
  std::coroutine_handle<promise_type> handle;
};

/// Compilers say that the frame is made where the function begins, or where it ends: one line for both.
constexpr Site kFrameSite{"count_up", __FILE__, __LINE__ + 2};
// clang-format off
LEAKGATE_SIM_NOINLINE Generator count_up(std::uint32_t from) { for (;; ++from) co_yield from; }
// clang-format on

void coroutine_never_finished(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const Generator generator = count_up(round);
    generator.handle.resume();
    if (run.leaking()) {
      keep(generator.handle.address());
      run.lost(Kind::definitely_lost, kFrameSite, last_frame_bytes);
    } else {
      generator.handle.destroy();
    }
  }
}

/// One library makes the message, the other one takes it over by its header alone.
struct Envelope {
  char* letter;
};

LEAKGATE_SIM_NOINLINE Envelope* new_envelope(Site& site) {
  return static_cast<Envelope*>(LEAKGATE_SIM_AT(site, std::malloc(sizeof(Envelope))));
}

LEAKGATE_SIM_NOINLINE char* letter_in(Site& site, const char* text) {
  return LEAKGATE_SIM_AT(site, strndup(text, 16));
}

void ownership_between_libraries(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site envelope_site;
    Site letter_site;
    Envelope* envelope = new_envelope(envelope_site);
    if (envelope == nullptr) return;
    envelope->letter = letter_in(letter_site, "dear reader, this is cut");
    keep(envelope->letter);
    char* letter = std::exchange(envelope->letter, nullptr);
    std::free(envelope);  // the receiver frees what it knows of
    if (run.leaking()) {
      keep(letter);
      run.lost(Kind::definitely_lost, letter_site, 17);
    } else {
      std::free(letter);
    }
  }
}

constexpr Parameters kDefaults{8, 64, 1, 1};
constexpr Scenario kScenarios[] = {
    {"constructor_throws", "cause", "a constructor throws behind the back of its raw member",
     "the constructor frees the member before it throws", kDefaults, constructor_throws},
    {"errno_path", "cause", "the errno path forgets the request", "the errno path frees it too", kDefaults,
     errno_path},
    {"released_unique_ptr", "cause", "release() of a unique_ptr is taken for reset()", "reset() it is",
     kDefaults, released_unique_ptr},
    {"erased_without_delete", "cause", "a map of raw pointers is cleared, its objects are not deleted",
     "each object is deleted first", kDefaults, erased_without_delete},
    {"move_assignment", "cause", "a hand-written move assignment overwrites its buffer",
     "it frees the buffer first", kDefaults, move_assignment},
    {"reference_never_dropped", "cause", "one reference too many is counted by hand",
     "each reference is dropped", kDefaults, reference_never_dropped},
    {"ignored_clone", "cause", "nobody deletes a polymorphic clone", "the clone is deleted", kDefaults,
     ignored_clone},
    {"placement_without_destructor", "cause",
     "a pool is freed without the destructors of its objects, which own blocks", "the destructors run first",
     kDefaults, placement_without_destructor},
    {"coroutine_never_finished", "cause", "a suspended coroutine is dropped", "it is destroyed", kDefaults,
     coroutine_never_finished},
    {"ownership_between_libraries", "cause",
     "one library frees the message's header, the other one thinks that it frees all",
     "the letter is freed too", kDefaults, ownership_between_libraries},
};

}  // namespace

std::span<const Scenario> ownership_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator

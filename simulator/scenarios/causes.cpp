// SPDX-License-Identifier: Apache-2.0
// Family cause, first part: the everyday mistakes of C++ code.
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

struct Shape {
  explicit Shape(std::uint64_t area_in) : area(area_in) {}
  std::uint64_t area;
  std::uint64_t corners[4] = {};
};

LEAKGATE_SIM_NOINLINE Shape* new_shape(Site& site, std::uint64_t area) {
  return LEAKGATE_SIM_AT(site, new Shape(area));
}

void raw_pointer_container(Run& run) {
  std::vector<Shape*> shapes;
  Site site;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    shapes.push_back(new_shape(site, round));
  }
  if (run.leaking()) {
    run.lost(Kind::definitely_lost, site, run.count() * sizeof(Shape), run.count());
  } else {
    for (const Shape* shape : shapes) {
      delete shape;
    }
  }
}

LEAKGATE_SIM_NOINLINE char* new_scratch(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

LEAKGATE_SIM_NOINLINE void parse(const char* text) {
  keep(text);
  throw std::runtime_error("unexpected end of input");
}

LEAKGATE_SIM_NOINLINE void parse_with_scratch(Site& site, std::size_t bytes, bool careful) {
  char* scratch = new_scratch(site, bytes);
  fill(scratch, bytes);
  const std::unique_ptr<char[]> owner(careful ? scratch : nullptr);
  parse(scratch);
  if (!careful) release(scratch);  // Never reached: parse throws.
}

void exception_path(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    try {
      parse_with_scratch(site, bytes, !run.leaking());
    } catch (const std::runtime_error&) {
      if (run.leaking()) run.lost(Kind::definitely_lost, site, bytes);
    }
  }
}

LEAKGATE_SIM_NOINLINE bool read_record(Site& site, std::size_t bytes, bool careful) {
  char* record = new_scratch(site, bytes);
  fill(record, bytes);
  if (record[0] != 'R') {
    if (careful) release(record);
    return false;  // The careless twin forgets the record here.
  }
  release(record);
  return true;
}

void early_return(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    if (!read_record(site, bytes, !run.leaking()) && run.leaking())
      run.lost(Kind::definitely_lost, site, bytes);
  }
}

void double_assignment(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* current = new_scratch(site, bytes);
    fill(current, bytes);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      release(current);
    }
    current = new_scratch(site, sizes.next());  // Overwrites the only pointer to the first block.
    keep(current);
    release(current);
  }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#pragma GCC diagnostic ignored "-Wdelete-non-virtual-dtor"
#ifdef __clang__
#pragma clang diagnostic ignored "-Wdelete-non-abstract-non-virtual-dtor"
#endif

/// The mistake: no virtual destructor. Deleting a Journal through it never runs ~Journal.
struct CarelessBase {
  virtual void write() {}
};

struct CarefulBase {
  virtual void write() {}
  virtual ~CarefulBase() = default;
};

template <typename Base>
struct Journal : Base {
  explicit Journal(char* buffer_in) : buffer(buffer_in) {}
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal() { release(buffer); }
  char* buffer;
};

template <typename Base>
LEAKGATE_SIM_NOINLINE void delete_through_base(Base* base) {
  keep(base);
  delete base;
}
#pragma GCC diagnostic pop

void missing_virtual_destructor(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* buffer = new_scratch(site, bytes);
    fill(buffer, bytes);
    if (run.leaking()) {
      delete_through_base<CarelessBase>(new Journal<CarelessBase>(buffer));
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      delete_through_base<CarefulBase>(new Journal<CarefulBase>(buffer));
    }
  }
}

using Task = std::function<void()>;

/// What the closure holds; a class of its own because its size is part of the truth.
struct SelfCapture {
  std::shared_ptr<Task> self;
  std::uint64_t payload[2];
  void operator()() const { keep(this); }
};

LEAKGATE_SIM_NOINLINE std::shared_ptr<Task> make_task(Site& site) {
  return LEAKGATE_SIM_AT(site, std::make_shared<Task>());
}

LEAKGATE_SIM_NOINLINE void capture_itself(Site& site, const std::shared_ptr<Task>& task) {
  LEAKGATE_SIM_AT(site, *task = SelfCapture{task, {}});
}

void self_capturing_closure(Run& run) {
  const std::size_t task_bytes = shared_block_bytes<Task>();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site task_site;
    Site closure_site;
    const std::shared_ptr<Task> task = make_task(task_site);
    capture_itself(closure_site, task);
    (*task)();
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, task_site, task_bytes, 1, true);
      run.lost(Kind::definitely_lost, closure_site, sizeof(SelfCapture), 1, true);
    } else {
      Task taken = std::move(*task);  // Breaks the cycle: the closure dies with `taken`.
    }
  }
}

struct Listener {
  explicit Listener(std::uint32_t id_in) : id(id_in) {}
  std::uint32_t id;
  std::uint64_t state[6] = {};
};

LEAKGATE_SIM_NOINLINE Listener* new_listener(Site& site, std::uint32_t id) {
  return LEAKGATE_SIM_AT(site, new Listener(id));
}

void listener_never_removed(Run& run) {
  std::map<std::uint32_t, Listener*> subject;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    Listener* listener = new_listener(site, round);
    keep(listener);
    subject[round] = listener;
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, sizeof(Listener));
    } else {
      subject.erase(round);
      delete listener;
    }
  }
}

constexpr Parameters kDefaults{10, 64, 1, 1};
constexpr Scenario kScenarios[] = {
    {"raw_pointer_container", "cause", "a vector of raw pointers dies, its objects do not",
     "each object is deleted", kDefaults, raw_pointer_container},
    {"exception_path", "cause", "an exception skips the delete", "a unique_ptr owns the block", kDefaults,
     exception_path},
    {"early_return", "cause", "an error return skips the delete", "the error path deletes too", kDefaults,
     early_return},
    {"double_assignment", "cause", "the only pointer is assigned again", "the first block is deleted before",
     kDefaults, double_assignment},
    {"missing_virtual_destructor", "cause",
     "deleted through a base without virtual destructor: its buffer stays",
     "the base has a virtual destructor", kDefaults, missing_virtual_destructor},
    {"self_capturing_closure", "cause", "a std::function captures the shared_ptr that owns it",
     "the function is moved out before", kDefaults, self_capturing_closure},
    {"listener_never_removed", "cause", "listeners outlive the subject that knew them",
     "each listener is removed and deleted", kDefaults, listener_never_removed},
};

}  // namespace

std::span<const Scenario> cause_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator

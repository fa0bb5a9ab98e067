// SPDX-License-Identifier: Apache-2.0
// Launch and planner are leakgate's own, so that the floor has the same sites on the same private copy.
#include "tests/bench/cost/probed_run.h"

#include <bpf/libbpf.h>

#include <memory>

#include "empty_probes.skel.h"
#include "harness/base/elf_image.h"
#include "harness/capture/planner/allocators.h"
#include "harness/launch/target.h"
#include "harness/pipeline/objects.h"

namespace leakgate::bench {
namespace {

struct Links {
  std::vector<bpf_link*> all;
  ~Links() {
    for (bpf_link* link : all)
      bpf_link__destroy(link);
  }
};

struct Skeleton {
  empty_probes* programs = empty_probes__open_and_load();
  ~Skeleton() { empty_probes__destroy(programs); }
};

Status attach(Links& links, const bpf_program* program, const std::string& path,
              const std::vector<unsigned long>& offsets, bool at_return) {
  if (offsets.empty()) return {};
  bpf_uprobe_multi_opts options{};
  options.sz = sizeof options;
  options.offsets = offsets.data();
  options.cnt = offsets.size();
  options.retprobe = at_return;
  bpf_link* link = bpf_program__attach_uprobe_multi(program, -1, path.c_str(), nullptr, &options);
  if (!link) return system_error(ErrorKind::unsupported, "cannot place probes in " + path, errno);
  links.all.push_back(link);
  return {};
}

Status probe_object(Links& links, const empty_probes& skeleton, const std::string& path,
                    Placement placement) {
  auto image = ElfImage::open(path);
  if (!image) return std::move(image).error();
  auto planned = capture::plan_allocator_probes(*image, nullptr, true);
  if (!planned) return std::move(planned).error();
  std::vector<unsigned long> enter;
  std::vector<unsigned long> frees;
  for (const capture::PlannedProbe& probe : *planned) {
    const std::uint64_t back = placement == Placement::entry ? probe.plan.offset_in_function : 0;
    (probe.with_return ? enter : frees).push_back(probe.plan.file_offset - back);
  }
  if (auto done = attach(links, skeleton.progs.empty_free, path, frees, false); !done) return done;
  if (auto done = attach(links, skeleton.progs.empty_exit, path, enter, true); !done) return done;
  return attach(links, skeleton.progs.empty_enter, path, enter, false);
}

}  // namespace

Result<int> run_with_empty_probes(const std::vector<std::string>& command, Placement placement,
                                  const launch::CallerState& caller) {
  pipeline::RecordRequest request;
  request.command = command;
  request.caller = caller;
  const std::vector<std::string> objects = pipeline::find_objects(request);
  launch::LaunchRequest launch_request;
  launch_request.argv = command;
  launch_request.caller = caller;
  launch_request.private_copies = pipeline::choose_private_copies(objects);
  auto target = launch::Target::hold(launch_request);
  if (!target) return std::move(target).error();
  const Skeleton skeleton;
  if (!skeleton.programs)
    return system_error(ErrorKind::unsupported, "cannot load the empty programs", errno);
  Links links;
  for (const capture::KnownObject& object :
       pipeline::describe_target(*target, launch_request, objects).objects)
    if (auto done = probe_object(links, *skeleton.programs, object.open_path, placement); !done)
      return std::move(done).error();
  if (auto released = target->release(); !released) return std::move(released).error();
  auto exit = target->wait_exit();
  if (!exit) return std::move(exit).error();
  return exit->signal ? 128 + *exit->signal : exit->code.value_or(125);
}

}  // namespace leakgate::bench

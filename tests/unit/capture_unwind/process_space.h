// SPDX-License-Identifier: Apache-2.0
// ProcessSpace: the test process itself as a WalkSpace. Memory is read with process_vm_readv, so that a wrong
// walk fails a test instead of crashing it; modules come from dl_iterate_phdr, their tables from their files
// (the vDSO's from memory).
#pragma once

#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/capture/unwind/unwind_walker.h"

namespace leakgate::unwind_test {

class ProcessSpace : public capture::WalkSpace {
 public:
  ProcessSpace() {
    dl_iterate_phdr(&ProcessSpace::add_module, this);
    std::sort(modules_.begin(), modules_.end(),
              [](const auto& a, const auto& b) { return a.start < b.start; });
  }

  bool read_word(std::uint64_t address, std::uint64_t& word) override {
    iovec local{&word, sizeof word};
    iovec remote{reinterpret_cast<void*>(address), sizeof word};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(sizeof word);
  }

  const capture::MappedModule* find_module(std::uint64_t pc) override {
    const auto after =
        std::upper_bound(modules_.begin(), modules_.end(), pc,
                         [](std::uint64_t at, const auto& module) { return at < module.start; });
    if (after == modules_.begin() || pc >= std::prev(after)->end) return nullptr;
    return &*std::prev(after);
  }

  [[nodiscard]] std::size_t module_count() const { return modules_.size(); }

 private:
  static int add_module(dl_phdr_info* info, std::size_t, void* self) {
    static_cast<ProcessSpace*>(self)->add(*info);
    return 0;
  }

  void add(const dl_phdr_info& info) {
    std::uint64_t low = ~std::uint64_t{0};
    std::uint64_t high = 0;
    for (int i = 0; i < info.dlpi_phnum; ++i) {
      if (info.dlpi_phdr[i].p_type != PT_LOAD) continue;
      low = std::min<std::uint64_t>(low, info.dlpi_phdr[i].p_vaddr);
      high = std::max<std::uint64_t>(high, info.dlpi_phdr[i].p_vaddr + info.dlpi_phdr[i].p_memsz);
    }
    const std::string name = info.dlpi_name != nullptr ? info.dlpi_name : "";
    modules_.push_back(
        {info.dlpi_addr + low, info.dlpi_addr + high, info.dlpi_addr, table_of(name, high - low)});
  }

  /// Built once per name for the life of the process.
  static const capture::UnwindTable* table_of(const std::string& name, std::uint64_t size_bytes) {
    static std::map<std::string, std::unique_ptr<capture::UnwindTable>> tables;
    auto& table = tables[name];
    if (table != nullptr) return table.get();
    Result<capture::UnwindTable> built = Error{};
    if (name.find("linux-vdso") != std::string::npos) {
      const auto* image = reinterpret_cast<const std::uint8_t*>(getauxval(AT_SYSINFO_EHDR));
      built = capture::build_unwind_table(std::span(image, (size_bytes + 4095) & ~std::uint64_t{4095}));
    } else {
      const Descriptor fd(open(name.empty() ? "/proc/self/exe" : name.c_str(), O_RDONLY | O_CLOEXEC));
      built = capture::build_unwind_table(fd.get());
    }
    if (!built) return nullptr;
    table = std::make_unique<capture::UnwindTable>(std::move(*built));
    return table.get();
  }

  std::vector<capture::MappedModule> modules_;
};

}  // namespace leakgate::unwind_test

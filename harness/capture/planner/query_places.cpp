// SPDX-License-Identifier: Apache-2.0
// Notes of owner "leakgate" and type 1 in the section .note.leakgate: two 64-bit addresses each, of newer
// adapters three. A note outlives strip, which a symbol does not.
#include "harness/capture/planner/query_places.h"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace leakgate::capture {
namespace {

constexpr std::string_view kSection = ".note.leakgate";
constexpr std::string_view kOwner = "leakgate";
constexpr std::size_t kMostPlaces =
    4096;  // copies of one function; a program has one, or one per source file

struct End {
  void operator()(Elf* elf) const { elf_end(elf); }
};

void read_notes(Elf_Data* data, std::vector<QueryPlace>& places) {
  GElf_Nhdr header{};
  std::size_t name_at = 0;
  std::size_t content_at = 0;
  for (std::size_t at = 0; (at = gelf_getnote(data, at, &header, &name_at, &content_at)) > 0;) {
    if (places.size() >= kMostPlaces) return;
    const auto* bytes = static_cast<const char*>(data->d_buf);
    if (header.n_type != 1 || header.n_namesz != kOwner.size() + 1 ||
        (header.n_descsz != 16 && header.n_descsz != 24))
      continue;
    if (std::memcmp(bytes + name_at, kOwner.data(), kOwner.size()) != 0) continue;
    QueryPlace place;
    std::memcpy(&place.vaddr, bytes + content_at, 8);
    std::memcpy(&place.counter_vaddr, bytes + content_at + 8, 8);
    if (header.n_descsz == 24) std::memcpy(&place.hook_vaddr, bytes + content_at + 16, 8);
    places.push_back(place);
  }
}

}  // namespace

std::vector<QueryPlace> find_query_places(int fd) {
  std::vector<QueryPlace> places;
  elf_version(EV_CURRENT);
  const std::unique_ptr<Elf, End> elf(elf_begin(fd, ELF_C_READ_MMAP, nullptr));
  std::size_t names = 0;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || elf_getshdrstrndx(elf.get(), &names) != 0) return places;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header{};
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_NOTE) continue;
    const char* name = elf_strptr(elf.get(), names, header.sh_name);
    if (name == nullptr || name != kSection) continue;
    if (Elf_Data* data = elf_getdata(section, nullptr); data != nullptr && data->d_buf != nullptr)
      read_notes(data, places);
  }
  const auto before = [](const QueryPlace& a, const QueryPlace& b) { return a.vaddr < b.vaddr; };
  const auto same = [](const QueryPlace& a, const QueryPlace& b) { return a.vaddr == b.vaddr; };
  std::sort(places.begin(), places.end(), before);
  places.erase(std::unique(places.begin(), places.end(), same), places.end());
  return places;
}

}  // namespace leakgate::capture

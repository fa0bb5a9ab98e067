// SPDX-License-Identifier: Apache-2.0
// What the kernel joined and is parted again.
#include "harness/capture/hold/held_mappings.h"

#include <gmock/gmock.h>

namespace leakgate::capture {
namespace {

using model::HeldMapping;
using model::MappingKind;
using testing::ElementsAre;

HeldMapping row(std::uint64_t start, std::uint64_t end, MappingKind kind) {
  HeldMapping mapping;
  mapping.start = start;
  mapping.end = end;
  mapping.kind = kind;
  mapping.readable = mapping.writable = true;
  return mapping;
}

MATCHER_P3(Is, start, end, kind, "") {
  return arg.start == static_cast<std::uint64_t>(start) && arg.end == static_cast<std::uint64_t>(end) &&
         arg.kind == kind && arg.readable && arg.writable;
}

/// A module's data at 0x1000, its memory up to `module_end`, and `behind`.
std::vector<HeldMapping> rows(std::uint64_t module_end, const HeldMapping& behind) {
  std::vector<HeldMapping> to;
  add_held_mapping(to, row(0x1000, 0x2000, MappingKind::file), 0);
  add_held_mapping(to, behind, module_end);
  return to;
}

const auto kData = Is(0x1000, 0x2000, MappingKind::file);

TEST(HeldMappings, HeapIsPartedFromTheModuleBeforeIt) {
  EXPECT_THAT(
      rows(0x4000, row(0x2000, 0x9000, MappingKind::heap)),
      ElementsAre(kData, Is(0x2000, 0x4000, MappingKind::anonymous), Is(0x4000, 0x9000, MappingKind::heap)));
}

TEST(HeldMappings, OtherMemoryIsPartedFromTheModuleBeforeIt) {
  EXPECT_THAT(rows(0x4000, row(0x2000, 0x5000, MappingKind::anonymous)),
              ElementsAre(kData, Is(0x2000, 0x4000, MappingKind::anonymous),
                          Is(0x4000, 0x5000, MappingKind::anonymous)));
}

TEST(HeldMappings, NothingIsPartedThatIsTheModulesOrNot) {
  EXPECT_THAT(rows(0x4000, row(0x2000, 0x4000, MappingKind::anonymous)),
              ElementsAre(kData, Is(0x2000, 0x4000, MappingKind::anonymous)));
  EXPECT_THAT(rows(0x2000, row(0x2000, 0x9000, MappingKind::heap)),
              ElementsAre(kData, Is(0x2000, 0x9000, MappingKind::heap)));
  EXPECT_THAT(rows(0x4000, row(0x3000, 0x9000, MappingKind::heap)),
              ElementsAre(kData, Is(0x3000, 0x9000, MappingKind::heap)));
  EXPECT_THAT(rows(0x9000, row(0x2000, 0x4000, MappingKind::main_stack)),
              ElementsAre(kData, Is(0x2000, 0x4000, MappingKind::main_stack)));
}

TEST(HeldMappings, ModuleThatClaimsMoreThanThereIsEndsWithItsMapping) {
  EXPECT_THAT(rows(~std::uint64_t{0}, row(0x2000, 0x9000, MappingKind::heap)),
              ElementsAre(kData, Is(0x2000, 0x9000, MappingKind::anonymous)));
}

}  // namespace
}  // namespace leakgate::capture

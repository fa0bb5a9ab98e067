// SPDX-License-Identifier: Apache-2.0
// Detours at functions of this very program, which then run: with the detour they give what they gave before,
// and the library's entry was passed.
#include "harness/capture/preload/detours.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

extern "C" {
// entered as the preloaded library is: [rsp] leads back, [rsp+8] is what the detour tells
std::uint64_t detour_told = 0;
std::uint64_t detour_count = 0;
void detour_entry();
long detour_plain(long a, long b);
long detour_data(long a, long b);
long detour_branch(long a, long b);
long detour_call(long a, long b);
long detour_called(long a, long b);
void detour_empty();
long detour_short(long a, long b);
long detour_loop(long a, long b);
long detour_next(long a, long b);
long detour_late(long a, long b);
}

#define DETOUR_FUNCTION(name, code)                                                                  \
  asm(".pushsection .text\n.balign 16\n.globl " name "\n.type " name ", @function\n" name ":\n" code \
      "\n.size " name ", . - " name "\n.balign 16\n.popsection\n")

DETOUR_FUNCTION("detour_entry",
                "push %rax\n movq 16(%rsp), %rax\n movq %rax, detour_told(%rip)\n incq detour_count(%rip)\n"
                "pop %rax\n ret");
DETOUR_FUNCTION("detour_plain", "push %rbx\n mov %rdi, %rbx\n lea (%rbx,%rsi,2), %rax\n pop %rbx\n ret");
// an operand that is told by its distance
DETOUR_FUNCTION("detour_data", "movq detour_number(%rip), %rax\n addq %rdi, %rax\n ret");
asm(".pushsection .data\n detour_number: .quad 1000\n .popsection\n");
// a short branch within the first five bytes
DETOUR_FUNCTION("detour_branch", "test %rdi, %rdi\n je 1f\n mov %rsi, %rax\n ret\n 1: mov $-7, %rax\n ret");
DETOUR_FUNCTION("detour_call", "call detour_called\n add $1, %rax\n ret");
DETOUR_FUNCTION("detour_called", "lea (%rdi,%rsi), %rax\n nop\n nop\n ret");
// one byte, and filler behind it
DETOUR_FUNCTION("detour_empty", "ret");
asm(".pushsection .text\n.balign 16\n.globl detour_short\n.type detour_short, @function\ndetour_short:\n mov "
    "%edi, %eax\n ret\n"
    ".size detour_short, . - detour_short\n.globl detour_next\n.type detour_next, @function\ndetour_next:\n"
    " mov %esi, %eax\n ret\n.size detour_next, . - detour_next\n.balign 16\n.popsection\n");
DETOUR_FUNCTION("detour_late",
                "sub $8, %rsp\n mov $100, %eax\n add %rdi, %rax\n add %rsi, %rax\n add $8, %rsp\n ret");
// something jumps to its second instruction
DETOUR_FUNCTION("detour_loop", "xor %eax, %eax\n 1: inc %eax\n dec %rdi\n jne 1b\n ret");

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kPage = 4096;

class Detours : public testing::Test {
 protected:
  void SetUp() override {
    auto image = ElfImage::open("/proc/self/exe");
    ASSERT_TRUE(image) << image.error().message;
    image_.emplace(std::move(*image));
    const auto plain = image_->find("detour_plain");
    ASSERT_TRUE(plain);
    bias_ = reinterpret_cast<std::uint64_t>(&detour_plain) - plain->vaddr;
    detour_count = 0;
    detour_told = 0;
  }
  ~Detours() override {
    for (const auto& [at, bytes] : before_)
      std::memcpy(at, bytes.data(), bytes.size());
  }

  Result<Detour> plan(const char* name) { return plan_detour(*image_, image_->find(name)->vaddr, false); }

  /// Writes the detour; the page of the function becomes writable for it.
  void install(Detour detour) {
    void* const function = reinterpret_cast<void*>(detour.vaddr + detour.offset + bias_);
    const auto address = reinterpret_cast<std::uint64_t>(function);
    void* room = MAP_FAILED;
    for (std::uint64_t at = (address & ~(kPage - 1)) - (16 << 20); room == MAP_FAILED; at -= kPage)
      room = mmap(reinterpret_cast<void*>(at), kPage, PROT_READ | PROT_WRITE | PROT_EXEC,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    std::vector<std::uint64_t> stubs;
    const LibraryEntries entries{reinterpret_cast<std::uint64_t>(&detour_entry), 0, 0};
    const std::vector<Detour> all{std::move(detour)};
    auto code = build_stubs(all, bias_, reinterpret_cast<std::uint64_t>(room), entries, stubs);
    ASSERT_TRUE(code) << code.error().message;
    ASSERT_LE(code->size(), stub_room(all));
    std::memcpy(room, code->data(), code->size());
    const auto jump = jump_to(address, stubs.front(), all.front().length);
    mprotect(reinterpret_cast<void*>(address & ~(kPage - 1)), 2 * kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
    auto* const bytes = static_cast<std::uint8_t*>(function);
    before_.emplace_back(bytes, std::vector<std::uint8_t>(bytes, bytes + jump.size()));
    std::memcpy(bytes, jump.data(), jump.size());
  }

  void install(const char* name, std::uint32_t tells) {
    auto planned = plan(name);
    ASSERT_TRUE(planned) << planned.error().message;
    planned->tells = {tells};
    install(std::move(*planned));
  }

  std::optional<ElfImage> image_;
  std::uint64_t bias_ = 0;
  std::vector<std::pair<std::uint8_t*, std::vector<std::uint8_t>>> before_;
};

TEST_F(Detours, FirstInstructionsDoWhatTheyDid) {
  install("detour_plain", 7);
  EXPECT_EQ(detour_plain(3, 4), 11);
  EXPECT_EQ(detour_count, 1u);
  EXPECT_EQ(detour_told, 7u);
}

TEST_F(Detours, DistancesAreCountedAnew) {
  install("detour_data", 8);
  EXPECT_EQ(detour_data(5, 0), 1005);
  EXPECT_EQ(detour_told, 8u);
}

TEST_F(Detours, BranchesGoWhereTheyWent) {
  install("detour_branch", 9);
  EXPECT_EQ(detour_branch(0, 5), -7);
  EXPECT_EQ(detour_branch(1, 5), 5);
  EXPECT_EQ(detour_count, 2u);
}

TEST_F(Detours, ACallComesBackToTheFunction) {
  install("detour_call", 10);
  EXPECT_EQ(detour_call(20, 3), 24);
  EXPECT_EQ(detour_count, 1u);
}

TEST_F(Detours, AnEmptyFunctionHasRoomInItsFiller) {
  install("detour_empty", 11);
  detour_empty();
  EXPECT_EQ(detour_told, 11u);
}

TEST_F(Detours, SeveralThingsAreToldOneAfterTheOther) {
  auto planned = plan("detour_plain");
  ASSERT_TRUE(planned);
  planned->tells = {1, 2, 3};
  install(std::move(*planned));
  EXPECT_EQ(detour_plain(1, 1), 3);
  EXPECT_EQ(detour_count, 3u);
  EXPECT_EQ(detour_told, 3u);
}

/// Whoever probes the function's first instruction goes on with the second.
TEST_F(Detours, NoInstructionIsCutWhereOneHasRoomForTheJump) {
  auto planned = plan("detour_late");
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->offset, 4u);
  EXPECT_EQ(planned->length, 5u);
  EXPECT_EQ(planned->sp_words, 1u);
  install("detour_late", 12);
  EXPECT_EQ(detour_late(1, 2), 103);
  EXPECT_EQ(detour_told, 12u);
}

TEST_F(Detours, AShortFunctionIsRefused) {
  EXPECT_FALSE(plan("detour_short"));
}

TEST_F(Detours, AFunctionThatIsJumpedIntoIsRefused) {
  EXPECT_FALSE(plan("detour_loop"));
}

}  // namespace
}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// The entries, for x86-64 and the System V ABI. Allocation functions hand on the caller's stack pointer and
// frame pointer and jump, so that the stack stays what it would be without us; detours and questions save the
// registers, in the order of enum lg_register. All that depends on the processor and is not C++ stands here.

// A function of the malloc family: its arguments, then the stack pointer and the frame pointer, in registers
// `sp` and `bp`.
#define LG_ENTRY_TO(name, target, sp, bp)  \
  asm(".pushsection .text\n"               \
      ".balign 16\n"                       \
      ".globl " #name                      \
      "\n"                                 \
      ".type " #name ", @function\n" #name \
      ":\n"                                \
      ".cfi_startproc\n"                   \
      "endbr64\n"                          \
      "movq %rsp, %" #sp                   \
      "\n"                                 \
      "movq %rbp, %" #bp                   \
      "\n"                                 \
      "jmp " #target                       \
      "\n"                                 \
      ".cfi_endproc\n"                     \
      ".size " #name ", . - " #name        \
      "\n"                                 \
      ".popsection\n")
#define LG_ENTRY(name, sp, bp) LG_ENTRY_TO(name, lg_##name, sp, bp)

LG_ENTRY(malloc, rsi, rdx);
LG_ENTRY(calloc, rdx, rcx);
LG_ENTRY(realloc, rdx, rcx);
LG_ENTRY(reallocarray, rcx, r8);
LG_ENTRY(aligned_alloc, rdx, rcx);
LG_ENTRY(memalign, rdx, rcx);
LG_ENTRY(posix_memalign, rcx, r8);
LG_ENTRY(valloc, rsi, rdx);
LG_ENTRY(pvalloc, rsi, rdx);
LG_ENTRY(free, rsi, rdx);
LG_ENTRY(cfree, rsi, rdx);
LG_ENTRY(free_sized, rdx, rcx);
LG_ENTRY(free_aligned_sized, rcx, r8);

// glibc's second names, by which a program that has a malloc of its own goes on to glibc's.
LG_ENTRY_TO(__libc_malloc, lg_libc_malloc, rsi, rdx);
LG_ENTRY_TO(__libc_calloc, lg_libc_calloc, rdx, rcx);
LG_ENTRY_TO(__libc_realloc, lg_libc_realloc, rdx, rcx);
LG_ENTRY_TO(__libc_memalign, lg_libc_memalign, rdx, rcx);
LG_ENTRY_TO(__libc_valloc, lg_libc_valloc, rsi, rdx);
LG_ENTRY_TO(__libc_pvalloc, lg_libc_pvalloc, rsi, rdx);
LG_ENTRY_TO(__libc_free, lg_libc_free, rsi, rdx);

// Saves the registers below the words that stand above: `above` bytes from here to the place that the stack
// pointer had at the entry of the function. rsp then points at the first of LG_REG_COUNT words.
#define LG_SAVE(above)           \
  "subq $144, %rsp\n"            \
  ".cfi_adjust_cfa_offset 144\n" \
  "movq %rax, 0(%rsp)\n"         \
  "movq %rbx, 8(%rsp)\n"         \
  "movq %rcx, 16(%rsp)\n"        \
  "movq %rdx, 24(%rsp)\n"        \
  "movq %rsi, 32(%rsp)\n"        \
  "movq %rdi, 40(%rsp)\n"        \
  "movq %rbp, 48(%rsp)\n"        \
  "leaq 144+" #above             \
  "(%rsp), %rax\n"               \
  "movq %rax, 56(%rsp)\n"        \
  "movq %r8, 64(%rsp)\n"         \
  "movq %r9, 72(%rsp)\n"         \
  "movq %r10, 80(%rsp)\n"        \
  "movq %r11, 88(%rsp)\n"        \
  "movq %r12, 96(%rsp)\n"        \
  "movq %r13, 104(%rsp)\n"       \
  "movq %r14, 112(%rsp)\n"       \
  "movq %r15, 120(%rsp)\n"       \
  "movq %fs:0, %rax\n"           \
  "movq %rax, 136(%rsp)\n"

#define LG_RESTORE        \
  "movq 0(%rsp), %rax\n"  \
  "movq 16(%rsp), %rcx\n" \
  "movq 24(%rsp), %rdx\n" \
  "movq 32(%rsp), %rsi\n" \
  "movq 40(%rsp), %rdi\n" \
  "movq 64(%rsp), %r8\n"  \
  "movq 72(%rsp), %r9\n"  \
  "movq 80(%rsp), %r10\n" \
  "movq 88(%rsp), %r11\n" \
  "addq $144, %rsp\n"     \
  ".cfi_adjust_cfa_offset -144\n"

// From a detour: [rsp] leads back into it, [rsp+8] is what it tells. The address of the function that it
// stands in front of is 19 bytes before the place it comes back to (harness/capture/preload/detours.cpp).
asm(".pushsection .text\n"
    ".balign 16\n"
    ".globl lg_detour_entry\n"
    ".hidden lg_detour_entry\n"
    ".type lg_detour_entry, @function\n"
    "lg_detour_entry:\n"
    ".cfi_startproc\n"
    ".cfi_def_cfa_offset 24\n"
    ".cfi_offset rip, -8\n" LG_SAVE(16)
    "movq 144(%rsp), %rax\n"
    "movq -19(%rax), %rax\n"
    "movq %rax, %rcx\n"
    "shrq $48, %rcx\n"
    "shlq $3, %rcx\n"
    "addq %rcx, 56(%rsp)\n"
    "shlq $16, %rax\n"
    "shrq $16, %rax\n"
    "movq %rax, 128(%rsp)\n"
    "movq %rsp, %rdi\n"
    "movl 152(%rsp), %esi\n"
    "call lg_on_detour\n" LG_RESTORE
    "ret\n"
    ".cfi_endproc\n"
    ".popsection\n");

// A function of an allocator: the jump at its start leads here, with its Site in r11. Its arguments and room
// for a Call lie on the stack meanwhile; an exception may pass.
asm(".pushsection .text\n"
    ".balign 16\n"
    ".globl lg_site_entry\n"
    ".hidden lg_site_entry\n"
    ".type lg_site_entry, @function\n"
    "lg_site_entry:\n"
    ".cfi_startproc\n"
    "subq $200, %rsp\n"
    ".cfi_adjust_cfa_offset 200\n"
    "movq %rdi, 0(%rsp)\n"
    "movq %rsi, 8(%rsp)\n"
    "movq %rdx, 16(%rsp)\n"
    "movq %rcx, 24(%rsp)\n"
    "movq %r8, 32(%rsp)\n"
    "movq %r9, 40(%rsp)\n"
    "movq %r11, 48(%rsp)\n"
    "movq %rsp, %rdi\n"
    "movq %r11, %rsi\n"
    "leaq 200(%rsp), %rdx\n"
    "movq %rbp, %rcx\n"
    "leaq 64(%rsp), %r8\n"
    "call lg_site_enter\n"
    "movq 0(%rsp), %rdi\n"
    "movq 8(%rsp), %rsi\n"
    "movq 16(%rsp), %rdx\n"
    "movq 24(%rsp), %rcx\n"
    "movq 32(%rsp), %r8\n"
    "movq 40(%rsp), %r9\n"
    "movq 48(%rsp), %r11\n"
    "call *(%r11)\n"
    "movq %rax, 56(%rsp)\n"
    "leaq 64(%rsp), %rdi\n"
    "movq %rax, %rsi\n"
    "movq 48(%rsp), %rdx\n"
    "movq %rsp, %rcx\n"
    "call lg_site_leave\n"
    "movq 56(%rsp), %rax\n"
    "movq $0, 56(%rsp)\n"  // no pointer to the block stays behind
    "addq $200, %rsp\n"
    ".cfi_adjust_cfa_offset -200\n"
    "ret\n"
    ".cfi_endproc\n"
    ".balign 16\n"
    ".globl lg_site_free\n"
    ".hidden lg_site_free\n"
    ".type lg_site_free, @function\n"
    "lg_site_free:\n"
    ".cfi_startproc\n"
    "subq $56, %rsp\n"
    ".cfi_adjust_cfa_offset 56\n"
    "movq %rdi, 0(%rsp)\n"
    "movq %rsi, 8(%rsp)\n"
    "movq %rdx, 16(%rsp)\n"
    "movq %rcx, 24(%rsp)\n"
    "movq %r8, 32(%rsp)\n"
    "movq %r11, 40(%rsp)\n"
    "leaq 56(%rsp), %rsi\n"
    "movq %rbp, %rdx\n"
    "call lg_site_note_free\n"
    "movq 0(%rsp), %rdi\n"
    "movq 8(%rsp), %rsi\n"
    "movq 16(%rsp), %rdx\n"
    "movq 24(%rsp), %rcx\n"
    "movq 32(%rsp), %r8\n"
    "movq 40(%rsp), %r11\n"
    "addq $56, %rsp\n"
    ".cfi_adjust_cfa_offset -56\n"
    "jmp *(%r11)\n"
    ".cfi_endproc\n"
    ".popsection\n");

// From an adapter: a call like any other.
asm(".pushsection .text\n"
    ".balign 16\n"
    ".globl lg_query_entry\n"
    ".hidden lg_query_entry\n"
    ".type lg_query_entry, @function\n"
    "lg_query_entry:\n"
    ".cfi_startproc\n"
    "endbr64\n" LG_SAVE(0)
    "movq 144(%rsp), %rax\n"
    "movq %rax, 128(%rsp)\n"
    "movq %rdi, %rsi\n"
    "movq %rsp, %rdi\n"
    "call lg_on_query\n" LG_RESTORE
    "ret\n"
    ".cfi_endproc\n"
    ".popsection\n");

// A function of the C library's that must see who calls it: its first two arguments are looked at, and it
// goes on.
#define LG_ENTRY_LOOK(name, look)          \
  asm(".pushsection .text\n"               \
      ".balign 16\n"                       \
      ".globl " #name                      \
      "\n"                                 \
      ".type " #name ", @function\n" #name \
      ":\n"                                \
      ".cfi_startproc\n"                   \
      "endbr64\n"                          \
      "pushq %rdi\n"                       \
      ".cfi_adjust_cfa_offset 8\n"         \
      "pushq %rsi\n"                       \
      ".cfi_adjust_cfa_offset 8\n"         \
      "pushq %rdx\n"                       \
      ".cfi_adjust_cfa_offset 8\n"         \
      "call " #look                        \
      "\n"                                 \
      "popq %rdx\n"                        \
      ".cfi_adjust_cfa_offset -8\n"        \
      "popq %rsi\n"                        \
      ".cfi_adjust_cfa_offset -8\n"        \
      "popq %rdi\n"                        \
      ".cfi_adjust_cfa_offset -8\n"        \
      "movq lg_real_" #name                \
      "(%rip), %rax\n"                     \
      "jmp *%rax\n"                        \
      ".cfi_endproc\n"                     \
      ".size " #name ", . - " #name        \
      "\n"                                 \
      ".popsection\n")

// they start a program with the environment as it is, from inside the C library
LG_ENTRY_LOOK(system, lg_before_start);
LG_ENTRY_LOOK(popen, lg_before_start);

// pthread_create: the routine is replaced by one that takes a slot of the ledger and jumps to it.
asm(".pushsection .text\n"
    ".balign 16\n"
    ".globl pthread_create\n"
    ".type pthread_create, @function\n"
    "pthread_create:\n"
    ".cfi_startproc\n"
    "endbr64\n"
    "pushq %rdi\n"
    ".cfi_adjust_cfa_offset 8\n"
    "pushq %rsi\n"
    ".cfi_adjust_cfa_offset 8\n"
    "pushq %rdx\n"
    ".cfi_adjust_cfa_offset 8\n"
    "pushq %rcx\n"
    ".cfi_adjust_cfa_offset 8\n"
    "subq $8, %rsp\n"
    ".cfi_adjust_cfa_offset 8\n"
    "movq %rdx, %rdi\n"
    "movq %rcx, %rsi\n"
    "call lg_before_thread\n"
    "addq $8, %rsp\n"
    ".cfi_adjust_cfa_offset -8\n"
    "popq %rcx\n"
    ".cfi_adjust_cfa_offset -8\n"
    "popq %rdx\n"
    ".cfi_adjust_cfa_offset -8\n"
    "popq %rsi\n"
    ".cfi_adjust_cfa_offset -8\n"
    "popq %rdi\n"
    ".cfi_adjust_cfa_offset -8\n"
    "testq %rax, %rax\n"
    "je 1f\n"
    "leaq lg_thread_entry(%rip), %rdx\n"
    "movq %rax, %rcx\n"
    "1: movq lg_real_pthread_create(%rip), %rax\n"
    "jmp *%rax\n"
    ".cfi_endproc\n"
    ".size pthread_create, . - pthread_create\n"
    ".balign 16\n"
    ".type lg_thread_entry, @function\n"
    "lg_thread_entry:\n"
    ".cfi_startproc\n"
    "endbr64\n"
    "subq $8, %rsp\n"
    ".cfi_adjust_cfa_offset 8\n"
    "call lg_begin_thread\n"
    "addq $8, %rsp\n"
    ".cfi_adjust_cfa_offset -8\n"
    "movq %rdx, %rdi\n"
    "jmp *%rax\n"
    ".cfi_endproc\n"
    ".popsection\n");

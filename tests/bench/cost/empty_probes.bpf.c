// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The floor: the probes that leakgate places, with programs that do nothing. What they cost is what the
 * kernel takes for the traps themselves.
 */
#include <asm/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

char LICENSE[] SEC("license") = "Apache-2.0";

SEC("uprobe.multi")
int empty_enter(struct pt_regs* ctx) {
  return 0;
}

SEC("uretprobe.multi")
int empty_exit(struct pt_regs* ctx) {
  return 0;
}

SEC("uprobe.multi")
int empty_free(struct pt_regs* ctx) {
  return 0;
}

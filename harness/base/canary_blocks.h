/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary's two blocks, in bytes: the one it loses and the one it frees. Plain C: the canary is a C
 * program.
 */
#ifndef LEAKGATE_BASE_CANARY_BLOCKS_H
#define LEAKGATE_BASE_CANARY_BLOCKS_H

/*
 * Where it is given a number of pairs of malloc and free, its exit status says what one took: 0, not
 * measured; else one more than sixteen times the logarithm to base 2 of nanoseconds, its broken part as a
 * mantissa's first four bits.
 */
enum { LEAKGATE_CANARY_STEPS = 16 };
#define LEAKGATE_CANARY_PAIRS "1000"

enum { LEAKGATE_CANARY_LOST_BYTES = 4242, LEAKGATE_CANARY_FREED_BYTES = 4343 };

#endif

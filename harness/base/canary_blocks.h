/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary's two blocks, in bytes: the one it loses and the one it frees. Plain C: the canary is a C
 * program.
 */
#ifndef LEAKGATE_BASE_CANARY_BLOCKS_H
#define LEAKGATE_BASE_CANARY_BLOCKS_H

enum { LEAKGATE_CANARY_LOST_BYTES = 4242, LEAKGATE_CANARY_FREED_BYTES = 4343 };

#endif

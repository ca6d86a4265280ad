/*
 * fuzz.h - what libFuzzer calls, and what it offers.
 *
 * Formats with checksums bring a mutator of their own: it makes up valid input
 * out of nothing, which serves as the seeds, and mends the checksums of what
 * libFuzzer has changed, so that the changes are looked at.
 */
#ifndef PAXOSKV_FUZZ_FUZZ_H
#define PAXOSKV_FUZZ_FUZZ_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max,
                               unsigned seed);

/* Of libFuzzer: change data in place; returns its new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

/* A finding. */
#define FUZZ_CHECK(cond)                                                       \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

/* Read every byte, so that asan sees what is borrowed from nowhere. */
static inline void fuzz_touch(struct bytes b)
{
    static volatile uint8_t sink;
    uint8_t sum = 0;

    for (uint32_t i = 0; i < b.len; i++) sum ^= b.at[i];
    sink = sum;
    (void)sink;
}

#endif

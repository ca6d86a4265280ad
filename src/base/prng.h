/*
 * prng.h - xoshiro256** (Blackman and Vigna, 2018): fast, seeded, the same on
 * every machine.  Not for secrets.
 */
#ifndef PAXOSKV_BASE_PRNG_H
#define PAXOSKV_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t s[4];
};

void prng_init(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);

/* Uniform in [0, bound); bound > 0. */
uint64_t prng_below(struct prng *p, uint64_t bound);

/* Uniform in [low, high]; low <= high. */
uint64_t prng_range(struct prng *p, uint64_t low, uint64_t high);

#endif

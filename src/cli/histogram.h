/*
 * histogram.h - how often which latency was seen, as HdrHistogram keeps it:
 * log-linear, to 1 per cent; count and max are exact.
 */
#ifndef PAXOSKV_CLI_HISTOGRAM_H
#define PAXOSKV_CLI_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS  7u /* 128 steps to each power of two */
#define HISTOGRAM_STEPS ((64u - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t steps[HISTOGRAM_STEPS];
};

static inline unsigned histogram_step(uint64_t value)
{
    unsigned shift;

    if (value < 1u << HISTOGRAM_BITS) return (unsigned)value;
    shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
    return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    h->count++;
    if (value > h->max) h->max = value;
    h->steps[histogram_step(value)]++;
}

/*
 * The value that a part (0..1) of all do not exceed, rounded up to the end of
 * its step, and never above the maximum; 0 if there are none.
 */
uint64_t histogram_at(const struct histogram *h, double part);

#endif

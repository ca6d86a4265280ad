/*
 * histogram.c - see histogram.h.
 */
#include "cli/histogram.h"

/* The largest value of a step. */
static uint64_t step_end(unsigned step)
{
    const unsigned linear = 1u << HISTOGRAM_BITS;
    unsigned shift;
    uint64_t first;

    if (step < linear) return step;
    shift = (step >> HISTOGRAM_BITS) - 1;
    first = (uint64_t)(step - (shift << HISTOGRAM_BITS)) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

uint64_t histogram_at(const struct histogram *h, double part)
{
    const double wanted = part * (double)h->count;
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_STEPS && h->count; i++) {
        uint64_t end;

        seen += h->steps[i];
        if (h->steps[i] == 0 || (double)seen < wanted) continue;
        end = step_end(i);
        return end < h->max ? end : h->max;
    }
    return h->max;
}
